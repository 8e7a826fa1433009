//! Turns the command of a task into what its steps spawn.

use std::borrow::Cow;

use vt_base::{Program, RelPath};

use crate::nested::NestedRun;
use crate::shell::{
    BUILTIN, FILE_OPERATION_PREFIXES, FILE_OPERATIONS, LAUNCHERS, RUNNER_PREFIX, STATEFUL, quote,
};
use crate::split::split;
use crate::words::{Word, Words};

/// What one step spawns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StepCommand {
    /// The command as it was written.
    pub(crate) text: String,
    pub(crate) program: Program,
    pub(crate) args: Vec<String>,
    pub(crate) env_prefix: Vec<(String, String)>,
    pub(crate) directory: RelPath,
}

/// A piece of a command that runs tasks itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NestedCommand {
    /// The command as it was written.
    pub(crate) text: String,
    pub(crate) run: NestedRun,
    pub(crate) env_prefix: Vec<(String, String)>,
    /// Where it looks for the task.
    pub(crate) directory: RelPath,
}

/// What a piece of a command comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Something that is spawned.
    Step(StepCommand),
    /// Tasks that take the place of the command that runs them.
    Nested(NestedCommand),
}

/// The pieces of a command, one at least. `parts` are run one after the other as if joined by
/// `&&`; `args` go to the last of them.
pub(crate) fn units(parts: &[String], args: &[String], directory: &RelPath) -> Vec<Unit> {
    let mut parts = Cow::Borrowed(parts);
    if !args.is_empty()
        && let Some(last) = parts.to_mut().last_mut()
    {
        for arg in args {
            last.push(' ');
            last.push_str(&quote(arg));
        }
    }
    let segments: Vec<Segment<'_>> = parts.iter().flat_map(|part| Segment::of(part)).collect();
    let groups = group(&segments, directory);
    groups
        .into_iter()
        .map(|group| group.unit(&segments))
        .collect()
}

/// A piece of a command that is run on its own, unless it belongs to its neighbours.
struct Segment<'a> {
    text: &'a str,
    shape: Shape,
    kind: Kind,
}

/// How a segment was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Between two top-level `&&`.
    Cut,
    /// As a whole part, which may hold anything.
    Whole,
}

/// What a segment does to its neighbours.
#[derive(Debug)]
enum Kind {
    /// Nothing; it is started directly.
    Direct(Words),
    /// Nothing; it needs a shell.
    Shell,
    /// Nothing; it runs tasks, which take its place.
    Nested(Words, Box<NestedRun>),
    /// It changes the directory of what follows.
    ChangeDirectory(String),
    /// It changes the shell in another way: what follows must run in the same one.
    Stateful,
    /// It prepares what the next one does, or finishes what the previous one did.
    FileOperation(Words),
}

impl<'a> Segment<'a> {
    /// The segments of one part.
    fn of(part: &'a str) -> Vec<Self> {
        let Some(segments) = split(part) else {
            let words = Words::read(part);
            let stateful = words.command.iter().any(is_stateful);
            let kind = if stateful {
                Kind::Stateful
            } else {
                Kind::Shell
            };
            return vec![Self {
                text: part.trim(),
                shape: Shape::Whole,
                kind,
            }];
        };
        let cut = |text| Segment {
            text,
            shape: Shape::Cut,
            kind: Kind::of(text),
        };
        segments.into_iter().map(cut).collect()
    }
}

/// Whether the shell sets a variable by what it expands: `V=$(command)`, the words of which are not told apart
/// here, `${V:=default}` and `$((V += 1))`.
fn sets_by_expansion(segment: &str) -> bool {
    let text = segment.trim_start();
    let name = text.len()
        - text
            .trim_start_matches(|one: char| one.is_ascii_alphanumeric() || one == '_')
            .len();
    let is_assignment = name > 0 && text[name..].trim_start_matches('+').starts_with('=');
    let has_command = text.contains("$(") || text.contains('`');
    let has_default = text.match_indices("${").any(|(at, _)| {
        let rest = text[at + 2..]
            .trim_start_matches(|one: char| one.is_ascii_alphanumeric() || one == '_');
        rest.starts_with('=') || rest.starts_with(":=")
    });
    is_assignment && has_command || has_default || text.contains("$((")
}

