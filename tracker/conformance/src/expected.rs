//! What a path should be reported to have gone through.

use vt_tracker::{Change, Kind, PathHistory, Seen, State};

/// A way to look at a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Look {
    /// Its content was read, or could have been.
    Read,
    /// Its entries were listed.
    Listed,
    /// Its existence, kind or attributes were asked for.
    Probed,
    /// It was not there.
    Missed,
    /// It was crossed or read as a link.
    Link,
    /// It was executed.
    Executed,
    /// Access was refused.
    Denied,
}

/// Every way to look at a path, with what the tracker calls it.
pub const LOOKS: [Look; 7] = [
    Look::Read,
    Look::Listed,
    Look::Probed,
    Look::Missed,
    Look::Link,
    Look::Executed,
    Look::Denied,
];

impl Look {
    /// Whether the tracker has seen it.
    #[must_use]
    pub const fn is_in(self, seen: Seen) -> bool {
        match self {
            Self::Read => seen.read,
            Self::Listed => seen.listed,
            Self::Probed => seen.probed,
            Self::Missed => seen.missed,
            Self::Link => seen.link,
            Self::Executed => seen.executed,
            Self::Denied => seen.denied,
        }
    }
}

/// What was at a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum There {
    /// Nothing.
    Nothing,
    /// Something of a kind.
    Something(Kind),
    /// That can't be said: access was refused.
    Unknown,
}

impl There {
    /// What the tracker says was there.
    #[must_use]
    pub const fn of(state: State) -> Self {
        match state.kind() {
            Some(kind) => Self::Something(kind),
            None => Self::Nothing,
        }
    }

    /// Whether two accounts don't contradict each other.
    #[must_use]
    pub fn agrees(self, other: Self) -> bool {
        self == other || self == Self::Unknown || other == Self::Unknown
    }
}

/// A change that was tried and failed for a reason that can't be foreseen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Attempt {
    /// The change.
    pub change: Change,
    /// The name of the call.
    pub call: String,
    /// The name of the error.
    pub error: String,
}

/// What a path should be reported to have gone through.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Expected {
    /// What was there at the first access.
    pub first: There,
    /// The looks before the bytes were changed, each once, in order.
    pub looks: Vec<Look>,
    /// Whether it was listed at any time.
    pub is_listed: bool,
    /// The changes, each once, in the order of their first occurrence.
    pub changes: Vec<Change>,
    /// What was there before the first of them.
    pub before_change: Option<There>,
    /// Whether the first of them needed nothing to be there.
    pub is_exclusive: bool,
    /// Changes that failed.
    pub attempts: Vec<Attempt>,
    /// Looks that may be reported or not: the call failed, and how far it had come can't be said.
    pub tolerated: Vec<Look>,
    /// What the first account of the path was, for a reader of a difference.
    pub origin: String,
}

impl Expected {
    /// Nothing has happened to it yet.
    #[must_use]
    pub const fn new(first: There, origin: String) -> Self {
        Self {
            first,
            looks: Vec::new(),
            is_listed: false,
            changes: Vec::new(),
            before_change: None,
            is_exclusive: false,
            attempts: Vec::new(),
            tolerated: Vec::new(),
            origin,
        }
    }

    /// Whether there is anything that has to be reported.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        !self.looks.is_empty() || !self.changes.is_empty() || self.is_listed
    }

    fn has_changed_bytes(&self) -> bool {
        self.changes
            .iter()
            .any(|change| *change != Change::Metadata)
    }

    /// Adds a look.
    pub fn look(&mut self, look: Look) {
        self.is_listed |= look == Look::Listed;
        if !self.has_changed_bytes() && !self.looks.contains(&look) {
            self.looks.push(look);
        }
    }

    /// Adds a change of what was there.
    pub fn change(&mut self, change: Change, there: There, is_exclusive: bool) {
        if self.changes.is_empty() {
            self.before_change = Some(there);
            self.is_exclusive = is_exclusive;
        }
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }
}

/// The looks that the tracker reported.
#[must_use]
pub fn looks_of(history: &PathHistory) -> Vec<Look> {
    LOOKS
        .into_iter()
        .filter(|look| look.is_in(history.seen_before))
        .collect()
}
