//! What the tracker should report: a history of each path.

use std::collections::{BTreeMap, BTreeSet};

/// A way to look at a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Look {
    /// The content was read.
    Read,
    /// The names were listed.
    List,
    /// Existence, kind or attributes were asked for.
    Probe,
    /// It was not there.
    Miss,
    /// The text of the link counted.
    Link,
    /// It could not be reached.
    Denied,
}

/// A way to change a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Change {
    /// Without need of old bytes.
    Fresh,
    /// With old bytes kept.
    Keeps,
    /// With old bytes kept in front.
    Append,
    /// Attributes only.
    Metadata,
    /// Gone.
    Delete,
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Nothing.
    Missing,
    /// A file of so many bytes.
    File(usize),
    /// A directory.
    Directory,
    /// A link.
    Link,
}

/// The bytes that a path had before they were first changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Start {
    /// Nobody could have depended on them.
    #[default]
    NotTaken,
    /// These.
    Bytes(Vec<u8>),
}

/// What one path should have gone through.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What was there at the first access; several if it can't be said which one that was.
    pub first: Vec<What>,
    /// How it was looked at before its bytes were first changed.
    pub seen: BTreeSet<Look>,
    /// How it may have been looked at besides.
    pub perhaps: BTreeSet<Look>,
    /// Sets of looks of which one at least was made.
    pub one_of: Vec<BTreeSet<Look>>,
    /// Whether it was listed at any time.
    pub listed: bool,
    /// The changes, each once, in the order of their first occurrence.
    pub changes: Vec<Change>,
    /// What was there before the first change.
    pub before_change: Option<What>,
    /// The bytes before they were first changed.
    pub start: Start,
    /// Whether the first change needed the path to be free.
    pub exclusive: bool,
    changed_by: Option<(usize, u64)>,
}

impl History {
    /// Whether something certain is known of the path, so that it can't be missing in a report.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.listed || !(self.seen.is_empty() && self.changes.is_empty() && self.one_of.is_empty())
    }

    fn has_changed_bytes(&self) -> bool {
        self.changes
            .iter()
            .any(|change| *change != Change::Metadata)
    }

    fn found(&mut self, what: What) {
        if !self.is_certain() {
            self.first.push(what);
        }
    }
}

/// A change of a path.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) change: Change,
    pub(crate) before: What,
    /// The bytes at the path, if they are worth a digest when somebody depended on them.
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) exclusive: bool,
}

/// The histories of all paths, by path relative to the room.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    /// The histories.
    pub paths: BTreeMap<String, History>,
    thread: usize,
    calls: u64,
    last_calls: BTreeMap<usize, u64>,
}

impl Chronicle {
    /// Notes that a thread does something; what is noted from now on is its doing.
    pub(crate) fn begin(&mut self, thread: usize) {
        self.thread = thread;
        self.calls += 1;
        self.last_calls.insert(thread, self.calls);
    }

    /// Notes a look at a path.
    pub(crate) fn look(&mut self, path: &str, look: Look, what: What) {
        let is_unsettled = self.is_unsettled(path);
        let history = self.paths.entry(path.to_owned()).or_default();
        history.found(what);
        if !history.has_changed_bytes() {
            history.seen.insert(look);
        } else if is_unsettled {
            history.perhaps.insert(look);
        }
        history.listed |= look == Look::List;
    }

    /// Notes that one of several looks was made, and no other.
    pub(crate) fn look_somehow(&mut self, path: &str, looks: &[Look], what: What) {
        let is_unsettled = self.is_unsettled(path);
        let history = self.paths.entry(path.to_owned()).or_default();
        history.found(what);
        if !history.has_changed_bytes() {
            history.one_of.push(looks.iter().copied().collect());
        } else if is_unsettled {
            history.perhaps.extend(looks);
        }
    }

    /// Notes looks that may be reported although nothing depended on them.
    pub(crate) fn look_perhaps(&mut self, path: &str, looks: &[Look], what: What) {
        let is_unsettled = self.is_unsettled(path);
        let history = self.paths.entry(path.to_owned()).or_default();
        history.found(what);
        if !history.has_changed_bytes() || is_unsettled {
            history.perhaps.extend(looks);
        }
    }

    /// Notes a change of a path.
    pub(crate) fn change(&mut self, path: &str, changed: Changed) {
        let (thread, calls) = (self.thread, self.calls);
        let history = self.paths.entry(path.to_owned()).or_default();
        history.found(changed.before);
        let change = changed.change;
        if history.changes.is_empty() {
            history.before_change = Some(changed.before);
            history.exclusive = changed.exclusive;
        }
        if !history.has_changed_bytes() && change != Change::Metadata {
            history.changed_by = Some((thread, calls));
            let is_kept = matches!(change, Change::Keeps | Change::Append);
            let was_seen = match change {
                Change::Fresh => [Look::Read, Look::Probe].as_slice(),
                _ => &[Look::Read],
            };
            if let Some(bytes) = changed.bytes
                && (is_kept || was_seen.iter().any(|look| history.seen.contains(look)))
            {
                history.start = Start::Bytes(bytes);
            }
        }
        if !history.changes.contains(&change) {
            history.changes.push(change);
        }
    }

    /// Whether the first change of a path may still be under way as far as can be told: who made
    /// it was not heard of since, and somebody else looks. A look then counts as before it, unless
    /// the disk shows that it is done; whether it does is up to its clock.
    fn is_unsettled(&self, path: &str) -> bool {
        let Some(history) = self.paths.get(path) else {
            return false;
        };
        let Some((thread, call)) = history.changed_by else {
            return false;
        };
        thread != self.thread && self.last_calls.get(&thread) == Some(&call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: Change) -> Changed {
        Changed {
            change,
            before: What::File(1),
            bytes: Some(b"x".to_vec()),
            exclusive: false,
        }
    }

    #[test]
    fn looks_after_a_change_of_bytes_do_not_count_and_after_one_of_attributes_do() {
        let mut chronicle = Chronicle::default();
        chronicle.begin(0);
        chronicle.change("a", changed(Change::Metadata));
        chronicle.look("a", Look::Read, What::File(1));
        chronicle.change("a", changed(Change::Fresh));
        chronicle.look("a", Look::Probe, What::File(0));
        let history = &chronicle.paths["a"];
        assert_eq!(history.seen, [Look::Read].into());
        assert_eq!(history.changes, [Change::Metadata, Change::Fresh]);
        assert_eq!(history.start, Start::Bytes(b"x".to_vec()));
    }

    #[test]
    fn a_look_by_another_thread_right_after_a_change_may_count() {
        let mut chronicle = Chronicle::default();
        chronicle.begin(0);
        chronicle.change("a", changed(Change::Keeps));
        chronicle.begin(1);
        chronicle.look("a", Look::Read, What::File(1));
        assert_eq!(chronicle.paths["a"].perhaps, [Look::Read].into());
        assert_eq!(chronicle.paths["a"].seen, [].into());
    }
}
