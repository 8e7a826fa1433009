//! What a run looked at outside the workspace, as items.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use vt_base::{AbsPath, Toolchain};

use super::{SealRequest, Sealing};
use crate::classify::effective_change;
use crate::disk::kind_of;
use crate::globs::{GlobError, Outward};
use crate::item::{Item, NodeKind};
use crate::observed::{PathFacts, StateSeen};
use crate::outside::above;
use crate::outside::cut::Cut;
use crate::outside::names::{Names, plain};
use crate::outside::{by_name, is_linked_in, known_programs};
use crate::portable::{is_installed_text, is_settings};
use crate::rows::StatRow;

/// A larger file counts by its identity: to read it takes longer than most steps.
const MAX_READ: u64 = 64 << 20;

/// Where the time zone is that counts where no variable names one.
const LOCAL_TIME: &str = "/etc/localtime";

impl Sealing {
    /// Takes what the run looked at outside the workspace.
    ///
    /// # Errors
    /// A pattern that is not a glob.
    pub(super) fn take_outside(
        &mut self,
        request: &SealRequest<'_>,
        names: &Names<'_>,
    ) -> Result<(), GlobError> {
        let input = &request.rules.input;
        let declared = input.outward(request.disk.root, request.disk.home)?;
        self.add_declared_outside(request, &declared)?;
        let mut looking = Looking {
            request,
            names,
            cut: Cut::new(request.disk, &request.outside)?,
            declared,
            programs: known_programs(&request.observation.outside),
            searched: searched(request),
            repository: repository(request),
            changed_in: changed_in(request),
            directories: BTreeSet::new(),
            present: BTreeSet::new(),
            sealing: self,
        };
        for (path, facts) in &request.observation.outside.touched {
            looking.take(path, facts);
        }
        looking.take_directories();
        Ok(())
    }

    fn add_declared_outside(
        &mut self,
        request: &SealRequest<'_>,
        declared: &Outward,
    ) -> Result<(), GlobError> {
        let disk = request.disk;
        for pattern in request.rules.input.outside_patterns() {
            self.items.insert(Item::BeyondGlob(pattern.clone()));
            for path in crate::globs::expand_outside(disk.root, disk.home, pattern)? {
                if !declared.cuts(&path) {
                    let name = serde_bytes::ByteBuf::from(plain(disk, &path));
                    self.items.insert(Item::Beyond(name));
                }
            }
        }
        Ok(())
    }
}

/// What is known while the paths are gone through.
struct Looking<'l, 'd> {
    sealing: &'l mut Sealing,
    request: &'l SealRequest<'d>,
    names: &'l Names<'l>,
    cut: Cut<'l>,
    declared: Outward,
    programs: BTreeSet<&'l AbsPath>,
    /// The directories of `PATH` outside the workspace, by real path.
    searched: BTreeSet<AbsPath>,
    /// The repository that the workspace lies in.
    repository: AbsPath,
    /// The directories in which the step itself changed something.
    changed_in: BTreeSet<AbsPath>,
    /// Directories that were probed.
    directories: BTreeSet<AbsPath>,
    /// What is there and is an item: then the directories above it are there as well.
    present: BTreeSet<AbsPath>,
}

impl Looking<'_, '_> {
    fn take(&mut self, path: &AbsPath, facts: &PathFacts) {
        let end = fs::symlink_metadata(path).ok();
        let end = end.map(|found| (kind_of(&found), StatRow::of(&found)));
        if path.as_path() == OsStr::new(LOCAL_TIME) {
            self.take_local_time(path);
            return;
        }
        let is_file = matches!(facts.first, StateSeen::Present(NodeKind::File, _));
        let is_library = is_file && facts.seen.read && is_linked_in(path);
        let looked = facts.seen.any() || facts.listed;
        // What the step changed is told elsewhere, if it may be at all.
        if !looked
            || self.programs.contains(path)
            || is_library
            || effective_change(facts, end).is_some()
        {
            return;
        }
        if self.declared.cuts(path) || self.take_search(path, facts, end) {
            return;
        }
        let is_tool = self.names.is_of_tool(path);
        let is_unwanted = if is_tool {
            self.request.outside.toolchain == Toolchain::Ignore
        } else {
            !self.request.rules.input.auto
        };
        if is_unwanted || self.cut.is_cut(path) {
            return;
        }
        let is_directory_or_link = matches!(
            facts.first,
            StateSeen::Present(NodeKind::Directory | NodeKind::Link, _)
        );
        if is_directory_or_link && self.cut.is_on_the_way(path) {
            if facts.listed {
                self.take_listing_on_the_way(path);
            }
            return;
        }
        let looked_up = self.take_above(path);
        match (facts.first, end) {
            (StateSeen::Missing, None) => {
                if !looked_up {
                    self.take_missing(path);
                }
            }
            (StateSeen::Present(..), Some((kind, row))) => {
                self.take_present(path, facts, kind, row, looked_up);
            }
            // It came or went, and not by the step.
            _ => self.changed_meanwhile(path),
        }
    }

