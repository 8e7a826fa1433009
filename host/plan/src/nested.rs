//! Reads a command that runs tasks itself, so that those become part of the plan.
//!
//! Only what means the same inside the plan is taken: a command with a flag that is about a run of
//! its own stays a process, and so does one with a mistake, which then says itself what is wrong.

use vt_base::RelPath;

use crate::{CacheRequest, DependsOn, NoMatch, Ordering, Selection, TaskTarget};

/// The programs of which `run` runs tasks.
const RUNNERS: [&str; 2] = ["vt", "vp"];

/// The program that runs tasks without being told to.
const RUN: &str = "vpr";

/// A command that runs tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NestedRun {
    pub(crate) target: TaskTarget,
    pub(crate) args: Vec<String>,
    pub(crate) selection: Selection,
    /// `None` stands for what the run around it says.
    pub(crate) cache: Option<CacheRequest>,
    pub(crate) depends_on: DependsOn,
    pub(crate) ordering: Ordering,
    pub(crate) no_match: NoMatch,
    /// Where it looks, from the directory it stands in.
    directory: Option<String>,
}

impl NestedRun {
    /// Reads the words of a command.
    pub(crate) fn read<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let mut words = words.into_iter();
        let mut run = Self {
            target: TaskTarget::parse(""),
            args: Vec::new(),
            selection: Selection::default(),
            cache: None,
            depends_on: DependsOn::Follow,
            ordering: Ordering::Dependencies,
            no_match: NoMatch::Accept,
            directory: None,
        };
        let program = words.next()?;
        if RUNNERS.contains(&program) {
            // Flags of the program itself may stand before its command.
            loop {
                match words.next()? {
                    "run" => break,
                    "-C" | "--dir" => run.directory = Some(words.next()?.to_owned()),
                    _ => return None,
                }
            }
        } else if program != RUN {
            return None;
        }
        while let Some(word) = words.next() {
            let target = match word {
                "--" => words.next()?,
                _ if word.starts_with('-') => {
                    run.flag(word, &mut words)?;
                    continue;
                }
                _ => word,
            };
            run.target = TaskTarget::parse(target);
            run.args = words.map(str::to_owned).collect();
            return (!target.is_empty()).then_some(run);
        }
        None
    }

    /// Takes a flag, or several short ones in one word.
    fn flag<'w>(&mut self, word: &str, rest: &mut impl Iterator<Item = &'w str>) -> Option<()> {
        let Some(long) = word.strip_prefix("--") else {
            let mut letters = word.strip_prefix('-')?.chars();
            if letters.as_str().is_empty() {
                return None;
            }
            while let Some(letter) = letters.next() {
                match letter {
                    'F' | 'C' => {
                        let value = letters.as_str();
                        let value = value.strip_prefix('=').unwrap_or(value);
                        let value = if value.is_empty() {
                            rest.next()?
                        } else {
                            value
                        };
                        self.value(letter, value);
                        return Some(());
                    }
                    'r' => self.selection.recursive = true,
                    't' => self.selection.transitive = true,
                    'w' => self.selection.workspace_root = true,
                    // The summary is that of the run around it.
                    'v' => {}
                    _ => return None,
                }
            }
            return Some(());
        };
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        match (name, value) {
            ("filter", _) => self.value('F', value.or_else(|| rest.next())?),
            ("dir", _) => self.value('C', value.or_else(|| rest.next())?),
            (_, Some(_)) => return None,
            ("recursive", _) => self.selection.recursive = true,
            ("transitive", _) => self.selection.transitive = true,
            ("workspace-root", _) => self.selection.workspace_root = true,
            ("fail-if-no-match", _) => self.no_match = NoMatch::Fail,
            ("ignore-depends-on", _) => self.depends_on = DependsOn::Ignore,
            ("parallel", _) => self.ordering = Ordering::None,
            ("cache", _) if self.cache.is_none() => self.cache = Some(CacheRequest::On),
            ("no-cache", _) if self.cache.is_none() => self.cache = Some(CacheRequest::Off),
            ("verbose", _) => {}
            _ => return None,
        }
        Some(())
    }

    fn value(&mut self, letter: char, value: &str) {
        if letter == 'F' {
            self.selection.filters.push(value.to_owned());
        } else {
            self.directory = Some(value.to_owned());
        }
    }

    /// Where it looks; `None` when that is outside the workspace.
    pub(crate) fn directory(&self, from: &RelPath) -> Option<RelPath> {
        match &self.directory {
            Some(directory) => from.join(directory).ok(),
            None => Some(from.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_recognised_with_their_flags() {
        for (command, target, args) in [
            ("vt run build", "build", &[][..]),
            ("vp run build --fix -r", "build", &["--fix", "-r"]),
            ("vpr a#build x", "a#build", &["x"]),
            ("vt run -- build", "build", &[]),
            ("vt -C sub run -rv build", "build", &[]),
            ("vt run -F a -Fb --filter=c --filter d build", "build", &[]),
            ("vt run -F ...[main] build", "build", &[]),
            ("vt run --no-cache --ignore-depends-on build", "build", &[]),
        ] {
            let run = NestedRun::read(command.split(' ')).unwrap();
            assert_eq!(run.target, TaskTarget::parse(target), "{command}");
            assert_eq!(run.args, args, "{command}");
        }
        let run = NestedRun::read("vt -C sub run -Fa --filter b --cache x".split(' ')).unwrap();
        assert_eq!(run.selection.filters, ["a", "b"]);
        assert_eq!(run.cache, Some(CacheRequest::On));
        let from = RelPath::new("p").unwrap();
        assert_eq!(run.directory(&from), Some(RelPath::new("p/sub").unwrap()));
    }

    #[test]
    fn what_is_about_a_run_of_its_own_stays_a_process() {
        for command in [
            "vt",
            "vt run",
            "vt list",
            "vt run -r",
            "vt run --summary-json f build",
            "vt run --force build",
            "vt run --concurrency-limit 1 build",
            "vt run --cache --no-cache build",
            "vt run --recursive=yes build",
            "vt run -x build",
            "vt run - build",
            "vt --help",
            "vp build",
            "npm run build",
            "./vt run build",
        ] {
            assert_eq!(NestedRun::read(command.split(' ')), None, "{command}");
        }
    }
}
