//! Random tasks: packages, commands in shells, and who needs whom.
//!
//! Every command is a function of its inputs alone: run on a dirty tree or a clean one, it leaves
//! the same below its own directory. What only a clean tree gives (names that follow from inputs,
//! modes, appended lines) is left to commands that clean up first.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vt_tracker_conformance::world::Random;

use super::tree::{Node, Tree};

/// The variables that tasks may declare.
pub(crate) const DECLARED: [&str; 2] = ["DECLARED_ONE", "DECLARED_TWO"];
/// The variable that none declares.
pub(crate) const UNDECLARED: &str = "UNDECLARED";
/// What lies in `src` of every package at first.
const SOURCES: [&str; 5] = ["a.txt", "b.txt", "c.txt", "sub/d.txt", "sub/e.txt"];
/// What may come to lie there later.
const LATER: [&str; 3] = ["new.txt", "sub/new.txt", "link"];

/// How the command of a task is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `sh t0.sh`
    Script,
    /// `./t0.sh`
    Executable,
    /// The lines themselves, `;` between.
    Inline,
    /// The lines themselves, `&&` between.
    Chain,
}

/// Whether a command removes what it left before it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// It writes over what is there.
    Dirty,
    /// It removes its directory first.
    Clean,
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) package: usize,
    pub(crate) form: Form,
    pub(crate) start: Start,
    /// What it does, a line of shell each.
    lines: Vec<String>,
    /// A script that goes over what the first left, as the second of two steps.
    second: Option<String>,
    /// The tasks it needs, all of them before it in the list.
    pub(crate) needs: Vec<usize>,
    env: Vec<&'static str>,
}

/// Packages and tasks.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) packages: usize,
    pub(crate) tasks: Vec<Task>,
}

/// The directory of a package.
pub(crate) fn package(number: usize) -> String {
    format!("packages/p{number}")
}

impl Graph {
    /// The graph of a seed.
    pub(crate) fn generate(random: &mut Random) -> Self {
        let packages = 1 + random.below(3);
        let mut graph = Self {
            packages,
            tasks: Vec::new(),
        };
        for number in 0..2 + random.below(4) {
            let needs: Vec<usize> = (0..number).filter(|_| random.chance(45)).collect();
            let task = graph.task(random, number, needs);
            graph.tasks.push(task);
        }
        graph
    }

    fn task(&self, random: &mut Random, number: usize, needs: Vec<usize>) -> Task {
        let home = random.below(self.packages);
        let start = *random.pick(&[Start::Dirty, Start::Clean]);
        let form = match start {
            // Where a chain breaks off and goes on, it leaves what it wrote another time.
            Start::Clean if random.chance(25) => Form::Chain,
            _ => *random.pick(&[Form::Script, Form::Script, Form::Executable, Form::Inline]),
        };
        let env: Vec<&str> = DECLARED.into_iter().filter(|_| random.chance(35)).collect();
        let place = Place {
            graph: self,
            number,
            needs: &needs,
            start,
        };
        let lines = (0..1 + random.below(4))
            .map(|at| place.line(random, at))
            .collect();
        let second = random.chance(25).then(|| place.second(random));
        Task {
            package: home,
            form,
            start,
            lines,
            second,
            needs,
            env,
        }
    }

    /// Whether a task is a single step.
    pub(crate) fn is_one_step(&self, task: usize) -> bool {
        self.tasks[task].second.is_none() && self.tasks[task].form != Form::Chain
    }

    /// Whether a file that somebody puts into the result of a task stays there, also when it runs.
    pub(crate) fn leaves_strangers(&self, task: usize) -> bool {
        self.tasks[task].start == Start::Dirty
    }

    /// Whether other commands look into the result of a task.
    pub(crate) fn is_looked_at(&self, task: usize) -> bool {
        !self.is_one_step(task) || self.tasks.iter().any(|other| other.needs.contains(&task))
    }

    /// Whether the names of what a task leaves follow from its inputs.
    pub(crate) fn has_names_from_inputs(&self, task: usize) -> bool {
        let marks = ["basename", "cp -R", ".link"];
        let mut lines = self.tasks[task].lines.iter();
        lines.any(|line| marks.iter().any(|mark| line.contains(mark)))
    }

    /// The directory that a task makes.
    pub(crate) fn result(&self, task: usize) -> String {
        format!("{}/out/t{task}", package(self.tasks[task].package))
    }