    fn insert(&mut self, path: &AbsPath, item: impl FnOnce(serde_bytes::ByteBuf) -> Item) {
        let name = serde_bytes::ByteBuf::from(self.names.name(path));
        self.sealing.items.insert(item(name));
    }

    fn changed_meanwhile(&mut self, path: &AbsPath) {
        let path = String::from_utf8_lossy(&self.names.name(path)).into_owned();
        self.sealing
            .refuse(crate::why::NotStored::InputChangedDuringRun { path });
    }

    fn take_present(
        &mut self,
        path: &AbsPath,
        facts: &PathFacts,
        kind: NodeKind,
        row: StatRow,
        looked_up: bool,
    ) {
        if kind == NodeKind::Directory {
            if facts.listed {
                // Something came or went.
                if row.ctime_ns > self.request.stamp_ns && !self.changed_in.contains(path) {
                    self.changed_meanwhile(path);
                }
                self.insert(path, Item::BeyondListing);
                self.present.insert(path.clone());
            } else if !looked_up {
                self.directories.insert(path.clone());
            }
            return;
        }
        if row.ctime_ns > self.request.stamp_ns {
            self.changed_meanwhile(path);
        }
        self.present.insert(path.clone());
        let is_file = kind == NodeKind::File;
        if is_file && row.size > MAX_READ {
            self.sealing.is_local = true;
            self.insert(path, Item::Identity);
        } else if is_file && is_settings(path) {
            self.insert(path, Item::Settings);
        } else if is_file && is_installed_text(path) {
            self.insert(path, Item::BeyondPortable);
        } else if is_file && facts.seen.read && self.names.is_of_tool(path) {
            self.insert(path, Item::Outside);
        } else {
            self.insert(path, Item::Beyond);
        }
    }

    /// Takes that nothing is there, by the highest directory that is not there, but for those that
    /// many programs share: whether a machine has a `~/.config` says nothing of what is looked for.
    fn take_missing(&mut self, path: &AbsPath) {
        if is_settings(path) {
            self.insert(path, Item::Settings);
            return;
        }
        let mut highest = path.clone();
        while let Some(above) = highest.parent() {
            let first = self.request.observation.outside.touched.get(&above);
            let was_there = first.is_some_and(|facts| facts.first != StateSeen::Missing);
            let is_shared = self.cut.is_on_the_way(&above) || self.is_top(&above);
            if is_shared || was_there || fs::symlink_metadata(&above).is_ok() {
                break;
            }
            highest = above;
        }
        self.insert(&highest, Item::Beyond);
    }

    /// Whether a directory lies right below `/` or the home directory.
    fn is_top(&self, path: &AbsPath) -> bool {
        let parent = path.parent();
        let is_in_root = parent
            .as_ref()
            .is_none_or(|parent| parent.parent().is_none());
        is_in_root || (parent.is_some() && parent.as_ref() == self.request.disk.home)
    }

    /// Takes a search for a program: what counts is what its name leads to.
    fn take_search(
        &mut self,
        path: &AbsPath,
        facts: &PathFacts,
        end: Option<(NodeKind, StatRow)>,
    ) -> bool {
        let is_searched = path
            .parent()
            .is_some_and(|directory| self.searched.contains(&directory));
        let name = path.as_path().file_name().and_then(OsStr::to_str);
        let Some(name) = name.filter(|_| is_searched) else {
            return false;
        };
        let found = self.request.disk.resolve_program(name);
        let is_gone = facts.first == StateSeen::Missing && end.is_none();
        let leads_here = || {
            let found = found.as_ref()?;
            let directory = fs::canonicalize(found.parent()?).ok()?;
            Some(directory.as_path() == path.parent()?.as_path())
        };
        let is_directory = matches!(end, Some((NodeKind::Directory, _)));
        if is_directory || !(is_gone || leads_here() == Some(true)) {
            return false;
        }
        if self.request.outside.toolchain == Toolchain::Ignore {
            return true;
        }
        let item = found.as_ref().map_or_else(
            || Item::Program(name.to_owned()),
            |found| by_name(found, name.to_owned()),
        );
        self.sealing.items.insert(item);
        true
    }

