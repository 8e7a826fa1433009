//! Filters choose packages by name, by directory, by what changed and by who depends on whom.
//!
//! The grammar is that of pnpm: `name`, `@scope/*`, `./directory`, `{directory}`, `[since]`, with
//! `...` for dependencies behind and dependents in front, `^` to leave out where that starts, and
//! `!` to leave out what the rest selects.

use std::collections::{BTreeSet, HashMap};

use globset::{GlobBuilder, GlobMatcher};
use vt_base::RelPath;
use vt_config::{Package, Project};

use crate::PlanError;
use crate::request::Changes;

/// One filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// As it was written.
    text: String,
    excludes: bool,
    dependencies: bool,
    dependents: bool,
    /// Whether the packages that match are left out of what belongs to them.
    without_self: bool,
    name: Option<String>,
    directory: Option<String>,
    since: Option<String>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let invalid = |reason| PlanError::InvalidFilter {
            filter: text.to_owned(),
            reason,
        };
        let mut filter = Self {
            text: text.to_owned(),
            excludes: false,
            dependencies: false,
            dependents: false,
            without_self: false,
            name: None,
            directory: None,
            since: None,
        };
        let mut rest = text;
        if let Some(without) = rest.strip_prefix('!') {
            (rest, filter.excludes) = (without, true);
        }
        if let Some(without) = rest.strip_suffix("...") {
            (rest, filter.dependencies) = (without, true);
            if let Some(without) = rest.strip_suffix('^') {
                (rest, filter.without_self) = (without, true);
            }
        }
        if let Some(without) = rest.strip_prefix("...") {
            (rest, filter.dependents) = (without, true);
            if let Some(without) = rest.strip_prefix('^') {
                (rest, filter.without_self) = (without, true);
            }
        }
        if rest.is_empty() {
            return Err(invalid("it names no package"));
        }
        if is_directory(rest) {
            // Dots behind a plain directory mean nothing, as they do for pnpm.
            filter.directory = Some(rest.to_owned());
            (filter.dependencies, filter.dependents) = (false, false);
            filter.without_self = false;
            return Ok(filter);
        }
        let end = rest.find(['{', '}', '[', ']']).unwrap_or(rest.len());
        let (name, mut rest) = rest.split_at(end);
        filter.name = Some(name.to_owned()).filter(|name| !name.is_empty());
        if let Some(open) = rest.strip_prefix('{') {
            // A glob in braces may hold braces of its own.
            let close = closing(open).ok_or(invalid("a `{` is not closed"))?;
            filter.directory = Some(open[..close].to_owned());
            rest = &open[close + 1..];
        }
        if let Some(open) = rest.strip_prefix('[') {
            let close = open.find(']').ok_or(invalid("a `[` is not closed"))?;
            filter.since = Some(open[..close].to_owned());
            rest = &open[close + 1..];
        }
        if !rest.is_empty() {
            return Err(invalid(
                "it must be a name, a directory in `{}` and what changed since in `[]`, in this order",
            ));
        }
        let empty = |part: &Option<String>| part.as_ref().is_some_and(String::is_empty);
        if empty(&filter.directory) || empty(&filter.since) {
            return Err(invalid("there is nothing between the brackets"));
        }
        Ok(filter)
    }

    /// The filter that selects the root of the workspace.
    pub(crate) fn workspace_root() -> Self {
        Self {
            text: "--workspace-root".to_owned(),
            excludes: false,
            dependencies: false,
            dependents: false,
            without_self: false,
            name: None,
            directory: Some("/".to_owned()),
            since: None,
        }
    }

    /// The text in its `[]`: what changed since that is asked for.
    #[must_use]
    pub fn since(&self) -> Option<&str> {
        self.since.as_deref()
    }

    /// The packages it speaks of itself, without those that belong to them.
    fn matches(
        &self,
        project: &Project,
        here: &RelPath,
        changes: &Changes,
    ) -> Result<BTreeSet<usize>, PlanError> {
        let mut found: BTreeSet<usize> = (0..project.packages.len()).collect();
        if let Some(directory) = &self.directory {
            match self.directories(directory, project, here)? {
                Some(matcher) => found
                    .retain(|index| matcher.is_match(project.packages[*index].directory.as_path())),
                None => found.clear(),
            }
        }
        if let Some(name) = &self.name {
            found = self.named(name, project, &found)?;
        }
        if let Some(since) = &self.since {
            let changed = changes.get(since);
            let changed = changed.ok_or_else(|| PlanError::UnknownChanges {
                since: since.clone(),
            })?;
            let changed = packages_of(project, changed);
            found.retain(|index| changed.contains(index));
        }
        Ok(found)
    }

    fn named(
        &self,
        name: &str,
        project: &Project,
        among: &BTreeSet<usize>,
    ) -> Result<BTreeSet<usize>, PlanError> {
        let matching = |pattern: &str| -> Result<BTreeSet<usize>, PlanError> {
            let matcher = self.glob(pattern, Slash::Any)?;
            let fits = |package: &Package| {
                let name = package.name.as_deref();
                name.is_some_and(|name| matcher.is_match(name))
            };
            let fitting = among.iter().copied();
            Ok(fitting
                .filter(|index| fits(&project.packages[*index]))
                .collect())
        };
        let found = matching(name)?;
        if !found.is_empty() || name.starts_with('@') || name.contains('/') {
            return Ok(found);
        }
        // A name without its scope will do if only one package has it.
        let scoped = matching(&format!("@*/{name}"))?;
        Ok(if scoped.len() == 1 { scoped } else { found })
    }

    /// What matches directories; `None` for a place outside the workspace.
    fn directories(
        &self,
        written: &str,
        project: &Project,
        here: &RelPath,
    ) -> Result<Option<GlobMatcher>, PlanError> {
        let root = project.root.as_path().to_string_lossy();
        let own = |path: &str| -> Vec<String> {
            let parts = path.split('/').filter(|part| !part.is_empty());
            parts
                .map(|part| globset::escape(&part.replace('\\', "\\\\")))
                .collect()
        };
        let (mut parts, rest) = match written.strip_prefix('/') {
            None => (own(&here.to_string()), written),
            // The root of the workspace, and not of the machine, when nothing else is said.
            Some("") => (Vec::new(), ""),
            Some(_) => match written.strip_prefix(&*root) {
                Some(below) if below.is_empty() || below.starts_with('/') => (Vec::new(), below),
                _ => return Ok(None),
            },
        };
        if parts == ["."] {
            parts.clear();
        }
        for part in rest.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        return Ok(None);
                    }
                }
                part => parts.push(part.to_owned()),
            }
        }
        // `a/**` stands for `a` as well.
        let pattern = match parts.split_last() {
            Some((last, [])) if last == "**" => "**".to_owned(),
            Some((last, above)) if last == "**" => {
                format!("{{{0},{0}/**}}", above.join("/"))
            }
            _ => parts.join("/"),
        };
        self.glob(&pattern, Slash::Separates).map(Some)
    }

    fn glob(&self, pattern: &str, slash: Slash) -> Result<GlobMatcher, PlanError> {
        let mut glob = GlobBuilder::new(pattern);
        glob.literal_separator(slash == Slash::Separates);
        let built = glob.backslash_escape(true).build();
        let built = built.map_err(|_| PlanError::InvalidFilter {
            filter: self.text.clone(),
            reason: "it is not a glob",
        })?;
        Ok(built.compile_matcher())
    }
}

