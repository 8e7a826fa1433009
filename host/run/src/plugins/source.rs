//! Reads components from files and npm packages, never more of a file than a component may have.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vt_base::{AbsPath, Digest};
use vt_config::{PluginEntry, PluginSource, Project};
use vt_fingerprint::{StatRow, now_ns};
use vt_rules::{Component, MAX_COMPONENT, MAX_SIGNATURE};

use super::error::{Place, PluginError};
use super::outlines::{Outlines, Remembered};
use super::{Loaded, Pinning};

/// No manifest of a package is larger, in bytes.
const MAX_MANIFEST: usize = 1 << 20;

/// What of a `package.json` is of interest.
#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
    vt: Option<Vt>,
}

#[derive(Deserialize)]
struct Vt {
    plugin: Option<String>,
}

/// Directories with all links resolved: most components lie in one.
#[derive(Default)]
pub(super) struct Directories(HashMap<PathBuf, PathBuf>);

impl Directories {
    /// A file with all links resolved.
    fn real(&mut self, file: &Path) -> std::io::Result<PathBuf> {
        let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
            return std::fs::canonicalize(file);
        };
        if std::fs::symlink_metadata(file)?.is_symlink() {
            return std::fs::canonicalize(file);
        }
        if let Some(real) = self.0.get(directory) {
            return Ok(real.join(name));
        }
        let real = std::fs::canonicalize(directory)?;
        let whole = real.join(name);
        self.0.insert(directory.to_owned(), real);
        Ok(whole)
    }
}

/// Finds the component that an entry names, and reads it if `outlines` has no more of it than that
/// it has changed. Without them it is read in any case.
pub(super) fn load(
    project: &Project,
    entry: &PluginEntry,
    directories: &mut Directories,
    mut outlines: Option<&mut Outlines>,
) -> Result<Loaded, PluginError> {
    let unreadable = |reason: String| PluginError::Unreadable {
        place: Place::of(entry),
        plugin: entry.name.clone(),
        reason,
    };
    let InPackage {
        path,
        version: package_version,
        names: package_names,
    } = match &entry.source {
        PluginSource::Package(name) => {
            in_package(project, name, directories).map_err(unreadable)?
        }
        PluginSource::File(file) => InPackage {
            path: inside(&project.root, file.as_path(), directories).map_err(unreadable)?,
            version: None,
            names: Vec::new(),
        },
        PluginSource::BuiltIn => unreachable!("a built-in component is in no file"),
    };
    let misfit = |error| PluginError::Component {
        place: Place::of(entry),
        error: Box::new(error),
    };
    let mut beside = path.clone().into_os_string();
    beside.push(".sig");
    let beside = PathBuf::from(beside);
    let loaded = |component, publisher| Loaded {
        component,
        file: Some(path.clone()),
        name: entry.name.clone(),
        source: entry.source.clone(),
        package_version: package_version.clone(),
        package_names: package_names.clone(),
        publisher,
        pinning: Pinning::Unlocked,
    };
    let known = outlines
        .as_deref()
        .and_then(|outlines| outlines.get(&entry.name))
        .filter(|known| {
            row_of(&path) == Ok(Some(known.row)) && row_of(&beside) == Ok(known.signature)
        })
        .cloned();
    if let (Some(known), Some(outlines)) = (known, outlines.as_deref_mut()) {
        let component = Component::from_outline(&entry.name, known.digest, known.outline.clone())
            .map_err(misfit)?;
        let publisher = known.publisher.clone();
        outlines.put(&entry.name, known);
        return Ok(loaded(component, publisher));
    }
    let started = now_ns();
    let (bytes, row) = read(&path, MAX_COMPONENT).map_err(unreadable)?;
    let component = Component::from_bytes(&entry.name, bytes).map_err(misfit)?;
    let signed = read_if_there(&beside, MAX_SIGNATURE).map_err(unreadable)?;
    let publisher = match &signed {
        None => None,
        Some((bytes, _)) => {
            let text = String::from_utf8_lossy(bytes);
            let key = vt_rules::publisher(component.digest(), &text);
            Some(key.map_err(|reason| PluginError::Signature {
                place: Place::of(entry),
                plugin: entry.name.clone(),
                reason,
            })?)
        }
    };
    // A later write within one tick of the clock would leave the same identity.
    let settled = |row: Option<StatRow>| row.filter(|row| row.settled_at(started));
    let signature = signed.map(|(_, row)| settled(row));
    if let (Some(outlines), Some(row), None | Some(Some(_))) = (outlines, settled(row), signature) {
        let remembered = Remembered {
            row,
            signature: signature.flatten(),
            publisher: publisher.clone(),
            digest: *component.digest(),
            outline: component.outline().brief(),
        };
        outlines.put(&entry.name, remembered);
    }
    Ok(loaded(component, publisher))
}

