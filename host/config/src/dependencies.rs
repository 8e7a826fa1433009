//! What the lists of dependencies of one `package.json` say.
//!
//! A workspace has tens of thousands of them and looks at few, so all names and versions of a
//! package are one text.

use std::fmt;

use crate::{DependencyKind, DependencyKinds, PackageDependency};

/// The dependencies of a package, by the name they are imported under.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Dependencies {
    /// The names, each with its version behind it.
    text: String,
    /// Sorted by name.
    rows: Vec<Row>,
}

/// Where one stands in the text.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    name: usize,
    version: usize,
    end: usize,
    kinds: DependencyKinds,
    package: Option<usize>,
}

impl Dependencies {
    /// Gathers what the lists say: names, lists and versions. Of a name that is in one list twice
    /// the last version counts; of several lists that of the first, but what is said of a peer
    /// yields to what is installed.
    pub(crate) fn gather<T: AsRef<str>>(mut said: Vec<(T, DependencyKind, T)>) -> Self {
        // Package managers write them sorted, and then this is one look at each.
        said.sort_by(|one, other| (one.0.as_ref(), one.1).cmp(&(other.0.as_ref(), other.1)));
        let length = said
            .iter()
            .map(|(name, _, version)| name.as_ref().len() + version.as_ref().len());
        let mut gathered = Self {
            text: String::with_capacity(length.sum()),
            rows: Vec::with_capacity(said.len()),
        };
        for group in said.chunk_by(|one, other| one.0.as_ref() == other.0.as_ref()) {
            let mut kinds = DependencyKinds::default();
            group.iter().for_each(|(_, kind, _)| kinds.insert(*kind));
            let installs = |kind: &DependencyKind| *kind != DependencyKind::Peer;
            let list = group
                .iter()
                .map(|(_, kind, _)| kind)
                .find(|kind| installs(kind));
            let list = list.unwrap_or(&DependencyKind::Peer);
            let version = group.iter().rev().find(|(_, kind, _)| kind == list);
            if let Some((name, _, version)) = version {
                gathered.push(name.as_ref(), version.as_ref(), kinds);
            }
        }
        gathered
    }

    fn push(&mut self, name: &str, version: &str, kinds: DependencyKinds) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(version);
        self.rows.push(Row {
            name: start,
            version: middle,
            end: self.text.len(),
            kinds,
            package: None,
        });
    }

    /// Every one with its name, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, PackageDependency<'_>)> {
        self.rows
            .iter()
            .map(|row| (self.name(row), self.dependency(row)))
    }

    /// The one of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<PackageDependency<'_>> {
        let found = self.rows.binary_search_by(|row| self.name(row).cmp(name));
        found.ok().map(|at| self.dependency(&self.rows[at]))
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Notes which of them are packages of the workspace, by what `find` says of name and version.
    pub(crate) fn link(&mut self, mut find: impl FnMut(&str, &str) -> Option<usize>) {
        for row in &mut self.rows {
            let name = &self.text[row.name..row.version];
            row.package = find(name, &self.text[row.version..row.end]);
        }
    }

    fn name(&self, row: &Row) -> &str {
        &self.text[row.name..row.version]
    }

    fn dependency(&self, row: &Row) -> PackageDependency<'_> {
        PackageDependency {
            kinds: row.kinds,
            version: &self.text[row.version..row.end],
            package: row.package,
        }
    }
}

impl fmt::Debug for Dependencies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_said_several_times_what_installs_counts_and_then_the_last_word() {
        use DependencyKind::{Development, Normal, Optional, Peer};
        let gathered = Dependencies::gather(vec![
            ("b", Normal, "1"),
            ("a", Normal, "2"),
            ("b", Normal, "3"),
            ("b", Development, "4"),
            ("c", Peer, "5"),
            ("d", Peer, "6"),
            ("d", Optional, "7"),
        ]);
        let versions: Vec<_> = gathered
            .iter()
            .map(|(name, one)| (name, one.version))
            .collect();
        assert_eq!(versions, [("a", "2"), ("b", "3"), ("c", "5"), ("d", "7")]);
        assert!(gathered.get("c").unwrap().kinds.is_only(Peer));
        assert!(!gathered.get("d").unwrap().kinds.is_only(Peer));
        assert!(gathered.contains_key("a") && !gathered.contains_key("ab"));
    }
}
