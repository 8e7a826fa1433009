//! Reads what the processes of a tree wrote down themselves.

use vt_tracker_abi::{Found, Record, SLOTS, Shared};

use crate::system::mapping::Mapping;
use crate::system::place::look_at;

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

    /// Takes over what was written since the last time, into `records`. A call that is under way
    /// is handed out without an outcome, and once more when it has one.
    pub(crate) fn read(&mut self, records: &mut Vec<Record>) -> Result<(), Torn> {
        let head = self.mapping.head();
        if head == self.tail && self.pending.is_empty() {
            return Ok(());
        }
        if head < self.tail || head - self.tail > SLOTS as u64 {
            return Err(Torn);
        }
        let is_blocked = self
            .pending
            .first()
            .is_some_and(|oldest| oldest.position + SLOTS as u64 <= head);
        let new = (self.tail..head).map(|position| Pending {
            position,
            was_open: false,
        });
        self.pending.extend(new);
        self.tail = head;
        let shared: &Shared = &self.mapping;
        let mut result = Ok(());
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
