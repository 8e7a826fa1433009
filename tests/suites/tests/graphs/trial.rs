//! Runs what happens in a seed, and holds each state against commands in a clean directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vt_harness::{Content, Outcome, Sandbox, Status};

use super::event::{Damage, Event, Flags, World};
use super::graph::{Graph, package};
use super::tree::{Manner, Node, Tree, lay_out};

/// A graph and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) graph: Graph,
    pub(crate) sources: Tree,
    pub(crate) events: Vec<Event>,
}

impl Case {
    /// The same with another graph, which is a smaller one of this.
    pub(crate) fn with(&self, graph: Graph) -> Self {
        let mut sources = self.sources.clone();
        sources.retain(|path, _| !path.ends_with(".sh"));
        sources.extend(graph.scripts());
        Self {
            graph,
            sources,
            events: self.events.clone(),
        }
    }
}

/// How often what was seen.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What clean commands leave and say.
struct Truth {
    succeeds: bool,
    /// The result of each task that ran.
    results: BTreeMap<usize, Content>,
    said: BTreeMap<usize, Vec<String>>,
}

/// What makes one truth: the target, the world, and what strangers put beside results.
type TruthKey = (Option<usize>, World, BTreeMap<String, String>);

struct Trial<'c> {
    case: &'c Case,
    sandbox: Sandbox,
    world: World,
    history: Vec<World>,
    /// What lies on the disk, as far as people wrote it.
    laid_out: Tree,
    /// Files of somebody else in results, which nobody may touch but a command that cleans up.
    strange: BTreeMap<String, String>,
    truths: BTreeMap<TruthKey, Truth>,
    counts: Counts,
}

/// Runs a case; what was wrong, if something was.
pub(crate) fn run(case: &Case, counts: &mut Counts) -> Result<(), String> {
    let world = World {
        sources: case.sources.clone(),
        env: BTreeMap::new(),
        marks: vec![0; case.graph.tasks.len()],
    };
    let mut trial = Trial {
        case,
        sandbox: Sandbox::empty(),
        world,
        history: Vec::new(),
        laid_out: Tree::new(),
        strange: BTreeMap::new(),
        truths: BTreeMap::new(),
        counts: Counts::new(),
    };
    let outcome = trial.run().expect("the disk takes it");
    for (name, count) in &trial.counts {
        *counts.entry(name.clone()).or_default() += count;
    }
    if outcome.is_err() && std::env::var_os("VT_RANDOM_KEEP").is_some() {
        let place = trial.sandbox.keep();
        return outcome.map_err(|how| format!("{how}\n  kept in {}", place.display()));
    }
    outcome
}

