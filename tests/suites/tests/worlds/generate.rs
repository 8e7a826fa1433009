//! Makes worlds from random numbers.
//!
//! There are few names and few texts, so that tasks meet and what was before often comes back.

use vt_tracker_conformance::world::Random;

use super::world::{World, words};

const SOURCES: [&str; 3] = ["one", "two", "three"];
const TEXTS: [&str; 3] = ["A", "B", "C"];
/// What commit ids look like.
const COMMITS: [&str; 3] = ["4be71fa9c01d", "90cc2e5d77b1", "1f3a6b8820ee"];

/// What is done in the end of it all, by kind.
struct Maker<'r> {
    random: &'r mut Random,
    lines: Vec<String>,
    /// Results of tasks that were made already, from the workspace.
    made: Vec<String>,
    /// Temporary files that tasks before leave.
    left: Vec<String>,
}

/// The world of a seed.
pub(crate) fn generate(seed: u64) -> World {
    let mut random = Random::new(seed ^ 0x0301_71D5);
    let mut maker = Maker {
        random: &mut random,
        lines: Vec::new(),
        made: Vec::new(),
        left: Vec::new(),
    };
    maker.people();
    let tasks = 1 + maker.random.weighted(&[5, 3, 1]);
    for task in 0..tasks {
        maker.task(task);
    }
    check_what_is_cleared(&mut maker.lines);
    maker.events(tasks);
    World { lines: maker.lines }
}

/// Who clears a directory and then writes only what changed into it has to look whether it is there.
fn check_what_is_cleared(lines: &mut [String]) {
    let mut cleared = Vec::new();
    for line in lines {
        let found: Vec<String> = words(line).into_iter().map(str::to_owned).collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        match found[..] {
            ["task", ..] => cleared.clear(),
            ["do", "wipe" | "empty", folder] => cleared.push(folder.to_owned()),
            ["do", "incremental", _, out, ..] if cleared.iter().any(|folder| folder == out) => {
                line.push_str(",checks");
            }
            _ => {}
        }
    }
}

