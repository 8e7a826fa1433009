//! Calls that remove something.

use vt_tracker::{Change, Kind};

use super::Named;
use crate::expected::{Look, There};
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;

impl Oracle {
    pub(super) fn removing(&mut self, call: &Call, named: Named) {
        let Some(place) = self.place_of(call, named, End::Entry) else {
            return;
        };
        let Place::Found { path, id, entry } = &place else {
            return self.probe(call, &place);
        };
        let there = self.there(*id);
        match call.error() {
            None => {
                self.change(call, path, there, Change::Delete);
                if let Some((directory, name)) = entry {
                    let _ = self.tree.take(*directory, name);
                }
            }
            // The name ends in `.` or `..`, which is refused as such.
            Some(_) if entry.is_none() => {
                self.tolerate(call, path, there, Look::Probed);
                self.tolerate(call, path, there, Look::Listed);
            }
            // Whether a directory goes depends on its being empty.
            Some("ENOTEMPTY" | "EEXIST") => self.look(call, path, there, Look::Listed),
            // A directory is refused as such before its rights are looked at.
            Some("EPERM") if there == There::Something(Kind::Directory) => {
                self.probe(call, &place);
            }
            Some("EACCES" | "EPERM") => self.look(call, path, there, Look::Denied),
            Some(_) => self.probe(call, &place),
        }
    }
}
