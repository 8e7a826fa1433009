//! The thread that is told of stopped calls, notes them and lets them go on.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use libc::c_int;
use vt_tracker_abi::{Blindness, Tier, Tiers, VARIABLE};

use crate::sink::{Options, Sink};
use crate::system::attached::{Attached, attach};
use crate::system::channel::{self, Answer, Asking, ParentEnd, Received};
use crate::system::control::{Control, Watching, Word};
use crate::system::demand::{Demanded, NO_DEMAND};
use crate::system::install::Installing;
use crate::system::listener::Listener;
use crate::system::mapping::Mapping;
use crate::system::note::Noting;
use crate::system::preloaded;
use crate::system::ptrace;
use crate::system::ptrace_test::{self, Board, Verdict};
use crate::system::ptrace_tracer::{Traced, Tracer};
use crate::system::survivors::{Pending, Survivors, answer, wait};

/// Arranges for a command that is about to be spawned to be watched, it and all it starts.
///
/// Has to be the last thing done to the command. The child's own execution is reported already,
/// so a thread of its own is waiting when the command is spawned. If the kernel refuses every
/// tier, the command runs unwatched and the sink is told. `sink.finish` is called exactly once,
/// also if the command is never spawned, provided the command is dropped.
///
/// # Errors
/// When there are no descriptors or threads left.
pub fn watch(command: &mut Command, options: Options, sink: Box<dyn Sink>) -> io::Result<Watching> {
    if let Some(attached) = attach(&options) {
        return watch_from_above(command, options, sink, attached);
    }
    let (parent, child) = channel::pair()?;
    // Without it everything works, slower.
    let mapping = Mapping::new().ok();
    let demand = mapping
        .as_ref()
        .and_then(|mapping| Demanded::of(&options, mapping.token()));
    if let Some(mapping) = &mapping {
        let demand = demand.as_ref().map(Demanded::place);
        command.env(VARIABLE, mapping.endpoint(demand).to_string());
    }
    let control = Control::new()?;
    let heard = control.clone();
    let (ended, status) = mpsc::channel();
    let installing = Installing::prepare(child, options.tiers);
    let mut noting = Noting::new(sink, &options, mapping);
    if demand.is_none() && options.library.is_some() {
        noting.blind(NO_DEMAND);
    }
    let tree = Beginning {
        noting,
        grace: options.grace,
        tiers: options.tiers,
        board: installing.board(),
    };
    std::thread::Builder::new()
        .name("vt-tracker".into())
        .spawn(move || {
            block_signals();
            attend(&parent, &heard, ended, tree);
            // Processes may ask as long as they are attended to.
            drop(demand);
        })?;
    let prepare = move || {
        installing.install();
        Ok(())
    };
    // SAFETY: what runs between fork and exec makes system calls only; it neither allocates nor
    // takes locks.
    unsafe { command.pre_exec(prepare) };
    Ok(Watching(control, status))
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
    // The process is never this thread's tracee.
    let (_, status) = mpsc::channel();
    Ok(Watching(control, status))
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

/// What the watching of a tree begins with.
struct Beginning {
    noting: Noting,
    grace: Duration,
    tiers: Tiers,
    board: Option<Arc<Board>>,
}

fn attend(child: &ParentEnd, control: &Control, ended: Sender<ExitStatus>, tree: Beginning) {
    let mut tree = tree;
    match child.receive() {
        Ok(Received::Listener(listener)) => {
            // The process is nobody's tracee, and is waited for as any other.
            drop(ended);
            tree.noting.tier(Tier::Notification);
            Attending {
                listener: Listener::new(listener),
                control: control.clone(),
                noting: tree.noting,
                grace: tree.grace,
            }
            .run();
        }
        Ok(Received::Refused(errno)) => {
            drop(ended);
            refused(&mut tree.noting, errno);
            go_without(tree.noting, tree.tiers, control);
        }
        Ok(Received::AsksForTracer(asking)) => trace(child, control, asking, ended, tree),
        Ok(Received::Nothing) | Err(_) => {
            tree.noting.blind(Blindness::SupervisorFailed {
                detail: "the process did not report for tracking",
            });
            tree.noting.into_sink().0.finish(0, None);
        }
    }
}

/// Traces a child that asks for it, if that can be done and is worth it.
fn trace(
    child: &ParentEnd,
    control: &Control,
    asking: Asking,
    ended: Sender<ExitStatus>,
    tree: Beginning,
) {
    let (mut noting, tiers) = (tree.noting, tree.tiers);
    let reason = match begin_tracing(child, asking) {
        Ok(()) => {
            noting.tier(Tier::Ptrace);
            let tracer = Tracer::new(asking.process, noting, tree.grace, tree.board, ended);
            match tracer.run(child) {
                Traced::Finished => return,
                Traced::Without {
                    reason,
                    noting: unused,
                } => {
                    noting = *unused;
                    reason
                }
            }
        }
        Err(reason) => {
            child.answer(Answer::Alone);
            drop(ended);
            reason
        }
    };
    refused(&mut noting, asking.refused);
    noting.blind(reason);
    go_without(noting, tiers, control);
}

fn begin_tracing(child: &ParentEnd, asking: Asking) -> Result<(), Blindness> {
    let verdict = ptrace_test::verdict();
    if let Some(Verdict::Hidden(call)) = verdict {
        return Err(Blindness::Overshadowed { call });
    }
    ptrace::seize(asking.process).map_err(|error| Blindness::PtraceRefused {
        errno: error.raw_os_error().unwrap_or(libc::EPERM),
    })?;
    child.answer(match verdict {
        Some(_) => Answer::Traced,
        None => Answer::TracedForTest,
    });
    Ok(())
}

/// Says why there is no listener, if one was asked for.
fn refused(noting: &mut Noting, errno: c_int) {
    if errno != 0 {
        noting.blind(Blindness::FilterRefused { errno });
    }
}

/// What is left when neither a listener nor a tracer can be had.
fn go_without(mut noting: Noting, tiers: Tiers, control: &Control) {
    if tiers.contains(Tier::Preload) {
        noting.tier(Tier::Preload);
        noting.blind(Blindness::PreloadOnly);
        return preloaded::attend(noting, control);
    }
    let detail = "no tier that may be tried works";
    noting.blind(Blindness::NotSupported { detail });
    noting.end();
    noting.into_sink().0.finish(0, None);
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
        match end {
            Ok(End::Over) => {}
            Ok(End::Survivors) => self.noting.give_up(),
            Err(_) => self.noting.blind(Blindness::SupervisorFailed {
                detail: "waiting for calls failed",
            }),
        }
        let Self {
            listener,
            control,
            noting,
            ..
        } = self;
        let (sink, calls) = noting.into_sink();
        if let Ok(End::Over) = end {
            return sink.finish(calls, None);
        }
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
