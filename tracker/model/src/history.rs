//! What one path went through.

use vt_tracker_abi::{Access, Change, Creation, Event, Look, Order, StartDigest, State};

/// The ways a path was looked at before the tree changed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Its content was read, or could have been.
    pub read: bool,
    /// Its entries were listed.
    pub listed: bool,
    /// Its existence, kind or attributes were asked for.
    pub probed: bool,
    /// It was looked for and not there.
    pub missed: bool,
    /// Its link text was read, or it was crossed as a link.
    pub link: bool,
    /// It was executed.
    pub executed: bool,
    /// Access was refused.
    pub denied: bool,
}

impl Seen {
    const fn add(&mut self, look: Look) {
        let flag = match look {
            Look::Read => &mut self.read,
            Look::List => &mut self.listed,
            Look::Probe => &mut self.probed,
            Look::Miss => &mut self.missed,
            Look::Link => &mut self.link,
            Look::Execute => &mut self.executed,
            Look::Denied => &mut self.denied,
        };
        *flag = true;
    }

    /// Whether it was looked at in any way.
    #[must_use]
    pub const fn any(self) -> bool {
        self.read
            || self.listed
            || self.probed
            || self.missed
            || self.link
            || self.executed
            || self.denied
    }
}

/// What one path went through. Paths are real paths at the time of access.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathHistory {
    /// What was there at the first access of any kind.
    pub first: State,
    /// How it was looked at before the tree first changed it otherwise than in its attributes.
    pub seen_before: Seen,
    /// Whether its entries were listed at any time: others put entries into a directory too,
    /// whoever made it.
    pub listed: bool,
    /// Whether a look, before the tree changed it at all, found something else there than a look
    /// before that.
    pub replaced: bool,
    /// The kinds of change, each once, in the order of their first occurrence.
    pub changes: Vec<Change>,
    /// What was there just before the first change.
    pub before_change: Option<State>,
    /// The bytes just before they were first changed, if they had been read or were kept.
    pub start_digest: StartDigest,
    /// Whether the first change would have failed had there been something already.
    pub created_exclusively: bool,
}

impl PathHistory {
    pub(crate) fn new(access: &Access<'_>) -> Self {
        let mut history = Self {
            first: access.state,
            seen_before: Seen::default(),
            listed: false,
            replaced: false,
            changes: Vec::new(),
            before_change: None,
            start_digest: StartDigest::NotTaken,
            created_exclusively: false,
        };
        history.add(access);
        history
    }

    pub(crate) fn add(&mut self, access: &Access<'_>) {
        match access.event {
            Event::Looked { look, order } => {
                if !self.has_changed_bytes() || order == Order::BeforeFirstChange {
                    self.seen_before.add(look);
                }
                self.listed |= matches!(look, Look::List);
            }
            Event::Replaced => self.replaced = true,
            Event::Changed {
                change,
                start,
                creation,
            } => {
                if self.changes.is_empty() {
                    self.before_change = Some(access.state);
                    self.created_exclusively = creation == Creation::Exclusive;
                }
                // An earlier digest is the older one: what came later digested changed bytes.
                if self.start_digest == StartDigest::NotTaken && !self.has_changed_bytes() {
                    self.start_digest = start;
                }
                if !self.changes.contains(&change) {
                    self.changes.push(change);
                }
            }
        }
    }

    fn has_changed_bytes(&self) -> bool {
        self.changes.iter().any(|change| change.touches_bytes())
    }
}