fn is_stateful(word: &Word) -> bool {
    STATEFUL.contains(&word.text.as_str())
}

impl Kind {
    fn of(segment: &str) -> Self {
        if sets_by_expansion(segment) {
            return Self::Stateful;
        }
        let words = Words::read(segment);
        let Some(first) = words.command.first() else {
            // Assignments alone stay in the shell; what stands in parentheses does not.
            return if words.operators {
                Self::Shell
            } else {
                Self::Stateful
            };
        };
        // Redirections may stand in front of the command.
        let redirected = words.operators
            && segment.starts_with(|first: char| first.is_ascii_digit() || "<>".contains(first));
        let is_prefixed = ["!", "builtin", "command", "time"].contains(&first.text.as_str());
        let stateful = is_stateful(first)
            || (redirected || is_prefixed) && words.command.iter().any(is_stateful);
        if stateful {
            return match &words.command[..] {
                [_, to] if words.is_literal() && words.assignments.is_empty() => {
                    Self::change_directory(&first.text, &to.text)
                }
                _ => Self::Stateful,
            };
        }
        if !words.operators && is_file_operation(&words.command) {
            return Self::FileOperation(words);
        }
        if let Some(run) = nested(&words) {
            return Self::Nested(words, Box::new(run));
        }
        Self::plain(words)
    }

    fn change_directory(command: &str, to: &str) -> Self {
        // `-` goes back, and an absolute or empty path means another thing to every shell.
        if command == "cd" && !to.is_empty() && !to.starts_with(['-', '/']) {
            Self::ChangeDirectory(to.to_owned())
        } else {
            Self::Stateful
        }
    }

    fn plain(words: Words) -> Self {
        let first = words
            .command
            .first()
            .map(|word| word.text.as_str())
            .unwrap_or_default();
        if words.is_literal() && !first.is_empty() && !BUILTIN.contains(&first) {
            Self::Direct(words)
        } else {
            Self::Shell
        }
    }
}

/// Whether a command is a plain file operation, started as it is or by a launcher.
fn is_file_operation(command: &[Word]) -> bool {
    let mut words: Vec<&str> = command.iter().map(|word| word.text.as_str()).collect();
    if let Some(launcher) = LAUNCHERS
        .iter()
        .find(|launcher| words.starts_with(launcher))
    {
        words.drain(..launcher.len());
        let options = words
            .iter()
            .take_while(|word| word.starts_with('-'))
            .count();
        words.drain(..options);
    }
    match words[..] {
        [prefix, operation, ..] if FILE_OPERATION_PREFIXES.contains(&prefix) => {
            FILE_OPERATIONS.contains(&operation)
        }
        [operation, ..] => FILE_OPERATIONS.contains(&operation),
        [] => false,
    }
}

/// Reads a command that runs tasks. What it says to the runner by its environment is for a
/// process of its own.
fn nested(words: &Words) -> Option<NestedRun> {
    let own = |(name, _): &(String, String)| name.starts_with(RUNNER_PREFIX);
    if !words.is_literal() || words.pairs().iter().any(own) {
        return None;
    }
    NestedRun::read(words.command.iter().map(|word| word.text.as_str()))
}

/// Neighbouring segments that are one step.
struct Group {
    /// Indices of the first and the last segment.
    first: usize,
    last: usize,
    /// Where the first one runs.
    directory: RelPath,
}

