//! A workspace with one package and a server for a step of it.
#![allow(
    dead_code,
    reason = "each suite compiles its own copy and uses what it needs"
)]

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vt_base::{AbsPath, EnvMap, EnvPatterns, RelPath};
use vt_client::Client;
use vt_ipc::{Options, Server};
use vt_protocol::{Endpoint, Frames, MAX_FRAME, Message, Reply, Token, VERSION, Version, frame};

pub(crate) struct Place {
    _keep: tempfile::TempDir,
    pub(crate) outer: AbsPath,
}

impl Place {
    pub(crate) fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let outer = AbsPath::new(keep.path().canonicalize().unwrap()).unwrap();
        for directory in ["w/app/src", "w/lib", "elsewhere", "run"] {
            std::fs::create_dir_all(outer.join(directory)).unwrap();
        }
        Self { _keep: keep, outer }
    }

    pub(crate) fn root(&self) -> AbsPath {
        self.outer.join("w")
    }

    pub(crate) fn app(&self) -> AbsPath {
        self.outer.join("w/app")
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            root: self.root(),
            package_dir: rel("app"),
            env: env(&[("MODE", "production"), ("VITE_A", "1"), ("VITE_B", "2")]),
            untracked: EnvPatterns::default(),
            declared: EnvPatterns::default(),
            parent_dir: self.outer.join("run"),
        }
    }

    pub(crate) fn server(&self) -> Server {
        Server::start(self.options()).unwrap()
    }
}

pub(crate) fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

pub(crate) fn env(pairs: &[(&str, &str)]) -> EnvMap {
    pairs
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

pub(crate) fn client(server: &Server) -> Client {
    Client::connect_to(&server.endpoint()).unwrap()
}

/// A connection that can say anything.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    pub(crate) token: Token,
    frames: Frames,
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) fn silent(server: &Server) -> Self {
        let endpoint = Endpoint::parse(&server.endpoint()).unwrap();
        let stream = UnixStream::connect(endpoint.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self {
            stream,
            token: endpoint.token,
            frames: Frames::new(MAX_FRAME),
        }
    }

    /// Connects and is welcomed.
    pub(crate) fn welcomed(server: &Server) -> Self {
        let mut raw = Self::silent(server);
        raw.hello(VERSION, raw.token.clone());
        assert_eq!(raw.receive(), Some(Reply::Welcome { version: VERSION }));
        raw
    }

    pub(crate) fn hello(&mut self, version: Version, token: Token) {
        self.message(&Message::Hello { version, token });
    }

    pub(crate) fn message(&mut self, message: &Message) {
        self.bytes(&frame(&message.encode()).unwrap());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next reply; `None` when the server closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Reply> {
        loop {
            if let Some(payload) = self.frames.next_payload().unwrap() {
                return Some(Reply::decode(&payload).unwrap());
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.frames.push(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the server does not answer: {error}"),
            }
        }
    }
}
