//! The thread that is told of stopped calls, notes them and lets them go on.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use vt_tracker_abi::{Blindness, VARIABLE};

use crate::sink::{Options, Sink};
use crate::system::attached::{Attached, attach};
use crate::system::channel::{self, Received};
use crate::system::control::{Control, Watching, Word};
use crate::system::filter::{Report, assemble};
use crate::system::install::install;
use crate::system::listener::Listener;
use crate::system::mapping::Mapping;
use crate::system::note::Noting;
use crate::system::survivors::{Pending, Survivors, answer, wait};
use crate::system::table::CALLS;

/// Arranges for a command that is about to be spawned to be watched, it and all it starts.
///
/// Has to be the last thing done to the command. The child's own execution is reported already,
/// so a thread of its own is waiting when the command is spawned. If the kernel refuses the
/// filter, the command runs unwatched and the sink is told. `sink.finish` is called exactly once,
/// also if the command is never spawned, provided the command is dropped.
///
/// # Errors
/// When there are no descriptors or threads left.
pub fn watch(command: &mut Command, options: Options, sink: Box<dyn Sink>) -> io::Result<Watching> {
    if let Some(attached) = attach() {
        return watch_from_above(command, options, sink, attached);
    }
    let (parent, child) = channel::pair()?;
    // Without it everything works, slower.
    let mapping = Mapping::new().ok();
    if let Some(mapping) = &mapping {
        command.env(VARIABLE, mapping.endpoint(0));
    }
    let control = Control::new()?;
    let heard = control.clone();
    std::thread::Builder::new()
        .name("vt-tracker".into())
        .spawn(move || {
            block_signals();
            attend(&parent, &heard, sink, &options, mapping);
        })?;
    let program = assemble(CALLS.iter().map(|call| call.number), Report::Notify);
    let prepare = move || {
        install(&program, child.as_raw_fd());
        Ok(())
    };
    // SAFETY: what runs between fork and exec makes system calls only; it neither allocates nor
    // takes locks.
    unsafe { command.pre_exec(prepare) };
    Ok(Watching(control))
}

/// As [`watch`], by a tracker that watches this process already.
fn watch_from_above(
    command: &mut Command,
    options: Options,
    sink: Box<dyn Sink>,
    attached: Attached,
) -> io::Result<Watching> {
    attached.arrange(command, &options);
    let control = Control::new()?;
    let heard = control.clone();
    std::thread::Builder::new()
        .name("vt-tracker".into())
        .spawn(move || {
            block_signals();
            attached.attend(&heard, sink, options.grace);
        })?;
    Ok(Watching(control))
}

/// Signals are for the threads that expect them.
fn block_signals() {
    // SAFETY: the set is filled in before it is used.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

fn attend(
    parent: &OwnedFd,
    control: &Control,
    mut sink: Box<dyn Sink>,
    options: &Options,
    mapping: Option<Mapping>,
) {
    let refused = match channel::receive(parent.as_fd()) {
        Ok(Received::Listener(listener)) => {
            return Attending {
                listener: Listener::new(listener),
                control: control.clone(),
                noting: Noting::new(sink, options, mapping),
                grace: options.grace,
            }
            .run();
        }
        Ok(Received::Refused(errno)) => Blindness::FilterRefused { errno },
        Ok(Received::Nothing) | Err(_) => Blindness::SupervisorFailed {
            detail: "the process did not report for tracking",
        },
    };
    sink.blind(refused);
    sink.finish(0, None);
}

/// One tree being attended to.
struct Attending {
    listener: Listener,
    control: Control,
    noting: Noting,
    grace: Duration,
}

/// How the attending ended.
enum End {
    Over,
    Survivors,
}

impl Attending {
    fn run(mut self) {
        let end = self.attend();
        self.noting.end();
        let Self {
            listener,
            control,
            noting,
            ..
        } = self;
        let (mut sink, calls) = noting.into_sink();
        if let Ok(End::Over) = end {
            return sink.finish(calls, None);
        }
        sink.blind(match end {
            Ok(_) => Blindness::Survivor,
            Err(_) => Blindness::SupervisorFailed {
                detail: "waiting for calls failed",
            },
        });
        sink.finish(calls, Survivors::of(&listener));
        loop {
            match wait(&listener, &control, None) {
                Ok(Pending::Call) if answer(&listener).is_ok() => {}
                Ok(Pending::Control) => control.acknowledge(),
                Ok(Pending::TimedOut) => {}
                Ok(Pending::Call | Pending::Over) | Err(_) => return,
            }
        }
    }

    fn attend(&mut self) -> io::Result<End> {
        let mut deadline: Option<Instant> = None;
        loop {
            // Asked for each time: a tree that makes calls without end is never quiet enough for
            // the control line to be served.
            if deadline.is_none() && self.control.last() >= Word::MainEnded {
                deadline = Some(Instant::now() + self.grace);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) && !self.is_over() {
                return Ok(End::Survivors);
            }
            match wait(&self.listener, &self.control, left)? {
                Pending::Call => {
                    if let Some(waiting) = self.listener.receive()? {
                        self.noting.note(&waiting.notice, &waiting);
                        waiting.proceed();
                    }
                }
                Pending::Over => return Ok(End::Over),
                Pending::TimedOut => {}
                Pending::Control => self.control.acknowledge(),
            }
        }
    }

    /// Whether the tree is gone, also if there was no time to wait for that.
    fn is_over(&self) -> bool {
        matches!(
            wait(&self.listener, &self.control, Some(Duration::ZERO)),
            Ok(Pending::Over)
        )
    }
}
