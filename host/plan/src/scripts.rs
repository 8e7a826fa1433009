//! Texts that use variables without asking for them: the text of a command, and the files that programs
//! are given which take their environment as a whole.
//!
//! Nothing is read here. Which files are worth reading is told, and what a text mentions once it is there.

use std::collections::BTreeSet;
use std::path::Path;

use vt_base::{Invocation, Program};

use crate::words::Words;

/// How a text names variables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// `$NAME` and `${NAME}`
    Shell,
    /// The same, and `$(NAME)`.
    Make,
    /// A word on a line that speaks of an environment.
    Other,
}

impl Language {
    /// The language of a script that names its interpreter in its first line; `None` for one that is no
    /// script, or whose interpreter asks for its variables.
    #[must_use]
    pub fn of_script(text: &[u8]) -> Option<Self> {
        let line = text.strip_prefix(b"#!")?;
        let line = line.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?;
        line.split_whitespace()
            .find_map(|word| Interpreter::of(word).map(Interpreter::language))
    }
}

/// A file that a command names and that may use variables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptFile {
    /// Its path, from the directory of the step.
    pub path: String,
    /// What it is written in; where nobody knows, its first line says so.
    pub language: Option<Language>,
}

/// A text that may use variables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptText {
    /// What it is written in.
    pub language: Language,
    /// The text.
    pub text: Vec<u8>,
}

/// A program that takes its environment as a whole, so that nobody sees which variables it uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Interpreter {
    Shell,
    Make,
    Python,
    Bun,
    Perl,
}

impl Interpreter {
    fn of(word: &str) -> Option<Self> {
        let name = word.rsplit('/').next()?;
        let stem = name.trim_end_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
        Some(match stem {
            "sh" | "ash" | "bash" | "dash" | "ksh" | "zsh" => Self::Shell,
            "make" | "gmake" => Self::Make,
            "python" | "pypy" => Self::Python,
            "bun" | "bunx" => Self::Bun,
            "perl" => Self::Perl,
            _ => return None,
        })
    }

    const fn language(self) -> Language {
        match self {
            Self::Shell => Language::Shell,
            Self::Make => Language::Make,
            Self::Python | Self::Bun | Self::Perl => Language::Other,
        }
    }

    /// The files it reads when it is started with these arguments.
    fn files(self, args: &[&str]) -> Vec<String> {
        if self == Self::Make {
            return makefiles(args);
        }
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (self, *arg) {
                // What follows is a text, which is looked at with the command.
                (Self::Shell | Self::Python, "-c") | (Self::Bun | Self::Perl, "-e" | "-E") => {
                    return Vec::new();
                }
                (Self::Python, "-m") => {
                    let module = args.next().map(|module| module.replace('.', "/"));
                    return module
                        .into_iter()
                        .flat_map(|module| {
                            [format!("{module}.py"), format!("{module}/__main__.py")]
                        })
                        .collect();
                }
                (Self::Shell, "-o" | "+o") | (Self::Python, "-W" | "-X") => {
                    args.next();
                }
                (Self::Bun, "run" | "test" | "x") => {}
                (_, option) if option.starts_with(['-', '+']) => {}
                (_, file) => return vec![file.to_owned()],
            }
        }
        Vec::new()
    }
}

fn makefiles(args: &[&str]) -> Vec<String> {
    let mut directory = None;
    let mut files = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "-f" | "--file" | "--makefile" => {
                files.extend(args.next().map(|file| (*file).to_owned()));
            }
            "-C" | "--directory" => directory = args.next().copied(),
            _ => {
                let long = arg
                    .strip_prefix("--file=")
                    .or(arg.strip_prefix("--makefile="));
                files.extend(long.map(str::to_owned));
                if let Some(named) = arg.strip_prefix("--directory=") {
                    directory = Some(named);
                }
            }
        }
    }
    if files.is_empty() {
        files = ["GNUmakefile", "makefile", "Makefile"]
            .map(str::to_owned)
            .into();
    }
    match directory {
        Some(directory) => files
            .into_iter()
            .map(|file| format!("{directory}/{file}"))
            .collect(),
        None => files,
    }
}

