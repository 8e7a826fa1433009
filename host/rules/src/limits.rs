//! How much a component may use, and how it is stopped.
//!
//! Everything but the wall clock is counted the same on every machine, so that an answer, or the
//! lack of one, does not depend on its load.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, ResourceLimiter};

/// Linear memory and tables together, in bytes.
pub(crate) const MEMORY: usize = 64 << 20;
/// In bytes.
pub(crate) const STACK: usize = 512 << 10;
/// What one statement may hand over, lists included, in bytes.
pub(crate) const CALL: usize = 64 << 10;
/// All texts of all statements together, in bytes.
pub(crate) const DIRECTIVE_BYTES: usize = 64 << 10;
pub(crate) const DIRECTIVES: usize = 1_000;
pub(crate) const LOG_LINES: usize = 64;
/// In bytes.
pub(crate) const LOG_LINE: usize = 2 << 10;
/// The fuel of a call into the host, WASI included; each byte the session hands over costs one more.
pub(crate) const CALL_FUEL: u64 = 1_000;

/// How much fuel an answer may take; about one for each instruction.
pub const FUEL: u64 = 100_000_000;
/// How long one question may take before the clock is looked at.
pub(crate) const WALL: Duration = Duration::from_secs(5);

/// What differs in tests only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Roughly, instructions.
    pub(crate) fuel: u64,
    pub(crate) wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: FUEL,
            wall: WALL,
        }
    }
}

/// Counts memory over all memories and tables of one instance.
#[derive(Debug)]
pub(crate) struct Memory {
    left: usize,
    refused: bool,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            left: MEMORY,
            refused: false,
        }
    }

    /// What was handed out, in bytes.
    pub(crate) const fn taken(&self) -> usize {
        MEMORY - self.left
    }

    /// Whether a request was refused. The guest only notices an allocation that failed, and
    /// aborts; this is what explains it.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }

    fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.refused = true,
        }
        !self.refused
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.take(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.take(
            desired
                .saturating_sub(current)
                .saturating_mul(size_of::<usize>()),
        ))
    }
}

/// Runs `work` on a thread of its own, and lets the engine look at the clock once the time is up.
pub(crate) fn watched<T: Send>(
    engine: &Engine,
    wall: Duration,
    work: impl FnOnce() -> T + Send,
) -> T {
    let (finished, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let result = work();
            drop(finished);
            result
        });
        // Repeated, since a store that started later may share the engine and spend the tick.
        while wait.recv_timeout(wall) == Err(mpsc::RecvTimeoutError::Timeout) {
            engine.increment_epoch();
        }
        worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