fn group(segments: &[Segment<'_>], directory: &RelPath) -> Vec<Group> {
    let end = segments.len().saturating_sub(1);
    let mut groups: Vec<Group> = Vec::new();
    let mut directory = directory.clone();
    let mut entered = Entered::Yes;
    // Where the file operations start that wait for the segment they belong to.
    let mut pending: Option<(usize, RelPath)> = None;
    for (index, segment) in segments.iter().enumerate() {
        let last = match &segment.kind {
            Kind::ChangeDirectory(to) if index < end => match follow(&directory, to, entered) {
                Some(inside) => {
                    (directory, entered) = (inside, Entered::NotYet);
                    continue;
                }
                None => end,
            },
            Kind::FileOperation(_) => {
                pending.get_or_insert_with(|| (index, directory.clone()));
                continue;
            }
            Kind::Nested(_, run) if run.directory(&directory).is_some() => {
                // What takes its place does not wait in one shell with anything.
                groups.extend(pending.take().map(|(first, directory)| Group {
                    first,
                    last: index - 1,
                    directory,
                }));
                index
            }
            Kind::Stateful => end,
            Kind::ChangeDirectory(_) | Kind::Direct(_) | Kind::Shell | Kind::Nested(..) => index,
        };
        let (first, directory) = pending.take().unwrap_or_else(|| (index, directory.clone()));
        groups.push(Group {
            first,
            last,
            directory,
        });
        entered = Entered::Yes;
        if last == end {
            return groups;
        }
    }
    let nested = |group: &Group| matches!(segments[group.last].kind, Kind::Nested(..));
    let before = groups.last_mut().filter(|group| !nested(group));
    match (pending, before) {
        (Some(_), Some(group)) => group.last = end,
        (Some((first, directory)), None) => groups.push(Group {
            first,
            last: end,
            directory,
        }),
        (None, _) => {}
    }
    groups
}

/// Whether something ran in a directory, so that it is known to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entered {
    Yes,
    NotYet,
}

/// Where `cd` leads; `None` when only a shell can tell. A directory that is left again before
/// anything ran in it need not exist for the plan, but must for the shell.
fn follow(directory: &RelPath, to: &str, entered: Entered) -> Option<RelPath> {
    let mut parts = to
        .split('/')
        .skip_while(|part| *part == ".." && entered == Entered::Yes);
    if parts.any(|part| part == "..") {
        return None;
    }
    directory.join(to).ok()
}

