//! The `run` block of `vite.config.*`: configuration that a program has to say.
//!
//! Which files there are and what their answers mean is known here; who asks them is not. A file
//! is asked only if it can have such a block: it has the word `run` in it, or Vite+ is there, of
//! which it may import one.

use std::collections::BTreeMap;
use std::rc::Rc;

use vt_base::{AbsPath, RelPath};

use crate::manifest::Manifest;
use crate::source::Source;
use crate::{ConfigError, Problem};

/// The names of the file; the first one found counts, as it does for Vite.
pub(crate) const NAMES: [&str; 6] = [
    "vite.config.js",
    "vite.config.mjs",
    "vite.config.ts",
    "vite.config.cjs",
    "vite.config.mts",
    "vite.config.cts",
];

/// The package whose configuration files may hide the block behind an import.
const VITE_PLUS: &str = "vite-plus";

/// Files whose `run` blocks are wanted.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// The root of the workspace.
    pub root: AbsPath,
    /// Where the cache lies, if the configuration of the root says so in JSON.
    pub cache_dir: Option<AbsPath>,
    /// The files.
    pub files: Vec<Script>,
}

/// A file that has to be run to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The directory of its package.
    pub directory: RelPath,
    /// Its name there.
    pub name: String,
}

/// What a file says: its `run` block as JSON, `null` where it has none; or why that is not known.
pub type Answer = Result<String, String>;

/// A file that was found and not asked yet.
pub(crate) struct Waiting {
    /// The index of its package.
    pub(crate) package: usize,
    pub(crate) source: Rc<Source>,
}

/// Whether a file may have a block.
pub(crate) fn may_have_block(
    source: &Source,
    manifest: Option<&Manifest>,
    root: Option<&Manifest>,
) -> bool {
    let has_plus = |manifest: &Manifest| manifest.dependencies.contains_key(VITE_PLUS);
    has_word(&source.text, "run") || [manifest, root].into_iter().flatten().any(has_plus)
}

/// Asks the files, and turns their answers into sources by the index of the package. A file
/// without a block is none.
pub(crate) fn ask(
    root: &AbsPath,
    cache_dir: Option<AbsPath>,
    waiting: Vec<Waiting>,
    evaluate: &mut dyn FnMut(&Scripts) -> Vec<Answer>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<usize, Rc<Source>> {
    let mut sources = BTreeMap::new();
    if waiting.is_empty() {
        return sources;
    }
    let script = |one: &Waiting| {
        let path = one.source.file.relative_to(root)?;
        let name = one.source.file.as_path().file_name()?.to_str()?.to_owned();
        Some(Script {
            directory: path.parent().unwrap_or_default(),
            name,
        })
    };
    let files: Option<Vec<Script>> = waiting.iter().map(script).collect();
    let scripts = Scripts {
        root: root.clone(),
        cache_dir,
        files: files.expect("members lie below the root and have names that are text"),
    };
    let answers = evaluate(&scripts);
    for (one, answer) in waiting.into_iter().zip(answers) {
        let file = one.source.file.clone();
        match answer {
            Ok(text) if text.trim() == "null" => {}
            Ok(text) => {
                let written = Some(one.source.text.clone());
                let source = Source {
                    file,
                    text,
                    written,
                };
                sources.insert(one.package, Rc::new(source));
            }
            Err(reason) => problems.push(Problem {
                file,
                position: None,
                error: ConfigError::NotEvaluated { reason },
            }),
        }
    }
    sources
}

/// Whether a text has a word that is not part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    find_word(text, word).is_some()
}

/// Where a text has a word first.
pub(crate) fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let stands_alone = |start: &usize| {
        let before = text[..*start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    };
    let mut places = text.match_indices(word).map(|(start, _)| start);
    places.find(stands_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_no_part_of_another() {
        assert_eq!(find_word("rerun, run", "run"), Some(7));
        assert_eq!(find_word("runner(run_it)", "run"), None);
        assert_eq!(find_word("\"run\": {", "run"), Some(1));
    }
}
