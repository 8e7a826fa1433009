//! Real tools, and random things that happen to their projects: with `vt` and without it there is the same.
//!
//! Each project lies there twice. Sources get other texts, come and go, results and memories are lost, variables
//! change, snapshots are accepted; after each change the tool runs in one project, `vt` runs it in the other, and
//! files and exit codes have to be equal. Where they are not, what the tool leaves without its memory is right as
//! well. What lies in `node_modules` and in private memories is not compared.
//!
//! A short run lets a few things happen to the tools that are fast. `VT_SEQUENCES=20 VT_SEQUENCES_TOOLS=all` is a
//! long one, `VT_SEQUENCES_TOOLS=jest,tsc` takes these two, `VT_SEQUENCES_ROUNDS=5` five sequences of each.

mod real_sequences {
    pub(crate) mod sequence;
    pub(crate) mod tool;
    #[path = "../worlds/tree.rs"]
    pub(crate) mod tree;
}

use std::io::Write as _;

use real_sequences::sequence::{Counts, run};
use real_sequences::tool::TOOLS;
use vt_tracker_conformance::world::setting;

/// How many changes there are if nobody says otherwise.
const EDITS: u64 = 6;
/// The tools that a short run takes, since they are fast.
const FAST: [&str; 5] = ["generator", "jest", "rollup", "eslint", "prettier"];

#[test]
fn with_and_without_vt_a_project_is_the_same() {
    let edits = setting("VT_SEQUENCES", EDITS);
    let rounds = setting("VT_SEQUENCES_ROUNDS", 1);
    let first = setting("VT_RANDOM_SEED", 1);
    let wish = std::env::var("VT_SEQUENCES_TOOLS").unwrap_or_else(|_| FAST.join(","));
    let tools: Vec<_> = TOOLS
        .iter()
        .filter(|tool| wish == "all" || wish.split(',').any(|name| name == tool.name))
        .collect();
    assert!(!tools.is_empty(), "no tool is called `{wish}`");
    let mut counts = Counts::new();
    let mut wrong = Vec::new();
    for tool in tools {
        for seed in first..first + rounds {
            wrong.extend(run(tool, seed, edits, &mut counts).err());
        }
    }
    let lines = counts
        .iter()
        .map(|(name, count)| format!("{count:7} {name}\n"));
    std::io::stderr()
        .write_all(lines.collect::<String>().as_bytes())
        .unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
