//! The memory that the preload writes and the supervisor reads: what was looked at, without a stop.
//!
//! It is mapped by every process of a tree, and each of them can be killed at any instruction, or
//! scribble over it. So nothing here waits for anybody: a slot that was claimed and never finished
//! costs that slot and nothing else, and the reader believes nothing it has not checked.
//!
//! **Only looks go through here.** A change of a path always stops at the supervisor, which reads
//! this memory first. Looks do not depend on each other, so their order among themselves does not
//! matter, and each stands on the right side of every change: a slot is claimed before the call
//! and finished after it, and one that is open when a change arrives counts as being before it.
//!
//! Everything is an atomic, the text too: two processes may touch the same word at the same time,
//! and that has to be a wrong record at worst.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::state::Identity;

/// Where the page with the one instruction lies that the filter lets pass.
///
/// The address is part of the filter, which outlives every `execve`; so it has to be the same in
/// every process. Below 4 GiB, where neither the loader nor `mmap` puts anything by itself.
pub const GATE: usize = 0x7000_1000;
/// What stands at [`GATE`]: `syscall; ret`.
pub const GATE_CODE: [u8; 3] = [0x0f, 0x05, 0xc3];
/// Where the instruction pointer stands when the kernel looks at a call made there.
pub const GATE_RETURN: usize = GATE + 2;

/// Says that the memory is what it is taken for: `vttrack` and the version of the layout.
pub const MAGIC: u64 = u64::from_le_bytes(*b"vttrack\x02");

/// How many slots there are.
pub const SLOTS: usize = 4096;
/// The size of one slot in bytes.
const SLOT_BYTES: usize = 512;
/// How many words of a slot are facts, the first being its state.
const FACTS: usize = 10;
/// The longest text that fits a slot, in bytes.
pub const LONGEST_TEXT: usize = SLOT_BYTES - 8 * FACTS;
const TEXT_WORDS: usize = LONGEST_TEXT / 8;
/// How many calls are remembered as reported already.
const REMEMBERED: usize = 1 << 16;
/// How many of them share a place, so that two that are made in turn do not drive out each other.
/// As many as fit a line of the cache.
const TOGETHER: usize = 4;

/// What a process did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Operation {
    /// Opened for reading; the detail is the flags.
    Open = 1,
    /// Asked for attributes or permissions, following a link at the end.
    Probe = 2,
    /// Asked for attributes of a link itself.
    ProbeKept = 3,
    /// Asked for the text of a link.
    ReadLink = 4,
    /// Listed a directory.
    List = 5,
    /// Asked for an environment variable: the text is its name, not a path.
    Variable = 6,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::Open,
        Self::Probe,
        Self::ProbeKept,
        Self::ReadLink,
        Self::List,
        Self::Variable,
    ];
}

/// What a record says before the call is made.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'t> {
    /// What is about to be done.
    pub operation: Operation,
    /// The flags, for [`Operation::Open`].
    pub detail: u32,
    /// The thread.
    pub thread: u32,
    /// The session the process belongs to; 0 is the tree's own.
    pub session: u32,
    /// The name, made absolute.
    pub text: &'t [u8],
    /// How many bytes of the name are a real path already.
    pub known: u16,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The error number; 0 if it succeeded.
    pub errno: u16,
    /// What was found, if it succeeded and could be asked.
    pub identity: Option<Identity>,
}

/// One claimed slot.
#[repr(C, align(512))]
struct Slot {
    /// The position it is used for, and [`Phase`].
    state: AtomicU64,
    facts: [AtomicU64; FACTS - 1],
    text: [AtomicU64; TEXT_WORDS],
}

/// How far the use of a slot has come. Stored in the low bits of its state, above which stands the
/// position it is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Free = 0,
    Open = 1,
    Done = 2,
}

const fn state(position: u64, phase: Phase) -> u64 {
    position << 2 | phase as u64
}

impl Slot {
    /// What a state is stored less of: the state in which the slot at an index starts. So all
    /// zeroes are that state, and what is never used is never touched.
    const fn start(index: usize) -> u64 {
        state(index as u64, Phase::Free)
    }
}

/// The memory. All zeroes is a valid one in which nothing is claimed and [`Shared::prepare`] has
/// not been called.
#[repr(C)]
pub struct Shared {
    magic: AtomicU64,
    token: [AtomicU64; 2],
    flags: AtomicU64,
    names: AtomicU64,
    directories: AtomicU64,
    /// Keeps the word that every writer changes away from those that every caller reads.
    apart: [AtomicU64; 58],
    head: AtomicU64,
    rest: [AtomicU64; 511 - 64],
    remembered: [[[AtomicU64; 2]; TOGETHER]; REMEMBERED / TOGETHER],
    slots: [Slot; SLOTS],
}

