//! Lives through what happens in a world, in two universes, and compares them after each run.
//!
//! What `vt` leaves, shows and ends with has to be what the command does that never knew it. One difference is meant:
//! where a tool's memory or a lost result is in play, what a command without that memory would leave is right as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use vt_harness::{Outcome, Sandbox, Status};

use super::tree::{Node, Tree, describe, is_within};
use super::universe::{Universe, remove, write_down};
use super::world::{World, words};

/// How often what was seen.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Where universes lie, below the workspace of the sandbox.
const HERE: [&str; 2] = ["here", "truth"];
/// Where those of a second clone do, at another depth.
const ELSEWHERE: [&str; 2] = ["deep/here", "deep/truth"];
/// What is asked for with `ask:../../service`.
const SERVICE: &str = "service";

struct Trial<'w> {
    world: &'w World,
    sandbox: Sandbox,
    env: BTreeMap<String, String>,
    /// What people wrote, below a universe.
    people: Tree,
    here: Universe,
    truth: Universe,
    service: Option<Arc<Mutex<String>>>,
    /// The line of the last run, if that succeeded and nothing happened since.
    settled: Option<String>,
    counts: Counts,
}

/// Lives through a world; what was wrong, if something was.
pub(crate) fn run(world: &World, counts: &mut Counts) -> Result<(), String> {
    let sandbox = Sandbox::empty();
    let mut people = Tree::default();
    for directory in ["ws", "home", "sibling"] {
        people
            .0
            .insert(directory.to_owned(), Node::Directory { mode: 0o755 });
    }
    for file in world.of("file") {
        write_down(&mut people, &[&["edit"], file.as_slice()].concat());
    }
    for link in world.of("link") {
        write_down(&mut people, &[&["lead"], link.as_slice()].concat());
    }
    let universe = |name: &str| Universe::new(sandbox.path(name), world, &people);
    let mut trial = Trial {
        world,
        env: pairs(world),
        here: universe(HERE[0]).expect("the disk takes it"),
        truth: universe(HERE[1]).expect("the disk takes it"),
        people,
        service: None,
        settled: None,
        counts: Counts::new(),
        sandbox,
    };
    if let Some(text) = world.of("service").next() {
        trial.service = Some(serve(&trial.sandbox.path(SERVICE), text.join(" ")));
    }
    let outcome = trial.live().expect("the disk takes it");
    for (name, count) in &trial.counts {
        *counts.entry(name.clone()).or_default() += count;
    }
    if outcome.is_err() && std::env::var_os("VT_RANDOM_KEEP").is_some() {
        let place = trial.sandbox.keep();
        return outcome.map_err(|how| format!("{how}\n  kept in {}", place.display()));
    }
    outcome
}

fn pairs(world: &World) -> BTreeMap<String, String> {
    let pairs = world.of("env");
    pairs
        .map(|words| (words[0].to_owned(), words[1..].join(" ")))
        .collect()
}

/// Says a text to everybody who connects, as long as the test runs.
fn serve(socket: &Path, text: String) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(text));
    let says = Arc::clone(&text);
    // The path is longer than the address of a socket may be, and a name of its directory is not.
    let directory = std::fs::File::open(socket.parent().expect("it lies below the sandbox"));
    let directory = directory.expect("the directory is there");
    let number = std::os::fd::AsRawFd::as_raw_fd(&directory);
    let listener = UnixListener::bind(format!("/proc/self/fd/{number}/{SERVICE}"))
        .expect("a socket can be bound");
    std::thread::spawn(move || {
        for asked in listener.incoming().flatten() {
            let text = says.lock().unwrap().clone();
            // Whoever went away does not want to know.
            let mut asked = asked;
            let _ = asked.write_all(text.as_bytes());
        }
    });
    text
}

