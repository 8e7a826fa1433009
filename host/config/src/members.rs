//! Walks the workspace for its members.
//!
//! Only directories that a pattern can reach are entered, and never `node_modules`, `.git` or
//! what lies behind a symlink; a symlink itself may be a member.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use vt_base::{AbsPath, RelPath};

use crate::discover::MemberList;
use crate::{ConfigError, Problem, manifest};

/// One pattern of the list.
struct Pattern {
    /// Matches the manifest of a member, where the components alone do not tell.
    manifest: Option<GlobMatcher>,
    /// One matcher for each component up to the first one of which the depth is not known.
    components: Vec<Component>,
    /// Whether a match may lie deeper than the components.
    deep: bool,
    /// Whether it asks for names that start with a dot.
    hidden: bool,
}

impl Pattern {
    /// Whether the pattern can match a directory or something below it.
    fn reaches(&self, directory: &str) -> bool {
        let mut matchers = self.components.iter();
        directory.split('/').all(|name| match matchers.next() {
            Some(matcher) => matcher.is_match(name),
            None => self.deep,
        })
    }

    /// Whether it names a directory, given with the path of the manifest there.
    fn names(&self, directory: &str, manifest: &Path) -> bool {
        match &self.manifest {
            Some(glob) => glob.is_match(manifest),
            None => {
                // The root goes by a dot.
                let depth = directory.split('/').filter(|name| *name != ".").count();
                depth == self.components.len() && (depth == 0 || self.reaches(directory))
            }
        }
    }

    /// Whether the pattern can match something below directories of this depth.
    fn reaches_below(&self, depth: usize) -> bool {
        self.deep || depth < self.components.len()
    }
}

/// What matches one name.
enum Component {
    /// Pieces between which anything may stand. Almost all are so, and need no expression that would
    /// have to be compiled first.
    Pieces(Vec<String>),
    Glob(GlobMatcher),
}