const CLOSED: u64 = 1;
const DIRECTORIES_DIFFER: u64 = 2;
const MEMORY_APART: u64 = 4;

/// A position in the stream of records, claimed by this writer.
#[derive(Debug)]
pub struct Claim(u64);

/// What a reader finds at a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// What stands there can't have been written by the functions of this type.
    Garbage,
    /// It is claimed, and the call has not been made yet.
    Claimed,
    /// The call may or may not have been made.
    Open,
    /// The call was made.
    Done,
}

/// A record as the reader copies it out.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was done.
    pub operation: Operation,
    /// The flags, for [`Operation::Open`].
    pub detail: u32,
    /// The thread.
    pub thread: u32,
    /// The session.
    pub session: u32,
    /// How many bytes of the text are a real path already.
    pub known: usize,
    /// How long the text is.
    pub length: usize,
    /// The text.
    pub text: [u8; LONGEST_TEXT],
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

impl Record {
    /// The name, or whatever the text is.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// What the kernel is about to be asked, in 128 bits; see [`Shared::recall`].
pub type Tag = u128;

/// How a call ended, roughly: what a repetition of it has to agree in to need no new record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Rough {
    /// It succeeded.
    Found = 1,
    /// There was nothing.
    Missing = 2,
    /// It failed otherwise.
    Failed = 3,
}

/// How a call ended when it was last reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recalled {
    /// How, roughly.
    pub rough: Rough,
    /// A part of [`Identity::mark`] of what it found; 0 if that was not asked.
    mark: u32,
}

impl Recalled {
    /// Whether what a repetition found, as far as it shows that, is what was found then.
    #[must_use]
    pub fn is_of(&self, found: Option<&Identity>) -> bool {
        found.is_none_or(|found| self.mark == 0 || self.mark == part(Some(found)))
    }
}

/// As much of a mark as is remembered; 0 of nothing.
fn part(found: Option<&Identity>) -> u32 {
    found.map_or(0, |found| (found.mark().get() >> 32) as u32 | 1)
}

/// How many bits of what is remembered say how a call ended: [`Rough`], and a part of the mark.
const ENDING_BITS: u32 = 2 + 32;

#[cfg(test)]
impl Slot {
    const fn zero() -> Self {
        Self {
            state: AtomicU64::new(0),
            facts: [const { AtomicU64::new(0) }; FACTS - 1],
            text: [const { AtomicU64::new(0) }; TEXT_WORDS],
        }
    }
}

#[cfg(test)]
impl Shared {
    const fn zero() -> Self {
        Self {
            magic: AtomicU64::new(0),
            token: [const { AtomicU64::new(0) }; 2],
            flags: AtomicU64::new(0),
            names: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            apart: [const { AtomicU64::new(0) }; 58],
            head: AtomicU64::new(0),
            rest: [const { AtomicU64::new(0) }; 511 - 64],
            remembered: [const { [const { [const { AtomicU64::new(0) }; 2] }; TOGETHER] };
                REMEMBERED / TOGETHER],
            slots: [const { Slot::zero() }; SLOTS],
        }
    }
}

impl Shared {
    /// The size in bytes.
    pub const SIZE: usize = size_of::<Self>();

    /// Makes it usable. To be called once, on all zeroes, before anybody else maps it. Of the slots
    /// nothing is touched: most runs use few, and each page costs.
    pub fn prepare(&self, token: [u64; 2]) {
        for (word, value) in self.token.iter().zip(token) {
            word.store(value, Ordering::Relaxed);
        }
        self.magic.store(MAGIC, Ordering::Release);
    }

    /// Whether this is the memory that somebody was told of, in this layout.
    #[must_use]
    pub fn is(&self, token: [u64; 2]) -> bool {
        self.magic.load(Ordering::Acquire) == MAGIC && self.token() == token
    }

    /// What only those know who were told of it.
    #[must_use]
    pub fn token(&self) -> [u64; 2] {
        let word = |index: usize| self.token[index].load(Ordering::Relaxed);
        [word(0), word(1)]
    }

    /// Tells everybody to go the slow way from now on.
    pub fn close(&self) {
        self.flags.fetch_or(CLOSED, Ordering::SeqCst);
    }

    /// Tells everybody that threads of one process have different current directories.
    pub fn tell_directories_differ(&self) {
        self.flags.fetch_or(DIRECTORIES_DIFFER, Ordering::SeqCst);
    }

    /// Tells everybody that no process has memory in common with another one that has another
    /// current directory. Whoever does has to see to it that this stays so.
    pub fn tell_memory_apart(&self) {
        self.flags.fetch_or(MEMORY_APART, Ordering::SeqCst);
    }

