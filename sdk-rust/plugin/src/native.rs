//! The session of a test: it shows what the test put in, and writes down what is said.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// One question: a step that is about to run. It has the methods of the session that the host
/// shows to components, with the same meaning.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The program as it is spawned.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The tool behind launchers; the program if this is empty.
    pub tool: String,
    /// The arguments of the tool; `None` in a shell text.
    pub tool_args: Option<Vec<String>>,
    /// Where it runs, relative to the workspace root.
    pub directory: String,
    /// The directory of the package, relative to the workspace root.
    pub package_directory: String,
    /// The name of the package.
    pub package_name: Option<String>,
    /// The dependencies of the package.
    pub dependencies: BTreeMap<String, String>,
    /// The files the plugin may ask for; `None` for one that is not there.
    pub files: BTreeMap<String, Option<String>>,
    /// The variables the plugin may ask for; `None` for one that is not set.
    pub env: BTreeMap<String, Option<String>>,
    pub(crate) said: RefCell<Vec<String>>,
    pub(crate) logged: RefCell<Vec<String>>,
}

impl Session {
    /// A session about a command that is spawned directly.
    #[must_use]
    pub fn of<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Self {
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        Self {
            program: program.to_owned(),
            args: args.clone(),
            tool: program.to_owned(),
            tool_args: Some(args),
            ..Self::default()
        }
    }

    /// What has been said so far: the name of each method and its arguments, with spaces between.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// What has been logged so far.
    #[must_use]
    pub fn logged(&self) -> Vec<String> {
        self.logged.borrow().clone()
    }

    fn say<'a>(&self, name: &str, texts: impl IntoIterator<Item = &'a str>) {
        let mut line = name.to_owned();
        for text in texts {
            line.push(' ');
            line.push_str(if text.is_empty() { "\"\"" } else { text });
        }
        self.said.borrow_mut().push(line);
    }
}

/// What the session shows.
impl Session {
    /// The program as it is spawned: a name or a path. For a shell text, the text.
    #[must_use]
    pub fn program(&self) -> String {
        self.program.clone()
    }

    /// The arguments as they are spawned; empty for a shell text.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        self.args.clone()
    }

    /// The tool that runs in the end.
    #[must_use]
    pub fn tool(&self) -> String {
        if self.tool.is_empty() {
            self.program.clone()
        } else {
            self.tool.clone()
        }
    }

    /// The arguments of that tool; `None` for a shell text.
    #[must_use]
    pub fn tool_args(&self) -> Option<Vec<String>> {
        self.tool_args.clone()
    }

    /// Where it runs, relative to the workspace root.
    #[must_use]
    pub fn directory(&self) -> String {
        self.directory.clone()
    }

    /// The directory of the package, relative to the workspace root.
    #[must_use]
    pub fn package_directory(&self) -> String {
        self.package_directory.clone()
    }

    /// The name of the package, if it has one.
    #[must_use]
    pub fn package_name(&self) -> Option<String> {
        self.package_name.clone()
    }

    /// What the package asks of a dependency.
    #[must_use]
    pub fn dependency(&self, name: &str) -> Option<String> {
        self.dependencies.get(name).cloned()
    }

    /// The names of all dependencies of the package, sorted.
    #[must_use]
    pub fn dependencies(&self) -> Vec<String> {
        self.dependencies.keys().cloned().collect()
    }

    /// The text of a file that the manifest needs.
    ///
    /// # Panics
    /// When the test did not say whether it is there, as the host stops a plugin that asks for a
    /// file its manifest does not name.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<String> {
        match self.files.get(path) {
            Some(text) => text.clone(),
            None => panic!("asked for the file `{path}`, which is not declared"),
        }
    }

    /// The value of a variable that the manifest needs.
    ///
    /// # Panics
    /// When the test did not say whether it is set, as the host stops a plugin that asks for a
    /// variable its manifest does not name.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<String> {
        match self.env.get(name) {
            Some(value) => value.clone(),
            None => panic!("asked for the variable `{name}`, which is not declared"),
        }
    }
}

/// What a plugin says.
impl Session {
    /// What matches is no input.
    pub fn ignore_input(&self, glob: &str) {
        self.say("ignore-input", [glob]);
    }

    /// What matches is no output.
    pub fn ignore_output(&self, glob: &str) {
        self.say("ignore-output", [glob]);
    }

    /// What matches is output, also where the step rewrites what it has read.
    pub fn output(&self, glob: &str) {
        self.say("output", [glob]);
    }

    /// Variables whose name fits the pattern are passed and tracked.
    pub fn track_env(&self, pattern: &str) {
        self.say("track-env", [pattern]);
    }

    /// Variables whose name fits the pattern are passed and do not count.
    pub fn pass_env(&self, pattern: &str) {
        self.say("pass-env", [pattern]);
    }

    /// Of what the tool asks by this prefix, only names that fit one of the patterns count.
    pub fn narrow_env_query(&self, prefix: &str, patterns: &[String]) {
        self.say(
            "narrow-env-query",
            [prefix].into_iter().chain(patterns.iter().map(|p| &**p)),
        );
    }

    /// The prefixes of variables the tool inlines unless its configuration says otherwise.
    pub fn env_default_prefixes(&self, prefixes: &[String]) {
        self.say(
            "env-default-prefixes",
            prefixes.iter().map(|prefix| &**prefix),
        );
    }

    /// The parts of a JSON file that do not count where it is an input.
    pub fn redact(&self, path: &str, pointers: &[String]) {
        self.say(
            "redact",
            [path]
                .into_iter()
                .chain(pointers.iter().map(|pointer| &**pointer)),
        );
    }

    /// Of what matches only the existence counts.
    pub fn existence_only(&self, glob: &str) {
        self.say("existence-only", [glob]);
    }

    /// The step must not be cached, and why.
    pub fn cache_off(&self, reason: &str) {
        self.say("cache-off", [reason]);
    }

    /// A request of the tool not to be cached means nothing for this step, and why.
    pub fn opt_out_is_noise(&self, reason: &str) {
        self.say("opt-out-is-noise", [reason]);
    }

    /// One line for whoever debugs the plugin.
    pub fn log(&self, line: &str) {
        self.logged.borrow_mut().push(line.to_owned());
    }
}