/// The files that programs of a command are given which take their environment as a whole.
#[must_use]
pub fn script_files(invocation: &Invocation) -> Vec<ScriptFile> {
    let read;
    let words: Vec<&str> = match &invocation.program {
        Program::Direct(program) => std::iter::once(program)
            .chain(&invocation.args)
            .map(String::as_str)
            .collect(),
        Program::Shell(text) => {
            read = Words::read(text);
            let words = read.assignments.iter().chain(&read.command);
            words.map(|word| word.text.as_str()).collect()
        }
    };
    let is_shell = matches!(invocation.program, Program::Shell(_));
    let mut files: Vec<ScriptFile> = Vec::new();
    let mut add = |path: String, language| {
        if files.iter().all(|known| known.path != path) {
            files.push(ScriptFile { path, language });
        }
    };
    for (at, word) in words.iter().enumerate() {
        // The arguments of a program that is started directly are none themselves, but those of one
        // that starts another, as `env` and `time` do.
        if let Some(interpreter) = Interpreter::of(word) {
            for file in interpreter.files(&words[at + 1..]) {
                add(file, Some(interpreter.language()));
            }
        } else if is_shell && matches!(*word, "." | "source") {
            if let Some(file) = words.get(at + 1) {
                add((*file).to_owned(), Some(Language::Shell));
            }
        } else if word.contains('/') && (at == 0 || (is_shell && is_script_name(word))) {
            add((*word).to_owned(), None);
        }
    }
    files
}

fn is_script_name(word: &str) -> bool {
    let extension = Path::new(word).extension();
    extension.is_some_and(|extension| {
        ["sh", "bash", "py", "pl"]
            .iter()
            .any(|known| extension == *known)
    })
}

/// The texts of a command itself.
pub(crate) fn command_texts(invocation: &Invocation) -> Vec<ScriptText> {
    let text = |language, text: &str| ScriptText {
        language,
        text: text.as_bytes().to_vec(),
    };
    let mut texts = vec![text(Language::Shell, &invocation.command)];
    match &invocation.program {
        Program::Shell(program) => texts.push(text(Language::Shell, program)),
        Program::Direct(program) => {
            texts.extend(invocation.args.iter().map(|arg| text(Language::Shell, arg)));
            if Interpreter::of(program).is_some_and(|one| one.language() == Language::Other) {
                texts.extend(invocation.args.iter().map(|arg| text(Language::Other, arg)));
            }
        }
    }
    texts
}

