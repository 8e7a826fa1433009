//! What is left out of worlds since `vt` is known to do it wrongly. The list must be empty in the end.
//!
//! `VT_WORLDS_OFF=none` leaves nothing out, `VT_WORLDS_OFF=outside,asked` these kinds.

use super::world::{World, words};

/// The kinds that are left out now.
const OFF: [&str; 13] = [
    "outside",
    "asked",
    "ci",
    "named",
    "services",
    "memory",
    "references",
    "clearing",
    "leftovers",
    "names",
    "modes",
    "edited",
    "dotenv",
];

/// Whether a word of a script is a source of some kind, or a line begins so.
type Belongs = fn(&str) -> bool;

/// What can be left out: a name, sources of scripts, and lines.
const KINDS: [(&str, Belongs, Belongs); 20] = [
    // Reads outside the workspace.
    ("outside", is_outside, no),
    // Variables that a program asks for by name.
    (
        "asked",
        |word| is_one_of(word, &["var:", "child:", "seven:", "identifiers:"]),
        no,
    ),
    // The value of `CI`.
    ("ci", |word| word == "sh:CI", no),
    // Variables that the text of a command names.
    ("named", no, |line| line.starts_with("words ")),
    // Services that a step asks and did not start.
    (
        "services",
        |word| word.starts_with("ask:"),
        |line| line.starts_with("then service"),
    ),
    // Own servers.
    ("helpers", no, |line| line.starts_with("do helper")),
    // Tools that remember what they did.
    ("memory", no, |line| {
        is_one_of(line, &["do incremental", "do memo"])
    }),
    // References that are written when they are missing.
    ("references", no, |line| line.starts_with("do snapshot")),
    // Files that are written only where none is.
    ("missing", no, |line| {
        is_one_of(line, &["do missing", "do create"])
    }),
    // Directories that are cleared first.
    ("clearing", no, |line| {
        is_one_of(line, &["do wipe", "do empty", "do prune"])
    }),
    // Results of sources that are gone, which the command leaves.
    ("leftovers", no, |line| line.starts_with("do copy")),
    // Several names of one result.
    ("names", no, |line| {
        is_one_of(line, &["do link", "then also"])
    }),
    // Modes.
    ("modes", no, |line| {
        is_one_of(line, &["do mode", "then chmod"])
    }),
    // Temporary files that stay.
    ("temporary", no, |line| {
        is_one_of(line, &["do leave", "do emit"]) && is_temporary(line)
    }),
    // Results outside the workspace.
    ("excused", no, |line| line.contains("~/out/")),
    // Results that are not archived.
    ("dotenv", no, |line| line.contains(".env.")),
    // Files of somebody else in directories of results.
    ("foreign", no, |line| line.contains("/foreign")),
    // Results that somebody edits.
    ("edited", no, |line| line.starts_with("then spoil")),
    // Results that are lost.
    ("lost", no, |line| {
        line.starts_with("then lose") && !line.contains("/src/")
    }),
    // Commands that somebody runs by hand.
    ("byhand", no, |line| line.starts_with("then byhand")),
];

fn no(_: &str) -> bool {
    false
}

fn is_one_of(text: &str, beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

fn is_outside(word: &str) -> bool {
    let is_relative = word.contains(":../") && !word.starts_with("ask:");
    is_relative || is_one_of(word, &["file:~/", "file:out/", "up:"])
}

fn is_temporary(line: &str) -> bool {
    line.starts_with("do leave") || line.contains(" temp:")
}

/// A world without what is left out.
pub(crate) fn around(world: &World) -> World {
    let wish = std::env::var("VT_WORLDS_OFF");
    let off: Vec<&str> = match &wish {
        Ok(wish) => wish.split(',').collect(),
        Err(_) => OFF.to_vec(),
    };
    let off: Vec<_> = KINDS
        .iter()
        .filter(|(name, ..)| off.contains(name))
        .collect();
    let mut lines = Vec::new();
    for line in &world.lines {
        if off.iter().any(|(_, _, is_line)| is_line(line)) {
            // What is not named has to be declared.
            lines.extend(
                line.strip_prefix("words $")
                    .map(|name| format!("declares {name}")),
            );
            continue;
        }
        let mut kept = words(line);
        if kept[0] == "do" {
            kept.retain(|word| !off.iter().any(|(_, is_source, _)| is_source(word)));
        }
        lines.push(kept.join(" "));
    }
    World { lines }
}
