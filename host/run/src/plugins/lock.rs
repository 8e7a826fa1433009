//! `vt-plugins.lock`: the components that somebody has accepted, by digest.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use serde::{Deserialize, Serialize};
use vt_base::{AbsPath, Digest};
use vt_config::PluginSource;

use super::error::PluginError;
use super::{Accept, Loaded, Pinning};

const FILE_NAME: &str = "vt-plugins.lock";
/// Rises when a reader would misunderstand the file.
const FORMAT: u32 = 1;
/// No lock is larger, in bytes.
const MAX_LOCK: u64 = 4 << 20;

/// The file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    #[serde(rename = "lockVersion")]
    format: u32,
    plugins: BTreeMap<String, Pin>,
}

/// A component that somebody has accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Where it comes from: `file` or `npm`.
    pub source: String,
    /// What it calls itself.
    pub id: String,
    /// The version it says it has.
    pub version: String,
    /// The version of its npm package.
    #[serde(rename = "packageVersion", skip_serializing_if = "Option::is_none")]
    pub package_version: Option<String>,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// The key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// What it may ask to see, and for which steps.
    pub capabilities: Capabilities,
}

/// What a component may ask to see, and for which steps.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Names of tools it speaks for.
    pub programs: Vec<String>,
    /// Names of dependencies whose packages it speaks for.
    pub dependencies: Vec<String>,
    /// Files of the package that it is shown.
    pub files: Vec<String>,
    /// Environment variables whose values it is shown.
    pub env: Vec<String>,
}

impl Pin {
    fn of(loaded: &Loaded) -> Self {
        let component = &loaded.component;
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        Self {
            source: source_of(loaded).to_owned(),
            id: component.id().to_owned(),
            version: component.version().to_owned(),
            package_version: loaded.package_version.clone(),
            sha256: component.digest().to_hex(),
            publisher: loaded.publisher.clone(),
            capabilities: Capabilities {
                programs: sorted(&component.matches().programs),
                dependencies: sorted(&component.matches().dependencies),
                files: sorted(&component.needs().files),
                env: sorted(&component.needs().env),
            },
        }
    }
}

impl Lock {
    /// Reads the lock of a workspace; one that is not there is empty.
    pub(super) fn read(root: &AbsPath) -> Result<Self, PluginError> {
        let file = root.join(FILE_NAME);
        let wrong = |reason: String| PluginError::Lock {
            file: file.clone(),
            reason,
        };
        match std::fs::metadata(&file) {
            Ok(found) if !found.is_file() => return Err(wrong("it is no file".to_owned())),
            Ok(found) if found.len() > MAX_LOCK => return Err(wrong("it is too large".to_owned())),
            _ => {}
        }
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let lock: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if lock.format != FORMAT {
            return Err(wrong(format!("its `lockVersion` is not {FORMAT}")));
        }
        match lock
            .plugins
            .iter()
            .find(|(_, pin)| Digest::from_hex(&pin.sha256).is_none())
        {
            Some((name, _)) => Err(wrong(format!("`sha256` of `{name}` is no digest"))),
            None => Ok(lock),
        }
    }

    /// What the lock says about a component.
    pub(super) fn compare(&self, loaded: Loaded) -> Loaded {
        let pinning = match self.plugins.get(&loaded.name) {
            _ if loaded.source == PluginSource::BuiltIn => Pinning::BuiltIn,
            None => Pinning::Unlocked,
            Some(pin) if is_held(pin, &loaded) => Pinning::Locked,
            Some(_) => Pinning::Changed,
        };
        Loaded { pinning, ..loaded }
    }

    /// Refuses what is not as it is pinned.
    pub(super) fn judge(&self, loaded: Loaded) -> Result<Loaded, PluginError> {
        let loaded = self.compare(loaded);
        if loaded.pinning != Pinning::Changed {
            return Ok(loaded);
        }
        let pin = &self.plugins[&loaded.name];
        let now = Pin::of(&loaded);
        let plugin = loaded.name;
        if let Some(pinned) = &pin.publisher
            && now.publisher != pin.publisher
        {
            return Err(PluginError::Publisher {
                plugin,
                pinned: pinned.clone(),
                found: now.publisher,
            });
        }
        let found = *loaded.component.digest();
        let pinned = Digest::from_hex(&pin.sha256).unwrap_or(Digest([0; 32]));
        if pinned != found {
            return Err(PluginError::Changed {
                plugin,
                pinned,
                found,
            });
        }
        let what = match () {
            () if pin.source != now.source => "source",
            () if pin.id != now.id => "id",
            () if pin.version != now.version => "version",
            () => "capabilities",
        };
        Err(PluginError::Differs { plugin, what })
    }

    /// Takes in a component as it is, and returns what stood in its place.
    pub(super) fn pin(
        &mut self,
        loaded: &Loaded,
        accept: Accept,
    ) -> Result<Option<Pin>, PluginError> {
        let pin = Pin::of(loaded);
        if let Some(before) = self.plugins.get(&loaded.name)
            && let Some(pinned) = &before.publisher
            && pin.publisher != before.publisher
            && accept != Accept::NewPublisher
        {
            return Err(PluginError::Publisher {
                plugin: loaded.name.clone(),
                pinned: pinned.clone(),
                found: pin.publisher,
            });
        }
        Ok(self.plugins.insert(loaded.name.clone(), pin))
    }

    /// Lets go of all that is not named.
    pub(super) fn keep(&mut self, names: &[String]) {
        self.plugins.retain(|name, _| names.contains(name));
    }

    /// Writes the lock whole or not at all.
    pub(super) fn write(&mut self, root: &AbsPath) -> Result<(), PluginError> {
        self.format = FORMAT;
        let file = root.join(FILE_NAME);
        let mut text = serde_json::to_string_pretty(self).expect("text and numbers can be written");
        text.push('\n');
        let written = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(root)
            .and_then(|mut temporary| {
                std::io::Write::write_all(&mut temporary, text.as_bytes())?;
                temporary.persist(&file).map_err(|error| error.error)
            });
        written
            .map(drop)
            .map_err(|error| PluginError::WriteLock { file, error })
    }
}

/// Whether a component is the pinned one. The version of a package may rise around it, and a
/// signature may be added.
fn is_held(pin: &Pin, loaded: &Loaded) -> bool {
    // Without a pin made for the purpose: this is asked of each component in each run.
    let Pin {
        source,
        id,
        version,
        package_version: _,
        sha256,
        publisher,
        capabilities,
    } = pin;
    let component = &loaded.component;
    let (matches, needs) = (component.matches(), component.needs());
    let is_sorted = |pinned: &[String], now: &[String]| {
        if pinned == now {
            return pinned.is_sorted();
        }
        let mut now: Vec<&String> = now.iter().collect();
        now.sort();
        pinned.iter().eq(now)
    };
    Digest::from_hex(sha256) == Some(*component.digest())
        && (publisher.is_none() || *publisher == loaded.publisher)
        && source == source_of(loaded)
        && id == component.id()
        && version == component.version()
        && is_sorted(&capabilities.programs, &matches.programs)
        && is_sorted(&capabilities.dependencies, &matches.dependencies)
        && is_sorted(&capabilities.files, &needs.files)
        && is_sorted(&capabilities.env, &needs.env)
}

/// What kind of place a component comes from.
const fn source_of(loaded: &Loaded) -> &'static str {
    match loaded.source {
        PluginSource::Package(_) => "npm",
        _ => "file",
    }
}
