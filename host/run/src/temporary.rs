//! Files in directories for temporary files that outlive the step that made them.
//!
//! They are no results: a hit leaves none. So one that the command names is not for a moment, and one that another
//! step reads would be of an older run after a hit. Which step left a file is remembered by its path.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vt_base::{AbsPath, Digest, Invocation, Program, StableHasher};
use vt_fingerprint::{NotStored, OutsideFacts, StateSeen, is_temporary};
use vt_store::{StoreError, Table};

use crate::context::{Context, Opened};
use crate::record::{end_entries, write};
use crate::records::{decode, encode};
use crate::rules::Prepared;

/// How the names of caches begin that tools keep among temporary files, each with what it needs to be right.
const CACHES: [&str; 14] = [
    "babel-",
    "esbuild-",
    "haste-map-",
    "jest",
    "metro-",
    "node-compile-cache",
    "npm-",
    "playwright-transform-cache",
    "swc",
    "ts-node",
    "tsx-",
    "v8-compile-cache",
    "vt-",
    "yarn-",
];

/// The step that left a file.
#[derive(Debug, Serialize, Deserialize)]
struct Writer(Digest);

fn file_key(path: &AbsPath) -> Vec<u8> {
    let mut hasher = StableHasher::new("vt-temporary");
    hasher.bytes(path.as_bytes());
    hasher.finish().0.to_vec()
}

/// What a step did to temporary files.
pub(crate) struct Temporary<'t> {
    context: &'t Context<'t>,
    opened: &'t Opened,
    prepared: &'t Prepared<'t>,
    directories: Vec<AbsPath>,
}

impl<'t> Temporary<'t> {
    pub(crate) fn new(
        context: &'t Context<'t>,
        opened: &'t Opened,
        prepared: &'t Prepared<'t>,
    ) -> Self {
        let fixed = ["/tmp", "/var/tmp", "/dev/shm"]
            .map(|path| AbsPath::new(path).expect("the path is absolute"));
        let mut directories = vec![context.world.temp_dir.clone()];
        directories.extend(fixed);
        Self {
            context,
            opened,
            prepared,
            directories,
        }
    }

    fn counts(&self, path: &AbsPath) -> bool {
        // One such directory may lie in another.
        let below = self
            .directories
            .iter()
            .filter_map(|directory| path.relative_to(directory));
        let name = below.min_by_key(|below| below.as_bytes().len());
        let is_cache = name.is_some_and(|name| {
            let begins = |cache: &&str| name.as_bytes().starts_with(cache.as_bytes());
            CACHES.iter().any(begins)
        });
        is_temporary(path, &self.context.project.root, &self.directories)
            && !path.starts_with(&self.opened.directory)
            && !is_cache
    }

    /// Why a run must not be stored. Ends the entries of the steps whose files it read, too.
    pub(crate) fn judge(&self, outside: &OutsideFacts) -> Result<BTreeSet<NotStored>, StoreError> {
        let mut reasons = BTreeSet::new();
        let left: Vec<&AbsPath> = outside
            .left
            .iter()
            .filter(|path| self.counts(path))
            .collect();
        let invocation = &self.prepared.planned.invocation;
        if let Some(path) = left.iter().find(|path| is_named(invocation, path)) {
            reasons.insert(NotStored::WroteOutside {
                path: path.to_string(),
            });
        }
        let read = outside.touched.iter().filter(|(path, facts)| {
            facts.seen.read && facts.first != StateSeen::Missing && self.counts(path)
        });
        let read: Vec<&AbsPath> = read.map(|(path, _)| path).collect();
        let mut writers = BTreeSet::new();
        if !read.is_empty()
            && let Some(snapshot) = self.opened.store.read()?
        {
            for path in read {
                let found = snapshot.get(Table::Memo, &file_key(path))?;
                let writer = found.and_then(|bytes| decode::<Writer>(&bytes));
                let Some(Writer(step)) =
                    writer.filter(|writer| !self.prepared.names.contains(&writer.0))
                else {
                    continue;
                };
                writers.insert(step);
                reasons.insert(NotStored::ReadTemporary {
                    path: path.to_string(),
                });
            }
        }
        if !writers.is_empty() {
            end_entries(self.opened, &writers)?;
        }
        if !left.is_empty() {
            write(self.opened, |writer| {
                for path in &left {
                    writer.put(
                        Table::Memo,
                        &file_key(path),
                        &encode(&Writer(self.prepared.name)),
                    )?;
                }
                Ok(())
            })?;
        }
        Ok(reasons)
    }
}

/// Whether the command names a path, or a directory above it among the temporary files.
fn is_named(invocation: &Invocation, path: &AbsPath) -> bool {
    let text = match &invocation.program {
        Program::Shell(text) => text.clone(),
        Program::Direct(program) => [std::slice::from_ref(program), &invocation.args]
            .concat()
            .join(" "),
    };
    let is_in = |name: &Path| {
        let name = name.to_string_lossy();
        text.contains(&*name) || invocation.command.contains(&*name)
    };
    // The directory that all share says nothing.
    let shared = ["/", "/tmp", "/var", "/var/tmp", "/dev", "/dev/shm"];
    let mut names = path.as_path().ancestors();
    names.any(|name| !shared.iter().any(|shared| name == Path::new(shared)) && is_in(name))
}