    /// A task and all it needs, in an order that works.
    pub(crate) fn closure(&self, target: Option<usize>) -> Vec<usize> {
        let Some(target) = target else {
            return (0..self.tasks.len()).collect();
        };
        let mut wanted = vec![false; self.tasks.len()];
        wanted[target] = true;
        for task in (0..=target).rev() {
            if wanted[task] {
                for needed in &self.tasks[task].needs {
                    wanted[*needed] = true;
                }
            }
        }
        (0..=target).filter(|task| wanted[*task]).collect()
    }

    /// The command of a task.
    pub(crate) fn command(&self, number: usize, mark: u32) -> String {
        let task = &self.tasks[number];
        let mut command = match task.form {
            Form::Script => format!("MARK={mark} sh t{number}.sh"),
            Form::Executable => format!("MARK={mark} ./t{number}.sh"),
            Form::Inline => format!("{}; {}", task.prelude(number, "; "), task.lines.join("; ")),
            Form::Chain => {
                let lines = task.lines.join(" && ");
                format!("{} && {lines}", task.prelude(number, " && "))
            }
        };
        if task.second.is_some() {
            write!(command, " && sh t{number}.second.sh").expect("text takes it");
        }
        command
    }

    /// The script of a task, if it has one.
    fn script(&self, number: usize) -> Option<String> {
        let task = &self.tasks[number];
        matches!(task.form, Form::Script | Form::Executable).then(|| {
            format!(
                "#!/bin/sh\nchange=0\n{}\n{}\n",
                task.prelude(number, "\n"),
                task.lines.join("\n")
            )
        })
    }

    /// All that a task does, to be read.
    pub(crate) fn text(&self, number: usize, mark: u32) -> String {
        let mut text = format!("$ {}\n", self.command(number, mark));
        text.extend(self.script(number));
        text.extend(self.tasks[number].second.clone());
        text
    }

    /// The configuration of all tasks.
    pub(crate) fn own_files(&self, marks: &[u32]) -> Tree {
        let mut tree = Tree::new();
        let root = json!({ "name": "root", "workspaces": ["packages/*"] });
        tree.insert("package.json".to_owned(), Node::file(root.to_string()));
        tree.insert("packages".to_owned(), Node::Directory);
        let id = |task: usize| format!("p{}#t{task}", self.tasks[task].package);
        let everything: Vec<String> = (0..self.tasks.len()).map(id).collect();
        let all = json!({ "command": "true", "dependsOn": everything, "cache": false });
        let config = json!({ "tasks": { "all": all } });
        tree.insert("vite-task.json".to_owned(), Node::file(config.to_string()));
        for home in 0..self.packages {
            let directory = package(home);
            let mut tasks = serde_json::Map::new();
            for (number, task) in self.tasks.iter().enumerate() {
                if task.package != home {
                    continue;
                }
                let needs: Vec<String> = task
                    .needs
                    .iter()
                    .map(|needed| {
                        if self.tasks[*needed].package == home && needed % 2 == 0 {
                            format!("t{needed}")
                        } else {
                            id(*needed)
                        }
                    })
                    .collect();
                tasks.insert(
                    format!("t{number}"),
                    json!({
                        "command": self.command(number, marks[number]),
                        "dependsOn": needs,
                        "env": task.env,
                    }),
                );
            }
            let config = json!({ "tasks": Value::Object(tasks) });
            let name = json!({ "name": format!("p{home}") });
            tree.insert(directory.clone(), Node::Directory);
            tree.insert(
                format!("{directory}/package.json"),
                Node::file(name.to_string()),
            );
            tree.insert(
                format!("{directory}/vite-task.json"),
                Node::file(config.to_string()),
            );
        }
        tree
    }

    /// What the packages hold at first, scripts included.
    pub(crate) fn sources(&self, random: &mut Random) -> Tree {
        let mut tree = Tree::new();
        tree.insert("shared".to_owned(), Node::Directory);
        tree.insert("shared/s.txt".to_owned(), Node::file("shared\n"));
        for home in 0..self.packages {
            let directory = package(home);
            for made in ["src", "src/sub"] {
                tree.insert(format!("{directory}/{made}"), Node::Directory);
            }
            for name in SOURCES {
                tree.insert(
                    format!("{directory}/src/{name}"),
                    Node::file(format!("p{home} {name}\n{}\n", random.below(10))),
                );
            }
            if random.chance(50) {
                let target = *random.pick(&["a.txt", "sub", "missing", "../../../shared/s.txt"]);
                tree.insert(
                    format!("{directory}/src/link"),
                    Node::Link(target.to_owned()),
                );
            }
        }
        tree.extend(self.scripts());
        tree
    }

