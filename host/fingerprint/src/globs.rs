//! Globs over workspace-relative paths, and who decides what a path counts as.
//!
//! Precedence, strongest first: task config, tool report, rule directive, automatic. A declared
//! input stays an input whatever anybody ignores; `!` globs cut everything; the filters of inputs
//! and of outputs are separate.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::OnceLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use vt_base::{AbsPath, FilePolicy, RelPath, Sign};

use crate::expand::{Links, Match, expand};

/// A pattern that is not a glob.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{pattern}` is not a glob")]
pub struct GlobError {
    /// The pattern as it was given.
    pub pattern: String,
    /// What is wrong with it.
    pub source: globset::Error,
}

/// A set of globs over workspace-relative paths; `*` does not cross a `/`.
///
/// To compile one takes longer than all else that a look-up does with rules, and most paths have
/// nothing in common with any of the globs. So it is compiled when a path comes along that has.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    patterns: Vec<String>,
    set: OnceLock<Result<GlobSet, GlobError>>,
}

impl Globs {
    /// Takes patterns in, which [`compile`](Self::compile) looks at.
    #[must_use]
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            patterns: patterns.into_iter().map(str::to_owned).collect(),
            set: OnceLock::new(),
        }
    }

    /// Compiles the set now.
    ///
    /// # Errors
    /// The first pattern that is not a glob, or that all of them together are too large.
    pub fn compile(&self) -> Result<(), GlobError> {
        self.set().map(drop).map_err(Clone::clone)
    }

    fn set(&self) -> Result<&GlobSet, &GlobError> {
        let compiled = self.set.get_or_init(|| {
            let failed = |pattern: &str, source| {
                let pattern = pattern.to_owned();
                GlobError { pattern, source }
            };
            let mut builder = GlobSetBuilder::new();
            for pattern in &self.patterns {
                let glob = GlobBuilder::new(pattern)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .empty_alternates(true)
                    .build()
                    .map_err(|source| failed(pattern, source))?;
                builder.add(glob);
            }
            builder.build().map_err(|source| failed("", source))
        });
        compiled.as_ref()
    }

    /// Whether any pattern matches the path. A set that can't be compiled matches nothing.
    #[must_use]
    pub fn matches(&self, path: &RelPath) -> bool {
        self.matches_bytes(path.as_bytes())
    }

    /// Whether a path has something of a pattern.
    fn may_match(&self, path: &[u8]) -> bool {
        let may = |pattern: &String| memchr::memmem::find(path, needle(pattern)).is_some();
        self.patterns.iter().any(may)
    }

    fn matches_bytes(&self, path: &[u8]) -> bool {
        if self.patterns.is_empty() || (self.set.get().is_none() && !self.may_match(path)) {
            return false;
        }
        self.set()
            .is_ok_and(|set| set.is_match(Path::new(OsStr::from_bytes(path))))
    }
}

/// The longest name in a glob that stands for itself; it is in every path that the glob matches.
fn needle(pattern: &str) -> &[u8] {
    let plain = pattern.find(['{', '[', '\\']).unwrap_or(pattern.len());
    let parts = pattern[..plain].split(['/', '*', '?']);
    parts.max_by_key(|part| part.len()).unwrap_or("").as_bytes()
}

/// One side of a step's rules: its inputs, or its outputs.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Whether what was seen counts without being declared.
    pub auto: bool,
    declared: Globs,
    patterns: Vec<String>,
    cut: Globs,
    reported: Vec<RelPath>,
    ignored: Vec<RelPath>,
    ignored_globs: Globs,
    /// Patterns over paths outside the workspace, as they were written.
    outside: Vec<String>,
    outside_cut: Vec<String>,
}

/// What patterns say of paths outside the workspace.
pub(crate) struct Outward {
    cut: Globs,
}

impl Outward {
    /// Whether a path is cut.
    pub(crate) fn cuts(&self, path: &AbsPath) -> bool {
        self.cut.matches_bytes(path.as_bytes())
    }
}

/// Whether a pattern is about paths outside the workspace.
fn leads_out(pattern: &str) -> bool {
    pattern.starts_with('/') || pattern.starts_with("~/") || pattern.starts_with("../")
}

