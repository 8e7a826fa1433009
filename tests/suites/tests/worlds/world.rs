//! A world as text: what lies there, which tasks there are, and what happens, a line each.
//!
//! ```text
//! file ws/src/one A           what people wrote, below the universe
//! link ws/out ../sibling
//! env PLAIN A                 a variable of whoever runs
//! task build                  what follows is of this task; each task needs the one before it
//! declares SHELLED            variables that the task declares
//! words $PLAIN                what the command says behind its script
//! excuses ~/out/**            what it may leave outside
//! do emit dist/a file:src/one a line of its script: `vtt help script`
//! then edit ws/src/one B      what happens, in this order: `Event`
//! then run build -u           or `force`
//! ```
//!
//! Text, so that a failure is made smaller by leaving out lines, and what is left is kept as a file.

use std::fmt;

use serde_json::{Value, json};

/// A world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct World {
    pub(crate) lines: Vec<String>,
}

/// A task of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    pub(crate) name: String,
    declares: Vec<String>,
    words: Vec<String>,
    excuses: Vec<String>,
    /// The lines of its script.
    pub(crate) script: Vec<String>,
}

impl World {
    /// Reads a world; empty lines and those with a `#` tell nothing.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self {
            lines: lines.map(str::to_owned).collect(),
        }
    }

    /// Without one of its lines.
    pub(crate) fn without(&self, line: usize) -> Self {
        let mut smaller = self.clone();
        smaller.lines.remove(line);
        smaller
    }

    /// What stands behind a first word, line by line.
    pub(crate) fn of<'w>(&'w self, first: &str) -> impl Iterator<Item = Vec<&'w str>> {
        let lines = self.lines.iter().map(|line| words(line));
        lines
            .filter(move |words| words[0] == first)
            .map(|words| words[1..].to_vec())
    }

    /// Its tasks, each of which needs the one before it.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let mut tasks: Vec<Task> = Vec::new();
        for line in &self.lines {
            let words = words(line);
            if words[0] == "task" {
                tasks.push(Task {
                    name: words[1].to_owned(),
                    ..Task::default()
                });
                continue;
            }
            let Some(task) = tasks.last_mut() else {
                continue;
            };
            let rest = || words[1..].iter().map(|word| (*word).to_owned());
            match words[0] {
                "declares" => task.declares.extend(rest()),
                "words" => task.words.extend(rest()),
                "excuses" => task.excuses.extend(rest()),
                "do" => task.script.push(words[1..].join(" ")),
                _ => {}
            }
        }
        tasks
    }

    /// The lines of all scripts, as words.
    pub(crate) fn operations(&self) -> Vec<Vec<&str>> {
        self.of("do").collect()
    }

    /// `vite-task.json`.
    pub(crate) fn configuration(&self) -> Value {
        let tasks = self.tasks();
        let described = tasks.iter().enumerate().map(|(number, task)| {
            let mut said = json!({ "command": task.command() });
            if let Some(before) = number.checked_sub(1) {
                said["dependsOn"] = json!([tasks[before].name]);
            }
            if !task.declares.is_empty() {
                said["env"] = json!(task.declares);
            }
            if !task.excuses.is_empty() {
                let mut output = vec![json!({ "auto": true })];
                output.extend(task.excuses.iter().map(|glob| json!(format!("!{glob}"))));
                said["output"] = json!(output);
            }
            (task.name.clone(), said)
        });
        json!({ "tasks": described.collect::<serde_json::Map<_, _>>() })
    }

    /// Whether a part of it remembers what it did.
    pub(crate) fn has_memory(&self) -> bool {
        !self.memories().is_empty()
    }

    /// Where its tools remember what they did, from the workspace.
    pub(crate) fn memories(&self) -> Vec<String> {
        let lines = self.operations();
        let memories = lines.iter().filter(|line| line[0] == "incremental");
        memories
            .filter_map(|line| line.get(1).map(|path| (*path).to_owned()))
            .collect()
    }

    /// What its tasks only add to, from the workspace.
    pub(crate) fn logs(&self) -> Vec<String> {
        let lines = self.operations();
        let logs = lines.iter().filter(|line| line[0] == "log");
        logs.filter_map(|line| line.get(1).map(|path| (*path).to_owned()))
            .collect()
    }
}

impl Task {
    /// What a shell would be told.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("vtt script steps/{}", self.name);
        for word in &self.words {
            command.push(' ');
            command.push_str(word);
        }
        command
    }

    /// The file that its command names.
    pub(crate) fn text(&self) -> String {
        self.script.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl fmt::Display for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

/// The words of a line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
