//! A step as it will be spawned.

use crate::{RelPath, StepId};

/// What is run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Program {
    /// A program that is started directly: a name looked up on `PATH`, or a path.
    Direct(String),
    /// A text handed to `/bin/sh -c`, because it needs a shell.
    Shell(String),
}

/// Whether the result of a step may come from the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CachePolicy {
    /// Look up, track and store.
    Enabled,
    /// Run as if typed: inherited terminal, whole environment, no tracking.
    Disabled,
}

/// Whether a pattern adds or cuts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sign {
    /// The pattern adds what it matches.
    Positive,
    /// The pattern cuts what it matches, whoever added it.
    Negative,
}

/// One declared pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobRule {
    /// A glob over workspace-relative paths. An absolute or `~/` pattern is kept as written and
    /// excuses writes outside the workspace (negative `output` only).
    pub pattern: String,
    /// Whether it adds or cuts.
    pub sign: Sign,
}

/// A pattern that adds, as a person wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrittenPattern {
    /// The key of the task that it stands in.
    pub key: &'static str,
    /// The pattern as it was written.
    pub text: String,
    /// The globs that together mean it.
    pub globs: Vec<String>,
}

/// What was declared about the inputs, or about the outputs, of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilePolicy {
    /// Whether what the tracker saw counts.
    pub auto: bool,
    /// Declared patterns, in the order they were written.
    pub globs: Vec<GlobRule>,
}

impl Default for FilePolicy {
    fn default() -> Self {
        Self {
            auto: true,
            globs: Vec::new(),
        }
    }
}

/// How programs and libraries outside the workspace count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Toolchain {
    /// By their content.
    #[default]
    Content,
    /// Not at all.
    Ignore,
}

/// What a task declared about its cache entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Declared {
    /// Names and patterns of variables that are passed and fingerprinted.
    pub env: Vec<String>,
    /// Names and patterns of variables that are passed only.
    pub untracked_env: Vec<String>,
    /// What counts as input.
    pub input: FilePolicy,
    /// What counts as output.
    pub output: FilePolicy,
    /// How programs outside the workspace count.
    pub toolchain: Toolchain,
    /// The services whose answers never change the result: addresses with `*`, or `docker`.
    pub services: Vec<String>,
    /// The patterns of both that add, for messages: they decide nothing.
    pub written: Vec<WrittenPattern>,
}

/// A step as it will be spawned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// The name of the step.
    pub step: StepId,
    /// The command as a person wrote it, for messages.
    pub command: String,
    /// What is run.
    pub program: Program,
    /// The arguments of a direct program; empty for a shell text.
    pub args: Vec<String>,
    /// Where it runs.
    pub directory: RelPath,
    /// The package it belongs to.
    pub package_dir: RelPath,
    /// `K=v` prefixes of the command, in order.
    pub env_prefix: Vec<(String, String)>,
    /// Whether the cache is used.
    pub cache: CachePolicy,
    /// What the task declared.
    pub declared: Declared,
}