impl Filter {
    /// Takes in what was declared, reported and directed about one side.
    ///
    /// `reported` are paths a tool added, `ignored` what it asked to ignore (each with all that
    /// lies below), `ignored_globs` and `added_globs` what rules said.
    #[must_use]
    pub fn new(
        policy: &FilePolicy,
        reported: Vec<RelPath>,
        ignored: Vec<RelPath>,
        ignored_globs: &[String],
        added_globs: &[String],
    ) -> Self {
        let of_sign = |sign| {
            let globs = policy.globs.iter().filter(move |glob| glob.sign == sign);
            globs.map(|glob| glob.pattern.as_str())
        };
        let select = |sign| of_sign(sign).filter(|pattern| !leads_out(pattern));
        let outside = |sign| -> Vec<String> {
            let outside = of_sign(sign).filter(|pattern| leads_out(pattern));
            outside.map(str::to_owned).collect()
        };
        let patterns: Vec<String> = select(Sign::Positive)
            .chain(added_globs.iter().map(String::as_str))
            .map(str::to_owned)
            .collect();
        Self {
            auto: policy.auto,
            declared: Globs::new(patterns.iter().map(String::as_str)),
            patterns,
            cut: Globs::new(select(Sign::Negative)),
            reported,
            ignored,
            ignored_globs: Globs::new(ignored_globs.iter().map(String::as_str)),
            outside: outside(Sign::Positive),
            outside_cut: outside(Sign::Negative),
        }
    }

    /// The declared patterns over paths outside the workspace.
    pub(crate) fn outside_patterns(&self) -> &[String] {
        &self.outside
    }

    /// What the patterns say of paths outside.
    ///
    /// # Errors
    /// A pattern that is not a glob.
    pub(crate) fn outward(
        &self,
        root: &AbsPath,
        home: Option<&AbsPath>,
    ) -> Result<Outward, GlobError> {
        let patterns = self.outside_cut.iter();
        let patterns: Vec<String> = patterns
            .filter_map(|pattern| anchor(root, home, pattern))
            .map(|(directory, rest)| {
                let directory = globset::escape(&directory.to_string());
                format!("{}/{rest}", directory.trim_end_matches('/'))
            })
            .collect();
        let cut = Globs::new(patterns.iter().map(String::as_str));
        cut.compile()?;
        Ok(Outward { cut })
    }

    /// The patterns that add, declared or directed.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The paths a tool added.
    #[must_use]
    pub fn reported(&self) -> &[RelPath] {
        &self.reported
    }

    /// Whether a path is added by name: declared or reported, and not cut.
    #[must_use]
    pub fn adds(&self, path: &RelPath) -> bool {
        !self.cut.matches(path) && (self.declared.matches(path) || under(path, &self.reported))
    }

    /// Whether a `!` pattern takes a path away.
    #[must_use]
    pub fn cuts(&self, path: &RelPath) -> bool {
        // All that an input pattern matches is asked about, and most has nothing of these.
        self.cut.may_match(path.as_bytes()) && self.cut.matches(path)
    }

    /// Whether a path that was seen counts on this side.
    #[must_use]
    pub fn counts(&self, path: &RelPath) -> bool {
        if self.cut.matches(path) {
            return false;
        }
        if self.declared.matches(path) {
            return true;
        }
        if under(path, &self.ignored) {
            return false;
        }
        if under(path, &self.reported) {
            return true;
        }
        self.auto && !self.ignored_globs.matches(path) && !private_cache(path)
    }
}

