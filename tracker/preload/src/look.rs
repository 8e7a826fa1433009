//! One look at a file: written down and made at the gate, or else made as any program makes it.

use vt_tracker_abi::{Identity, LONGEST_TEXT, Operation};

use crate::arch::Call;
use crate::attach::{self, Tracker};
use crate::insist::{insist, insist_on_opening};
use crate::library::errno_of;
use crate::name::{self, Buffer};
use crate::record::{Made, Subject};
use crate::system::{
    AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, S_IFDIR, S_IFMT, S_IFREG, Stat, Statx, number,
};

/// Where it shows what was found, when a call has succeeded.
#[derive(Clone, Copy)]
pub(crate) enum Evidence {
    /// The result is the file, now open.
    Opened,
    /// The call has filled this.
    Stat(*const Stat),
    /// The call may have filled this; if not, it is asked for with the flags.
    Statx(*const Statx, i32),
    /// Nowhere: it is asked for with these flags.
    Ask(i32),
}

/// What is to be looked at, and how.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) operation: Operation,
    /// The flags of [`Operation::Open`].
    pub(crate) detail: u32,
    /// What else makes this another look than one at the same name.
    pub(crate) distinction: u32,
    pub(crate) directory: i32,
    pub(crate) name: *const u8,
    /// How many bytes of an absolute name the caller knows to be a real path.
    pub(crate) known: u16,
    pub(crate) call: Call,
    pub(crate) evidence: Evidence,
}

impl Look {
    /// Looks. Gives what the kernel gave.
    ///
    /// # Safety
    /// The name and the arguments of the call must be what the call wants.
    pub(crate) unsafe fn make(&self) -> isize {
        let made = attach::tracker().and_then(|tracker| {
            // SAFETY: the caller's to see to.
            unsafe { self.make_at_gate(&tracker) }
        });
        // SAFETY: as above.
        made.unwrap_or_else(|| unsafe { self.make_slowly() })
    }

    unsafe fn make_slowly(&self) -> isize {
        // SAFETY: the caller's to see to.
        unsafe {
            if self.operation == Operation::Open {
                insist_on_opening(&self.call, self.directory, self.name)
            } else {
                insist(&self.call)
            }
        }
    }

    unsafe fn make_at_gate(&self, tracker: &Tracker) -> Option<isize> {
        let names = tracker.shared.names()?;
        let mut buffer = Buffer::new();
        // SAFETY: the caller's to see to.
        let given = unsafe { name::text(self.name, LONGEST_TEXT) }?;
        let mut name = name::absolute(tracker, self.directory, given, names, &mut buffer)?;
        name.known = name.known.max(self.known);
        let subject = Subject {
            operation: self.operation,
            detail: self.detail,
            distinction: self.distinction,
            name,
            names,
        };
        let made = subject.record(
            tracker,
            // SAFETY: the caller's to see to. There is a gate if there is a tracker.
            || unsafe { self.call.gated() },
            |result| self.shown(result),
            |result| self.identity(result),
        );
        match made {
            Made::AndRecorded(result) => Some(result),
            Made::Unseen(result) => self.take_back(result),
            Made::Not => None,
        }
    }

    fn identity(&self, result: isize) -> Option<Identity> {
        if errno_of(result) != 0 {
            return self.ask(match self.evidence {
                Evidence::Opened if self.detail & O_NOFOLLOW == 0 => 0,
                Evidence::Stat(_) if self.operation == Operation::Probe => 0,
                Evidence::Opened | Evidence::Stat(_) => AT_SYMLINK_NOFOLLOW,
                Evidence::Statx(_, flags) | Evidence::Ask(flags) => flags,
            });
        }
        self.shown(result).or_else(|| match self.evidence {
            Evidence::Statx(_, flags) | Evidence::Ask(flags) => self.ask(flags),
            Evidence::Opened | Evidence::Stat(_) => None,
        })
    }

    /// What was found, as far as the call itself has shown it.
    fn shown(&self, result: isize) -> Option<Identity> {
        if errno_of(result) != 0 {
            return None;
        }
        match self.evidence {
            Evidence::Opened => attach::stat_of(result as i32).map(|stat| stat.identity()),
            // SAFETY: the call has succeeded, so the kernel has filled it.
            Evidence::Stat(stat) => Some(unsafe { stat.read_unaligned() }.identity()),
            // SAFETY: as above.
            Evidence::Statx(statx, _) => unsafe { statx.read_unaligned() }.identity(),
            Evidence::Ask(_) => None,
        }
    }

    fn question(&self, stat: &mut Stat, flags: i32) -> Call {
        let (name, buffer) = (self.name.addr(), core::ptr::from_mut(stat).addr());
        let flags = (flags & AT_SYMLINK_NOFOLLOW) as usize;
        Call::new(
            number::NEWFSTATAT,
            [self.directory as usize, name, buffer, flags],
        )
    }

    fn ask(&self, flags: i32) -> Option<Identity> {
        let mut stat = Stat::default();
        let question = self.question(&mut stat, flags);
        // SAFETY: the name is the one of the call that was made, the buffer is one. Only called
        // when there is a gate.
        let result = unsafe { question.gated() };
        (errno_of(result) == 0).then(|| stat.identity())
    }

    /// Makes undone what nobody knows of. If it can't be, tells of it another way and gives the
    /// result.
    fn take_back(&self, result: isize) -> Option<isize> {
        if self.operation != Operation::Open || errno_of(result) != 0 {
            return None;
        }
        let file = result as i32;
        let kind = attach::stat_of(file).map_or(0, |stat| stat.mode & S_IFMT);
        if matches!(kind, S_IFREG | S_IFDIR) {
            attach::close(file);
            return None;
        }
        // Whoever is at the other end of a pipe has noticed. But only that it is there matters.
        let mut stat = Stat::default();
        // SAFETY: as in [`Look::ask`].
        unsafe { self.question(&mut stat, 0).plain() };
        Some(result)
    }
}
