//! Walks the workspace for its members.
//!
//! Only directories that a pattern can reach are entered, and never `node_modules`, `.git` or
//! what lies behind a symlink; a symlink itself may be a member.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobMatcher};
use vt_base::{AbsPath, RelPath};

use crate::discover::MemberList;
use crate::glob::components;
use crate::{ConfigError, Problem, manifest};

/// One pattern of the list.
struct Pattern {
    /// Matches the manifest of a member.
    manifest: GlobMatcher,
    /// One matcher for each component up to the first one of which the depth is not known.
    components: Vec<GlobMatcher>,
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

    /// Whether the pattern can match something below directories of this depth.
    fn reaches_below(&self, depth: usize) -> bool {
        self.deep || depth < self.components.len()
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
    let components = known
        .map(|part| build(part))
        .collect::<Result<Vec<_>, _>>()?;
    let manifest = parts
        .iter()
        .copied()
        .chain([manifest::FILE_NAME])
        .collect::<Vec<_>>();
    Ok(Pattern {
        manifest: build(&manifest.join("/"))?,
        deep: components.len() < parts.len(),
        hidden: parts.iter().any(|part| part.starts_with('.')),
        components,
    })
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
        let manifest = manifest.as_path();
        let named = |patterns: &[Pattern]| {
            patterns
                .iter()
                .any(|pattern| pattern.manifest.is_match(manifest))
        };
        if named(&self.included) && !named(&self.excluded) {
            self.found.insert(directory.clone());
        }
    }
}
