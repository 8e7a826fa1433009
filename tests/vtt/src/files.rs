//! Actions that change files. Each makes the system calls its name promises and no other access to the workspace.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::action::{Error, doing};

pub(crate) fn write(file: &Path, text: &OsStr, make_parents: bool) -> Result<(), Error> {
    put(file, text.as_bytes(), make_parents)
}

pub(crate) fn append(file: &Path, text: &OsStr) -> Result<(), Error> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(doing("append to", file))
}

pub(crate) fn replace(file: &Path, text: &OsStr) -> Result<(), Error> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    put(Path::new(&beside), text.as_bytes(), false)?;
    fs::rename(&beside, file).map_err(doing("replace", file))
}

pub(crate) fn rewrite(file: &Path, from: &OsStr, to: &OsStr) -> Result<(), Error> {
    let old = fs::read(file).map_err(doing("read", file))?;
    put(
        file,
        &substitute(&old, from.as_bytes(), to.as_bytes()),
        false,
    )
}

pub(crate) fn read_write(file: &Path, text: &OsStr) -> Result<(), Error> {
    let work = || {
        let mut opened = OpenOptions::new().read(true).write(true).open(file)?;
        opened.read_to_end(&mut Vec::new())?;
        opened.seek(SeekFrom::Start(0))?;
        opened.write_all(text.as_bytes())
    };
    work().map_err(doing("read and write", file))
}

pub(crate) fn concat(out: &Path, sources: &[PathBuf], make_parents: bool) -> Result<(), Error> {
    let mut bytes = Vec::new();
    for source in sources {
        bytes.extend(fs::read(source).map_err(doing("read", source))?);
    }
    put(out, &bytes, make_parents)
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(drop).map_err(doing("copy to", to))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(doing("rename to", to))
}

pub(crate) fn remove(path: &Path, recursive: bool, may_be_missing: bool) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && recursive => fs::remove_dir_all(path),
        Ok(found) if found.is_dir() => fs::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if may_be_missing && error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(doing("remove", path)),
    }
}

pub(crate) fn make_directory(path: &Path, with_parents: bool) -> Result<(), Error> {
    if with_parents {
        fs::create_dir_all(path)
    } else {
        fs::create_dir(path)
    }
    .map_err(doing("make", path))
}

pub(crate) fn link(target: &Path, link: &Path) -> Result<(), Error> {
    symlink(target, link).map_err(doing("link", link))
}

pub(crate) fn touch(file: &Path) -> Result<(), Error> {
    OpenOptions::new()
        .append(true)
        .open(file)
        .and_then(|opened| opened.set_modified(SystemTime::now()))
        .map_err(doing("touch", file))
}

pub(crate) fn set_executable(file: &Path, mode: &OsStr) -> Result<(), Error> {
    let mode = match mode.to_str() {
        Some("+x") => 0o755,
        Some("-x") => 0o644,
        _ => return Err(Error::Usage("`chmod` wants `+x` or `-x`".to_owned())),
    };
    fs::set_permissions(file, Permissions::from_mode(mode))
        .map_err(doing("change the mode of", file))
}

pub(crate) fn write_home(name: &Path, text: &OsStr) -> Result<(), Error> {
    let home =
        std::env::var_os("HOME").ok_or_else(|| Error::Usage("`HOME` is not set".to_owned()))?;
    put(&Path::new(&home).join(name), text.as_bytes(), true)
}

fn put(file: &Path, bytes: &[u8], make_parents: bool) -> Result<(), Error> {
    if let Some(parent) = file
        .parent()
        .filter(|parent| make_parents && !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(doing("make", parent))?;
    }
    File::create(file)
        .and_then(|mut opened| opened.write_all(bytes))
        .map_err(doing("write", file))
}

fn substitute(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if !from.is_empty() && rest.starts_with(from) {
            result.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            result.push(*first);
            rest = &rest[1..];
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::substitute;

    #[test]
    fn every_occurrence_is_substituted_and_the_rest_is_kept() {
        assert_eq!(substitute(b"one two one", b"one", b"1"), b"1 two 1");
        assert_eq!(substitute(b"aaa", b"aa", b"b"), b"ba");
        assert_eq!(substitute(b"\xff\x00a", b"a", b""), b"\xff\x00");
        assert_eq!(substitute(b"text", b"", b"x"), b"text");
    }
}
