//! A policy of one rule, and a run that it denies.

use serde_json::Value;
use vt_harness::{Outcome, Sandbox};

/// Writes a policy with one rule, in its third line.
pub(crate) fn policy(sandbox: &Sandbox, key: &str, value: &Value) {
    let text = format!("{{\n  // Ours.\n  \"{key}\": {value}\n}}\n");
    sandbox.write("vt-policy.json", text);
}

pub(crate) fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run go").run()
}

#[track_caller]
pub(crate) fn denied(outcome: &Outcome, pieces: &[&str]) {
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    for piece in pieces {
        let said = outcome.err().contains(piece);
        assert!(said, "no `{piece}` in {}", outcome.said());
    }
    assert!(!outcome.out().contains("one"), "{}", outcome.said());
}
