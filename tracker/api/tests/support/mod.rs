//! Runs small programs in a directory of their own and asks what was seen.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vt_tracker::{Change, Options, PathHistory, State, Tier, Tiers, Tracked, spawn};

/// Long enough for whatever ends on its own.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How these tests watch. The test binary `ptrace` is made of others, to be run with a tracer.
pub(crate) const TIER: Tier = if matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"ptrace") {
    Tier::Ptrace
} else {
    Tier::Notification
};

/// The full name of a test of a module, for a test binary that runs itself again.
pub(crate) fn test_name(module: &str, test: &str) -> String {
    match module.split_once("::") {
        Some((_, inside)) => format!("{inside}::{test}"),
        None => test.to_owned(),
    }
}

/// A directory to run programs in.
pub(crate) struct Room {
    directory: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        Self { directory, root }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: &str) -> &Self {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn options(&self, grace: Duration) -> Options {
        Options {
            roots: vec![self.root.clone()],
            grace,
            tiers: Tiers::only(TIER),
            ..Options::default()
        }
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs a command to its successful end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Seen {
        let command = self.command(program, arguments);
        let tracked = spawn(command, self.options(GRACE)).unwrap().wait().unwrap();
        assert!(
            tracked.status.success(),
            "{program} {arguments:?}: {:?}",
            tracked.status
        );
        assert_eq!(tracked.trace.tier, Some(TIER));
        Seen {
            root: self.root.clone(),
            tracked,
        }
    }

    /// Runs a script of the shell.
    pub(crate) fn sh(&self, script: &str) -> Seen {
        self.run("/bin/sh", &["-ec", script])
    }

    /// Runs a Python program with `os` imported. Its failures of the operating system are fine.
    pub(crate) fn python(&self, program: &str) -> Seen {
        let program = format!("import os\ntry:\n  {program}\nexcept OSError: pass\n");
        self.run(&python(), &["-S", "-E", "-c", &program])
    }
}

/// The interpreter itself, not a script that finds it.
pub(crate) fn python() -> String {
    let found = Command::new("python3")
        .args([
            "-c",
            "import os, sys; print(os.path.realpath(sys.executable))",
        ])
        .output()
        .expect("these tests need python3");
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}

/// What was seen of a run.
pub(crate) struct Seen {
    pub(crate) root: PathBuf,
    pub tracked: Tracked,
}

impl Seen {
    pub(crate) fn history(&self, path: impl AsRef<Path>) -> Option<&PathHistory> {
        self.tracked.trace.paths.get(&self.root.join(path))
    }

    /// The history of a path in one line: the looks, what was there, the changes.
    pub(crate) fn story(&self, path: impl AsRef<Path>) -> String {
        self.history(path)
            .map_or_else(|| "nothing".to_owned(), story)
    }

    pub(crate) fn assert_complete(&self) -> &Self {
        assert_eq!(self.tracked.trace.completeness.0, []);
        self
    }
}

fn story(history: &PathHistory) -> String {
    let seen = &history.seen_before;
    let looks = [
        (seen.read, "read"),
        (seen.listed, "list"),
        (seen.probed, "probe"),
        (seen.missed, "miss"),
        (seen.link, "link"),
        (seen.executed, "execute"),
        (seen.denied, "denied"),
    ];
    let mut words: Vec<String> = looks
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| (*word).to_owned())
        .collect();
    words.extend(history.changes.iter().map(|change| {
        match change {
            Change::Fresh => "FRESH",
            Change::Keeps => "KEEPS",
            Change::Append => "APPEND",
            Change::Metadata => "METADATA",
            Change::Delete => "DELETE",
        }
        .to_owned()
    }));
    if history.created_exclusively {
        words.push("exclusive".into());
    }
    let first = match history.first {
        State::Missing => "missing".to_owned(),
        State::Present { kind, .. } => format!("{kind:?}").to_lowercase(),
    };
    format!("{first}: {}", words.join(" "))
}
