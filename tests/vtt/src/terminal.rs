//! Actions that only look, and say what they saw.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::action::{Error, doing};

/// Writes to stdout at once, so that the order with stderr is the order of the calls.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|source| Error::Io {
            doing: "write to stdout".to_owned(),
            source,
        })
}

fn line(bytes: &[u8]) -> Result<(), Error> {
    write(&[bytes, b"\n"].concat())
}

pub(crate) fn cat(file: &Path) -> Result<(), Error> {
    write(&fs::read(file).map_err(doing("read", file))?)
}

pub(crate) fn list(directory: &Path) -> Result<(), Error> {
    let mut names = fs::read_dir(directory)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|found| found.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(doing("list", directory))?;
    names.sort();
    names.iter().try_for_each(|name| line(name.as_bytes()))
}

pub(crate) fn stat(path: &Path) -> Result<(), Error> {
    let found = fs::symlink_metadata(path).map_err(doing("look at", path))?;
    let executable = if found.is_file() && found.permissions().mode() & 0o111 != 0 {
        " executable"
    } else {
        ""
    };
    let text = if found.is_dir() {
        "directory".to_owned()
    } else if found.is_symlink() {
        "link".to_owned()
    } else {
        format!("file of {} bytes{executable}", found.len())
    };
    line(text.as_bytes())
}

pub(crate) fn exists(path: &Path) -> Result<(), Error> {
    let found = path.try_exists().map_err(doing("look for", path))?;
    line(if found { b"yes" } else { b"no" })
}

pub(crate) fn read_link(link: &Path) -> Result<(), Error> {
    let target = fs::read_link(link).map_err(doing("read the link", link))?;
    line(target.as_os_str().as_bytes())
}

pub(crate) fn print(words: &[OsString]) -> Result<(), Error> {
    line(words.join(OsStr::new(" ")).as_bytes())
}

pub(crate) fn print_error(words: &[OsString]) -> Result<(), Error> {
    let mut text = words.join(OsStr::new(" "));
    text.push("\n");
    io::stderr()
        .write_all(text.as_bytes())
        .map_err(|source| Error::Io {
            doing: "write to stderr".to_owned(),
            source,
        })
}

pub(crate) fn print_bytes(hex: &OsStr) -> Result<(), Error> {
    let odd = || Error::Usage("`print-bytes` wants pairs of hexadecimal digits".to_owned());
    let text = hex
        .to_str()
        .filter(|text| text.is_ascii() && text.len() % 2 == 0)
        .ok_or_else(odd)?;
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect();
    write(&bytes.ok_or_else(odd)?)
}

pub(crate) fn print_variable(name: &OsStr) -> Result<(), Error> {
    match std::env::var_os(name) {
        Some(value) => line(&[name.as_bytes(), b"=", value.as_bytes()].concat()),
        None => line(&[name.as_bytes(), b" is not set"].concat()),
    }
}

pub(crate) fn print_environment() -> Result<(), Error> {
    let mut names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    names.sort();
    names.iter().try_for_each(|name| print_variable(name))
}
