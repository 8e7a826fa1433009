//! The tracer: where no listener can be had, this thread traces the tree and is stopped at by the
//! calls that the same filter reports.
//!
//! The tracees belong to the thread: it must not end before the last of them, for the kernel kills
//! them with it. That also is what becomes of survivors when this process ends; without a tracer
//! each of their calls would fail. A task can't trace its own processes meanwhile: a debugger gets
//! `EPERM`, and so does the leak sanitizer, which then ends its program with an error. A process
//! started with `CLONE_UNTRACED` escapes, and its calls fail with `ENOSYS`.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libc::{c_int, pid_t};
use vt_tracker_abi::Blindness;

use crate::system::channel::{ParentEnd, Received};
use crate::system::note::{Notice, Noting};
use crate::system::ptrace::{self, AtCall, Filtered};
use crate::system::ptrace_test::{Board, Verdict};
use crate::system::ptrace_wait::{self, Happened, Stop};

/// How the tracing ended.
pub(crate) enum Traced {
    /// The tree is gone, or was given up on, and the sink was told.
    Finished,
    /// The tracer was of no use: the command runs without one.
    Without {
        /// Why.
        reason: Blindness,
        /// What was to do the noting, unused.
        noting: Box<Noting>,
    },
}

/// The tracer of one tree.
pub(crate) struct Tracer {
    main: pid_t,
    noting: Shared,
    grace: Duration,
    /// What the child tests, if it does.
    board: Option<Arc<Board>>,
    /// What threads are opening that is ours.
    lent: HashMap<pid_t, OwnedFd>,
    /// Whether the program was executed. Before, the process still is the business of whoever
    /// spawned it, who reaps it if that fails.
    has_executed: bool,
    /// Where the status of the main process goes; none when it has gone there.
    ended: Option<Sender<ExitStatus>>,
    /// Stops the clock when it is dropped.
    clock: Option<Sender<()>>,
}

/// How a tree ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Nothing of it is left.
    Over,
    /// It was given up on.
    Survivors,
}

/// Shared with the thread that gives up when the grace time is over. None when the sink was told
/// of the end.
type Shared = Arc<Mutex<Option<Noting>>>;

impl Tracer {
    /// The tracer of a process that was seized by this thread.
    pub(crate) fn new(
        main: pid_t,
        noting: Noting,
        grace: Duration,
        board: Option<Arc<Board>>,
        ended: Sender<ExitStatus>,
    ) -> Self {
        Self {
            main,
            noting: Arc::new(Mutex::new(Some(noting))),
            grace,
            board,
            lent: HashMap::new(),
            has_executed: false,
            ended: Some(ended),
            clock: None,
        }
    }

    /// Traces until the last process is gone. What the child says comes through the socket.
    pub(crate) fn run(mut self, child: &ParentEnd) -> Traced {
        while let Some(happened) = self.next() {
            self.lent.remove(&happened.who());
            match happened {
                Happened::Ended { process, status } if process == self.main => {
                    self.main_ended(status);
                }
                Happened::Ended { .. } => {}
                Happened::Stopped { thread, stop } => match stop {
                    Stop::Call => self.call(thread),
                    Stop::Executed if !self.has_executed => {
                        if let Some(reason) = self.of_no_use(child) {
                            ptrace::detach(thread);
                            return self.without(reason);
                        }
                        self.has_executed = true;
                        ptrace::proceed(thread, 0);
                    }
                    Stop::Executed | Stop::Other => ptrace::proceed(thread, 0),
                    Stop::Group => ptrace::listen(thread),
                    Stop::Signal(signal) => ptrace::proceed(thread, signal),
                },
            }
        }
        finish(&self.noting, End::Over);
        Traced::Finished
    }

    fn next(&mut self) -> Option<Happened> {
        if !self.has_executed {
            return ptrace_wait::next_but_leave(self.main);
        }
        if self.ended.is_none() && self.clock.is_none() {
            // The main process has ended. Mostly it was the last.
            let happened = ptrace_wait::next_at_once()?;
            self.start_clock();
            if happened.is_some() {
                return happened;
            }
        }
        ptrace_wait::next()
    }

    fn call(&mut self, thread: pid_t) {
        let at_call = AtCall::new(thread);
        match ptrace::call(thread) {
            Some(Filtered::Ours(notice)) if !self.has_executed && self.is_test(&notice) => {}
            Some(Filtered::Ours(notice)) => {
                if let Some(noting) = &mut *lock(&self.noting) {
                    noting.note(&notice, &at_call);
                }
            }
            // It wants the task's own tracer to decide, and there is none.
            Some(Filtered::Foreign) => ptrace::refuse(thread, libc::ENOSYS),
            None => {}
        }
        if let Some(lent) = at_call.proceed() {
            self.lent.insert(thread, lent);
        }
    }

    fn is_test(&self, notice: &Notice) -> bool {
        self.board.as_ref().is_some_and(|board| board.take(notice))
    }

    /// Why the child has gone on without the filter, if it has.
    fn of_no_use(&self, child: &ParentEnd) -> Option<Blindness> {
        if let Some(board) = &self.board
            && let Some(Verdict::Hidden(call)) = board.verdict()
        {
            return Some(Blindness::Overshadowed { call });
        }
        match child.already_received() {
            Some(Received::Refused(errno)) => Some(Blindness::PtraceRefused { errno }),
            _ => None,
        }
    }

    fn without(&self, reason: Blindness) -> Traced {
        let noting = lock(&self.noting).take();
        let noting = Box::new(noting.expect("nobody gives up before the program runs"));
        Traced::Without { reason, noting }
    }

    fn main_ended(&mut self, status: c_int) {
        if let Some(ended) = self.ended.take() {
            // Nobody waits if the handle was dropped.
            let _ = ended.send(ExitStatus::from_raw(status));
        }
    }

    /// Waiting for a tracee can't be bounded in time, so another thread keeps the time.
    fn start_clock(&mut self) {
        let (clock, stopped) = mpsc::channel();
        self.clock = Some(clock);
        let (noting, grace) = (Arc::clone(&self.noting), self.grace);
        let keep_time = move || keep_time(&noting, grace, &stopped);
        let started = std::thread::Builder::new()
            .name("vt-tracker-grace".into())
            .spawn(keep_time);
        if started.is_err() {
            finish(&self.noting, End::Survivors);
        }
    }
}

/// Gives up on what is left of a tree when its time is over.
fn keep_time(noting: &Shared, grace: Duration, stopped: &Receiver<()>) {
    if stopped.recv_timeout(grace) == Err(RecvTimeoutError::Timeout) {
        finish(noting, End::Survivors);
    }
}

fn lock(noting: &Shared) -> std::sync::MutexGuard<'_, Option<Noting>> {
    // Noting is as good after a panic as before: it catches its own.
    noting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the sink of the end, unless it was told before.
fn finish(noting: &Shared, end: End) {
    let Some(mut noting) = lock(noting).take() else {
        return;
    };
    noting.end();
    if end == End::Survivors {
        noting.give_up();
    }
    let (sink, calls) = noting.into_sink();
    sink.finish(calls, None);
}
