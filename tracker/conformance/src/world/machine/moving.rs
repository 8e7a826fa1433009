//! Renaming.

use super::{Errno, Machine};
use crate::world::chronicle::{Change, Look, What};
use crate::world::files::{Id, join};
use crate::world::known::Known;
use crate::world::op::{Name, Onto};
use crate::world::walk::{Last, Place, Stop};

/// A name in a directory.
#[derive(Clone)]
struct Entry {
    directory: Id,
    name: String,
    node: Option<Id>,
    slash: bool,
    path: Option<String>,
}

/// Where one end of a rename leads.
enum End {
    Entry(Entry),
    Dots(Id),
}

impl Machine {
    pub(super) fn rename(&mut self, old: &Name, new: &Name, onto: Onto) -> Result<String, Errno> {
        // The way to the old name is gone before the way to the new one, and both before either
        // name is looked at.
        let old = self.end(old).map_err(|stop| {
            self.see_stop(&stop);
            stop.errno
        })?;
        let new = self.end(new);
        let new = match new {
            Ok(new) => new,
            Err(stop) => {
                self.see_stop(&stop);
                self.perhaps(&old);
                return Err(stop.errno);
            }
        };
        let (old, new) = match (old, new) {
            (End::Entry(old), End::Entry(new)) => (old, new),
            (old, new) => {
                let is_old = matches!(old, End::Dots(_));
                self.perhaps(&old);
                self.perhaps(&new);
                let refused = !is_old && onto == Onto::Refuse;
                return Err(if refused { "EEXIST" } else { "EBUSY" });
            }
        };
        self.may_rename(&old, &new, onto)?;
        let from = old.node.expect("it was found");
        match (onto, new.node) {
            (Onto::Exchange, Some(other)) => self.exchange(&old, from, &new, other),
            _ => self.carry(&old, from, &new, onto),
        }
        Ok("ok".into())
    }

    fn end(&mut self, name: &Name) -> Result<End, Stop> {
        Ok(match self.find_quietly(name, Last::Entry)? {
            Place::Itself(directory, _) => End::Dots(directory),
            Place::Entry {
                directory,
                name,
                node,
                slash,
            } => End::Entry(Entry {
                path: self.path_of(directory, &name),
                directory,
                name,
                node,
                slash,
            }),
        })
    }

    /// An end that decided nothing may be looked at all the same.
    fn perhaps(&mut self, end: &End) {
        let (path, what) = match end {
            End::Entry(entry) => {
                let what = entry
                    .node
                    .map_or(What::Missing, |node| self.files.what(node));
                (entry.path.clone(), what)
            }
            End::Dots(directory) => (self.files.path(*directory), What::Directory),
        };
        if what == What::Link {
            self.known.insert(Known::LinkProbed);
        }
        if let Some(path) = path {
            let looks = [Look::Miss, Look::Probe, Look::Link, Look::List];
            self.chronicle.look_perhaps(&path, &looks, what);
        }
        match end {
            // What is there may be looked at in place of the way to it.
            End::Entry(Entry {
                directory,
                node: Some(_),
                ..
            }) => {
                if let Some(path) = self.files.path(*directory) {
                    let looks = [Look::Probe];
                    self.chronicle.look_perhaps(&path, &looks, What::Directory);
                }
            }
            End::Entry(entry) => self.look_above(entry.directory),
            End::Dots(_) => {}
        }
    }