impl Component {
    fn is_match(&self, name: &str) -> bool {
        let pieces = match self {
            Self::Pieces(pieces) => pieces,
            Self::Glob(glob) => return glob.is_match(name),
        };
        let [first, middle @ .., last] = &pieces[..] else {
            return pieces.first().is_some_and(|only| only == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        for piece in middle {
            match rest.split_once(piece.as_str()) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

/// The directories that the patterns of a list name, sorted, whether or not a package is there.
/// The root is not among them unless a pattern names it.
pub(crate) fn directories(
    root: &AbsPath,
    list: &MemberList,
    problems: &mut Vec<Problem>,
) -> BTreeSet<RelPath> {
    let (mut included, mut excluded) = (Vec::new(), Vec::new());
    for written in &list.patterns {
        let (text, patterns) = match written.value.strip_prefix('!') {
            Some(text) => (text, &mut excluded),
            None => (written.value.as_str(), &mut included),
        };
        match pattern(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => problems.push(list.source.problem(written.offset, error)),
        }
    }
    let mut walk = Walk {
        root,
        included,
        excluded,
        found: BTreeSet::new(),
        problems,
    };
    walk.visit(&RelPath::root());
    walk.found
}

fn pattern(text: &str) -> Result<Pattern, ConfigError> {
    let parts: Vec<&str> = components(text)
        .into_iter()
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if text.starts_with('/') || parts.contains(&"..") {
        return Err(ConfigError::Outside {
            path: text.to_owned(),
        });
    }
    let build = |glob: &str| match GlobBuilder::new(glob).literal_separator(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(ConfigError::InvalidGlob {
            glob: text.to_owned(),
            reason: error.kind().to_string(),
        }),
    };
    let known = parts
        .iter()
        .take_while(|part| !part.contains("**") && !part.contains('{'));
    let component = |part: &&str| match part.contains(['?', '[', ']', '}', '\\']) {
        true => build(part).map(Component::Glob),
        false => Ok(Component::Pieces(
            part.split('*').map(str::to_owned).collect(),
        )),
    };
    let components = known.map(component).collect::<Result<Vec<_>, _>>()?;
    let is_known = components.len() == parts.len();
    let manifest = match is_known {
        true => None,
        false => {
            let names = parts.iter().copied().chain([manifest::FILE_NAME]);
            Some(build(&names.collect::<Vec<_>>().join("/"))?)
        }
    };
    Ok(Pattern {
        manifest,
        deep: !is_known,
        hidden: parts.iter().any(|part| part.starts_with('.')),
        components,
    })
}

/// Splits a pattern at the slashes that separate components, which those in `{}` and `[]` and
/// those behind a backslash do not.
fn components(pattern: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut braces, mut class, mut escaped) = (0_usize, false, false);
    for (at, character) in pattern.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match character {
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '{' if !class => braces += 1,
            '}' if !class => braces = braces.saturating_sub(1),
            '/' if braces == 0 && !class => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

struct Walk<'a> {
    root: &'a AbsPath,
    included: Vec<Pattern>,
    excluded: Vec<Pattern>,
    found: BTreeSet<RelPath>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    /// Takes a directory if it is a member, and looks below it.
    fn visit(&mut self, directory: &RelPath) {
        self.judge(directory, directory);
        let depth = directory.as_path().components().count();
        if !self.included.iter().any(|one| one.reaches_below(depth)) {
            return;
        }
        // What cannot be listed cannot hold a package either.
        let Ok(entries) = std::fs::read_dir(self.root.join_rel(directory).as_path()) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name == "node_modules" || name == ".git" {
                continue;
            }
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_file() {
                continue;
            }
            let Ok(path) = directory.join(name.as_bytes()) else {
                continue;
            };
            let hidden = name.as_bytes().starts_with(b".");
            let reached = self
                .included
                .iter()
                .any(|pattern| (pattern.hidden || !hidden) && pattern.reaches(&path.to_string()));
            if !reached {
                continue;
            }
            if path.as_str().is_none() {
                let file = self.root.join_rel(&path);
                let error = ConfigError::PathNotUtf8;
                self.problems.push(Problem {
                    file,
                    position: None,
                    error,
                });
            } else if kind.is_dir() {
                self.visit(&path);
            } else if kind.is_symlink() {
                self.follow(&path);
            }
        }
    }

    /// Takes what a symlink leads to if it is a member. Inside the workspace it goes by its real
    /// path, so that one package is one package however it is reached.
    fn follow(&mut self, link: &RelPath) {
        let lexical = self.root.join_rel(link);
        let Ok(real) = std::fs::canonicalize(lexical.as_path()) else {
            return;
        };
        if !real.is_dir() {
            return;
        }
        let real = AbsPath::new(real)
            .ok()
            .and_then(|real| real.relative_to(self.root));
        match real {
            Some(real) if real.is_root() => {}
            Some(real) => self.judge(link, &real),
            None => self.judge(link, link),
        }
    }

    /// Takes a directory if the patterns name it.
    fn judge(&mut self, named: &RelPath, directory: &RelPath) {
        let Ok(manifest) = named.join(manifest::FILE_NAME) else {
            return;
        };
        let named = named.to_string();
        let named = |patterns: &[Pattern]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| pattern.names(&named, manifest.as_path()))
        };
        if named(&self.included) && !named(&self.excluded) {
            self.found.insert(directory.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_a_glob_matches_them() {
        let names = [
            "", "a", "ab", "abc", "a.b", "xaxbx", "aXb", "ba", "*", ".a", "aa", "äb",
        ];
        let texts = [
            "a", "*", "a*", "*b", "a*b", "*a*b*", "**", "a**b", "*.b", "ab*b", "aa*a", "ä*",
        ];
        for text in texts {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            let glob = glob.unwrap().compile_matcher();
            let pieces = Component::Pieces(text.split('*').map(str::to_owned).collect());
            for name in names.iter().filter(|name| !name.is_empty()) {
                assert_eq!(pieces.is_match(name), glob.is_match(name), "{text} {name}");
            }
        }
    }

    #[test]
    fn patterns_name_directories_of_their_depth_only() {
        for (text, directory, names) in [
            ("packages/*", "packages/a", true),
            ("packages/*", "packages", false),
            ("packages/*", "packages/a/b", false),
            ("./packages/*/", "packages/a", true),
            ("packages/a?", "packages/ab", true),
            ("packages/[ab]", "packages/c", false),
            ("packages/{a,b}/c", "packages/b/c", true),
            ("packages/**", "packages/a/b", true),
            ("**", "a/b", true),
            (".", "", true),
            ("*", "", false),
            ("*", "a", true),
        ] {
            let directory = RelPath::new(directory).unwrap();
            let manifest = directory.join(manifest::FILE_NAME).unwrap();
            let found = pattern(text).unwrap();
            let found = found.names(&directory.to_string(), manifest.as_path());
            assert_eq!(found, names, "{text} {directory}");
        }
    }
}
