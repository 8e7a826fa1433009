//! The keys a configuration file may have. The validator and the schema are held to these lists.

/// Keys of the file.
pub(crate) const FILE: [&str; 9] = [
    "$schema",
    "tasks",
    "cache",
    "plugins",
    "rules",
    "policy",
    "remote",
    "enablePrePostScripts",
    "limits",
];

/// Keys of the file that belong to the workspace as a whole.
pub(crate) const ROOT_ONLY: [&str; 7] = [
    "cache",
    "plugins",
    "rules",
    "policy",
    "remote",
    "enablePrePostScripts",
    "limits",
];

/// Keys of `cache` of the file.
pub(crate) const CACHE: [&str; 6] = ["scripts", "tasks", "dir", "maxSize", "maxAge", "toolchain"];

/// Keys of a task.
pub(crate) const TASK: [&str; 9] = [
    "command",
    "cwd",
    "dependsOn",
    "cache",
    "env",
    "untrackedEnv",
    "input",
    "output",
    "services",
];

/// Keys of `cache` of a task.
pub(crate) const TASK_CACHE: [&str; 5] = ["env", "untrackedEnv", "input", "output", "services"];

/// Keys of an object in `dependsOn`.
pub(crate) const DEPENDENCY: [&str; 2] = ["task", "from"];

/// Keys of an object in `input` or `output`.
pub(crate) const GLOB: [&str; 3] = ["auto", "pattern", "base"];

/// Keys of an element of `rules`.
pub(crate) const RULE: [&str; 3] = ["name", "match", "directives"];

/// Keys of `match` of a rule.
pub(crate) const RULE_MATCH: [&str; 2] = ["programs", "dependencies"];