impl Group {
    fn unit(self, segments: &[Segment<'_>]) -> Unit {
        if self.first == self.last
            && let Segment {
                text,
                kind: Kind::Nested(words, run),
                ..
            } = &segments[self.first]
            && let Some(directory) = run.directory(&self.directory)
        {
            return Unit::Nested(NestedCommand {
                text: (*text).to_owned(),
                run: run.as_ref().clone(),
                env_prefix: words.pairs(),
                directory,
            });
        }
        Unit::Step(self.command(segments))
    }

    fn command(self, segments: &[Segment<'_>]) -> StepCommand {
        let segments = &segments[self.first..=self.last];
        let text = segments
            .iter()
            .map(|segment| segment.text)
            .collect::<Vec<_>>()
            .join(" && ");
        let mut command = StepCommand {
            program: Program::Shell(shell_text(segments)),
            text,
            args: Vec::new(),
            env_prefix: Vec::new(),
            directory: self.directory,
        };
        let alone = match segments {
            [
                Segment {
                    kind: Kind::Direct(words) | Kind::FileOperation(words) | Kind::Nested(words, _),
                    ..
                },
            ] => Some(words),
            _ => None,
        };
        if let Some(words) = alone.filter(|words| words.is_literal()) {
            let mut texts = words.command.iter().map(|word| word.text.clone());
            command.program = Program::Direct(texts.next().unwrap_or_default());
            command.args = texts.collect();
            command.env_prefix = words.pairs();
        }
        command
    }
}

/// The text for the shell. A part that was not cut may end in a comment or hold a `;`, so it is
/// fenced off from what follows.
fn shell_text(segments: &[Segment<'_>]) -> String {
    let end = segments.len() - 1;
    let texts = segments.iter().enumerate().map(|(index, segment)| {
        if index < end && segment.shape == Shape::Whole {
            format!("{{ {}\n}}", segment.text)
        } else {
            segment.text.to_owned()
        }
    });
    texts.collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each step as `directory: program(args)` or `directory: sh(text)`.
    fn shown(parts: &[&str], args: &[&str]) -> Vec<String> {
        let texts = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let directory = RelPath::new("p").unwrap();
        units(&texts(parts), &texts(args), &directory)
            .into_iter()
            .map(|unit| {
                let step = match unit {
                    Unit::Step(step) => step,
                    Unit::Nested(nested) => {
                        let words = [vec![nested.run.target.text()], nested.run.args].concat();
                        let prefix = nested.env_prefix.iter();
                        let prefix: String = prefix
                            .map(|(name, value)| format!("{name}={value} "))
                            .collect();
                        return format!("{}: {prefix}run({})", nested.directory, words.join("|"));
                    }
                };
                let prefix: String = step
                    .env_prefix
                    .iter()
                    .map(|(name, value)| format!("{name}={value} "))
                    .collect();
                match step.program {
                    Program::Shell(text) => format!("{}: sh({text})", step.directory),
                    Program::Direct(program) => {
                        let words = [vec![program], step.args].concat().join("|");
                        format!("{}: {prefix}{words}", step.directory)
                    }
                }
            })
            .collect()
    }

    #[test]
    fn commands_become_steps() {
        for (command, wanted) in [
            ("tsc --noEmit", &["p: tsc|--noEmit"][..]),
            ("eslint . && tsc -b", &["p: eslint|.", "p: tsc|-b"]),
            ("A=1 B='x y' vite build", &["p: A=1 B=x y vite|build"]),
            ("A=1 echo x", &["p: sh(A=1 echo x)"]),
            ("a | b && c", &["p: sh(a | b)", "p: c"]),
            ("a $X && b", &["p: sh(a $X)", "p: b"]),
            ("a; b", &["p: sh(a; b)"]),
            ("a && b || c", &["p: sh(a && b || c)"]),
            ("echo hi && a", &["p: sh(echo hi)", "p: a"]),
            ("! a && b", &["p: sh(! a)", "p: b"]),
            ("(cd x && a) && b", &["p: sh((cd x && a))", "p: b"]),
            ("", &["p: sh()"]),
        ] {
            assert_eq!(shown(&[command], &[]), wanted, "{command}");
        }
    }

    #[test]
    fn changing_the_directory_moves_what_follows() {
        for (command, wanted) in [
            ("cd sub && a && b", &["p/sub: a", "p/sub: b"][..]),
            ("a && cd ../q/r && b", &["p: a", "q/r: b"]),
            ("cd sub && a && cd .. && b", &["p/sub: a", "p: b"]),
            ("cd sub && cd .. && a", &["p/sub: sh(cd .. && a)"]),
            ("cd sub/../x && a", &["p: sh(cd sub/../x && a)"]),
            ("cd ../../out && a && b", &["p: sh(cd ../../out && a && b)"]),
            ("a && cd $X && b && c", &["p: a", "p: sh(cd $X && b && c)"]),
            ("cd && a", &["p: sh(cd && a)"]),
            ("cd - && a", &["p: sh(cd - && a)"]),
            ("cd /x && a", &["p: sh(cd /x && a)"]),
            ("a && cd sub", &["p: a", "p: sh(cd sub)"]),
            ("cd sub", &["p: sh(cd sub)"]),
        ] {
            assert_eq!(shown(&[command], &[]), wanted, "{command}");
        }
    }

    #[test]
    fn what_changes_the_shell_keeps_the_rest_with_it() {
        for (command, wanted) in [
            ("export A=1 && a && b", &["p: sh(export A=1 && a && b)"][..]),
            ("a && A=1 && b", &["p: a", "p: sh(A=1 && b)"]),
            ("a && . ./env.sh && b", &["p: a", "p: sh(. ./env.sh && b)"]),
            ("cd sub && set -e && b", &["p/sub: sh(set -e && b)"]),
            ("A=$(a b) && c", &["p: sh(A=$(a b) && c)"]),
            (": ${A:=x} && c", &["p: sh(: ${A:=x} && c)"]),
            ("command cd x && c", &["p: sh(command cd x && c)"]),
            ("2>log cd x && b", &["p: sh(2>log cd x && b)"]),
        ] {
            assert_eq!(shown(&[command], &[]), wanted, "{command}");
        }
    }

    #[test]
    fn file_operations_belong_to_a_neighbour() {
        for (command, wanted) in [
            ("rm -rf dist && tsc", &["p: sh(rm -rf dist && tsc)"][..]),
            (
                "rm -rf dist/* && tsc && b",
                &["p: sh(rm -rf dist/* && tsc)", "p: b"],
            ),
            ("tsc && cp a dist/a", &["p: sh(tsc && cp a dist/a)"]),
            (
                "a && tsc && cp a b && shx chmod +x b",
                &["p: a", "p: sh(tsc && cp a b && shx chmod +x b)"],
            ),
            ("npx -y rimraf x && tsc", &["p: sh(npx -y rimraf x && tsc)"]),
            (
                "rm -rf a && cd sub && b && c",
                &["p: sh(rm -rf a && cd sub && b)", "p/sub: c"],
            ),
            ("cd sub && rm a && b", &["p/sub: sh(rm a && b)"]),
            ("b && cd sub && rm a", &["p: sh(b && cd sub && rm a)"]),
            ("rm -rf dist", &["p: rm|-rf|dist"]),
            ("rm -rf dist/*", &["p: sh(rm -rf dist/*)"]),
            ("rm a && mkdir b", &["p: sh(rm a && mkdir b)"]),
            ("npx vite build && a", &["p: npx|vite|build", "p: a"]),
            (
                "rm x && export A=1 && a",
                &["p: sh(rm x && export A=1 && a)"],
            ),
        ] {
            assert_eq!(shown(&[command], &[]), wanted, "{command}");
        }
    }

    #[test]
    fn commands_that_run_tasks_stand_alone() {
        for (command, wanted) in [
            (
                "vt run a && vp run b -x && vpr c",
                &["p: run(a)", "p: run(b|-x)", "p: run(c)"][..],
            ),
            ("A=1 vt run a && x", &["p: A=1 run(a)", "p: x"]),
            ("VT_CACHE_DIR=x vt run a", &["p: VT_CACHE_DIR=x vt|run|a"]),
            ("cd sub && vt run a && b", &["p/sub: run(a)", "p/sub: b"]),
            ("vt -C ../q run a && b", &["q: run(a)", "p: b"]),
            (
                "vt -C ../../.. run a && b",
                &["p: vt|-C|../../..|run|a", "p: b"],
            ),
            (
                "rm x && vt run a && rm y",
                &["p: rm|x", "p: run(a)", "p: rm|y"],
            ),
            (
                "rm x && rm z && cd sub && vt run a",
                &["p: sh(rm x && rm z && cd sub)", "p/sub: run(a)"],
            ),
            ("vt run a | b", &["p: sh(vt run a | b)"]),
            ("vt run a; vt run b", &["p: sh(vt run a; vt run b)"]),
            ("vt run $A", &["p: sh(vt run $A)"]),
            ("vt run --force a", &["p: vt|run|--force|a"]),
            ("export A=1 && vt run a", &["p: sh(export A=1 && vt run a)"]),
        ] {
            assert_eq!(shown(&[command], &[]), wanted, "{command}");
        }
        assert_eq!(
            shown(&["a && vt run b"], &["-x", "y z"]),
            ["p: a", "p: run(b|-x|y z)"]
        );
    }

    #[test]
    fn arguments_go_to_the_last_command_only() {
        assert_eq!(
            shown(&["a && b"], &["--x", "y z"]),
            ["p: a", "p: b|--x|y z"]
        );
        assert_eq!(shown(&["a", "b"], &["$X"]), ["p: a", "p: b|$X"]);
        assert_eq!(shown(&["a | b"], &["it's"]), [r"p: sh(a | b 'it'\''s')"]);
        assert_eq!(shown(&["tsc && rm"], &["x"]), ["p: sh(tsc && rm x)"]);
    }

    #[test]
    fn parts_that_stay_whole_are_fenced_off() {
        assert_eq!(shown(&["a; b", "c"], &[]), ["p: sh(a; b)", "p: c"]);
        assert_eq!(shown(&["a # note", "c"], &[]), ["p: sh(a # note)", "p: c"]);
        assert_eq!(
            shown(&["cd x; b # y", "c"], &[]),
            ["p: sh({ cd x; b # y\n} && c)"]
        );
    }
}
