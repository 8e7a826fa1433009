//! Calls that move something.
//!
//! What is moved takes its bytes along, and a directory everything below it.

use vt_tracker::{Change, Kind};

use super::Named;
use crate::expected::{Look, There};
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;
use crate::tree::{Content, Id, join};

/// Something that is moved, or in the way.
struct Node {
    path: Vec<u8>,
    id: Id,
    entry: Option<(Id, Vec<u8>)>,
}

fn found(place: &Place) -> Option<Node> {
    match place {
        Place::Found { path, id, entry } => Some(Node {
            path: path.clone(),
            id: *id,
            entry: entry.clone(),
        }),
        _ => None,
    }
}

impl Oracle {
    pub(super) fn moving(&mut self, call: &Call, old: Named, new: Named, flags: i64) {
        let Some(from) = self.place_of(call, old, End::Entry) else {
            return;
        };
        let is_refused = matches!(call.error(), Some("EACCES" | "EPERM"));
        if found(&from).is_none() && !is_refused {
            self.probe(call, &from);
            // Which of the descriptors is not open is not said.
            let is_way_gone = matches!(from, Place::Missing { entry: None, .. });
            if is_way_gone || call.error() == Some("EBADF") {
                return;
            }
            // The way to the new name is gone first, but the log does not say how far.
            if let Some(to) = self.place_of(call, new, End::Entry)
                && let Place::Missing { path, .. }
                | Place::NoDirectory { path, .. }
                | Place::Found { path, .. } = &to
            {
                for look in [Look::Missed, Look::Probed, Look::Link] {
                    self.tolerate(call, path, There::Unknown, look);
                }
                self.tolerate_way(call, path);
            }
            if let Place::Missing { path, .. } = &from {
                self.tolerate_way(call, path);
            }
            return;
        }
        let Some(to) = self.place_of(call, new, End::Entry) else {
            // Whether the way to the old name was gone before is not said.
            if let Place::Found { path, .. } = &from {
                self.tolerate_way(call, path);
            }
            return;
        };
        if is_refused {
            return self.refuse_move(call, &from, &to);
        }
        let Some(source) = found(&from) else {
            return;
        };
        if !call.succeeded() {
            return self.not_moved(call, &source, &to);
        }
        let target = found(&to);
        if target.as_ref().is_some_and(|target| target.id == source.id) {
            // Two names of one file, or the same name twice: nothing happens.
            self.probe(call, &from);
            return self.probe(call, &to);
        }
        if flags & i64::from(libc::RENAME_EXCHANGE) != 0 {
            return match target {
                Some(target) => self.exchange(call, &source, &target),
                None => self.probe(call, &to),
            };
        }
        let (path, entry, there) = match &to {
            Place::Found { path, entry, id } => (path, entry, self.there(*id)),
            Place::Missing { path, entry } => (path, entry, There::Nothing),
            _ => return self.probe(call, &to),
        };
        self.take_away(call, &source);
        if flags & i64::from(libc::RENAME_NOREPLACE) != 0 {
            self.make(call, path);
        } else {
            self.change(call, path, there, Change::Fresh);
        }
        for (rest, id) in self.below(source.id) {
            let (left, came) = (
                [&source.path[..], &rest].concat(),
                [&path[..], &rest].concat(),
            );
            self.look_inside(call, &left, id);
            let there = self.there(id);
            self.change(call, &left, there, Change::Delete);
            self.change(call, &came, There::Nothing, Change::Fresh);
        }
        if let (Some((home, name)), Some((goal, other))) = (&source.entry, entry) {
            let _ = self.tree.take(*home, name);
            self.tree.put(*goal, other, source.id);
        }
    }

    /// What is moved is read, and then gone.
    fn take_away(&mut self, call: &Call, node: &Node) {
        self.look_inside(call, &node.path, node.id);
        let there = self.there(node.id);
        self.change(call, &node.path, there, Change::Delete);
    }

    fn look_inside(&mut self, call: &Call, path: &[u8], id: Id) {
        let there = self.there(id);
        match there {
            There::Something(Kind::File) => self.look(call, path, there, Look::Read),
            There::Something(Kind::Link) => self.look(call, path, there, Look::Link),
            _ => {}
        }
    }

    /// Everything below a directory, by the rest of its path.
    fn below(&mut self, id: Id) -> Vec<(Vec<u8>, Id)> {
        let mut found = Vec::new();
        let mut open = vec![(Vec::new(), id)];
        while let Some((rest, id)) = open.pop() {
            if !matches!(self.tree.content(id), Content::Directory(_)) {
                continue;
            }
            for name in self.tree.names(id) {
                let Some(child) = self.tree.child(id, &name) else {
                    continue;
                };
                let rest = join(&rest, &name);
                found.push((rest.clone(), child));
                open.push((rest, child));
            }
        }
        found
    }

    fn exchange(&mut self, call: &Call, left: &Node, right: &Node) {
        let sides = [(left, right), (right, left)];
        let below = sides.map(|(node, _)| self.below(node.id));
        for ((node, _), below) in sides.iter().zip(&below) {
            self.look_inside(call, &node.path, node.id);
            let there = self.there(node.id);
            self.change(call, &node.path, there, Change::Fresh);
            for (rest, id) in below {
                let path = [&node.path[..], rest].concat();
                self.look_inside(call, &path, *id);
                let there = self.there(*id);
                self.change(call, &path, there, Change::Delete);
            }
        }
        for ((_, goal), below) in sides.iter().zip(&below) {
            for (rest, _) in below {
                let path = [&goal.path[..], rest].concat();
                self.change(call, &path, There::Nothing, Change::Fresh);
            }
        }
        if let (Some((home, name)), Some((goal, other))) = (&left.entry, &right.entry) {
            let _ = self.tree.take(*home, name);
            let _ = self.tree.take(*goal, other);
            self.tree.put(*home, name, right.id);
            self.tree.put(*goal, other, left.id);
        }
    }

    fn not_moved(&mut self, call: &Call, source: &Node, to: &Place) {
        // A call that fails for want of the new name has found the old one.
        let there = self.there(source.id);
        let look = match there {
            There::Something(Kind::Link) => Look::Link,
            _ => Look::Probed,
        };
        self.look(call, &source.path, there, look);
        if let Place::Missing { path, .. } = to {
            self.tolerate_way(call, path);
        }
        match (to, call.error()) {
            (Place::Found { path, id, .. }, Some("ENOTEMPTY")) => {
                let there = self.there(*id);
                self.look(call, path, there, Look::Listed);
            }
            // That it is not there says nothing where it could not come to be anyway.
            (Place::Missing { path, .. }, Some("EINVAL")) => {
                self.tolerate(call, path, There::Nothing, Look::Missed);
            }
            (Place::Missing { path, .. }, Some(_)) => {
                self.look(call, path, There::Nothing, Look::Missed);
            }
            _ => self.probe(call, to),
        }
    }

    /// Either name can be the one that was refused.
    fn refuse_move(&mut self, call: &Call, from: &Place, to: &Place) {
        let mut paths = Vec::new();
        for place in [from, to] {
            let (path, there) = match place {
                Place::Found { path, id, .. } | Place::NoDirectory { path, id } => {
                    (path, self.there(*id))
                }
                Place::Missing { path, .. } | Place::Loop { path } => (path, There::Unknown),
                Place::Elsewhere => continue,
            };
            for look in [Look::Probed, Look::Missed, Look::Link, Look::Denied] {
                self.tolerate(call, path, there, look);
            }
            self.tolerate_way(call, path);
            paths.push(path.clone());
        }
        self.refusals.push(paths);
    }
}
