//! Notes what a stopped call is about to do, however it was stopped.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vt_tracker_abi::{Blindness, Tier};

use crate::sink::{Options, Sink};
use crate::system::call::{Call, Skip, Stopped};
use crate::system::filter::ARCHITECTURE;
use crate::system::mapping::Mapping;
use crate::system::table::find;
use crate::system::tracee;
use crate::system::watch::Watch;

/// A call that was stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    /// The thread that made the call, as this process sees it; 0 if it can't be seen from here.
    pub(crate) thread: u32,
    /// The number of the call.
    pub(crate) number: i32,
    /// Which table of numbers is meant.
    pub(crate) architecture: u32,
    /// The arguments.
    pub(crate) arguments: [u64; 6],
}

/// Notes calls of one tree.
pub(crate) struct Noting {
    watch: Watch,
    has_failed: bool,
}

impl Noting {
    pub(crate) fn new(sink: Box<dyn Sink>, options: &Options, mapping: Option<Mapping>) -> Self {
        Self {
            watch: Watch::new(sink, options, mapping),
            has_failed: false,
        }
    }

    /// Notes a call. Whatever goes wrong here costs the trace, never the call.
    pub(crate) fn note(&mut self, notice: &Notice, stopped: &dyn Stopped) {
        self.safely(|watch| note(watch, notice, stopped));
    }

    /// Notes what processes wrote down themselves since the last time.
    pub(crate) fn read(&mut self) {
        self.safely(Watch::read);
    }

    /// Notes what is left of what processes wrote down themselves. From now on every call stops.
    pub(crate) fn end(&mut self) {
        self.safely(Watch::read);
        self.watch.close();
    }

    fn safely(&mut self, act: impl FnOnce(&mut Watch)) {
        if self.has_failed {
            return;
        }
        let watch = &mut self.watch;
        if catch_unwind(AssertUnwindSafe(|| act(watch))).is_err() {
            self.has_failed = true;
            self.watch.close();
            let detail = "a call could not be made sense of";
            let reason = Blindness::SupervisorFailed { detail };
            self.watch.recorders.all(|recorder| recorder.blind(reason));
        }
    }

    /// Tells how the tree is watched.
    pub(crate) fn tier(&mut self, tier: Tier) {
        if matches!(tier, Tier::Notification | Tier::Ptrace) {
            self.watch.begin_stopping();
        }
        self.watch.recorders.all(|recorder| recorder.tier(tier));
    }

    /// Notes that something may be lacking.
    pub(crate) fn blind(&mut self, reason: Blindness) {
        self.watch.recorders.all(|recorder| recorder.blind(reason));
    }

    /// Notes that the tree is given up on while something of it is running.
    pub(crate) fn give_up(&mut self) {
        self.watch.recorders.give_up();
    }

    /// Gives back whom to tell of the end, and how many calls there were.
    pub(crate) fn into_sink(self) -> (Box<dyn Sink>, u64) {
        let Watch {
            recorders,
            mut others,
            ..
        } = self.watch;
        let (mut sink, calls) = recorders.into_whole().into_sink();
        for path in others.written() {
            sink.written_by_another(&path);
        }
        (sink, calls)
    }
}

fn note(watch: &mut Watch, notice: &Notice, stopped: &dyn Stopped) {
    let thread = notice.thread;
    // Before anything that this call may change.
    watch.read();
    watch.begin(thread);
    if notice.number == -1 {
        // A tracer of the task cancelled the call.
        return;
    }
    let listed = find(notice.number).filter(|_| notice.architecture == ARCHITECTURE);
    let Some(listed) = listed else {
        let (reason, program) = (Blindness::ForeignArchitecture, tracee::program(thread));
        return watch
            .recorders
            .each(|recorder| recorder.blame(reason, &program));
    };
    let mut call = Call::new(listed.name, *notice, stopped, watch);
    // What could not be read of a process that was killed meanwhile is not lacking.
    if (listed.handle)(&mut call) == Err(Skip::Unreadable) && stopped.still_waits() {
        call.blind(Blindness::UnreadablePath { call: listed.name });
    }
}
