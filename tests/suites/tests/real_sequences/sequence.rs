//! One project twice: `vt` runs the tool in one, the tool itself runs in the other, and both live through the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use vt_harness::{Outcome, Sandbox, Status, install};
use vt_suites::repository;
use vt_tracker_conformance::world::Random;

use super::tool::Tool;
use super::tree::{Node, Tree, describe, is_within};

/// What is in a project but is no part of what a tool leaves.
const NEVER_COMPARED: [&str; 1] = ["node_modules"];

/// How often what was seen.
pub(crate) type Counts = BTreeMap<String, u64>;

struct Project {
    sandbox: Sandbox,
}

impl Project {
    /// The project as it begins.
    fn new(tool: &Tool) -> Self {
        let sandbox = match tool.fixture {
            Some(name) => Sandbox::copy_of(&repository().join("tests/fixtures/tools").join(name)),
            None => Sandbox::empty(),
        };
        if sandbox.path("package-lock.json").exists() {
            install(&sandbox);
        }
        fs::create_dir_all(sandbox.home().join(".cache")).expect("the disk takes it");
        for (path, text) in tool.files {
            sandbox.write(path, text);
        }
        for (path, texts) in tool.sources {
            sandbox.write(path, texts[0]);
        }
        // The task takes the place of the scripts, so that both are started by the same words.
        let task = serde_json::json!({ "tasks": { "work": {
            "command": tool.command,
            "env": tool.declares,
            "output": [{ "auto": true }, "!~/.cargo/**"],
        } } });
        sandbox.write("vite-task.json", task.to_string());
        Self { sandbox }
    }

    fn tree(&self) -> io::Result<Tree> {
        let mut tree = Tree::take_but(&self.sandbox.root(), &NEVER_COMPARED)?;
        let place = self.sandbox.root().to_string_lossy().into_owned();
        for node in tree.0.values_mut() {
            if let Node::File { bytes, .. } = node {
                *bytes = replaced(bytes, place.as_bytes(), b"<project>");
            }
        }
        Ok(tree)
    }

    fn run(&self, line: &[&str], env: &BTreeMap<String, String>) -> Outcome {
        let mut call = self.sandbox.call(line[0]);
        for word in &line[1..] {
            call = call.word(word);
        }
        for (name, value) in env {
            call = call.env(name, value);
        }
        call.run()
    }

    fn plainly(
        &self,
        tool: &Tool,
        update: Option<&str>,
        env: &BTreeMap<String, String>,
    ) -> Outcome {
        let line = match update {
            Some(update) => format!("{} {update}", tool.command),
            None => tool.command.to_owned(),
        };
        let line = format!("PATH=\"$PWD/node_modules/.bin:$PATH\"; {line}");
        self.run(&["/bin/sh", "-c", &line], env)
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if rest.starts_with(from) {
            made.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            made.push(*first);
            rest = &rest[1..];
        }
    }
    made
}

