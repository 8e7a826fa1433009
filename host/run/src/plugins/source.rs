//! Reads components from files and npm packages, never more of a file than a component may have.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vt_base::AbsPath;
use vt_config::{PluginEntry, PluginSource, Project};
use vt_rules::{Component, MAX_COMPONENT, MAX_SIGNATURE};

use super::error::{Place, PluginError};
use super::{Loaded, Pinning};

/// No manifest of a package is larger, in bytes.
const MAX_MANIFEST: usize = 1 << 20;

/// What of a `package.json` is of interest.
#[derive(Deserialize)]
struct Manifest {
    version: Option<String>,
    vt: Option<Vt>,
}

#[derive(Deserialize)]
struct Vt {
    plugin: Option<String>,
}

/// Reads the component that an entry names.
pub(super) fn load(project: &Project, entry: &PluginEntry) -> Result<Loaded, PluginError> {
    let unreadable = |reason: String| PluginError::Unreadable {
        place: Place::of(entry),
        plugin: entry.name.clone(),
        reason,
    };
    let (path, package_version) = match &entry.source {
        PluginSource::Package(name) => in_package(&project.root, name).map_err(unreadable)?,
        PluginSource::File(file) => {
            let real = inside(&project.root, file.as_path()).map_err(unreadable)?;
            (real, None)
        }
        PluginSource::BuiltIn => unreachable!("a built-in component is in no file"),
    };
    let bytes = read(&path, MAX_COMPONENT).map_err(unreadable)?;
    let component =
        Component::from_bytes(&entry.name, bytes).map_err(|error| PluginError::Component {
            place: Place::of(entry),
            error: Box::new(error),
        })?;
    let mut beside = path.into_os_string();
    beside.push(".sig");
    let publisher = match read_if_there(Path::new(&beside), MAX_SIGNATURE).map_err(unreadable)? {
        None => None,
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let key = vt_rules::publisher(component.digest(), &text);
            Some(key.map_err(|reason| PluginError::Signature {
                place: Place::of(entry),
                plugin: entry.name.clone(),
                reason,
            })?)
        }
    };
    Ok(Loaded {
        component,
        name: entry.name.clone(),
        source: entry.source.clone(),
        package_version,
        publisher,
        pinning: Pinning::Unlocked,
    })
}

/// The file of the component in a package, and the version of the package.
fn in_package(root: &AbsPath, name: &str) -> Result<(PathBuf, Option<String>), String> {
    let directory = root.join(format!("node_modules/{name}"));
    // A package manager may have put a link there.
    let real = std::fs::canonicalize(&directory)
        .map_err(|error| format!("{directory}: {error}; is it installed?"))?;
    let file = real.join("package.json");
    let text = read(&file, MAX_MANIFEST)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let plugin = manifest.vt.and_then(|vt| vt.plugin).ok_or_else(|| {
        format!(
            "{} has no `\"vt\": {{ \"plugin\": \"./NAME.wasm\" }}`",
            file.display()
        )
    })?;
    let real = AbsPath::new(&real).map_err(|error| error.to_string())?;
    let path = inside(&real, &real.as_path().join(&plugin))?;
    Ok((path, manifest.version))
}

/// A file with all links resolved, which must lie below a directory.
fn inside(directory: &AbsPath, file: &Path) -> Result<PathBuf, String> {
    let real =
        std::fs::canonicalize(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if real.starts_with(directory.as_path()) {
        Ok(real)
    } else {
        Err(format!("{} leads out of {directory}", file.display()))
    }
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    read_if_there(path, limit)?.ok_or_else(|| format!("{}: there is no such file", path.display()))
}

/// Reads a file, but for more than one byte over the limit.
fn read_if_there(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, String> {
    let said = |error: std::io::Error| format!("{}: {error}", path.display());
    match std::fs::metadata(path) {
        // Opening a pipe would wait for whoever writes to it.
        Ok(found) if !found.is_file() => return Err(format!("{} is no file", path.display())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(error)),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(said)?;
    if bytes.len() > limit {
        return Err(format!("{} is larger than {limit} bytes", path.display()));
    }
    Ok(Some(bytes))
}
