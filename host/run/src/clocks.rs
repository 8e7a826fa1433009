//! What may happen at any time of a run: signals, and the beat of a display.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::world::RunRequest;

/// The signals that end a run, with their numbers.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    /// Takes them over, where the runtime is.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
            _ = self.quit.recv() => SignalKind::quit().as_raw_value(),
        }
    }
}

/// What may happen at any time. Made where the runtime is.
pub(crate) struct Clocks {
    pub(crate) signals: Signals,
    pub(crate) pulse: Option<tokio::time::Interval>,
}

impl Clocks {
    pub(crate) fn new(request: &RunRequest) -> std::io::Result<Self> {
        Ok(Self {
            signals: Signals::new()?,
            pulse: request.pulse.map(tokio::time::interval),
        })
    }
}

/// Waits until a time; for ever, if there is none.
pub(crate) async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for the next beat; for ever, if there is no pulse.
pub(crate) async fn beat(pulse: Option<&mut tokio::time::Interval>) {
    match pulse {
        Some(pulse) => {
            pulse.tick().await;
        }
        None => std::future::pending().await,
    }
}
