//! Reads what the processes of a tree wrote down themselves.

use vt_tracker_abi::{Found, Record, SLOTS, Shared};

use crate::system::mapping::Mapping;
use crate::system::place::look_at;

/// How many records are taken over at a time: as many as stay in the cache until they are noted.
const AT_ONCE: u64 = 64;

/// The memory does not hold what it should: somebody scribbled over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Torn;

/// A slot that was claimed and is not done yet.
struct Pending {
    position: u64,
    /// Whether it was handed out as one that may or may not have been made.
    was_open: bool,
}

/// Reads what the processes of a tree wrote down themselves.
pub(crate) struct Reader {
    mapping: Mapping,
    /// Below it, everything is read or pending.
    tail: u64,
    pending: Vec<Pending>,
}

impl Reader {
    pub(crate) const fn new(mapping: Mapping) -> Self {
        Self {
            mapping,
            tail: 0,
            pending: Vec::new(),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.mapping
    }

    pub(crate) const fn token(&self) -> [u64; 2] {
        self.mapping.token()
    }

    /// Where what is written now ends, for [`Reader::read`].
    pub(crate) fn head(&self) -> u64 {
        self.mapping.head()
    }

    /// Takes over some of what was written below a head since the last time, into `records`, and
    /// says whether there is more. A call that is under way is handed out without an outcome, and
    /// once more when it has one.
    pub(crate) fn read(&mut self, head: u64, records: &mut Vec<Record>) -> Result<bool, Torn> {
        if head == self.tail && self.pending.is_empty() {
            return Ok(false);
        }
        if head < self.tail || head - self.tail > SLOTS as u64 {
            return Err(Torn);
        }
        let is_blocked = self
            .pending
            .first()
            .is_some_and(|oldest| oldest.position + SLOTS as u64 <= head);
        let end = head.min(self.tail + AT_ONCE);
        let new = (self.tail..end).map(|position| Pending {
            position,
            was_open: false,
        });
        self.pending.extend(new);
        self.tail = end;
        let shared: &Shared = &self.mapping;
        let mut result = Ok(end < head);
        self.pending.retain_mut(|pending| {
            let kept = take(shared, pending, is_blocked, records);
            kept.unwrap_or_else(|torn| {
                result = Err(torn);
                true
            })
        });
        result
    }
}

/// Takes over one slot; says whether it stays pending.
fn take(
    shared: &Shared,
    pending: &mut Pending,
    is_blocked: bool,
    records: &mut Vec<Record>,
) -> Result<bool, Torn> {
    match shared.look(pending.position) {
        // The call has not been made.
        Found::Claimed => Ok(true),
        Found::Done => {
            records.push(shared.read(pending.position).ok_or(Torn)?);
            shared.free(pending.position);
            Ok(false)
        }
        Found::Open if pending.was_open => {
            if is_blocked {
                let record = shared.read(pending.position).ok_or(Torn)?;
                // Nobody will finish the record of a thread that was killed.
                if look_at(format!("/proc/{}", record.thread).as_bytes()).is_err() {
                    shared.free(pending.position);
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Found::Open => {
            records.push(shared.read(pending.position).ok_or(Torn)?);
            pending.was_open = true;
            Ok(true)
        }
        Found::Garbage => Err(Torn),
    }
}

#[cfg(test)]
mod tests {
    use vt_tracker_abi::{Claim, Intent, Operation, Outcome};

    use super::*;

    const DONE: Outcome = Outcome {
        errno: 2,
        identity: None,
    };

    fn reader() -> Reader {
        Reader::new(Mapping::new().unwrap())
    }

    fn open(reader: &Reader, text: &[u8], thread: u32) -> Claim {
        let claim = reader.shared().claim().unwrap();
        let intent = Intent {
            operation: Operation::Probe,
            detail: 0,
            thread,
            session: 0,
            text,
            known: 0,
        };
        reader.shared().open(&claim, &intent);
        claim
    }

    /// What is read, each with whether it has an outcome.
    fn read(reader: &mut Reader) -> Result<Vec<(String, bool)>, Torn> {
        let mut records = Vec::new();
        let head = reader.head();
        while reader.read(head, &mut records)? {}
        let text = |record: &Record| String::from_utf8(record.text().to_vec()).unwrap();
        Ok(records
            .iter()
            .map(|record| (text(record), record.outcome.is_some()))
            .collect())
    }

    #[test]
    fn what_is_done_is_read_once_and_what_is_under_way_now_and_when_it_is_done() {
        let mut reader = reader();
        let first = open(&reader, b"/first", 1);
        let second = open(&reader, b"/second", 1);
        reader.shared().finish(second, &DONE);
        let _claimed = reader.shared().claim().unwrap();
        let expected = [("/first".to_owned(), false), ("/second".to_owned(), true)];
        assert_eq!(read(&mut reader).unwrap(), expected);
        assert_eq!(read(&mut reader).unwrap(), []);
        reader.shared().finish(first, &DONE);
        assert_eq!(read(&mut reader).unwrap(), [("/first".to_owned(), true)]);
        assert_eq!(read(&mut reader).unwrap(), []);
    }

    #[test]
    fn the_slot_of_a_dead_thread_is_given_up_when_it_is_in_the_way() {
        let mut reader = reader();
        // No thread has this number.
        let _dead = open(&reader, b"/dead", i32::MAX as u32);
        let alive = open(&reader, b"/alive", std::process::id());
        for round in 0..3 {
            while let Some(claim) = reader.shared().claim() {
                let intent = Intent {
                    operation: Operation::Probe,
                    detail: 0,
                    thread: 1,
                    session: 0,
                    text: b"/x",
                    known: 0,
                };
                reader.shared().open(&claim, &intent);
                reader.shared().finish(claim, &DONE);
            }
            let read = read(&mut reader).unwrap();
            assert!(read.len() <= SLOTS, "round {round}");
        }
        // The one that is alive is in the way still.
        assert!(reader.shared().claim().is_none());
        reader.shared().finish(alive, &DONE);
        assert_eq!(read(&mut reader).unwrap(), [("/alive".to_owned(), true)]);
        assert!(reader.shared().claim().is_some());
    }

    #[test]
    fn a_scribbled_memory_is_torn() {
        let mut reader = reader();
        let claim = open(&reader, b"/x", 1);
        reader.shared().finish(claim, &DONE);
        // Marks it as free for somebody who comes much later.
        reader.shared().free(7 * SLOTS as u64);
        assert_eq!(read(&mut reader), Err(Torn));
    }
}