impl Maker<'_> {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn text(&mut self) -> &'static str {
        TEXTS[self.random.below(TEXTS.len())]
    }

    fn people(&mut self) {
        for source in &SOURCES[..2 + self.random.below(2)] {
            let text = self.text();
            self.say(format!("file ws/src/{source} {text}"));
        }
        self.say("file sibling/spec A".to_owned());
        for (percent, line) in [
            (50, "file home/.toolrc A"),
            (40, "file .uprc A"),
            (20, "file ws/.uprc B"),
            (60, "link ws/out ../sibling"),
            (40, "env PLAIN A"),
            (30, "env OTHER A"),
            (50, "env SHELLED A"),
            (40, "env APP_ONE A"),
            (50, "env GITHUB_SHA 4be71fa9c01d"),
            (10, "env CI true"),
            (30, "service A"),
        ] {
            if self.random.chance(percent) {
                self.say(line.to_owned());
            }
        }
    }

    /// One or more things to look at.
    fn sources(&mut self) -> String {
        let count = 1 + self.random.weighted(&[4, 3, 1]);
        let sources: Vec<String> = (0..count).map(|_| self.source()).collect();
        sources.join(" ")
    }

    fn source(&mut self) -> String {
        let weights = [
            34, 5, 5, 7, 3, 3, 6, 6, 5, 2, 9, 4, 4, 4, 4, 2, 4, 2, 4, 12, 3,
        ];
        let name = *self.random.pick(&SOURCES);
        match self.random.weighted(&weights) {
            0 => format!("file:src/{name}"),
            1 => "list:src".to_owned(),
            2 => "all:src".to_owned(),
            3 => "file:../sibling/spec".to_owned(),
            4 => "all:../sibling".to_owned(),
            5 => "kind:../sibling/new".to_owned(),
            6 => "file:~/.toolrc".to_owned(),
            7 => "up:.uprc".to_owned(),
            8 => "file:out/spec".to_owned(),
            9 => "link:out".to_owned(),
            10 => "var:PLAIN".to_owned(),
            11 => "child:OTHER".to_owned(),
            12 => "sh:SHELLED".to_owned(),
            13 => "environ:APP_".to_owned(),
            14 => "seven:GITHUB_SHA".to_owned(),
            15 => "identifiers:".to_owned(),
            16 => "sh:CI".to_owned(),
            17 => "arguments:".to_owned(),
            18 => "ask:../../service".to_owned(),
            20 if !self.left.is_empty() => format!("temp:{}", self.random.pick(&self.left)),
            _ if self.made.is_empty() => format!("file:src/{name}"),
            _ => format!("file:{}", self.random.pick(&self.made)),
        }
    }

    fn task(&mut self, number: usize) {
        let name = format!("t{number}");
        self.say(format!("task {name}"));
        let at = self.lines.len();
        let (mut made, mut left) = (Vec::new(), Vec::new());
        for operation in 0..1 + self.random.weighted(&[3, 4, 2, 1]) {
            for line in self.operation(&format!("{number}{operation}"), number == 0) {
                made.extend(results(&words(&line)));
                left.extend(
                    words(&line)
                        .get(1)
                        .filter(|_| line.starts_with("leave "))
                        .map(|name| (*name).to_owned()),
                );
                self.say(format!("do {line}"));
            }
        }
        // What no program can be seen asking for has to be declared, or named in the command.
        let script = self.lines[at..].join("\n");
        let mut said = Vec::new();
        if script.contains("sh:SHELLED") {
            said.push(match self.random.below(3) {
                0 => "words $SHELLED",
                _ => "declares SHELLED",
            });
        }
        if script.contains("environ:APP_") {
            said.push("declares APP_*");
        }
        if script.contains("~/out/") && self.random.chance(80) {
            said.push("excuses ~/out/**");
        }
        for line in said {
            self.lines.insert(at, line.to_owned());
        }
        self.made.extend(made);
        self.left.extend(left);
    }

    /// Some lines that belong together. Only the first of several tasks may clear what is shared.
    fn operation(&mut self, id: &str, may_clear: bool) -> Vec<String> {
        let weights = [
            18, 6, 12, 4, 4, 10, 16, 4, 7, 4, 4, 6, 3, 6, 4, 3, 4, 3, 5, 3, 3, 3,
        ];
        let folder = *self.random.pick(&["dist", "lib"]);
        let file = match self.random.below(20) {
            0 => format!(".env.{id}"),
            _ => format!("{folder}/{id}"),
        };
        let sources = self.sources();
        match self.random.weighted(&weights) {
            0 => vec![format!("emit {file} {sources}")],
            1 => vec![format!("replace {file} {sources}")],
            2 => vec![format!("compare {file} {sources}")],
            3 => vec![format!("missing {file} {sources}")],
            4 => vec![format!("create {file} {sources}")],
            5 => vec![format!("snapshot refs/{id} {sources}")],
            6 => self.incremental(id, folder),
            7 => {
                let place = *self
                    .random
                    .pick(&["node_modules/.cache/memo", "~/.cache/memo"]);
                vec![format!("memo {place} {file} {sources}")]
            }
            8 if may_clear => vec![format!("wipe {folder}"), format!("emit {file} {sources}")],
            9 if may_clear => vec![format!("empty {folder}"), format!("emit {file} {sources}")],
            8 | 9 => vec![
                format!("wipe own{id}"),
                format!("emit own{id}/file {sources}"),
            ],
            10 => vec![format!("prune gen{id} src"), format!("copy src gen{id}")],
            11 => vec![
                format!("emit {file} {sources}"),
                format!("link {file} {folder}/also{id}"),
            ],
            12 => vec![
                format!("emit {file} {sources}"),
                format!("symlink {id} {folder}/to{id}"),
            ],
            13 => {
                let mode = *self.random.pick(&["600", "640", "750", "444"]);
                let how = *self.random.pick(&["emit", "replace"]);
                vec![
                    format!("{how} {file} {sources}"),
                    format!("mode {file} {mode}"),
                ]
            }
            14 => vec![
                format!("temporary {id} {sources}"),
                format!("emit {file} {sources}"),
            ],
            15 => vec![
                format!("leave {id} {sources}"),
                format!("emit {file} temp:{id}"),
            ],
            16 => vec![format!("helper {file} {sources}")],
            17 => vec![format!("log log{id} {sources}")],
            18 => vec![format!("say {sources}")],
            19 => vec![format!("need src/three"), format!("emit {file} {sources}")],
            20 => vec![format!("refuse C {sources}")],
            _ => vec![format!("emit ~/out/{id} {sources}")],
        }
    }

    fn incremental(&mut self, id: &str, folder: &str) -> Vec<String> {
        let manner = *self.random.pick(&[
            "plain",
            "plain",
            "checks",
            "prunes",
            "always",
            "checks,prunes",
        ]);
        let places = [
            ".state".to_owned(),
            format!("{folder}/.state"),
            "node_modules/.cache/tool".to_owned(),
            ".tagged".to_owned(),
        ];
        let place = self.random.pick(&places);
        // Some share their memory.
        let name = if self.random.chance(30) { "shared" } else { id };
        let work = format!("incremental {place}/{name} {folder} src {manner}");
        if place == ".tagged" {
            vec!["tag .tagged".to_owned(), work]
        } else {
            vec![work]
        }
    }

    fn events(&mut self, tasks: usize) {
        let operations: Vec<String> = self
            .lines
            .iter()
            .filter(|line| line.starts_with("do "))
            .cloned()
            .collect();
        let results: Vec<String> = operations
            .iter()
            .flat_map(|line| results(&words(line)[1..]))
            .collect();
        let references: Vec<String> = operations
            .iter()
            .filter(|line| line.starts_with("do snapshot"))
            .map(|line| words(line)[2].to_owned())
            .collect();
        self.run(tasks, !references.is_empty());
        for _ in 0..3 + self.random.below(4) {
            for _ in 0..self.random.weighted(&[1, 6, 2, 1]) {
                self.event(&operations, &results, &references);
            }
            self.run(tasks, !references.is_empty());
        }
    }

    fn run(&mut self, tasks: usize, has_references: bool) {
        let task = if self.random.chance(80) {
            tasks - 1
        } else {
            self.random.below(tasks)
        };
        let argument = if has_references && self.random.chance(20) {
            " -u"
        } else {
            ""
        };
        let how = if self.random.chance(4) {
            "force"
        } else {
            "run"
        };
        self.say(format!("then {how} t{task}{argument}"));
        if self.random.chance(30) {
            self.say(format!("then run t{task}{argument}"));
        }
    }

    fn event(&mut self, operations: &[String], results: &[String], references: &[String]) {
        let weights = [26, 8, 8, 8, 14, 12, 5, 10, 6, 5, 6, 4, 3, 3, 5, 4, 4, 5];
        let text = self.text();
        let source = *self.random.pick(&SOURCES);
        let result = if results.is_empty() {
            "dist/none".to_owned()
        } else {
            self.random.pick(results).clone()
        };
        let line = match self.random.weighted(&weights) {
            0 => format!("edit ws/src/{source} {text}"),
            1 if self.random.chance(15) => format!("lead ws/src/{source} one"),
            1 => format!("save ws/src/{source} {text}"),
            2 => format!("edit ws/src/three {text}"),
            3 => format!("lose ws/src/{}", self.random.pick(&SOURCES[1..])),
            4 => self.outside(text),
            5 => self.variable(text),
            6 => format!(
                "unset {}",
                self.random
                    .pick(&["PLAIN", "OTHER", "SHELLED", "APP_ONE", "CI"])
            ),
            7 => format!("lose ws/{result}"),
            8 => format!("lose ws/{}", self.random.pick(&["dist", "lib", "refs"])),
            9 => {
                let memories: Vec<&str> = operations
                    .iter()
                    .filter(|line| line.starts_with("do incremental"))
                    .map(|line| words(line)[2])
                    .collect();
                match memories.as_slice() {
                    [] => format!("lose ws/{result}"),
                    _ => format!("lose ws/{}", self.random.pick(&memories)),
                }
            }
            10 => format!("spoil ws/{result} {text}"),
            11 => format!(
                "edit ws/{}/foreign {text}",
                self.random.pick(&["dist", "lib"])
            ),
            12 => format!(
                "chmod ws/{result} {}",
                self.random.pick(&["600", "755", "644"])
            ),
            13 => format!("also ws/{result} ws/elsewhere/name"),
            14 if references.is_empty() => format!("edit ws/src/{source} {text}"),
            14 => {
                let reference = self.random.pick(references).clone();
                let what = *self.random.pick(&["commit", "checkout"]);
                format!("{what} ws/{reference}")
            }
            15 => format!("byhand t{}", 0),
            16 => "clone".to_owned(),
            _ => format!("service {text}"),
        };
        self.say(format!("then {line}"));
    }

    fn outside(&mut self, text: &str) -> String {
        match self.random.below(8) {
            0..3 => format!("edit sibling/spec {text}"),
            3 => format!("edit sibling/new {text}"),
            4 => format!("edit home/.toolrc {text}"),
            5 => format!("edit .uprc {text}"),
            6 => format!(
                "lose {}",
                self.random
                    .pick(&["ws/.uprc", ".uprc", "sibling/new", "home/.toolrc"])
            ),
            _ => format!(
                "lead ws/out {}",
                self.random.pick(&["../sibling", "src", "../nowhere"])
            ),
        }
    }

    fn variable(&mut self, text: &str) -> String {
        match self.random.below(8) {
            0 => {
                let commit = *self.random.pick(&COMMITS);
                format!("set GITHUB_SHA {commit}")
            }
            1 => format!("set CI {}", self.random.pick(&["true", "false"])),
            2 => format!("set APP_TWO {text}"),
            _ => format!(
                "set {} {text}",
                self.random.pick(&["PLAIN", "OTHER", "SHELLED", "APP_ONE"])
            ),
        }
    }
}

/// What a line of a script may leave in the workspace.
pub(crate) fn results(line: &[&str]) -> Vec<String> {
    let of_sources = |folder: &str| {
        SOURCES
            .iter()
            .map(|name| format!("{folder}/{name}"))
            .collect()
    };
    match line {
        [
            "emit" | "replace" | "compare" | "missing" | "create" | "snapshot" | "helper",
            file,
            ..,
        ] if !file.starts_with('~') => vec![(*file).to_owned()],
        ["memo", _, file, ..] | ["link" | "symlink", _, file] => vec![(*file).to_owned()],
        ["incremental", _, out, ..] | ["copy", _, out] => of_sources(out),
        _ => Vec::new(),
    }
}