    /// The scripts of all tasks.
    pub(crate) fn scripts(&self) -> Tree {
        let mut tree = Tree::new();
        for (number, task) in self.tasks.iter().enumerate() {
            let script = format!("{}/t{number}", package(task.package));
            if let Some(text) = self.script(number) {
                let executable = task.form == Form::Executable;
                tree.insert(format!("{script}.sh"), Node::File { text, executable });
            }
            if let Some(second) = &task.second {
                tree.insert(format!("{script}.second.sh"), Node::file(second.clone()));
            }
        }
        tree
    }

    /// The paths that edits are about.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = vec!["shared/s.txt".to_owned(), "shared/new.txt".to_owned()];
        for home in 0..self.packages {
            let directory = package(home);
            for name in SOURCES.iter().chain(&LATER) {
                paths.push(format!("{directory}/src/{name}"));
            }
        }
        for (number, task) in self.tasks.iter().enumerate() {
            if matches!(task.form, Form::Script | Form::Executable) {
                paths.push(format!("{}/t{number}.sh", package(task.package)));
            }
        }
        paths
    }

    /// The graph without a task that nobody needs; `None` if somebody does.
    pub(crate) fn without(&self, number: usize) -> Option<Self> {
        let is_last = number + 1 == self.tasks.len() && number > 0;
        // Numbers of other tasks must not change, or their commands would.
        is_last.then(|| {
            let mut smaller = self.clone();
            smaller.tasks.truncate(number);
            smaller
        })
    }

    /// The graph without one line of one task; `None` if it has only one.
    pub(crate) fn without_line(&self, number: usize, line: usize) -> Option<Self> {
        let mut smaller = self.clone();
        let lines = &mut smaller.tasks[number].lines;
        (lines.len() > 1 && line < lines.len()).then(|| lines.remove(line))?;
        Some(smaller)
    }

    /// The graph without the second step of a task; `None` if it has none.
    pub(crate) fn without_second(&self, number: usize) -> Option<Self> {
        let mut smaller = self.clone();
        smaller.tasks[number].second.take()?;
        Some(smaller)
    }
}

impl Task {
    fn prelude(&self, number: usize, between: &str) -> String {
        match self.start {
            Start::Dirty => format!("mkdir -p out/t{number}"),
            Start::Clean => format!("rm -rf out/t{number}{between}mkdir -p out/t{number}"),
        }
    }
}

/// Where a command is written for.
struct Place<'g> {
    graph: &'g Graph,
    number: usize,
    needs: &'g [usize],
    start: Start,
}