/// What `*` makes of a `/`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Any,
    Separates,
}

/// Whether a filter is a directory without braces: it starts with `.` or `..` as a component.
fn is_directory(text: &str) -> bool {
    let dots = text.strip_prefix("..").or_else(|| text.strip_prefix('.'));
    dots.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where the brace that is already open is closed.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// The packages that paths lie in: of each path the nearest one at or above it.
fn packages_of(project: &Project, paths: &[RelPath]) -> BTreeSet<usize> {
    let packages = project.packages.iter().enumerate();
    let by_directory: HashMap<&[u8], usize> = packages
        .map(|(index, package)| (package.directory.as_bytes(), index))
        .collect();
    let nearest = |path: &RelPath| {
        let mut place = path.as_bytes();
        while !place.is_empty() {
            if let Some(index) = by_directory.get(place) {
                return *index;
            }
            let end = place.iter().rposition(|byte| *byte == b'/');
            place = &place[..end.unwrap_or(0)];
        }
        // The root comes first.
        0
    };
    paths.iter().map(nearest).collect()
}

/// What filters select.
#[derive(Default, Debug)]
pub(crate) struct Filtered {
    pub(crate) packages: BTreeSet<usize>,
    /// The filters that match no package, but for those that exclude.
    pub(crate) unmatched: Vec<String>,
}

/// Applies filters: what the including ones select together, or everything when there is none,
/// less what the excluding ones select.
pub(crate) fn apply(
    project: &Project,
    filters: &[Filter],
    here: &RelPath,
    changes: &Changes,
) -> Result<Filtered, PlanError> {
    let mut result = Filtered::default();
    let mut excluded = BTreeSet::new();
    let edges = Edges::of(project);
    for filter in filters {
        let found = filter.matches(project, here, changes)?;
        if found.is_empty() && !filter.excludes {
            result.unmatched.push(filter.text.clone());
        }
        let into = if filter.excludes {
            &mut excluded
        } else {
            &mut result.packages
        };
        into.extend(edges.spread(filter, found));
    }
    if filters.iter().all(|filter| filter.excludes) {
        result.packages = (0..project.packages.len()).collect();
    }
    result.packages.retain(|index| !excluded.contains(index));
    Ok(result)
}

/// A package and everything it depends on, directly or not.
pub(crate) fn with_dependencies(project: &Project, package: usize) -> BTreeSet<usize> {
    let edges = Edges::of(project);
    let mut found = reach(&edges.dependencies, &[package].into());
    found.insert(package);
    found
}

/// Who depends on whom.
struct Edges {
    dependencies: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
}

impl Edges {
    fn of(project: &Project) -> Self {
        let mut dependents = vec![Vec::new(); project.packages.len()];
        let mut dependencies = Vec::with_capacity(project.packages.len());
        for (index, package) in project.packages.iter().enumerate() {
            dependencies.push(Vec::from_iter(
                package.workspace_dependencies.iter().copied(),
            ));
            for dependency in &package.workspace_dependencies {
                dependents[*dependency].push(index);
            }
        }
        Self {
            dependencies,
            dependents,
        }
    }

    /// The packages that match and those that the dots add.
    fn spread(&self, filter: &Filter, found: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        if filter.dependencies {
            all.extend(reach(&self.dependencies, &found));
        }
        if filter.dependents {
            let dependents = reach(&self.dependents, &found);
            if filter.dependencies {
                // What those need who depend on it belongs to it, too.
                all.extend(reach(&self.dependencies, &dependents));
            }
            all.extend(dependents);
        }
        if !filter.without_self {
            all.extend(found);
        }
        all
    }
}

/// What can be reached from packages in one step or more.
fn reach(edges: &[Vec<usize>], from: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<usize> = from.iter().copied().collect();
    while let Some(package) = open.pop() {
        for next in &edges[package] {
            if reached.insert(*next) {
                open.push(*next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a filter, in the order of the grammar.
    fn shown(text: &str) -> String {
        let filter = match Filter::parse(text) {
            Ok(filter) => filter,
            Err(error) => return error.to_string(),
        };
        let mut words = Vec::new();
        let mut flag = |on: bool, word: &str| words.extend(on.then(|| word.to_owned()));
        flag(filter.excludes, "not");
        flag(filter.dependents, "dependents");
        flag(filter.dependencies, "dependencies");
        flag(filter.without_self, "without-self");
        for (kind, part) in [
            ("name", filter.name),
            ("directory", filter.directory),
            ("since", filter.since),
        ] {
            words.extend(part.map(|part| format!("{kind}:{part}")));
        }
        words.join(" ")
    }

    #[test]
    fn filters_are_read_as_pnpm_reads_them() {
        for (text, wanted) in [
            ("a", "name:a"),
            ("@x/*", "name:@x/*"),
            ("a...", "dependencies name:a"),
            ("a^...", "dependencies without-self name:a"),
            ("...a", "dependents name:a"),
            ("...^a", "dependents without-self name:a"),
            ("...a...", "dependents dependencies name:a"),
            ("...^a^...", "dependents dependencies without-self name:a"),
            ("!a...", "not dependencies name:a"),
            ("./p/*", "directory:./p/*"),
            ("../p", "directory:../p"),
            (".", "directory:."),
            ("..", "directory:.."),
            ("./p...", "directory:./p"),
            ("!./p", "not directory:./p"),
            ("{p}", "directory:p"),
            ("{p/{a,b}}...", "dependencies directory:p/{a,b}"),
            ("...{p}", "dependents directory:p"),
            ("a{p}", "name:a directory:p"),
            ("[main]", "since:main"),
            ("...[main]", "dependents since:main"),
            (
                "a*{p}[main]^...",
                "dependencies without-self name:a* directory:p since:main",
            ),
            (".hidden", "name:.hidden"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_told() {
        for (text, wanted) in [
            ("!", "it names no package"),
            ("...", "it names no package"),
            ("^...", "it names no package"),
            ("a{p", "a `{` is not closed"),
            ("[main", "a `[` is not closed"),
            ("{}", "there is nothing between the brackets"),
            ("a}", "it must be a name"),
            ("[x]{p}", "it must be a name"),
        ] {
            let message = shown(text);
            let start = format!("`{text}` is not a filter: {wanted}");
            assert!(message.starts_with(&start), "{text}: {message}");
        }
    }
}
