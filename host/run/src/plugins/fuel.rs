//! What the last answer of a component took, for whoever inspects it. Nothing depends on it.

use vt_base::{Digest, StableHasher};
use vt_config::Project;
use vt_rules::Component;
use vt_store::Table;

use super::Loaded;
use crate::context::open_store;
use crate::records;
use crate::world::{World, cache_directory};

/// Where it is kept.
pub(crate) fn fuel_key(component: &Component) -> Digest {
    let mut hasher = StableHasher::new("vt fuel");
    hasher.digest(component.digest());
    hasher.finish()
}

/// The fuel that a component used at its last question of which the cache knows; about one for each
/// instruction.
#[must_use]
pub fn last_fuel(project: &Project, world: &World, loaded: &Loaded) -> Option<u64> {
    let directory = cache_directory(project, world.cache_dir.as_ref());
    if !directory.as_path().is_dir() {
        return None;
    }
    let snapshot = open_store(&directory).ok()?.read().ok()??;
    let key = fuel_key(&loaded.component);
    records::decode(&snapshot.get(Table::Memo, &key.0).ok()??)
}
