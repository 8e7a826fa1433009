//! Which rule components are in use: found, read, held against the lock and the policies.
//!
//! All of it comes before anything runs. A component that cannot be used as it is, or may not be, is
//! a mistake of the configuration: what a step is worth without it is for a person to decide.

mod audit;
mod error;
mod fuel;
mod in_use;
mod lock;
mod outlines;
mod policy;
mod source;

use std::collections::BTreeMap;

use vt_base::AbsPath;
use vt_config::{PluginEntry, PluginSource, Policy, Position, Project};
use vt_rules::Component;

pub(crate) use audit::Entry;
pub use error::{Place, PluginError};
pub(crate) use fuel::fuel_key;
pub use fuel::last_fuel;
pub(crate) use in_use::InUse;
pub use lock::{Capabilities, Pin};
pub(crate) use outlines::Outlines;
pub use policy::{Denied, Grant, Speaker, SpeakerKind};
pub(crate) use policy::{Policies, taken_out};
pub(crate) use source::read_whole;

use crate::world::PluginWorld;
use lock::Lock;

/// Whether what is not pinned may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockMode {
    /// It may, and the lock may be written.
    Open,
    /// It may not, as on a CI service: each component was pinned by somebody before.
    Frozen,
}

/// A component in use, and what is known about where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The component.
    pub component: Component,
    /// Its file, with all links resolved; none if it is built in.
    pub file: Option<std::path::PathBuf>,
    /// The text that names it in the configuration; its id if it is built in.
    pub name: String,
    /// Where it comes from.
    pub source: PluginSource,
    /// The version of its npm package.
    pub package_version: Option<String>,
    /// The names of its npm package: what the root depends on, and what the package calls itself. They
    /// differ where somebody installed it under another name.
    pub package_names: Vec<String>,
    /// The key of whoever signed it, in hexadecimal digits.
    pub publisher: Option<String>,
    /// Whether it is pinned.
    pub pinning: Pinning,
}

/// Whether a component is pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pinning {
    /// It travels with `vt`, and changes with it only.
    BuiltIn,
    /// The lock has it as it is.
    Locked,
    /// The lock does not have it.
    Unlocked,
    /// The lock has another one.
    Changed,
}

/// Loads the components of a project, each pinned and permitted.
///
/// # Errors
/// The first component that cannot be used, or may not be.
fn load_plugins(
    project: &Project,
    world: &PluginWorld,
    policies: &Policies,
    outlines: &mut Outlines,
) -> Result<Vec<Loaded>, PluginError> {
    let lock = if needs_lock(project) {
        Lock::read(&project.root)?
    } else {
        Lock::default()
    };
    let mut all = Vec::new();
    for found in find(project, Some(outlines))? {
        let loaded = lock.judge(found)?;
        policies.admit(&loaded)?;
        if loaded.pinning == Pinning::Unlocked && world.lock == LockMode::Frozen {
            return Err(PluginError::NotLocked {
                plugin: loaded.name,
            });
        }
        all.push(loaded);
    }
    Ok(all)
}

/// Loads the components of a project without a judgement, to be looked at.
///
/// # Errors
/// The first component that cannot be read.
pub fn look_at_plugins(project: &Project) -> Result<Vec<Loaded>, PluginError> {
    let lock = Lock::read(&project.root)?;
    let found = find(project, None)?;
    Ok(found.into_iter().map(|found| lock.compare(found)).collect())
}

/// What a component asks for, each with what a policy says about it.
///
/// # Errors
/// When a policy cannot be read.
pub fn grants(
    project: &Project,
    world: &PluginWorld,
    loaded: &Loaded,
) -> Result<Vec<Grant>, PluginError> {
    Ok(Policies::load(project, world)?.grants(loaded))
}

/// Where policies say that nothing may be fetched. Nothing ever is.
///
/// # Errors
/// When a policy cannot be read.
pub fn offline(
    project: &Project,
    world: &PluginWorld,
) -> Result<Vec<(AbsPath, Position)>, PluginError> {
    Ok(Policies::load(project, world)?.offline())
}