    /// Says why it can't be done, and sees what that was decided by.
    fn may_rename(&mut self, old: &Entry, new: &Entry, onto: Onto) -> Result<(), Errno> {
        let Some(from) = old.node else {
            self.look(old.path.as_deref(), Look::Miss, What::Missing);
            self.perhaps(&End::Entry(new.clone()));
            self.look_above(new.directory);
            return Err("ENOENT");
        };
        let refusal = self.refusal(old, from, new, onto);
        if refusal.is_some() {
            self.glance(old.path.as_deref(), from);
            match new.node {
                Some(node) if refusal == Some("ENOTEMPTY") => {
                    let path = new.path.as_deref();
                    self.look(path, Look::List, self.files.what(node));
                }
                Some(node) => self.glance(new.path.as_deref(), node),
                None => {
                    self.look(new.path.as_deref(), Look::Miss, What::Missing);
                    if refusal != Some("ENOENT") {
                        self.look_above(new.directory);
                    }
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn refusal(&self, old: &Entry, from: Id, new: &Entry, onto: Onto) -> Option<Errno> {
        let files = &self.files;
        match new.node {
            Some(_) if onto == Onto::Refuse => return Some("EEXIST"),
            None if onto == Onto::Exchange => return Some("ENOENT"),
            _ => {}
        }
        if let Some(node) = new.node
            && onto == Onto::Exchange
            && new.slash
            && !files.is_directory(node)
        {
            return Some("ENOTDIR");
        }
        let is_slashed = old.slash || (new.slash && onto != Onto::Exchange);
        if !files.is_directory(from) && is_slashed {
            return Some("ENOTDIR");
        }
        if files.is_directory(from) && files.is_within(new.directory, from) {
            return Some("EINVAL");
        }
        let Some(node) = new.node else {
            return files.is_removed(new.directory).then_some("ENOENT");
        };
        if files.is_directory(node) && files.is_within(old.directory, node) {
            let is_exchange = onto == Onto::Exchange;
            return Some(if is_exchange { "EINVAL" } else { "ENOTEMPTY" });
        }
        if node == from || onto == Onto::Exchange {
            return None;
        }
        match (files.is_directory(from), files.is_directory(node)) {
            (true, false) => Some("ENOTDIR"),
            (false, true) => Some("EISDIR"),
            (true, true) if !files.entries(node).is_empty() => Some("ENOTEMPTY"),
            _ => None,
        }
    }

    /// What is moved takes its bytes along, so what is moved is read.
    fn look_inside(&mut self, path: Option<&str>, node: Id) {
        let what = self.files.what(node);
        match what {
            What::File(_) => self.look(path, Look::Read, what),
            What::Link => self.look(path, Look::Link, what),
            What::Directory | What::Missing => {}
        }
    }

    fn carry(&mut self, old: &Entry, from: Id, new: &Entry, onto: Onto) {
        if new.node == Some(from) {
            // Two names of one file: nothing happens.
            self.known.insert(Known::RenameOfSameFile);
            self.glance(old.path.as_deref(), from);
            self.glance(new.path.as_deref(), from);
            return;
        }
        self.look_inside(old.path.as_deref(), from);
        self.change(old.path.as_deref(), Change::Delete, Some(from));
        if onto == Onto::Refuse {
            self.make_exclusively(new.path.as_deref());
        } else {
            self.change(new.path.as_deref(), Change::Fresh, new.node);
        }
        let below = self.below(from);
        self.take_below(old, &below);
        self.put_below(new, &below, |_, _| None);
        self.files.take(old.directory, &old.name);
        self.files.put(new.directory, &new.name, from);
    }

    fn exchange(&mut self, old: &Entry, from: Id, new: &Entry, other: Id) {
        if from == other {
            self.known.insert(Known::RenameOfSameFile);
            self.glance(old.path.as_deref(), from);
            self.glance(new.path.as_deref(), from);
            return;
        }
        let (left, right) = (self.below(from), self.below(other));
        for (entry, node, below) in [(old, from, &left), (new, other, &right)] {
            self.look_inside(entry.path.as_deref(), node);
            self.change(entry.path.as_deref(), Change::Fresh, Some(node));
            self.take_below(entry, below);
        }
        let there = |side: Vec<(String, Id)>| {
            move |rest: &str| {
                side.iter()
                    .find(|(path, _)| path == rest)
                    .map(|(_, id)| *id)
            }
        };
        let (at_right, at_left) = (there(right.clone()), there(left.clone()));
        self.put_below(new, &left, |_, rest| at_right(rest));
        self.put_below(old, &right, |_, rest| at_left(rest));
        self.files
            .exchange((old.directory, &old.name), (new.directory, &new.name));
    }

    fn below(&self, node: Id) -> Vec<(String, Id)> {
        if self.files.is_directory(node) {
            self.files.below(node)
        } else {
            Vec::new()
        }
    }

    /// Everything below a directory that moves is gone from there.
    fn take_below(&mut self, entry: &Entry, below: &[(String, Id)]) {
        for (rest, node) in below {
            let path = entry.path.as_deref().map(|path| join(path, rest));
            self.look_inside(path.as_deref(), *node);
            self.change_as(path.as_deref(), Change::Delete, Some(*node), false, false);
        }
    }

    /// Everything below a directory that moves comes to be where it is moved.
    fn put_below(
        &mut self,
        entry: &Entry,
        below: &[(String, Id)],
        there: impl Fn(&Self, &str) -> Option<Id>,
    ) {
        for (rest, _) in below {
            let path = entry.path.as_deref().map(|path| join(path, rest));
            let before = there(self, rest);
            self.change_as(path.as_deref(), Change::Fresh, before, false, false);
        }
    }
}