    /// Tells everybody that this may no longer be so. To be called before the directory changes.
    pub fn tell_memory_shared(&self) {
        self.flags.fetch_and(!MEMORY_APART, Ordering::SeqCst);
    }

    /// Whether what a process remembers of its current directory is true for all that have its
    /// memory. To be asked after [`Shared::directories`].
    #[must_use]
    pub fn is_memory_apart(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & MEMORY_APART != 0
    }

    /// Which state the names of directories and links are in. It changes with each removal or
    /// renaming of one. `None` while one is under way, and once the memory is closed: then every
    /// call has to stop.
    #[must_use]
    pub fn names(&self) -> Option<u64> {
        let names = self.names.load(Ordering::SeqCst);
        let is_open = self.flags.load(Ordering::SeqCst) & CLOSED == 0;
        (is_open && names.is_multiple_of(2)).then_some(names)
    }

    /// Which state current directories are in. It changes whenever a process changes its own.
    /// `None` while one is about to: then a relative name has to stop.
    #[must_use]
    pub fn directories(&self) -> Option<u64> {
        let directories = self.directories.load(Ordering::SeqCst);
        let is_common = self.flags.load(Ordering::SeqCst) & DIRECTORIES_DIFFER == 0;
        (is_common && directories.is_multiple_of(2)).then_some(directories)
    }

    /// Says whether a removal or renaming of a directory or link is under way.
    pub fn set_names_unsettled(&self, is_unsettled: bool) {
        set_odd(&self.names, is_unsettled);
    }

    /// Says whether a process is about to change its current directory.
    pub fn set_directories_unsettled(&self, is_unsettled: bool) {
        set_odd(&self.directories, is_unsettled);
    }

    /// How the same call ended when it was last reported, if it was.
    ///
    /// The tag must cover everything that decides what the call means: the operation, the name
    /// made absolute, the session, and [`Shared::names`].
    #[must_use]
    pub fn recall(&self, tag: Tag) -> Option<Recalled> {
        let mut found = self.places(tag).iter().map(whole);
        let found = found.find(|found| is_of(*found, tag))?;
        let rough = match found & 3 {
            1 => Rough::Found,
            2 => Rough::Missing,
            3 => Rough::Failed,
            _ => return None,
        };
        let mark = (found >> 2) as u32;
        Some(Recalled { rough, mark })
    }

    /// Remembers that a call was reported, how it ended and what it found. To be called when its
    /// record is finished.
    pub fn remember(&self, tag: Tag, rough: Rough, found: Option<&Identity>) {
        let places = self.places(tag);
        // Where it is, or else where nothing is, or else anywhere.
        let known = places.iter().find(|place| is_of(whole(place), tag));
        let free = || places.iter().find(|place| whole(place) == 0);
        let any = &places[(tag >> 32) as usize % TOGETHER];
        let [low, high] = known.or_else(free).unwrap_or(any);
        let ending = u128::from(part(found)) << 2 | rough as u128;
        let whole = tag >> ENDING_BITS << ENDING_BITS | ending;
        low.store(whole as u64, Ordering::Relaxed);
        high.store((whole >> 64) as u64, Ordering::Relaxed);
    }

    /// Where a tag can be remembered.
    fn places(&self, tag: Tag) -> &[[AtomicU64; 2]; TOGETHER] {
        &self.remembered[(tag >> 64) as usize % (REMEMBERED / TOGETHER)]
    }

