//! What is said on a terminal and taken away again: what runs right now, and the selector.

use std::time::Duration;

use super::plural;

/// How far a run is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) all: usize,
    pub(crate) done: usize,
    pub(crate) hits: usize,
    pub(crate) failed: usize,
}

/// A step that runs right now.
pub(crate) fn live_step(label: &str, since: Duration) -> String {
    format!("  {label} {}", seconds(since))
}

/// Further steps that run right now.
pub(crate) fn live_more(count: usize) -> String {
    format!("  and {count} more")
}

/// How far a run is.
pub(crate) fn live_total(counts: &Counts, since: Duration) -> String {
    let mut parts = vec![format!("vt: {} of {} done", counts.done, counts.all)];
    if counts.hits > 0 {
        parts.push(plural(counts.hits as u64, "hit", "hits"));
    }
    if counts.failed > 0 {
        parts.push(format!("{} failed", counts.failed));
    }
    parts.push(seconds(since));
    parts.join(", ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// What is typed into the selector.
pub(crate) fn select_query(query: &str) -> String {
    format!("run which task? {query}")
}

/// A task of the selector.
pub(crate) fn select_line(name: &str, command: &str, is_marked: bool) -> String {
    let mark = if is_marked { "❯" } else { " " };
    format!("{mark} {name}: {command}")
}

/// There are more tasks than the selector shows.
pub(crate) fn select_more(count: usize) -> String {
    format!("  and {count} more")
}

/// Nothing fits what is typed into the selector.
pub(crate) fn select_none() -> String {
    "  no task fits".to_owned()
}