    /// Takes a listing of a directory that leads to the workspace. Above the repository too much
    /// comes and goes that means nothing; of that, names that tools look for upwards count.
    fn take_listing_on_the_way(&mut self, path: &AbsPath) {
        if !self.request.disk.root.starts_with(path) {
            return;
        }
        if path.starts_with(&self.repository) {
            self.insert(path, Item::BeyondListing);
            return;
        }
        for name in above::OF_LISTINGS {
            self.insert_above(name.as_bytes());
        }
    }

    fn insert_above(&mut self, name: &[u8]) {
        let name = serde_bytes::ByteBuf::from(name);
        self.sealing.items.insert(Item::Above(name));
    }

    /// Takes a name that was looked for upwards from the workspace, if it is one.
    fn take_above(&mut self, path: &AbsPath) -> bool {
        let root = self.request.disk.root;
        let directories: Vec<AbsPath> = above::directories(root).collect();
        let Some(holder) = directories
            .iter()
            .find(|directory| path.starts_with(directory))
        else {
            return false;
        };
        let Some(name) = path.relative_to(holder).filter(|name| !name.is_root()) else {
            return false;
        };
        let name = name.as_bytes();
        let at = |directory: &AbsPath| directory.join(OsStr::from_bytes(name));
        let looked = &self.request.observation.outside.touched;
        let was_looked_for_inside = || {
            let inside = at(root).relative_to(root);
            inside.is_some_and(|inside| self.request.observation.paths.contains_key(&inside))
        };
        let is_looked_up = above::is_known(name)
            || was_looked_for_inside()
            || directories
                .iter()
                .any(|directory| directory != holder && looked.contains_key(&at(directory)));
        if !is_looked_up {
            return false;
        }
        // Of a name that leads nowhere anywhere, the part that leads nowhere.
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends: Vec<usize> = ends.map(|(end, _)| end).collect();
        let is_nowhere = |part: &[u8]| {
            directories.iter().all(|directory| {
                let at = directory.join(OsStr::from_bytes(part));
                let first = looked.get(&at).map(|facts| facts.first);
                first.is_none_or(|first| first == StateSeen::Missing)
                    && fs::symlink_metadata(&at).is_err()
            })
        };
        let part = ends.into_iter().find(|end| is_nowhere(&name[..*end]));
        let name = name[..part.unwrap_or(name.len())].to_vec();
        self.insert_above(&name);
        true
    }

    /// Takes the zone that the clock is in, by the bytes of its description.
    fn take_local_time(&mut self, path: &AbsPath) {
        let zone = self.request.disk.env.variables.exact("TZ");
        if zone.is_none() && self.request.rules.input.auto {
            let name = serde_bytes::ByteBuf::from(path.as_bytes());
            self.sealing.items.insert(Item::Outside(name));
        }
    }

    /// Takes the directories that were probed and that nothing else says are there.
    fn take_directories(&mut self) {
        for directory in std::mem::take(&mut self.directories) {
            let mut below = self.present.range(directory.clone()..);
            let holds_item = below
                .next()
                .is_some_and(|path| path.starts_with(&directory));
            if !holds_item {
                self.insert(&directory, Item::Beyond);
            }
        }
    }
}

/// The directories outside the workspace that the step's programs are searched in.
fn searched(request: &SealRequest<'_>) -> BTreeSet<AbsPath> {
    let disk = request.disk;
    let outside = disk.path.iter().filter(|path| !path.starts_with(disk.root));
    let mut searched: BTreeSet<AbsPath> = outside.clone().cloned().collect();
    let real = outside.filter_map(|path| AbsPath::new(fs::canonicalize(path).ok()?).ok());
    searched.extend(real);
    searched
}

/// The directories outside the workspace in which the step changed something.
fn changed_in(request: &SealRequest<'_>) -> BTreeSet<AbsPath> {
    let touched = request.observation.outside.touched.iter();
    let changed = touched.filter(|(_, facts)| facts.change.is_some());
    changed.filter_map(|(path, _)| path.parent()).collect()
}

/// The repository that the workspace lies in, or the workspace.
fn repository(request: &SealRequest<'_>) -> AbsPath {
    let root = request.disk.root;
    let mut directories = std::iter::once(root.clone()).chain(above::directories(root));
    let found = directories.find(|directory| directory.join(".git").as_path().exists());
    found.unwrap_or_else(|| root.clone())
}