/// The identity of a file that is there.
fn row_of(path: &Path) -> Result<Option<StatRow>, std::io::ErrorKind> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(StatRow::of(&found))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.kind()),
    }
}

/// Reads a component to ask it that was only looked at, if it is still the one that was judged.
pub(crate) fn read_whole(loaded: &Loaded) -> Result<Component, String> {
    let file = loaded.file.as_deref();
    let file = file.expect("a built-in component is whole");
    let (bytes, _) = read(file, MAX_COMPONENT)?;
    if Digest::of(&bytes) != *loaded.component.digest() {
        return Err(format!("plugin `{}` was changed meanwhile", loaded.name));
    }
    Component::from_bytes(&loaded.name, bytes).map_err(|error| error.to_string())
}

/// The file of a component, and what is known of the package it is in.
struct InPackage {
    path: PathBuf,
    version: Option<String>,
    names: Vec<String>,
}

/// Finds the component in a package.
fn in_package(
    project: &Project,
    name: &str,
    directories: &mut Directories,
) -> Result<InPackage, String> {
    let directory = project.root.join(format!("node_modules/{name}"));
    // A package manager may have put a link there.
    let real = std::fs::canonicalize(&directory)
        .map_err(|error| format!("{directory}: {error}; is it installed?"))?;
    let file = real.join("package.json");
    let (text, _) = read(&file, MAX_MANIFEST)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let plugin = manifest.vt.and_then(|vt| vt.plugin).ok_or_else(|| {
        format!(
            "{} has no `\"vt\": {{ \"plugin\": \"./NAME.wasm\" }}`",
            file.display()
        )
    })?;
    let real = AbsPath::new(&real).map_err(|error| error.to_string())?;
    let path = inside(&real, &real.as_path().join(&plugin), directories)?;
    let mut names = vec![wanted(project, name)];
    names.extend(manifest.name.filter(|own| *own != names[0]));
    Ok(InPackage {
        path,
        version: manifest.version,
        names,
    })
}

/// The package that the root has under a name: `npm:` brings another one in under it.
fn wanted(project: &Project, name: &str) -> String {
    let root = project.packages.iter();
    let mut root = root.filter(|package| package.directory.is_root());
    let dependency = root.next().and_then(|root| root.dependencies.get(name));
    let alias = dependency.and_then(|dependency| dependency.version.strip_prefix("npm:"));
    let Some(alias) = alias else {
        return name.to_owned();
    };
    // The name of a scope begins with the sign that stands before versions.
    let version = alias.char_indices().skip(1).find(|(_, sign)| *sign == '@');
    let end = version.map_or(alias.len(), |(at, _)| at);
    alias[..end].to_owned()
}

/// A file with all links resolved, which must lie below a directory.
fn inside(
    directory: &AbsPath,
    file: &Path,
    directories: &mut Directories,
) -> Result<PathBuf, String> {
    let real = directories
        .real(file)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    if real.starts_with(directory.as_path()) {
        Ok(real)
    } else {
        Err(format!("{} leads out of {directory}", file.display()))
    }
}

/// The bytes of a file, and its identity if it was the same before and after.
type Read = (Vec<u8>, Option<StatRow>);

fn read(path: &Path, limit: usize) -> Result<Read, String> {
    read_if_there(path, limit)?.ok_or_else(|| format!("{}: there is no such file", path.display()))
}

/// Reads a file, but for more than one byte over the limit.
fn read_if_there(path: &Path, limit: usize) -> Result<Option<Read>, String> {
    let said = |error: std::io::Error| format!("{}: {error}", path.display());
    match std::fs::metadata(path) {
        // Opening a pipe would wait for whoever writes to it.
        Ok(found) if !found.is_file() => return Err(format!("{} is no file", path.display())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(error)),
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(said)?;
    let row = |found: std::io::Result<Metadata>| found.ok().map(|found| StatRow::of(&found));
    let before = row(file.metadata());
    (&file)
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(said)?;
    let after = row(file.metadata());
    if bytes.len() > limit {
        return Err(format!("{} is larger than {limit} bytes", path.display()));
    }
    Ok(Some((bytes, before.filter(|_| before == after))))
}