impl Trial<'_> {
    fn live(&mut self) -> io::Result<Result<(), String>> {
        let world = self.world;
        for (number, event) in world.of("then").enumerate() {
            match event.as_slice() {
                [how @ ("run" | "force"), task, arguments @ ..] => {
                    let flag = (*how == "force").then_some("--force");
                    if let Err(how) = self.run_and_compare(flag, task, arguments)? {
                        let event = event.join(" ");
                        return Ok(Err(format!("event {number}, {event}: {how}")));
                    }
                    continue;
                }
                ["byhand", task, arguments @ ..] => {
                    let line = self.line(task, arguments);
                    drop(self.plainly(&self.here, &line));
                    drop(self.plainly(&self.truth, &line));
                }
                ["set", name, value @ ..] => {
                    self.env.insert((*name).to_owned(), value.join(" "));
                }
                ["unset", name] => {
                    self.env.remove(*name);
                }
                ["service", text @ ..] => {
                    if let Some(service) = &self.service {
                        *service.lock().unwrap() = text.join(" ");
                    }
                }
                ["commit", path] => self.commit(path)?,
                ["checkout", path] => self.check_out(path)?,
                ["clone"] => {
                    let universe =
                        |name: &str| Universe::new(self.sandbox.path(name), world, &self.people);
                    if !self.sandbox.path(ELSEWHERE[0]).exists() {
                        let (here, truth) = (universe(ELSEWHERE[0])?, universe(ELSEWHERE[1])?);
                        (self.here, self.truth) = (here, truth);
                    }
                }
                change => {
                    self.here.change(change)?;
                    self.truth.change(change)?;
                    write_down(&mut self.people, change);
                }
            }
            self.settled = None;
        }
        Ok(Ok(()))
    }

    /// What lies at a path becomes what people wrote.
    fn commit(&mut self, path: &str) -> io::Result<()> {
        let tree = self.truth.tree()?;
        if let Some(Node::File { bytes, .. }) = tree.0.get(path) {
            let text = String::from_utf8_lossy(bytes).trim_end().to_owned();
            write_down(&mut self.people, &["edit", path, &text]);
        }
        Ok(())
    }

    /// What people wrote comes back.
    fn check_out(&mut self, path: &str) -> io::Result<()> {
        if let Some(Node::File { bytes, .. }) = self.people.0.get(path) {
            let text = String::from_utf8_lossy(bytes).trim_end().to_owned();
            self.here.change(&["save", path, &text])?;
            self.truth.change(&["save", path, &text])?;
        }
        Ok(())
    }

    /// What a shell would be told to do a task and those before it.
    fn line(&self, task: &str, arguments: &[&str]) -> String {
        let mut line = String::new();
        for described in self.world.tasks() {
            if !line.is_empty() {
                line.push_str(" && ");
            }
            line.push_str(&described.command());
            if described.name == task {
                for argument in arguments {
                    line.push(' ');
                    line.push_str(argument);
                }
                break;
            }
        }
        line
    }

    fn env(&self) -> Vec<(String, String)> {
        self.env.clone().into_iter().collect()
    }

    fn plainly(&self, universe: &Universe, line: &str) -> Outcome {
        universe.run(&self.sandbox, &["/bin/sh", "-c", line], &self.env(), None)
    }

    fn cache(&self) -> PathBuf {
        self.sandbox.path("cache")
    }

    fn run_and_compare(
        &mut self,
        flag: Option<&str>,
        task: &str,
        arguments: &[&str],
    ) -> io::Result<Result<(), String>> {
        if !self
            .world
            .tasks()
            .iter()
            .any(|described| described.name == task)
        {
            return Ok(Ok(()));
        }
        let before = self.here.tree()?;
        let line = self.line(task, arguments);
        let should = self.plainly(&self.truth, &line);
        let truth = self.truth.tree()?;
        let mut spoken = vec!["vt", "run"];
        spoken.extend(flag);
        spoken.push(task);
        spoken.extend(arguments);
        let cache = self.cache();
        let does = self
            .here
            .run(&self.sandbox, &spoken, &self.env(), Some(&cache));
        let left = self.here.tree()?;
        let is_again = flag.is_none() && self.settled.as_ref() == Some(&line);
        self.count(&does, is_again);
        self.settled = (does.exit_code == 0).then(|| line.clone());

        let mut clean = None;
        let mut wrong = Vec::new();
        if (&does.stdout, does.exit_code) != (&should.stdout, should.exit_code) {
            let clean = self.clean(&before, &line, &mut clean)?;
            if (&does.stdout, does.exit_code) != (&clean.0.stdout, clean.0.exit_code) {
                wrong.push(format!(
                    "it should end with {} and say {:?}",
                    should.exit_code,
                    should.out()
                ));
            }
        }
        let idle = self.idle(&does);
        for path in left.differing(&truth) {
            let (found, meant) = (left.0.get(path), truth.0.get(path));
            if self.is_out_of_account(path)
                || self.is_beside_what_a_hit_would_clear(&does, path)
                || self.is_left_alone(&idle, path, &before, &left, &truth)
            {
                continue;
            }
            if self.world.has_memory() {
                let clean = self.clean(&before, &line, &mut clean)?;
                if clean.1.0.get(path) == found {
                    *self
                        .counts
                        .entry("paths as without memory".to_owned())
                        .or_default() += 1;
                    continue;
                }
            }
            wrong.push(format!(
                "{path} should be {}, and is {}",
                describe(meant),
                describe(found)
            ));
        }
        if wrong.is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err(format!("{}\n{}", wrong.join("\n    "), told(&does))))
    }

    /// What the commands do that remember nothing, in the tree as it was before.
    fn clean<'c>(
        &self,
        before: &Tree,
        line: &str,
        known: &'c mut Option<(Outcome, Tree)>,
    ) -> io::Result<&'c (Outcome, Tree)> {
        if known.is_none() {
            let top = self.sandbox.path("clean");
            remove(&top)?;
            let mut without = before.clone();
            for memory in self.world.memories() {
                without.remove(&format!("ws/{memory}"));
            }
            let universe = Universe::again(top, &without)?;
            let outcome = self.plainly(&universe, line);
            *known = Some((outcome, universe.tree()?));
        }
        Ok(known.as_ref().expect("it was just made"))
    }

    /// What is no part of what a run leaves: caches of users and tools, files that only grow, what was excused.
    fn is_out_of_account(&self, path: &str) -> bool {
        let places = ["home/.cache", "home/out", "ws/node_modules", "ws/.tagged"];
        let logs = self.world.logs();
        places.iter().any(|place| is_within(path, place))
            || logs.iter().any(|log| path == format!("ws/{log}"))
    }

    /// A known gap: a hit of a task that clears a directory leaves in it what a later task had left there, so that
    /// one that runs goes on from that.
    fn is_beside_what_a_hit_would_clear(&self, outcome: &Outcome, path: &str) -> bool {
        let steps = &outcome.summary().steps;
        let status = |task: &str| {
            steps
                .iter()
                .find(|step| step.task == task)
                .map(|step| step.status)
        };
        let tasks = self.world.tasks();
        let mut cleared = Vec::new();
        for task in &tasks {
            let ran = status(&task.name) == Some(Status::Ran);
            if ran
                && cleared
                    .iter()
                    .any(|folder: &String| is_within(path, folder))
            {
                return true;
            }
            let is_hit = status(&task.name) == Some(Status::Hit);
            for line in task.script.iter().filter(|_| is_hit) {
                if let ["wipe" | "empty", folder] = words(line)[..] {
                    cleared.push(format!("ws/{folder}"));
                }
            }
        }
        false
    }

    /// The tasks that had no turn in a run: those behind the one that was asked for, and those behind a failure.
    fn idle(&self, outcome: &Outcome) -> Vec<String> {
        let ran = |task: &str| {
            let mut steps = outcome.summary().steps.iter();
            steps.any(|step| step.task == task && step.status != Status::Skipped)
        };
        let names = self
            .world
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix("task "));
        let names = names.filter_map(|line| line.split(' ').next());
        let idle = names.filter(|task| !ran(task));
        idle.map(str::to_owned).collect()
    }

    /// A directory that several tasks write into is not cleared of the results of those that did not run.
    fn is_left_alone(
        &self,
        idle: &[String],
        path: &str,
        before: &Tree,
        left: &Tree,
        truth: &Tree,
    ) -> bool {
        let tasks = self.world.tasks();
        let idle = tasks.iter().filter(|task| idle.contains(&task.name));
        let is_idle = idle.flat_map(|task| &task.script).any(|line| {
            let words = words(line);
            let mut left = super::generate::results(&words);
            if let ["incremental" | "memo", memory, ..] = words[..] {
                left.push(memory.to_owned());
            }
            // The directories that it made for them are its own as well.
            left.iter().any(|left| {
                let left = format!("ws/{left}");
                is_within(&left, path) || is_within(path, &left)
            })
        });
        is_idle && !truth.0.contains_key(path) && before.0.get(path) == left.0.get(path)
    }

    fn count(&mut self, outcome: &Outcome, is_again: bool) {
        let mut add = |name: String| *self.counts.entry(name).or_default() += 1;
        add(format!(
            "runs that {}",
            if outcome.exit_code == 0 {
                "succeed"
            } else {
                "fail"
            }
        ));
        let mut seen = BTreeSet::new();
        for step in &outcome.summary().steps {
            add(format!("steps: {:?}", step.status));
            for reason in step
                .not_stored
                .iter()
                .filter(|_| step.status == Status::Ran)
            {
                seen.insert(format!("not stored: {}", reason.kind));
            }
            if !is_again {
                continue;
            }
            add(format!("again: {:?}", step.status));
            for reason in &step.why {
                seen.insert(format!("again: why: {}", reason.kind));
            }
        }
        for name in seen {
            add(name);
        }
    }
}

/// What a run said, and how each of its steps ended.
fn told(outcome: &Outcome) -> String {
    let mut text = outcome.said();
    for step in &outcome.summary().steps {
        let why: Vec<String> = step.why.iter().map(ToString::to_string).collect();
        let not: Vec<String> = step.not_stored.iter().map(ToString::to_string).collect();
        let (id, status, stored) = (&step.id, step.status, step.stored);
        write!(text, "\n  {id} {status:?} stored {stored} {why:?} {not:?}").expect("text takes it");
    }
    text
}