impl Trial<'_> {
    fn run(&mut self) -> io::Result<Result<(), String>> {
        self.lay_out(Manner::InPlace)?;
        self.history.push(self.world.clone());
        for (number, event) in self.case.events.iter().enumerate() {
            match event {
                Event::Damage(task, damage, which) => self.damage(*task, *damage, *which)?,
                Event::Run(target, flags) => {
                    if target.is_some_and(|task| task >= self.case.graph.tasks.len()) {
                        continue;
                    }
                    if let Err(how) = self.run_and_compare(*target, *flags)? {
                        return Ok(Err(format!("event {number}, {event}: {how}")));
                    }
                }
                _ => {
                    event.apply(&mut self.world, &self.history);
                    self.lay_out(event.manner())?;
                    if self.history.last() != Some(&self.world) {
                        self.history.push(self.world.clone());
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    /// All that people wrote, configuration included.
    fn tree(&self) -> Tree {
        let mut tree = self.case.graph.own_files(&self.world.marks);
        tree.extend(self.world.sources.clone());
        tree
    }

    fn lay_out(&mut self, manner: Manner) -> io::Result<()> {
        let tree = self.tree();
        lay_out(&self.sandbox.root(), &self.laid_out, &tree, manner)?;
        self.laid_out = tree;
        Ok(())
    }

    fn damage(&mut self, task: usize, damage: Damage, which: usize) -> io::Result<()> {
        if task >= self.case.graph.tasks.len() {
            return Ok(());
        }
        let result = self.case.graph.result(task);
        let directory = self.sandbox.path(&result);
        if !directory.is_dir() {
            return Ok(());
        }
        if damage == Damage::RemoveAll {
            self.strange
                .retain(|path, _| !super::tree::is_within(path, &result));
            return fs::remove_dir_all(directory);
        }
        if damage == Damage::Strange {
            let path = format!("{result}/strange{}", which % 3);
            let text = format!("strange {which}\n");
            fs::write(self.sandbox.path(&path), &text)?;
            // A command that cleans up removes it, a hit does not.
            if self.case.graph.leaves_strangers(task) {
                self.strange.insert(path, text);
            }
            return Ok(());
        }
        let mut files = Vec::new();
        collect(&directory, &mut files)?;
        files.retain(|file| {
            !file
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"strange"))
        });
        files.sort();
        let Some(place) = files.get(which % files.len().max(1)) else {
            return Ok(());
        };
        let there = fs::symlink_metadata(place)?;
        match damage {
            Damage::Remove => fs::remove_file(place),
            Damage::Edit if there.is_file() => fs::write(place, format!("edited {which}\n")),
            Damage::Chmod if there.is_file() => {
                let mode = there.permissions().mode() ^ 0o111;
                fs::set_permissions(place, PermissionsExt::from_mode(mode))
            }
            Damage::Link => {
                fs::remove_file(place)?;
                symlink("r1", place)
            }
            Damage::Directory => {
                fs::remove_file(place)?;
                fs::create_dir(place)
            }
            _ => Ok(()),
        }
    }

    fn run_and_compare(
        &mut self,
        target: Option<usize>,
        flags: Flags,
    ) -> io::Result<Result<(), String>> {
        let graph = &self.case.graph;
        let tasks = graph.closure(target);
        let key = (target, self.world.clone(), self.strange.clone());
        if !self.truths.contains_key(&key) {
            let truth = self.truth(&tasks)?;
            self.truths.insert(key.clone(), truth);
        }
        let truth = &self.truths[&key];
        let name = target.map_or("all".to_owned(), |task| {
            format!("p{}#t{task}", graph.tasks[task].package)
        });
        // What runs without a cache sees variables that it does not declare, and leaves files that
        // a later hit takes for those of somebody else.
        let is_telling = self.world.env.is_empty()
            && !tasks.iter().any(|task| graph.has_names_from_inputs(*task));
        let flags = match flags {
            Flags::NoCache if !is_telling => Flags::Plain,
            flags => flags,
        };
        let mut call = self
            .sandbox
            .call(&format!("vt run {}{name}", flags.words()));
        for (name, value) in &self.world.env {
            call = call.env(name, value);
        }
        let outcome = call.run();
        count(&mut self.counts, &outcome, truth.succeeds);
        if flags == Flags::NoCache && !truth.succeeds {
            self.remove_half_made(&tasks)?;
        }
        Ok(self.compare(&tasks, truth, &outcome))
    }

    /// Removes what commands were about to rename when they were stopped because another failed:
    /// without a cache nobody knows whose it is, and a later hit leaves it there.
    fn remove_half_made(&self, tasks: &[usize]) -> io::Result<()> {
        for task in tasks {
            let result = self.sandbox.path(&self.case.graph.result(*task));
            let mut files = Vec::new();
            if result.is_dir() {
                collect(&result, &mut files)?;
            }
            files.retain(|file| file.extension().is_some_and(|ending| ending == "tmp"));
            for file in files {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }

    fn compare(&self, tasks: &[usize], truth: &Truth, outcome: &Outcome) -> Result<(), String> {
        for (path, text) in &self.strange {
            if fs::read(self.sandbox.path(path)).ok().as_deref() != Some(text.as_bytes()) {
                return Err(format!(
                    "lost: {path}, which somebody else put there\n{}",
                    outcome.said()
                ));
            }
        }
        if (outcome.exit_code == 0) != truth.succeeds {
            let meant = if truth.succeeds { "succeed" } else { "fail" };
            return Err(format!("it should {meant}\n{}", outcome.said()));
        }
        if !truth.succeeds {
            return Ok(());
        }
        let said = said(&outcome.out());
        for task in tasks {
            let result = self.sandbox.path(&self.case.graph.result(*task));
            let found = Content::take(&result).map_err(|error| error.to_string())?;
            let mut changes = truth.results[task].changes(&found);
            if !self.case.graph.leaves_strangers(*task) {
                changes.retain(|change| !change.starts_with("added strange"));
            }
            if !changes.is_empty() {
                return Err(format!(
                    "t{task} left wrongly: {}\n{}",
                    changes.join(", "),
                    outcome.said()
                ));
            }
            let nothing = Vec::new();
            let should = truth.said.get(task).unwrap_or(&nothing);
            let says = said.get(task).unwrap_or(&nothing);
            if should != says {
                return Err(format!(
                    "t{task} should say {should:?}, and says {says:?}\n{}",
                    outcome.said()
                ));
            }
        }
        Ok(())
    }

    /// What plain shells do in a directory that holds nothing but what people put there.
    fn truth(&self, tasks: &[usize]) -> io::Result<Truth> {
        let room = self.sandbox.home().join(".cache/truth");
        fs::create_dir_all(&room)?;
        lay_out(&room, &Tree::new(), &self.tree(), Manner::InPlace)?;
        let mut strange = Tree::new();
        for (path, text) in &self.strange {
            let mut above = String::new();
            for name in super::tree::parent(path).split('/') {
                above = if above.is_empty() {
                    name.to_owned()
                } else {
                    format!("{above}/{name}")
                };
                if !room.join(&above).is_dir() {
                    strange.insert(above.clone(), Node::Directory);
                }
            }
            strange.insert(path.clone(), Node::file(text.clone()));
        }
        lay_out(&room, &Tree::new(), &strange, Manner::InPlace)?;
        let truth = self.run_plainly(&room, tasks)?;
        fs::remove_dir_all(&room)?;
        Ok(truth)
    }

    fn run_plainly(&self, room: &Path, tasks: &[usize]) -> io::Result<Truth> {
        let graph = &self.case.graph;
        let mut truth = Truth {
            succeeds: true,
            results: BTreeMap::new(),
            said: BTreeMap::new(),
        };
        for task in tasks {
            let output = Command::new("/bin/sh")
                .arg("-c")
                .arg(graph.command(*task, self.world.marks[*task]))
                .current_dir(room.join(package(graph.tasks[*task].package)))
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .env("HOME", self.sandbox.home())
                .envs(&self.world.env)
                .stdin(Stdio::null())
                .output()?;
            if !output.status.success() {
                truth.succeeds = false;
                return Ok(truth);
            }
            truth
                .said
                .extend(said(&String::from_utf8_lossy(&output.stdout)));
        }
        for task in tasks {
            let result = Content::take(&room.join(graph.result(*task)));
            truth
                .results
                .insert(*task, result.map_err(io::Error::other)?);
        }
        Ok(truth)
    }
}

/// What each task said, by the mark its lines begin with.
fn said(text: &str) -> BTreeMap<usize, Vec<String>> {
    let mut lines = BTreeMap::<usize, Vec<String>>::new();
    for line in text.lines() {
        let Some((_, rest)) = line.split_once("@t") else {
            continue;
        };
        if let Some((Ok(task), rest)) = rest
            .split_once(' ')
            .map(|(task, rest)| (task.parse(), rest))
        {
            lines.entry(task).or_default().push(rest.to_owned());
        }
    }
    lines
}

fn count(counts: &mut Counts, outcome: &Outcome, succeeds: bool) {
    let mut add = |name: String| *counts.entry(name).or_default() += 1;
    add(format!(
        "runs that {}",
        if succeeds { "succeed" } else { "fail" }
    ));
    let mut seen = BTreeSet::new();
    for step in &outcome.summary().steps {
        add(format!("steps: {:?}", step.status));
        if step.status == Status::Hit && step.restored.is_some_and(|files| files > 0) {
            add("steps: Hit, with files restored".to_owned());
        }
        if step.status == Status::Ran && !step.stored {
            for reason in &step.not_stored {
                seen.insert(reason.kind.clone());
            }
        }
        for reason in &step.why {
            add(format!("why: {}", reason.kind));
        }
    }
    for kind in seen {
        add(format!("runs with not stored: {kind}"));
    }
}

/// The files and links below a directory.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
