//! Writes down what a call is about, before it is made, and how it ended.
//!
//! What is written down holds for a state of names and directories. It is compared before the call
//! and after it: if a directory was renamed in between, nobody can tell what the name led to, and
//! the call is made once more where the supervisor sees it. What it gives then is what counts.
//!
//! What was written down before and ends the same way is not written down again.

use vt_tracker_abi::{
    Asked, Identity, Intent, LONGEST_TEXT, Operation, Outcome, REQUEST, Rough, Tag,
};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::arch::Call;
use crate::attach::Tracker;
use crate::insist::insist;
use crate::library::errno_of;
use crate::name::Name;
use crate::system::{AT_FDCWD, O_RDWR, errno, number};

/// What a record is about.
pub(crate) struct Subject<'n> {
    pub(crate) operation: Operation,
    pub(crate) detail: u32,
    pub(crate) distinction: u32,
    pub(crate) name: Name<'n>,
    pub(crate) names: u64,
}

/// What became of a call.
pub(crate) enum Made {
    /// It was made, and the supervisor will know.
    AndRecorded(isize),
    /// It was made, but nobody can tell what it was about.
    Unseen(isize),
    /// It was not made.
    Not,
}

impl Subject<'_> {
    /// Has a call made that is written down, or that was before. `shown` tells what it found if that
    /// costs next to nothing, `identity` in any case.
    pub(crate) fn record(
        &self,
        tracker: &Tracker,
        call: impl FnOnce() -> isize,
        shown: impl FnOnce(isize) -> Option<Identity>,
        identity: impl FnOnce(isize) -> Option<Identity>,
    ) -> Made {
        let shared = tracker.shared;
        let tag = self.tag(tracker);
        let (result, claim) = if let Some(recalled) = shared.recall(tag) {
            let result = call();
            if rough(errno_of(result)) == Some(recalled.rough)
                && self.still_holds(tracker)
                && recalled.is_of(shown(result).as_ref())
            {
                return Made::AndRecorded(result);
            }
            // It was not there before, or it is no longer, or it is another one.
            let Some(claim) = shared.claim().or_else(|| {
                nudge();
                shared.claim()
            }) else {
                return Made::Unseen(result);
            };
            shared.open(&claim, &self.intent(tracker, thread()));
            (result, claim)
        } else {
            let Some(claim) = shared.claim() else {
                return Made::Not;
            };
            shared.open(&claim, &self.intent(tracker, thread()));
            (call(), claim)
        };
        let number = errno_of(result);
        let outcome = Outcome {
            errno: number as u16,
            identity: if number == errno::ENOENT {
                None
            } else {
                identity(result)
            },
        };
        shared.finish(claim, &outcome);
        // What is there, though the call failed, may be another thing by the time this is read.
        let is_unclear = number != 0 && number != errno::ENOENT && outcome.identity.is_none();
        if is_unclear || !self.still_holds(tracker) {
            return Made::Unseen(result);
        }
        if let Some(rough) = rough(number) {
            shared.remember(tag, rough, outcome.identity.as_ref());
        }
        Made::AndRecorded(result)
    }

    fn intent(&self, tracker: &Tracker, thread: u32) -> Intent<'_> {
        Intent {
            operation: self.operation,
            detail: self.detail,
            thread,
            session: tracker.session,
            text: self.name.bytes,
            known: self.name.known,
        }
    }

    fn tag(&self, tracker: &Tracker) -> Tag {
        let kind = (self.operation as u64) << 32 | u64::from(self.distinction);
        let seed = mix(mix(self.names ^ mix(kind)) ^ u64::from(tracker.session));
        xxh3_128_with_seed(self.name.bytes, seed)
    }

    /// Whether names still mean what they did when the name was put together.
    fn still_holds(&self, tracker: &Tracker) -> bool {
        let directories = self.name.directories;
        tracker.shared.names() == Some(self.names)
            && (directories.is_none() || tracker.shared.directories() == directories)
    }
}

/// Notes that an environment variable was asked for. There is no call that would tell of it, so
/// this does not depend on anything but room. Says whether the supervisor knows, or will.
pub(crate) fn variable(tracker: &Tracker, name: &[u8], asked: Asked) -> bool {
    let subject = Subject {
        operation: Operation::Variable,
        detail: asked as u32,
        distinction: asked as u32,
        name: Name {
            bytes: name,
            known: 0,
            directories: None,
        },
        names: 0,
    };
    let (shared, tag) = (tracker.shared, subject.tag(tracker));
    if shared.recall(tag).is_some() {
        return true;
    }
    let claim = shared.claim().or_else(|| {
        nudge();
        shared.claim()
    });
    let Some(claim) = claim else {
        return tell(tracker, name, asked);
    };
    shared.open(&claim, &subject.intent(tracker, thread()));
    let outcome = Outcome {
        errno: 0,
        identity: None,
    };
    shared.finish(claim, &outcome);
    shared.remember(tag, Rough::Found, None);
    true
}