fn under(path: &RelPath, prefixes: &[RelPath]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

/// The directory or file directly below `node_modules/.cache` that a path belongs to.
fn cache_root(path: &RelPath) -> Option<RelPath> {
    const CACHE: &[u8] = b"node_modules/.cache";
    let below = path.ancestors().find(|above| {
        let rest = above.as_bytes().strip_suffix(CACHE);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"))
    })?;
    std::iter::once(path.clone())
        .chain(path.ancestors())
        .find(|above| above.parent().as_ref() == Some(&below))
}

/// Whether the name of a path says that it is no work of people.
fn looks_private(path: &RelPath) -> bool {
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .any(|part| part == b"node_modules" || (part.starts_with(b".") && part != b".git"))
}

/// Caches that tools keep below `node_modules/.cache` are nobody's input or output.
fn private_cache(path: &RelPath) -> bool {
    let mut previous: &[u8] = b"";
    path.as_bytes().split(|byte| *byte == b'/').any(|part| {
        let found = previous == b"node_modules" && part == b".cache";
        previous = part;
        found
    })
}

/// What decides how the paths of a step count.
#[derive(Clone, Debug)]
pub struct PathRules {
    /// The side of the inputs.
    pub input: Filter,
    /// The side of the outputs.
    pub output: Filter,
    /// Paths whose existence alone counts when they were only probed.
    pub existence_only: Globs,
    /// Files of which some parts do not count, with JSON Pointers to these, sorted.
    pub redacted: BTreeMap<RelPath, Vec<String>>,
    /// Paths that never count: the cache directory.
    pub hidden: Vec<RelPath>,
}

impl PathRules {
    /// Compiles all globs. Without it they are compiled as they are met, and those that can't be
    /// match nothing.
    ///
    /// # Errors
    /// A set of globs that is too large.
    pub fn compile(&self) -> Result<(), GlobError> {
        let of_both = [&self.input, &self.output].into_iter();
        let mut all = of_both
            .flat_map(|filter| [&filter.declared, &filter.cut, &filter.ignored_globs])
            .chain([&self.existence_only]);
        all.try_for_each(Globs::compile)
    }

    /// The topmost path of the private memory of a tool that a path belongs to: what lies below
    /// `node_modules/.cache`, or what a tool or a rule calls neither input nor result. Never what the
    /// task itself cuts: that may be anything.
    ///
    /// A hit may delete private memory. So a path that a tool or a rule declares private counts only
    /// if it has a hidden name or lies in `node_modules`.
    #[must_use]
    pub fn private_root(&self, path: &RelPath) -> Option<RelPath> {
        let sides = [&self.input, &self.output];
        let is_kept = |side: &&Filter| side.counts(path) || side.cut.matches(path);
        if sides.iter().any(is_kept) || self.is_hidden(path) {
            return None;
        }
        if let Some(root) = cache_root(path) {
            return Some(root);
        }
        let said = |side: &Filter| {
            let above = side.ignored.iter().filter(|above| path.starts_with(above));
            let above = above.max_by_key(|above| above.as_bytes().len()).cloned();
            above.or_else(|| side.ignored_globs.matches(path).then(|| path.clone()))
        };
        let (one, other) = (said(&self.input)?, said(&self.output)?);
        let root = if one.starts_with(&other) { one } else { other };
        looks_private(&root).then_some(root)
    }

    /// Whether a tool or a rule says that what is at a path does not matter to the command.
    #[must_use]
    pub fn ignores_input(&self, path: &RelPath) -> bool {
        under(path, &self.input.ignored) || self.input.ignored_globs.matches(path)
    }

    /// Whether a path is hidden from everything.
    #[must_use]
    pub fn is_hidden(&self, path: &RelPath) -> bool {
        under(path, &self.hidden)
    }
}

/// The directory that a pattern over paths outside the workspace starts from, and the rest of it;
/// none if there is no home directory that it is about.
fn anchor<'p>(
    root: &AbsPath,
    home: Option<&AbsPath>,
    pattern: &'p str,
) -> Option<(AbsPath, &'p str)> {
    if let Some(rest) = pattern.strip_prefix("~/") {
        return Some((home?.clone(), rest));
    }
    let mut directory = root.clone();
    let mut rest = pattern;
    while let Some(further) = rest.strip_prefix("../") {
        directory = directory.parent().unwrap_or(directory);
        rest = further;
    }
    if let Some(rest) = pattern.strip_prefix('/') {
        directory = AbsPath::new("/").expect("the path is absolute");
        return Some((directory, rest));
    }
    Some((directory, rest))
}

/// The files and links outside the workspace that a pattern matches now, sorted.
///
/// # Errors
/// A pattern that is not a glob.
pub(crate) fn expand_outside(
    root: &AbsPath,
    home: Option<&AbsPath>,
    pattern: &str,
) -> Result<Vec<AbsPath>, GlobError> {
    let Some((directory, rest)) = anchor(root, home, pattern) else {
        return Ok(Vec::new());
    };
    let workspace: Vec<RelPath> = root.relative_to(&directory).into_iter().collect();
    let found = expand(&directory, rest, &workspace, Links::All)?;
    let whole = |found: Match| match found.outside {
        Some(target) => target,
        None => directory.join_rel(&found.path),
    };
    Ok(found.into_iter().map(whole).collect())
}

/// Compiles patterns over absolute paths; `~/` stands for the home directory.
pub(crate) fn absolute(
    patterns: &[&str],
    home: Option<&AbsPath>,
) -> Result<impl Fn(&AbsPath) -> bool + use<>, GlobError> {
    let patterns: Vec<String> = patterns
        .iter()
        .filter_map(|pattern| match pattern.strip_prefix("~/") {
            Some(rest) => home.map(|home| format!("{}/{rest}", globset::escape(&home.to_string()))),
            None => Some((*pattern).to_owned()),
        })
        .collect();
    let globs = Globs::new(patterns.iter().map(String::as_str));
    globs.compile()?;
    Ok(move |path: &AbsPath| globs.matches_bytes(path.as_bytes()))
}

#[cfg(test)]
mod tests;
