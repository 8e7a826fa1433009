//! What the tracker reported against what it should have.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use vt_tracker as tracker;
use vt_tracker::{PathHistory, StartDigest, State, Trace};

use super::chronicle::{Change, Chronicle, History, Look, Start, What};

/// One sentence for each difference.
#[must_use]
pub fn differences(chronicle: &Chronicle, trace: &Trace, room: &Path) -> Vec<String> {
    let mut found: Vec<String> = trace
        .completeness
        .0
        .iter()
        .map(|reason| format!("the trace is blind: {reason}"))
        .collect();
    let inside = |path: &Path| {
        let rest = path.strip_prefix(room).ok()?;
        Some(String::from_utf8_lossy(rest.as_os_str().as_bytes()).into_owned())
    };
    for (path, history) in &trace.paths {
        let Some(path) = inside(path) else { continue };
        match chronicle.paths.get(&path) {
            Some(expected) => found.extend(
                compare(expected, history)
                    .into_iter()
                    .map(|difference| format!("`{path}`: {difference}")),
            ),
            None => found.push(format!(
                "`{path}`: expected nothing, got {:?}, then {:?}",
                looks(history),
                history.changes
            )),
        }
    }
    for (path, expected) in &chronicle.paths {
        // What lies in the room itself has the name of the room.
        let place = if path.is_empty() {
            room.to_owned()
        } else {
            room.join(path)
        };
        if expected.is_certain() && !trace.paths.contains_key(&place) {
            found.push(format!("`{path}`: expected {}, got nothing", say(expected)));
        }
    }
    found
}

fn compare(expected: &History, actual: &PathHistory) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, expected: String, actual: String| {
        found.push(format!("{what}: expected {expected}, got {actual}"));
    };
    let first = what(&actual.first);
    if !expected.first.iter().any(|what| first.as_ref() == Ok(what)) {
        differ(
            "first state",
            format!("{:?}", expected.first),
            format!("{first:?}"),
        );
    }
    let seen = looks(actual);
    let allowed: BTreeSet<Look> = expected
        .seen
        .iter()
        .chain(&expected.perhaps)
        .chain(expected.one_of.iter().flatten())
        .copied()
        .collect();
    let is_one_of = |looks: &BTreeSet<Look>| looks.iter().any(|look| seen.contains(look));
    if !expected.seen.is_subset(&seen)
        || !seen.is_subset(&allowed)
        || !expected.one_of.iter().all(is_one_of)
    {
        differ(
            "looks before the change",
            say(expected),
            format!("{seen:?}"),
        );
    }
    let may_list = allowed.contains(&Look::List);
    if expected.listed != actual.listed && !(actual.listed && may_list) {
        differ(
            "listed",
            expected.listed.to_string(),
            actual.listed.to_string(),
        );
    }
    let changes: Vec<Change> = actual.changes.iter().map(change).collect();
    if expected.changes != changes {
        differ(
            "changes",
            format!("{:?}", expected.changes),
            format!("{changes:?}"),
        );
    }
    let before = actual.before_change.as_ref().map(what).transpose();
    if before != Ok(expected.before_change) {
        differ(
            "state before the change",
            format!("{:?}", expected.before_change),
            format!("{before:?}"),
        );
    }
    if expected.exclusive != actual.created_exclusively {
        differ(
            "exclusive",
            expected.exclusive.to_string(),
            actual.created_exclusively.to_string(),
        );
    }
    let start = match &expected.start {
        Start::NotTaken => StartDigest::NotTaken,
        Start::Bytes(bytes) => StartDigest::Sha256(Sha256::digest(bytes).into()),
    };
    // A look that may count may make the bytes count; and the text of a link is known to the story of
    // it alone.
    let is_link = expected.before_change == Some(What::Link);
    let may_count = [Look::Read, Look::Probe].iter().any(|look| {
        let in_one = expected.one_of.iter().any(|looks| looks.contains(look));
        expected.perhaps.contains(look) || in_one
    });
    if start != actual.start_digest && !is_link && !may_count {
        differ(
            "bytes before the change",
            format!("{:?}", expected.start),
            format!("{:?}", actual.start_digest),
        );
    }
    found
}

fn say(history: &History) -> String {
    let mut text = format!("{:?}", history.seen);
    if !history.one_of.is_empty() {
        let _ = write!(text, ", one of {:?}", history.one_of);
    }
    if !history.perhaps.is_empty() {
        let _ = write!(text, ", perhaps {:?}", history.perhaps);
    }
    if !history.changes.is_empty() {
        let _ = write!(text, ", then {:?}", history.changes);
    }
    text
}

fn looks(history: &PathHistory) -> BTreeSet<Look> {
    let seen = &history.seen_before;
    [
        (seen.read, Look::Read),
        (seen.listed, Look::List),
        (seen.probed, Look::Probe),
        (seen.missed, Look::Miss),
        (seen.link, Look::Link),
        (seen.denied, Look::Denied),
    ]
    .into_iter()
    .filter(|(is, _)| *is)
    .map(|(_, look)| look)
    .collect()
}

fn change(change: &tracker::Change) -> Change {
    match change {
        tracker::Change::Fresh => Change::Fresh,
        tracker::Change::Keeps => Change::Keeps,
        tracker::Change::Append => Change::Append,
        tracker::Change::Metadata => Change::Metadata,
        tracker::Change::Delete => Change::Delete,
    }
}

fn what(state: &State) -> Result<What, String> {
    match state {
        State::Missing => Ok(What::Missing),
        State::Present { kind, identity } => match kind {
            tracker::Kind::File => usize::try_from(identity.size)
                .map(What::File)
                .map_err(|error| error.to_string()),
            tracker::Kind::Directory => Ok(What::Directory),
            tracker::Kind::Link => Ok(What::Link),
            tracker::Kind::Other => Err("neither file nor directory nor link".into()),
        },
    }
}