/// Tells the supervisor of a variable that was asked for, where there is no room to write it down.
#[cold]
fn tell(tracker: &Tracker, name: &[u8], asked: Asked) -> bool {
    let request: &[u8] = match asked {
        // Nothing depends on it.
        Asked::OfItself => return false,
        Asked::OnDemand => b"/demanded/0/",
        Asked::Doubtful => b"/doubtful/0/",
    };
    let mut text = [0; LONGEST_TEXT + 128];
    let token = token_text(tracker.shared.token());
    let parts = [REQUEST.as_bytes(), &token, request, name, b"\0"];
    for (to, from) in text.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    // As a tracker further in asks.
    let arguments = [AT_FDCWD as usize, text.as_ptr().addr(), O_RDWR as usize];
    // SAFETY: the name ends in a zero byte, whatever did not fit. There is no file of that name.
    let result = unsafe { insist(&Call::new(number::OPENAT, arguments)) };
    errno_of(result) == errno::EALREADY
}

fn token_text(token: [u64; 2]) -> [u8; 32] {
    let mut text = [0; 32];
    let digits = token.into_iter().flat_map(|word| {
        (0..16)
            .rev()
            .map(move |place| (word >> (4 * place) & 15) as u8)
    });
    for (to, digit) in text.iter_mut().zip(digits) {
        *to = if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        };
    }
    text
}

/// Has the supervisor read the memory, and make room, by a call that it is told of and that is
/// bound to fail.
fn nudge() {
    let call = Call::new(number::ACCESS, [c"".as_ptr().addr(), 0]);
    // SAFETY: an empty name is one.
    unsafe { call.plain() };
}

fn thread() -> u32 {
    // SAFETY: takes no arguments.
    unsafe { Call::new(number::GETTID, []).plain() as u32 }
}

/// How a call ended, if the same call would end the same way again for the same reason.
const fn rough(number: i32) -> Option<Rough> {
    match number {
        0 => Some(Rough::Found),
        errno::ENOENT | errno::ENOTDIR => Some(Rough::Missing),
        errno::EINTR
        | errno::EIO
        | errno::EAGAIN
        | errno::ENOMEM
        | errno::EFAULT
        | errno::EBUSY
        | errno::ENFILE
        | errno::EMFILE
        | errno::ENOSYS
        | errno::EOVERFLOW => None,
        _ => Some(Rough::Failed),
    }
}

/// Spreads every bit over all of them.
const fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_troubles_are_not_remembered() {
        assert_eq!(rough(0), Some(Rough::Found));
        assert_eq!(rough(libc::ENOENT), Some(Rough::Missing));
        assert_eq!(rough(libc::ENOTDIR), Some(Rough::Missing));
        assert_eq!(rough(libc::EACCES), Some(Rough::Failed));
        assert_eq!(rough(libc::ELOOP), Some(Rough::Failed));
        for number in [libc::EINTR, libc::EMFILE, libc::ENOMEM, libc::EFAULT] {
            assert_eq!(rough(number), None, "{number}");
        }
    }

    #[test]
    fn a_token_is_written_as_in_the_environment() {
        let token = [0x0123_4567_89ab_cdef, u64::MAX - 1];
        let expected = format!("{:016x}{:016x}", token[0], token[1]);
        assert_eq!(token_text(token), expected.as_bytes());
    }

    #[test]
    fn all_that_decides_what_a_look_means_is_in_its_tag() {
        let memory: &'static vt_tracker_abi::Shared = {
            let layout = std::alloc::Layout::new::<vt_tracker_abi::Shared>();
            // SAFETY: all zeroes is a valid one.
            unsafe { &*std::alloc::alloc_zeroed(layout).cast() }
        };
        let tag = |operation, distinction, names, session, bytes: &[u8]| {
            let name = Name {
                bytes,
                known: 0,
                directories: None,
            };
            let tracker = Tracker {
                shared: memory,
                session,
                has_gate: false,
            };
            let subject = Subject {
                operation,
                detail: 0,
                distinction,
                name,
                names,
            };
            subject.tag(&tracker)
        };
        let tags = [
            tag(Operation::Open, 0, 0, 0, b"/a"),
            tag(Operation::Probe, 0, 0, 0, b"/a"),
            tag(Operation::Open, 1, 0, 0, b"/a"),
            tag(Operation::Open, 0, 1, 0, b"/a"),
            tag(Operation::Open, 0, 0, 1, b"/a"),
            tag(Operation::Open, 0, 0, 0, b"/b"),
        ];
        for (index, one) in tags.iter().enumerate() {
            for other in &tags[index + 1..] {
                // How the call ended takes the place of the lowest bits.
                assert_ne!(one >> 34, other >> 34);
            }
        }
    }
}
