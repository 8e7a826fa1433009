//! What a component is shown of a step, and the key its answer is memoised under.

use std::collections::BTreeMap;

use vt_base::{Digest, Invocation, Program, RelPath, StableHasher};

use crate::Component;
use crate::claim::Tool;

/// Rises when the host shows, limits or converts anything differently, so that answers given to
/// an older host are asked for again.
const HOST_SEMANTICS: u64 = 1;

/// What is known about the package of a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackageFacts {
    /// The name in its manifest.
    pub name: Option<String>,
    /// Where it lies.
    pub directory: RelPath,
    /// Its dependencies of all kinds, with what its manifest asks of each.
    pub dependencies: BTreeMap<String, String>,
}

/// What one component is asked about one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// What is run.
    pub program: Program,
    /// Its arguments; empty for a shell text.
    pub args: Vec<String>,
    /// Where it runs.
    pub directory: RelPath,
    /// The package of the step.
    pub package: PackageFacts,
    /// The text of every file in [`Needs::files`](crate::Needs::files); `None` when there is none
    /// or it is no text.
    pub files: BTreeMap<String, Option<String>>,
    /// The value of every name in [`Needs::env`](crate::Needs::env); `None` when it is not set.
    pub env: BTreeMap<String, Option<String>>,
}

impl Question {
    /// The question about a step, once the caller has read what the component needs.
    #[must_use]
    pub fn new(
        invocation: &Invocation,
        package: PackageFacts,
        files: BTreeMap<String, Option<String>>,
        env: BTreeMap<String, Option<String>>,
    ) -> Self {
        Self {
            program: invocation.program.clone(),
            args: invocation.args.clone(),
            directory: invocation.directory.clone(),
            package,
            files,
            env,
        }
    }

    /// The tool that runs in the end.
    pub(crate) fn tool(&self) -> Tool {
        Tool::of(&self.program, &self.args)
    }

    /// The key under which the answer of the component may be kept.
    ///
    /// It covers the component, the API, what the host means by it, and all that the session can
    /// show, asked for or not. It covers values of variables by a plain digest: a caller that writes
    /// it to disk puts its own key in between.
    #[must_use]
    pub fn memo_key(&self, component: &Component) -> Digest {
        let mut hasher = StableHasher::new("vt rule answer");
        hasher
            .number(HOST_SEMANTICS)
            .digest(component.digest())
            .text(component.api());
        let (kind, program) = match &self.program {
            Program::Direct(program) => (0, program),
            Program::Shell(text) => (1, text),
        };
        hasher.number(kind).text(program);
        hasher.texts(self.args.iter().map(String::as_str));
        hasher.bytes(self.directory.as_bytes());
        optional(&mut hasher, self.package.name.as_deref());
        hasher.bytes(self.package.directory.as_bytes());
        hasher.number(self.package.dependencies.len() as u64);
        for (name, version) in &self.package.dependencies {
            hasher.text(name).text(version);
        }
        for shown in [&self.files, &self.env] {
            hasher.number(shown.len() as u64);
            for (name, value) in shown {
                hasher.text(name);
                optional(&mut hasher, value.as_deref());
            }
        }
        hasher.finish()
    }
}

fn optional(hasher: &mut StableHasher, text: Option<&str>) {
    match text {
        Some(text) => hasher.number(1).text(text),
        None => hasher.number(0),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{Guest, question};

    #[test]
    fn whatever_the_session_shows_is_in_the_key() {
        let component = Guest::default().load().unwrap();
        let key = |change: fn(&mut Question)| {
            let mut question = question();
            change(&mut question);
            question.memo_key(&component)
        };
        let keys = [
            key(|_| {}),
            key(|question| question.program = Program::Direct("guests".into())),
            key(|question| question.program = Program::Shell("guest".into())),
            key(|question| question.args = vec!["a".into()]),
            key(|question| question.args = vec!["".into()]),
            key(|question| question.directory = RelPath::new("a").unwrap()),
            key(|question| question.package.directory = RelPath::new("a").unwrap()),
            key(|question| question.package.name = Some(String::new())),
            key(|question| question.package.name = Some("a".into())),
            key(|question| {
                question.package.dependencies.insert("a".into(), "1".into());
            }),
            key(|question| {
                question.package.dependencies.insert("a".into(), "2".into());
            }),
            key(|question| {
                question
                    .files
                    .insert("guest.json".into(), Some(String::new()));
            }),
            key(|question| {
                question
                    .files
                    .insert("guest.json".into(), Some("{}".into()));
            }),
            key(|question| {
                question.env.insert("GUEST".into(), Some(String::new()));
            }),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0], key(|_| {}));
    }

    #[test]
    fn another_build_of_a_component_is_asked_again() {
        let one = Guest::default().load().unwrap();
        let other = Guest {
            pages: 2,
            ..Guest::default()
        }
        .load()
        .unwrap();
        assert_ne!(question().memo_key(&one), question().memo_key(&other));
    }
}