/// What happens before a run.
#[derive(Clone, Debug)]
enum Event {
    Write(&'static str, &'static str),
    Remove(&'static str),
    Set(&'static str, &'static str),
    Unset(&'static str),
}

impl Event {
    fn random(random: &mut Random, tool: &Tool) -> Self {
        let weights = [
            12,
            2 * usize::from(!tool.removable.is_empty()),
            4 * usize::from(!tool.results.is_empty()),
            4 * usize::from(!tool.variables.is_empty()),
        ];
        match random.weighted(&weights) {
            0 => {
                let (path, texts) = tool.sources[random.below(tool.sources.len())];
                Self::Write(path, texts[random.below(texts.len())])
            }
            1 => Self::Remove(tool.removable[random.below(tool.removable.len())]),
            2 => Self::Remove(tool.results[random.below(tool.results.len())]),
            _ => {
                let name = tool.variables[random.below(tool.variables.len())];
                match random.below(3) {
                    0 => Self::Unset(name),
                    1 => Self::Set(name, "one"),
                    _ => Self::Set(name, "two"),
                }
            }
        }
    }

    fn apply(&self, project: &Project) {
        match self {
            Self::Write(path, text) => project.sandbox.write(path, text),
            Self::Remove(path) if project.sandbox.path(path).exists() => {
                project.sandbox.remove(path);
            }
            _ => {}
        }
    }
}

/// What a sequence has come to.
struct Sequence<'t> {
    tool: &'t Tool,
    here: Project,
    truth: Project,
    clean: Option<Project>,
    env: BTreeMap<String, String>,
    told: Vec<String>,
}

/// Lets random things happen so many times, with a run after each; what was wrong, if something was.
pub(crate) fn run(tool: &Tool, seed: u64, edits: u64, counts: &mut Counts) -> Result<(), String> {
    let mut sequence = Sequence {
        tool,
        here: Project::new(tool),
        truth: Project::new(tool),
        clean: None,
        env: environment(tool),
        told: Vec::new(),
    };
    let mut random = Random::new(seed ^ 0x5E9);
    for edit in 0..=edits {
        let events = if edit == 0 {
            0
        } else {
            random.weighted(&[1, 8, 2])
        };
        for _ in 0..events {
            let event = Event::random(&mut random, tool);
            sequence.told.push(format!("{event:?}"));
            event.apply(&sequence.here);
            event.apply(&sequence.truth);
            match event {
                Event::Set(name, value) => {
                    sequence.env.insert(name.to_owned(), value.to_owned());
                }
                Event::Unset(name) => {
                    sequence.env.remove(name);
                }
                _ => {}
            }
        }
        let update = tool.update.filter(|_| random.chance(15));
        let compared = sequence
            .run_and_compare(update, counts)
            .expect("the disk takes it");
        if let Err(how) = compared {
            let story = sequence.told.join("\n  ");
            return Err(format!(
                "{}, seed {seed}:\n  {story}\n  => {how}",
                tool.name
            ));
        }
    }
    Ok(())
}

impl Sequence<'_> {
    fn run_and_compare(
        &mut self,
        update: Option<&str>,
        counts: &mut Counts,
    ) -> io::Result<Result<(), String>> {
        let before = self.here.tree()?;
        let cache = self.here.sandbox.home().join(".cache/vt");
        let mut env = self.env.clone();
        env.insert(
            "VT_CACHE_DIR".to_owned(),
            cache.to_string_lossy().into_owned(),
        );
        let line: Vec<&str> = ["vt", "run", "work"].into_iter().chain(update).collect();
        let does = self.here.run(&line, &env);
        let should = self.truth.plainly(self.tool, update, &self.env);
        self.told
            .push(format!("{} => {}", line.join(" "), how(&does)));
        count(self.tool, &does, counts);

        let (left, truth) = (self.here.tree()?, self.truth.tree()?);
        let mut wrong = Vec::new();
        let mut suspects: Vec<String> = left
            .differing(&truth)
            .into_iter()
            .filter(|path| {
                !self
                    .tool
                    .memories
                    .iter()
                    .any(|memory| is_within(path, memory))
            })
            .map(str::to_owned)
            .collect();
        let is_other_end = does.exit_code != should.exit_code;
        if !suspects.is_empty() || is_other_end {
            let (exit_code, clean) = self.without_memory(&before, update)?;
            suspects.retain(|path| clean.0.get(path) != left.0.get(path));
            if is_other_end && does.exit_code != exit_code {
                wrong.push(format!(
                    "it should end with {}\n{}",
                    should.exit_code,
                    should.said()
                ));
            }
        }
        wrong.extend(suspects.iter().map(|path| {
            let (found, meant) = (left.0.get(path), truth.0.get(path));
            format!(
                "{path} should be {}, and is {}",
                describe(meant),
                describe(found)
            )
        }));
        if wrong.is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err(format!("{}\n{}", wrong.join("\n    "), does.said())))
    }

    /// What the tool does in the tree as it was before, if it remembers nothing.
    fn without_memory(&mut self, before: &Tree, update: Option<&str>) -> io::Result<(i32, Tree)> {
        let project = self.clean.get_or_insert_with(|| Project::new(self.tool));
        let root = project.sandbox.root();
        for entry in fs::read_dir(&root)? {
            let place = entry?.path();
            if !place.ends_with("node_modules") {
                remove(&place)?;
            }
        }
        for kept in ["node_modules/.cache", "node_modules/.vite"] {
            remove(&root.join(kept))?;
        }
        let mut tree = before.clone();
        for memory in self.tool.memories {
            tree.remove(memory);
        }
        let place = root.to_string_lossy().into_owned();
        for node in tree.0.values_mut() {
            if let Node::File { bytes, .. } = node {
                *bytes = replaced(bytes, b"<project>", place.as_bytes());
            }
        }
        tree.make(&root)?;
        let outcome = project.plainly(self.tool, update, &self.env);
        Ok((outcome.exit_code, project.tree()?))
    }
}

fn remove(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(_) => Ok(()),
    }
}

/// How the only step of a run ended.
fn how(outcome: &Outcome) -> String {
    let Some(step) = outcome
        .summary
        .as_ref()
        .and_then(|summary| summary.steps.last())
    else {
        return outcome.said();
    };
    let words = |reasons: &[vt_harness::Reason]| {
        let said: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        said.join(", ")
    };
    format!(
        "{:?}, why: {}; not stored: {}",
        step.status,
        words(&step.why),
        words(&step.not_stored)
    )
}

fn count(tool: &Tool, outcome: &Outcome, counts: &mut Counts) {
    let mut seen = BTreeSet::new();
    for step in &outcome.summary().steps {
        seen.insert(format!("{}: {:?}", tool.name, step.status));
        for reason in step
            .not_stored
            .iter()
            .filter(|_| step.status == Status::Ran)
        {
            seen.insert(format!("{}: not stored: {}", tool.name, reason.kind));
        }
    }
    for name in seen {
        *counts.entry(name).or_default() += 1;
    }
}

/// What a tool that is not from npm needs.
fn environment(tool: &Tool) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut path = std::env::var("PATH").unwrap_or_default();
    match tool.name {
        "cargo" => {
            // Where rustup keeps its toolchains; the home of the project has none.
            let home = std::env::var("HOME").unwrap_or_default();
            for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                let place = std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}"));
                env.insert(name.to_owned(), place);
            }
        }
        "mypy" | "pytest" => path = format!("{}:{path}", python().display()),
        _ => return env,
    }
    env.insert("PATH".to_owned(), path);
    env
}

/// The programs of a virtual environment with these tools, made once.
fn python() -> PathBuf {
    let place = repository().join("target/real-sequences-python");
    if !place.join("bin/mypy").exists() || !place.join("bin/pytest").exists() {
        let does = |program: &Path, words: &[&str]| {
            let status = Command::new(program).args(words).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{program:?} {words:?}"
            );
        };
        let folder = place.to_string_lossy();
        does(Path::new("python3"), &["-m", "venv", &folder]);
        does(
            &place.join("bin/pip"),
            &["install", "--quiet", "mypy==1.18.2", "pytest==8.4.2"],
        );
    }
    place.join("bin")
}
