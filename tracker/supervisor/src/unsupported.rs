//! Systems that can't be watched: the command runs as it is, and the trace says so.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Child, Command, ExitStatus};

use vt_tracker_abi::Blindness;

use crate::sink::{Options, Sink};

/// Processes that outlived their grace time. There are none where nothing is watched.
#[derive(Debug)]
pub enum Survivors {}

impl Survivors {
    /// Whether they are gone by now.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match *self {}
    }

    /// Whether they go on undisturbed when this process is gone as well.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        match *self {}
    }
}

/// A tree that is being watched.
#[derive(Debug)]
pub struct Watching(());

impl Watching {
    /// Waits for the end of the process that was spawned.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        child.wait()
    }

    /// Says that the process that was to be spawned has ended, or never came to be.
    pub fn main_ended(&self) {}
}

/// There is no tracker above.
#[must_use]
pub fn demand_above() -> BTreeMap<OsString, OsString> {
    BTreeMap::new()
}

/// There is no tracker above to be told.
pub fn tell_demanded<'n>(_names: impl IntoIterator<Item = &'n OsStr>) {}

/// Arranges for nothing.
///
/// # Errors
/// Never.
pub fn watch(
    _command: &mut Command,
    _options: Options,
    mut sink: Box<dyn Sink>,
) -> io::Result<Watching> {
    sink.blind(Blindness::NotSupported {
        detail: "only x86-64 Linux is",
    });
    sink.finish(0, None);
    Ok(Watching(()))
}
