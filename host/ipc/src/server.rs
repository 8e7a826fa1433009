//! The server of one step, as the rest of the host sees it: start, endpoint, finish.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use vt_base::{AbsPath, EnvMap, EnvPatterns, RelPath};
use vt_protocol::{Endpoint, Token};

use crate::IpcError;
use crate::listen::listen;
use crate::recorder::Recorder;
use crate::reports::Reports;
use crate::serve::{DRAIN, serve};

/// What a server must know about its step.
#[derive(Clone, Debug)]
pub struct Options {
    /// The root of the workspace: hints outside it are not taken.
    pub root: AbsPath,
    /// The package of the step: hints that cover it are not taken.
    pub package_dir: RelPath,
    /// What questions are answered from: the environment of the step before it was filtered.
    pub env: EnvMap,
    /// Names the user wants untracked: served, and never recorded.
    pub untracked: EnvPatterns,
    /// Names that are fingerprinted already: served, and not recorded again.
    pub declared: EnvPatterns,
    /// Where the private directory of the socket is made. It must exist.
    pub parent_dir: AbsPath,
}

/// The server of one step. Dropping it throws the reports away.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    stop: Stop,
    reports: Receiver<Reports>,
    directory: TempDir,
}

/// Tells the thread to come to an end when dropped.
///
/// Closing the socket would not do: a process that was forked a moment ago may hold a copy.
#[derive(Debug)]
struct Stop(UnixStream);

impl Drop for Stop {
    fn drop(&mut self) {
        // It fails only if the thread is gone already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// How long the thread may take beyond the draining, before it is given up on.
const GRACE: Duration = Duration::from_secs(1);

impl Server {
    /// Listens, and serves on a thread of its own.
    ///
    /// # Errors
    /// When the directory, the socket, the token or the thread cannot be made. The step can run
    /// without a server, but what it does is not stored then.
    pub fn start(options: Options) -> Result<Self, IpcError> {
        let mut token = [0; Token::LENGTH];
        getrandom::fill(&mut token).map_err(|error| IpcError::Token {
            source: io::Error::other(error),
        })?;
        let token = Token::new(token);
        let listening = listen(&options.parent_dir)?;
        let (stop, stopped) = UnixStream::pair().map_err(|source| IpcError::Thread { source })?;
        let (sender, reports) = sync_channel(1);
        let endpoint = Endpoint {
            socket: listening.socket,
            token: token.clone(),
        };
        let listener = listening.listener;
        thread::Builder::new()
            .name("vt-ipc".to_owned())
            .spawn(move || {
                let recorder = Recorder::new(options);
                let reports = serve(listener, &stopped, &token, recorder);
                // Nobody listens when the server was dropped.
                let _ = sender.send(reports);
            })
            .map_err(|source| IpcError::Thread { source })?;
        Ok(Self {
            endpoint,
            stop: Stop(stop),
            reports,
            directory: listening.directory,
        })
    }

    /// The value of [`VT_IPC`](crate::ENDPOINT_VARIABLE) for the step.
    #[must_use]
    pub fn endpoint(&self) -> OsString {
        self.endpoint.to_os_string()
    }

    /// The file that tools connect to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.endpoint.socket
    }

    /// Takes in what connected clients already sent, and seals.
    ///
    /// To be called when the process of the step is reaped. Clients that are in the middle of a
    /// message have two seconds to end it; others are not waited for.
    #[must_use]
    pub fn finish(self) -> Reports {
        let Self {
            stop,
            reports,
            directory,
            ..
        } = self;
        drop(stop);
        let reports = reports
            .recv_timeout(DRAIN + GRACE)
            .unwrap_or_else(|_| Reports {
                failure: Some("the server of the step did not come to an end".to_owned()),
                ..Reports::default()
            });
        drop(directory);
        reports
    }
}
