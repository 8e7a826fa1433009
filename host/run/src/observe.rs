//! Translates what the tracker saw into the words of the fingerprint.

use vt_base::{AbsPath, Digest};
use vt_fingerprint::{
    Change, ChangeKind, NodeKind, Observation, PathFacts, Seen, StartBytes, StatRow, StateSeen,
    in_repository,
};
use vt_tracker::{self as tracker, Kind, PathHistory, StartDigest, Trace};

/// What a trace says about a workspace.
pub(crate) struct Observed {
    pub(crate) observation: Observation,
    /// What the trace holds that can't be judged, for people.
    pub(crate) unjudged: Vec<String>,
}

/// Sorts a trace into inside and outside.
pub(crate) fn observe(trace: &Trace, root: &AbsPath) -> Observed {
    let mut observation = Observation::default();
    let mut unjudged = Vec::new();
    for (path, history) in &trace.paths {
        let Ok(path) = AbsPath::new(path) else {
            unjudged.push(format!("`{}` is not an absolute path", path.display()));
            continue;
        };
        if let Some(inside) = path.relative_to(root) {
            observation.paths.insert(inside, facts(history));
            continue;
        }
        if in_repository(&path) {
            observation.outside.repository.insert(path, facts(history));
            continue;
        }
        if is_left(&path, history) {
            observation.outside.left.push(path.clone());
        }
        observation.outside.touched.insert(path, facts(history));
    }
    for program in &trace.programs {
        if let (Ok(given), Ok(real)) = (AbsPath::new(&program.path), AbsPath::new(&program.real)) {
            observation.outside.programs.push((given, real));
        }
    }
    Observed {
        observation,
        unjudged,
    }
}

/// Whether a path is not at the end what it was: something was put there, or what was there is
/// gone. Of a directory that was made for what lies in it, only that tells.
fn is_left(path: &AbsPath, history: &PathHistory) -> bool {
    if history.changes.is_empty() {
        return false;
    }
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return history.changes.contains(&tracker::Change::Delete)
            && matches!(state(&history.first), StateSeen::Present(..));
    };
    !metadata.is_dir() || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn facts(history: &PathHistory) -> PathFacts {
    let seen = &history.seen_before;
    let change = (!history.changes.is_empty()).then(|| Change {
        kinds: history.changes.iter().map(change_kind).collect(),
        before: state(history.before_change.as_ref().unwrap_or(&history.first)),
        start: match history.start_digest {
            StartDigest::Sha256(bytes) => StartBytes::Known(Digest(bytes)),
            _ => StartBytes::Unknown,
        },
    });
    PathFacts {
        first: state(&history.first),
        seen: Seen {
            read: seen.read || seen.executed,
            listed: seen.listed,
            probed: seen.probed,
            missed: seen.missed,
            link: seen.link,
            denied: seen.denied,
        },
        listed: history.listed,
        replaced: history.replaced,
        change,
    }
}

const fn change_kind(change: &tracker::Change) -> ChangeKind {
    match change {
        tracker::Change::Fresh => ChangeKind::Fresh,
        tracker::Change::Keeps => ChangeKind::Keeps,
        tracker::Change::Append => ChangeKind::Append,
        tracker::Change::Metadata => ChangeKind::Metadata,
        tracker::Change::Delete => ChangeKind::Delete,
    }
}

const fn state(state: &tracker::State) -> StateSeen {
    match state {
        tracker::State::Missing => StateSeen::Missing,
        tracker::State::Present { kind, identity } => StateSeen::Present(
            match kind {
                Kind::File => NodeKind::File,
                Kind::Directory => NodeKind::Directory,
                Kind::Link => NodeKind::Link,
                Kind::Other => NodeKind::Other,
            },
            StatRow {
                device: identity.dev,
                inode: identity.ino,
                size: identity.size,
                mtime_ns: identity.mtime_ns,
                ctime_ns: identity.ctime_ns,
                mode: identity.mode,
            },
        ),
    }
}