/// Pins components as they are now; all that are in use, if none is named. Those no longer in use
/// leave the lock. Returns what changed.
///
/// # Errors
/// When a name is in use by nobody, the lock is frozen, or a component lost its publisher.
pub fn pin_plugins(
    project: &Project,
    world: &PluginWorld,
    names: &[String],
    accept: Accept,
) -> Result<Vec<Pinned>, PluginError> {
    if world.lock == LockMode::Frozen {
        return Err(PluginError::Frozen);
    }
    let policies = Policies::load(project, world)?;
    let mut lock = Lock::read(&project.root)?;
    if let Some(built_in) = names.iter().find(|name| {
        vt_rules::built_in()
            .iter()
            .any(|component| component.id() == name.as_str())
    }) {
        return Err(PluginError::NothingToPin {
            plugin: built_in.clone(),
        });
    }
    let mut found = find(project, None)?;
    found.retain(|loaded| loaded.source != PluginSource::BuiltIn);
    if let Some(unknown) = names
        .iter()
        .find(|name| found.iter().all(|loaded| loaded.name != **name))
    {
        return Err(PluginError::NotInUse {
            plugin: unknown.clone(),
        });
    }
    let in_use: Vec<String> = found.iter().map(|loaded| loaded.name.clone()).collect();
    let mut changes = Vec::new();
    for loaded in found {
        if !names.is_empty() && !names.contains(&loaded.name) {
            continue;
        }
        let loaded = match accept {
            Accept::New => lock.judge(loaded)?,
            Accept::Changed | Accept::NewPublisher => loaded,
        };
        let loaded = Loaded {
            pinning: Pinning::Locked,
            ..loaded
        };
        policies.admit(&loaded)?;
        let before = lock.pin(&loaded, accept)?;
        changes.push(Pinned {
            before,
            after: loaded,
        });
    }
    lock.keep(&in_use);
    lock.write(&project.root)?;
    Ok(changes)
}

/// What is accepted of components that are to be pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accept {
    /// Those that are new.
    New,
    /// Those that have changed as well, but for who signed them.
    Changed,
    /// Those as well that somebody else signed, or nobody.
    NewPublisher,
}

/// A component that was pinned.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// What the lock had before.
    pub before: Option<Pin>,
    /// What it has now.
    pub after: Loaded,
}

fn needs_lock(project: &Project) -> bool {
    let named = project.settings.plugins.iter().flatten();
    named
        .into_iter()
        .any(|entry| entry.source != PluginSource::BuiltIn)
}

/// Reads every component in use. No two may have one id: what is said would be laid at the wrong
/// door.
fn find(
    project: &Project,
    mut outlines: Option<&mut Outlines>,
) -> Result<Vec<Loaded>, PluginError> {
    let built_in = |component: &Component| Loaded {
        component: component.clone(),
        file: None,
        name: component.id().to_owned(),
        source: PluginSource::BuiltIn,
        package_version: None,
        package_names: Vec::new(),
        publisher: None,
        pinning: Pinning::BuiltIn,
    };
    let Some(entries) = &project.settings.plugins else {
        return Ok(vt_rules::built_in().iter().map(built_in).collect());
    };
    let mut ids: BTreeMap<String, &PluginEntry> = BTreeMap::new();
    let mut all = Vec::new();
    let mut directories = source::Directories::default();
    for entry in entries {
        let loaded = if entry.source == PluginSource::BuiltIn {
            let known = vt_rules::built_in().iter();
            let mut known = known.filter(|component| component.id() == entry.name);
            built_in(
                known
                    .next()
                    .expect("the configuration was checked against these"),
            )
        } else {
            source::load(project, entry, &mut directories, outlines.as_deref_mut())?
        };
        let id = loaded.component.id().to_owned();
        if let Some(other) = ids.insert(id.clone(), entry) {
            return Err(PluginError::SameId {
                place: Place::of(entry),
                plugin: entry.name.clone(),
                other: other.name.clone(),
                id,
            });
        }
        all.push(loaded);
    }
    Ok(all)
}

/// Reads a policy file that has to be there.
fn named(file: &AbsPath) -> Result<Policy, PluginError> {
    vt_config::load_policy(file)
        .map_err(PluginError::Policy)?
        .ok_or_else(|| PluginError::NoPolicy { file: file.clone() })
}
