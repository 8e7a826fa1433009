//! The ways in which tools leave results: blindly, beside and renamed, only if something else is there, and so on.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{Next, source};
use crate::action::{Error, doing};
use crate::terminal;

pub(crate) fn emit(file: &Path, text: &str) -> Result<(), Error> {
    make_parent(file)
        .and_then(|()| fs::write(file, text))
        .map_err(doing("write", file))
}

pub(crate) fn replace(file: &Path, text: &str) -> Result<(), Error> {
    let beside = file.with_extension("new");
    emit(&beside, text)?;
    fs::rename(&beside, file).map_err(doing("replace", file))
}

pub(crate) fn compare(file: &Path, text: &str) -> Result<(), Error> {
    match fs::read(file) {
        Ok(bytes) if bytes == text.as_bytes() => Ok(()),
        _ => emit(file, text),
    }
}

pub(crate) fn missing(file: &Path, text: &str) -> Result<(), Error> {
    if file.exists() {
        return Ok(());
    }
    emit(file, text)
}

pub(crate) fn create(file: &Path, text: &str) -> Result<(), Error> {
    let work = || {
        make_parent(file)?;
        let opened = OpenOptions::new().write(true).create_new(true).open(file);
        match opened {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            opened => opened?.write_all(text.as_bytes()),
        }
    };
    work().map_err(doing("create", file))
}

pub(crate) fn append(file: &Path, text: &str) -> Result<(), Error> {
    let work = || {
        make_parent(file)?;
        let mut opened = OpenOptions::new().append(true).create(true).open(file)?;
        opened.write_all(text.as_bytes())
    };
    work().map_err(doing("append to", file))
}

/// Compares with a reference, and writes it where there is none.
pub(crate) fn snapshot(file: &Path, text: &str, is_update: bool) -> Result<Next, Error> {
    match fs::read(file) {
        Ok(bytes) if bytes == text.as_bytes() => Ok(None),
        Ok(_) if !is_update => {
            terminal::write(format!("{} differs\n", file.display()).as_bytes())?;
            Ok(Some(1))
        }
        _ => emit(file, text).map(|()| None),
    }
}

pub(crate) fn temporary(name: &str, text: &str) -> Result<(), Error> {
    let file = source::temporary().join(name);
    emit(&file, text)?;
    let work = || {
        fs::read(&file)?;
        fs::remove_file(&file)
    };
    work().map_err(doing("use", &file))
}

pub(crate) fn wipe(directory: &Path) -> Result<(), Error> {
    remove(directory)
        .and_then(|()| fs::create_dir_all(directory))
        .map_err(doing("wipe", directory))
}

pub(crate) fn empty(directory: &Path) -> Result<(), Error> {
    let work = || {
        let names = match source::list(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        names
            .iter()
            .try_for_each(|name| remove(&directory.join(name)))
    };
    work().map_err(doing("empty", directory))
}

pub(crate) fn prune(directory: &Path, from: &Path) -> Result<(), Error> {
    let work = || {
        let Ok(names) = source::list(directory) else {
            return Ok(());
        };
        let stale = names.iter().filter(|name| !from.join(name).exists());
        stale
            .map(|name| directory.join(name))
            .try_for_each(|path| remove(&path))
    };
    work().map_err(doing("prune", directory))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let work = || {
        let Ok(names) = source::list(from) else {
            return Ok(());
        };
        fs::create_dir_all(to)?;
        for name in names {
            if from.join(&name).is_file() {
                fs::copy(from.join(&name), to.join(&name))?;
            }
        }
        Ok(())
    };
    work().map_err(doing("copy", from))
}

pub(crate) fn link(from: &Path, to: &Path) -> Result<(), Error> {
    let work = || {
        make_parent(to)?;
        remove(to)?;
        fs::hard_link(from, to)
    };
    work().map_err(doing("link", to))
}

pub(crate) fn symbolic_link(text: &str, to: &Path) -> Result<(), Error> {
    let work = || {
        make_parent(to)?;
        remove(to)?;
        symlink(text, to)
    };
    work().map_err(doing("link", to))
}

pub(crate) fn mode(file: &Path, digits: &str) -> Result<(), Error> {
    let mode = u32::from_str_radix(digits, 8)
        .map_err(|_| Error::Usage(format!("`{digits}` is no mode")))?;
    fs::set_permissions(file, Permissions::from_mode(mode))
        .map_err(doing("change the mode of", file))
}

fn make_parent(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
        _ => Ok(()),
    }
}

/// Removes whatever is there, if anything.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