/// The variables whose names are arguments of `printenv`.
pub(crate) fn printed(invocation: &Invocation) -> BTreeSet<String> {
    let words: Vec<String> = match &invocation.program {
        Program::Direct(program) => std::iter::once(program)
            .chain(&invocation.args)
            .cloned()
            .collect(),
        Program::Shell(text) => {
            let words = Words::read(text).command;
            words.into_iter().map(|word| word.text).collect()
        }
    };
    let prints = |word: &&String| word.rsplit('/').next() == Some("printenv");
    let Some(at) = words.iter().position(|word| prints(&word)) else {
        return BTreeSet::new();
    };
    words[at + 1..].iter().cloned().collect()
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl ScriptText {
    /// The names of variables that the text uses, with others that it may.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&[u8]> {
        match self.language {
            Language::Shell | Language::Make => self.expanded(),
            Language::Other => self.spoken_of(),
        }
    }

    /// The names behind a `$`.
    fn expanded(&self) -> BTreeSet<&[u8]> {
        let text = &self.text[..];
        let mut names = BTreeSet::new();
        for at in (0..text.len()).filter(|at| text[*at] == b'$') {
            let mut rest = &text[at + 1..];
            match rest.first() {
                Some(b'{') => {
                    rest = &rest[1..];
                    // `${#NAME}` and `${!NAME}`
                    if let Some(b'#' | b'!') = rest.first() {
                        rest = &rest[1..];
                    }
                }
                Some(b'(') if self.language == Language::Make => rest = &rest[1..],
                // `$$NAME` of a recipe begins with the second one.
                _ => {}
            }
            let end = rest.iter().position(|byte| !is_of_name(*byte));
            let name = &rest[..end.unwrap_or(rest.len())];
            if name.first().is_some_and(|first| !first.is_ascii_digit()) {
                names.insert(name);
            }
        }
        names
    }

    /// The words of lines that speak of an environment: `process.env.NAME`, `os.environ["NAME"]`,
    /// `getenv("NAME")`, `$ENV{NAME}`, `const { NAME } = process.env`.
    fn spoken_of(&self) -> BTreeSet<&[u8]> {
        let lines = self.text.split(|byte| *byte == b'\n');
        let speaks = |line: &&[u8]| {
            line.windows(3)
                .any(|part| part.eq_ignore_ascii_case(b"env"))
        };
        let words = |line| <[u8]>::split(line, |byte| !is_of_name(*byte));
        lines
            .filter(speaks)
            .flat_map(words)
            .filter(|word| !word.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use vt_base::{CachePolicy, Declared, RelPath, StepId};

    use super::*;

    fn invocation(program: Program, args: &[&str]) -> Invocation {
        Invocation {
            step: StepId {
                package: "a".into(),
                task: "t".into(),
                index: 0,
            },
            command: String::new(),
            program,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            directory: RelPath::root(),
            package_dir: RelPath::root(),
            env_prefix: Vec::new(),
            cache: CachePolicy::Enabled,
            declared: Declared::default(),
        }
    }

    fn files(command: &str) -> Vec<String> {
        let invocation = if command.contains([';', '|', '&']) {
            invocation(Program::Shell(command.to_owned()), &[])
        } else {
            let words: Vec<&str> = command.split(' ').collect();
            invocation(Program::Direct(words[0].to_owned()), &words[1..])
        };
        let files = script_files(&invocation);
        files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn the_files_of_programs_that_never_ask_are_found() {
        for (command, expected) in [
            ("sh build.sh x", &["build.sh"][..]),
            ("/bin/bash -e -o pipefail ci/build.sh", &["ci/build.sh"]),
            ("bash -c text", &[]),
            ("python3.12 -u manage.py run", &["manage.py"]),
            (
                "python -m app.main",
                &["app/main.py", "app/main/__main__.py"],
            ),
            ("bun run build.ts", &["build.ts"]),
            ("bun build.ts", &["build.ts"]),
            (
                "make -C sub all",
                &["sub/GNUmakefile", "sub/makefile", "sub/Makefile"],
            ),
            ("make -f x.mk", &["x.mk"]),
            ("./build.sh", &["./build.sh"]),
            ("node build.mjs", &[]),
            ("env A=1 sh build.sh", &["build.sh"]),
            ("cat x | bash one.sh; ./two.sh", &["one.sh", "./two.sh"]),
            (". ./env.sh && tool", &["./env.sh"]),
            ("tsc -p src/x; cp a/b.json c/d", &[]),
        ] {
            assert_eq!(files(command), expected, "{command}");
        }
    }

    #[test]
    fn the_first_line_says_what_a_script_is_written_in() {
        for (line, language) in [
            ("#!/bin/sh\n", Some(Language::Shell)),
            ("#!/usr/bin/env -S bash -e\n", Some(Language::Shell)),
            ("#!/usr/bin/env python3\n", Some(Language::Other)),
            ("#!/usr/bin/env node\n", None),
            ("\x7fELF", None),
        ] {
            assert_eq!(Language::of_script(line.as_bytes()), language, "{line:?}");
        }
    }

    #[test]
    fn texts_name_variables_as_their_language_does() {
        let uses = |language, text: &str, name: &str| {
            let text = ScriptText {
                language,
                text: text.as_bytes().to_vec(),
            };
            text.names().contains(name.as_bytes())
        };
        use Language::{Make, Other, Shell};
        for (language, text, expected) in [
            (Shell, "echo $NAME", true),
            (Shell, "echo \"${NAME:-x}\"", true),
            (Shell, "echo ${#NAME}", true),
            (Shell, "echo $NAMES $(NAME) NAME", false),
            (Make, "a:\n\techo $(NAME)", true),
            (Make, "a:\n\techo $$NAME", true),
            (Make, "a: NAME", false),
            (Other, "x = os.environ['NAME']", true),
            (Other, "x = os.getenv(\"NAME\")", true),
            (Other, "const { NAME } = process.env;", true),
            (Other, "$ENV{NAME}", true),
            (Other, "NAMES = environ", false),
            (Other, "NAME = 1\nenviron", false),
        ] {
            assert_eq!(uses(language, text, "NAME"), expected, "{text}");
        }
    }
}
