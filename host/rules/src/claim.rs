//! Which tool a step runs in the end, and so which component speaks for it.
//!
//! What only starts a tool (`npx`, `pnpm exec`, `cross-env`, `vp test`) is seen through. When in doubt the
//! launcher itself stays the tool: a rule that does not speak costs caching at most, one that
//! speaks for the wrong tool would be believed.

use std::borrow::Cow;

use vt_base::{Invocation, Program};

use crate::{Component, Matches, PackageFacts};

mod vite_plus;

/// Launchers inside launchers are followed this deep.
const MAX_LAUNCHERS: usize = 8;

/// Options of the `npx` family that take no value.
const LAUNCHER_FLAGS: [&str; 10] = [
    "-y",
    "--yes",
    "--no",
    "--no-install",
    "-q",
    "--quiet",
    "--bun",
    "-s",
    "--silent",
    "--offline",
];

/// The tool of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tool {
    /// Its name, or the path of a program that is no package binary.
    pub(crate) name: String,
    /// Its arguments; `None` when they are inside a shell text.
    pub(crate) args: Option<Vec<String>>,
}

impl Tool {
    pub(crate) fn of(program: &Program, args: &[String]) -> Self {
        match program {
            Program::Direct(program) => Self::of_direct(program, args),
            Program::Shell(text) => Self {
                name: binary_name(&first_word(text).unwrap_or_default()).to_owned(),
                args: None,
            },
        }
    }

    fn of_direct(program: &str, args: &[String]) -> Self {
        let (mut program, mut args) = (program, args);
        for _ in 0..MAX_LAUNCHERS {
            let Some((next, rest)) = behind_launcher(binary_name(program), args) else {
                break;
            };
            (program, args) = (next, rest);
        }
        if binary_name(program) == "vp"
            && let Some((name, args)) = vite_plus::behind(args)
        {
            return Self {
                name: name.to_owned(),
                args: Some(args),
            };
        }
        Self {
            name: binary_name(program).to_owned(),
            args: Some(args.to_vec()),
        }
    }
}

/// The command behind a program that only starts another one; `None` when it is none of those, or
/// is used in a way we do not follow.
fn behind_launcher<'a>(program: &str, args: &'a [String]) -> Option<(&'a str, &'a [String])> {
    let after = |words: &[&str]| {
        args.first()
            .filter(|first| words.contains(&first.as_str()))
            .map(|_| &args[1..])
    };
    match program {
        "npx" | "pnpx" | "bunx" | "vpx" => package_binary(args),
        "npm" => package_binary(after(&["exec", "x"])?),
        "pnpm" | "yarn" | "vp" => package_binary(after(&["exec", "dlx"])?),
        "bun" => package_binary(after(&["x"])?),
        "env" | "cross-env" => {
            let at = args.iter().position(|arg| !is_assignment(arg))?;
            let (name, rest) = args[at..].split_first()?;
            (!name.starts_with('-')).then_some((name, rest))
        }
        _ => None,
    }
}

/// The binary an `npx`-like command line starts, without the version it may ask for.
fn package_binary(args: &[String]) -> Option<(&str, &[String])> {
    let at = args
        .iter()
        .position(|arg| !LAUNCHER_FLAGS.contains(&arg.as_str()))?;
    let args = &args[at..];
    let args = if args[0] == "--" { &args[1..] } else { args };
    let (name, rest) = args.split_first()?;
    if name.starts_with('-') {
        return None;
    }
    let version = name.rfind('@').filter(|at| *at > 0).unwrap_or(name.len());
    Some((&name[..version], rest))
}

/// `vitest` for `node_modules/.bin/vitest`; any other path stays what it is, since a program of
/// that name elsewhere need not be that tool.
fn binary_name(program: &str) -> &str {
    match program.rsplit_once('/') {
        Some((directory, name))
            if directory == "node_modules/.bin" || directory.ends_with("/node_modules/.bin") =>
        {
            name
        }
        _ => program,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The first word of a shell text after `K=v` prefixes; `None` when the shell would not take it
/// literally.
fn first_word(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    loop {
        let (word, after) = shell_word(rest)?;
        if !is_assignment(&word) {
            return (!word.is_empty()).then(|| word.into_owned());
        }
        rest = after.trim_start();
    }
}

/// One word and what follows it. `None` for what only a shell can read.
fn shell_word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\'' | '"' => loop {
                match chars.next()?.1 {
                    end if end == char => break,
                    '$' | '`' | '\\' if char == '"' => return None,
                    inner => word.push(inner),
                }
            },
            '$' | '`' | '\\' | '*' | '?' | '[' | '{' | '~' | '#' | '!' | '(' => return None,
            _ if char.is_whitespace() || ";&|<>)".contains(char) => {
                return Some((word.into(), &text[at..]));
            }
            _ => word.push(char),
        }
    }
    Some((word.into(), ""))
}

/// Whether a component speaks for a step, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It does.
    Speaks {
        /// The program its manifest names; `None` when it speaks for any.
        program: Option<String>,
        /// The dependency its manifest names and the package has; `None` when it speaks in any.
        dependency: Option<String>,
    },
    /// The step runs another tool.
    OtherTool {
        /// The tool behind launchers; empty where a shell text does not say.
        tool: String,
    },
    /// The package depends on nothing the manifest names.
    NoDependency,
}

impl Component {
    /// Whether the component has anything to say about a step. Runs nothing of it.
    #[must_use]
    pub fn speaks_for(&self, invocation: &Invocation, package: &PackageFacts) -> bool {
        self.matches().take(invocation, package)
    }

    /// Why the component has something to say about a step, or has nothing. Runs nothing of it.
    #[must_use]
    pub fn claim(&self, invocation: &Invocation, package: &PackageFacts) -> Claim {
        self.matches().claim(invocation, package)
    }
}

impl Matches {
    /// Whether a step is one of these.
    pub(crate) fn take(&self, invocation: &Invocation, package: &PackageFacts) -> bool {
        matches!(self.claim(invocation, package), Claim::Speaks { .. })
    }

    fn claim(&self, invocation: &Invocation, package: &PackageFacts) -> Claim {
        let dependency = self
            .dependencies
            .iter()
            .find(|name| package.dependencies.contains_key(*name));
        if dependency.is_none() && !self.dependencies.is_empty() {
            return Claim::NoDependency;
        }
        let program = if self.programs.is_empty() {
            None
        } else {
            let tool = Tool::of(&invocation.program, &invocation.args).name;
            if !self.programs.contains(&tool) {
                return Claim::OtherTool { tool };
            }
            Some(tool)
        };
        Claim::Speaks {
            program,
            dependency: dependency.cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