impl Place<'_> {
    /// The way from the package to the result of a task before it.
    fn result_of(&self, task: usize) -> String {
        format!("../p{}/out/t{task}", self.graph.tasks[task].package)
    }

    /// A file that may be there.
    fn file(&self, random: &mut Random) -> String {
        if !self.needs.is_empty() && random.chance(40) {
            let needed = *random.pick(self.needs);
            // The name of the result of a line, of which this is the first.
            let names = &self.graph.tasks[needed].lines;
            let at = random.below(names.len());
            return format!("{}/r{at}", self.result_of(needed));
        }
        let name = *random.pick(&[
            "a.txt",
            "a.txt",
            "b.txt",
            "b.txt",
            "c.txt",
            "sub/d.txt",
            "sub/e.txt",
            "new.txt",
            "link",
        ]);
        match random.below(10) {
            0 => "../../shared/s.txt".to_owned(),
            1 => format!("../p{}/src/{name}", random.below(self.graph.packages)),
            _ => format!("src/{name}"),
        }
    }

    /// A file that is there at first.
    fn sure_file(&self, random: &mut Random) -> String {
        format!("src/{}", random.pick(&["a.txt", "b.txt", "c.txt"]))
    }

    /// A directory that may be there.
    fn directory(&self, random: &mut Random) -> String {
        if !self.needs.is_empty() && random.chance(35) {
            return self.result_of(*random.pick(self.needs));
        }
        let directories = ["src", "src", "src/sub", "src/link", "../../shared"];
        (*random.pick(&directories)).to_owned()
    }

    /// A line of shell that leaves `r<at>`, and perhaps more.
    fn line(&self, random: &mut Random, at: usize) -> String {
        let into = format!("out/t{}", self.number);
        let to = format!("{into}/r{at}");
        let (one, two) = (self.file(random), self.file(random));
        let sure = self.sure_file(random);
        let directory = self.directory(random);
        let number = self.number;
        let dirty = [
            format!("cat {sure} > {to}"),
            format!("cat {sure} {one} > {to} 2>/dev/null || :"),
            format!("ls {directory} > {to} 2>/dev/null || :"),
            format!("if [ -x {one} ]; then echo yes; else echo no; fi > {to}"),
            format!("readlink {one} > {to} || echo none > {to}"),
            format!("rm -f {to}; cp {sure} {to}"),
            format!("ln -sfn ../../{one} {to}"),
            format!(
                "cat {one} > {to}.tmp 2>/dev/null; if cmp -s {to}.tmp {to}; then rm {to}.tmp; else mv {to}.tmp {to}; fi"
            ),
            format!(
                "echo \"$DECLARED_ONE ${{DECLARED_TWO-unset}} ${{UNDECLARED-unset}} $MARK $change\" > {to}"
            ),
            format!("sort {one} {two} 2>/dev/null | sed s/a/b/ > {to}"),
            format!("find {directory} -type f 2>/dev/null | LC_ALL=C sort > {to}"),
            format!(
                "printf '@%s %s\\n' t{number} \"$(cat {one} {two} 2>/dev/null | cksum)\"; ls . > {to}"
            ),
            format!(": > {to}; for f in {one} {two}; do cat $f >> {to} 2>/dev/null || :; done"),
            format!(
                "mkdir -p {into}/deep/er {into}/empty; cat {one} > {into}/deep/er/f 2>/dev/null; cat {sure} | wc -c > {to}"
            ),
            format!("rm -f {to}; cat {sure} > {to}.tmp && mv {to}.tmp {to}"),
            format!("(cd {directory} && cat * ) > {to} 2>/dev/null || :"),
            format!("{{ cat {one} > {to} 2>/dev/null & cat {two} > {to}.b 2>/dev/null & wait; }}"),
            format!(
                "head -c 3 {sure} > {to}; test -e {one} && echo there >> {to} || echo gone >> {to}"
            ),
            format!("grep -l p {directory}/* > {to} 2>/dev/null || echo nothing >> {to}"),
            format!(
                "printf '@%s %s\\n' t{number} \"$(ls {directory} 2>/dev/null | tr '\\n' ' ')\"; cat {one} > {to} 2>/dev/null || :"
            ),
            format!("[ -d {directory} ] && ls -A {directory} | wc -l > {to} || echo none > {to}"),
            format!("rm -f {to}; cat {one} > {to} 2>/dev/null; [ -s {two} ] && chmod +x {to} || :"),
        ];
        let clean = [
            format!(
                "for f in {directory}/*; do if [ -f \"$f\" ]; then cat \"$f\" > {to}-$(basename \"$f\"); fi; done; echo done > {to}"
            ),
            format!("cp -R {directory} {to} 2>/dev/null || :"),
            format!("cp {sure} {to}; if [ -L {one} ]; then echo link > {to}.link; fi"),
            format!("cat {one} >> {into}/log 2>/dev/null; echo {at} >> {into}/log; cp {sure} {to}"),
            format!("cp -P {one} {to} 2>/dev/null || mkdir {to}"),
        ];
        if self.start == Start::Clean && random.chance(40) {
            return random.pick(&clean).clone();
        }
        random.pick(&dirty).clone()
    }

    /// A script that runs after the first of the same task.
    fn second(&self, random: &mut Random) -> String {
        let into = format!("out/t{}", self.number);
        let file = self.file(random);
        let lines = [
            format!("cat {into}/r0 > {into}/second 2>/dev/null || :"),
            format!("[ -f {into}/r0 ] && [ ! -L {into}/r0 ] && sed -i s/p/q/ {into}/r0 || :"),
            format!(
                "rm -f {into}/second; if [ -e {file} ]; then cat {file} > {into}/second 2>/dev/null; else echo none > {into}/second; fi"
            ),
            format!("ls {into} | grep -v second > {into}/second || :"),
        ];
        format!("change=0\n{}\n", random.pick(&lines))
    }
}