    /// Claims a slot. `None` if the next one is still in use: the call has to stop, and the
    /// supervisor, which then reads what there is, frees it.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        let mut position = self.head.load(Ordering::Relaxed);
        loop {
            let found = self.load(position, Ordering::Acquire);
            if found < state(position, Phase::Free) {
                return None;
            }
            if found == state(position, Phase::Free) {
                match self.head.compare_exchange_weak(
                    position,
                    position + 1,
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return Some(Claim(position)),
                    Err(other) => position = other,
                }
            } else {
                // Somebody was faster; unless the word was scribbled over.
                let other = self.head.load(Ordering::Relaxed);
                if other == position {
                    return None;
                }
                position = other;
            }
        }
    }

    /// Writes down what is about to be done. The text must not be longer than [`LONGEST_TEXT`];
    /// what goes beyond is cut.
    pub fn open(&self, claim: &Claim, intent: &Intent<'_>) {
        let slot = self.slot(claim.0);
        let length = intent.text.len().min(LONGEST_TEXT);
        let set = |index: usize, value: u64| slot.facts[index].store(value, Ordering::Relaxed);
        let packed =
            intent.operation as u64 | u64::from(intent.known) << 16 | (length as u64) << 32;
        set(0, packed);
        set(
            1,
            u64::from(intent.thread) | u64::from(intent.session) << 32,
        );
        set(2, u64::from(intent.detail));
        for (word, bytes) in slot.text.iter().zip(intent.text.chunks(8)) {
            let mut whole = [0; 8];
            for (to, from) in whole.iter_mut().zip(bytes) {
                *to = *from;
            }
            word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
        }
        // Sequentially consistent, because the call that follows must not be made before this can
        // be seen.
        self.store(claim.0, state(claim.0, Phase::Open), Ordering::SeqCst);
    }

    /// Writes down how it ended.
    pub fn finish(&self, claim: Claim, outcome: &Outcome) {
        let slot = self.slot(claim.0);
        let set = |index: usize, value: u64| slot.facts[index].store(value, Ordering::Relaxed);
        let mode = match &outcome.identity {
            None => 0,
            Some(identity) => {
                set(3, identity.dev);
                set(4, identity.ino);
                set(5, identity.size);
                set(6, identity.mtime_ns.cast_unsigned());
                set(7, identity.ctime_ns.cast_unsigned());
                identity.mode
            }
        };
        set(8, u64::from(outcome.errno) | u64::from(mode) << 32);
        self.store(claim.0, state(claim.0, Phase::Done), Ordering::Release);
    }

    /// The position that the next writer claims.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    /// What is at a position below [`Shared::head`] that has not been freed yet.
    #[must_use]
    pub fn look(&self, position: u64) -> Found {
        let found = self.load(position, Ordering::SeqCst);
        if found >> 2 != position {
            return Found::Garbage;
        }
        match found & 3 {
            0 => Found::Claimed,
            1 => Found::Open,
            2 => Found::Done,
            _ => Found::Garbage,
        }
    }

    /// Copies out a record that is open or done. `None` if what stands there can't be one.
    #[must_use]
    pub fn read(&self, position: u64) -> Option<Record> {
        let slot = self.slot(position);
        let is_done = self.look(position) == Found::Done;
        let get = |index: usize| slot.facts[index].load(Ordering::Relaxed);
        let (packed, who, last) = (get(0), get(1), get(8));
        let (known, length) = ((packed >> 16) as u16, (packed >> 32) as usize);
        let operation = Operation::ALL
            .into_iter()
            .find(|operation| *operation as u8 == packed as u8)?;
        if length > LONGEST_TEXT || usize::from(known) > length {
            return None;
        }
        let mut text = [0; LONGEST_TEXT];
        for (bytes, word) in text.chunks_mut(8).zip(&slot.text).take(length.div_ceil(8)) {
            let whole = word.load(Ordering::Relaxed).to_le_bytes();
            bytes.copy_from_slice(&whole[..bytes.len()]);
        }
        let mode = (last >> 32) as u32;
        let identity = (mode != 0).then(|| Identity {
            dev: get(3),
            ino: get(4),
            size: get(5),
            mtime_ns: get(6).cast_signed(),
            ctime_ns: get(7).cast_signed(),
            mode,
        });
        Some(Record {
            operation,
            detail: get(2) as u32,
            thread: who as u32,
            session: (who >> 32) as u32,
            known: usize::from(known),
            length,
            text,
            outcome: is_done.then_some(Outcome {
                errno: last as u16,
                identity,
            }),
        })
    }

    /// Gives a slot to whoever comes around next. Its record has to be done, or its writer dead.
    pub fn free(&self, position: u64) {
        let next = state(position + SLOTS as u64, Phase::Free);
        self.store(position, next, Ordering::Release);
    }

    fn slot(&self, position: u64) -> &Slot {
        &self.slots[position as usize % SLOTS]
    }

    fn load(&self, position: u64, ordering: Ordering) -> u64 {
        let start = Slot::start(position as usize % SLOTS);
        self.slot(position).state.load(ordering).wrapping_add(start)
    }

    fn store(&self, position: u64, state: u64, ordering: Ordering) {
        let start = Slot::start(position as usize % SLOTS);
        self.slot(position)
            .state
            .store(state.wrapping_sub(start), ordering);
    }
}

/// Whether what is remembered in a place is about a tag.
const fn is_of(remembered: u128, tag: Tag) -> bool {
    remembered >> ENDING_BITS == tag >> ENDING_BITS
}

fn whole([low, high]: &[AtomicU64; 2]) -> u128 {
    let (low, high) = (low.load(Ordering::Relaxed), high.load(Ordering::Relaxed));
    u128::from(high) << 64 | u128::from(low)
}

fn set_odd(word: &AtomicU64, odd: bool) {
    let now = word.load(Ordering::SeqCst);
    if now.is_multiple_of(2) == odd {
        word.store(now.wrapping_add(1), Ordering::SeqCst);
    } else if odd {
        // One more while one is under way: it has to be another state when all are done.
        word.store(now.wrapping_add(2), Ordering::SeqCst);
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
