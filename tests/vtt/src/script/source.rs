//! What results are made of: each source is a line of text, whatever there is to see.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::action::{Error, doing};

/// A line for each source.
pub(crate) fn all(sources: &[&str], arguments: &[String]) -> Result<String, Error> {
    let mut text = String::new();
    for source in sources {
        let said = one(source, arguments)?;
        writeln!(text, "{source} {said}").expect("text takes it");
    }
    Ok(text)
}

fn one(source: &str, arguments: &[String]) -> Result<String, Error> {
    let (kind, name) = source.split_once(':').unwrap_or((source, ""));
    Ok(match kind {
        "file" => file(&place(name)),
        "temp" => file(&temporary().join(name)),
        "list" => list(&place(name)).map_or_else(|error| said(&error), |names| names.join(" ")),
        "all" => whole(&place(name)),
        "kind" => kind_of(&place(name)),
        "link" => fs::read_link(place(name))
            .map_or_else(|error| said(&error), |text| text.display().to_string()),
        "up" => above(name)?,
        "which" => on_path(name),
        "var" => shown(std::env::var_os(name)),
        "seven" => shown(std::env::var_os(name)).chars().take(7).collect(),
        "set" => std::env::var_os(name).is_some().to_string(),
        "identifiers" => identifiers(),
        "environ" => enumerated(name),
        "sh" => child(Command::new("sh").args(["-c", &format!("printf %s \"${name}\"")]))?,
        "child" => {
            let own = std::env::current_exe().map_err(doing("find", Path::new("vtt")))?;
            child(Command::new(own).args(["env", name]))?
        }
        "ask" => asked(&place(name)),
        "arguments" => arguments.join(" "),
        _ => return Err(Error::Usage(format!("`{source}` is no source"))),
    })
}

/// A path, from the home where it begins with `~/`.
pub(crate) fn place(name: &str) -> PathBuf {
    match name.strip_prefix("~/") {
        Some(rest) => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(rest),
        None => PathBuf::from(name),
    }
}

/// Where temporary files lie.
pub(crate) fn temporary() -> PathBuf {
    std::env::temp_dir()
}

/// The sorted names of a directory.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        kind => format!("fails: {kind}"),
    }
}

fn shown(value: Option<OsString>) -> String {
    value.map_or_else(
        || "is not set".to_owned(),
        |value| format!("={}", value.to_string_lossy()),
    )
}

fn file(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        Err(error) => said(&error),
    }
}

fn whole(directory: &Path) -> String {
    let names = match list(directory) {
        Ok(names) => names,
        Err(error) => return said(&error),
    };
    let files = names
        .iter()
        .map(|name| format!("{name} {}", file(&directory.join(name))));
    files.collect::<Vec<_>>().join(" ")
}

fn kind_of(path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => "directory".to_owned(),
        Ok(found) if found.is_symlink() => "link".to_owned(),
        Ok(_) => "file".to_owned(),
        Err(error) => said(&error),
    }
}

fn above(name: &str) -> Result<String, Error> {
    let here = std::env::current_dir().map_err(doing("find", Path::new(".")))?;
    let mut found = here
        .ancestors()
        .filter_map(|directory| fs::read(directory.join(name)).ok());
    Ok(found.next().map_or_else(
        || "is nowhere above".to_owned(),
        |bytes| format!("{:?}", String::from_utf8_lossy(&bytes)),
    ))
}

fn on_path(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .any(|directory| directory.join(name).exists())
        .to_string()
}

/// How many of the names that tools ask for on every run are set.
fn identifiers() -> String {
    let names = [
        "GITHUB_SHA",
        "GITHUB_RUN_ID",
        "BUILD_ID",
        "BUILD_NUMBER",
        "CI_COMMIT_SHA",
    ];
    let set = names.iter().filter(|name| std::env::var_os(name).is_some());
    format!("{} are set", set.count())
}

fn enumerated(prefix: &str) -> String {
    let mut found: Vec<String> = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(prefix))
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    found.sort();
    found.join(" ")
}

fn child(command: &mut Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(doing("start", Path::new(command.get_program())))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn asked(socket: &Path) -> String {
    let mut text = String::new();
    let ask = UnixStream::connect(socket).and_then(|mut open| open.read_to_string(&mut text));
    ask.map_or_else(|error| said(&error), |_| format!("{text:?}"))
}
