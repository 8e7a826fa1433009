//! Finds runtimes, and compiles the programs that go through the rows.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that says that nothing may be left out.
const REQUIRE: &str = "VT_CONFORMANCE_REQUIRE";

/// A file of this crate.
#[must_use]
pub fn source(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Says that something is left out; fails where nothing may be.
///
/// # Panics
/// When nothing may be left out.
pub fn skip(what: &str) {
    let is_required = env::var_os(REQUIRE).is_some_and(|value| value == "all");
    assert!(!is_required, "{what}, and {REQUIRE} is `all`");
    // The print macros are silent in tests that succeed.
    let _ = writeln!(io::stderr(), "SKIPPED: {what}");
}

/// Where a program is, by its name.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/bin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Like [`find`], for something that is to be compared; says so if it is not there.
#[must_use]
pub fn installed(name: &str) -> Option<PathBuf> {
    if find("strace").is_none() {
        skip("strace is not installed");
        return None;
    }
    let found = find(name);
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// The Python interpreter itself, not a script that finds it.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let found = installed("python3")?;
    let program = "import os, sys; print(os.path.realpath(sys.executable))";
    let said = Command::new(found).args(["-c", program]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
}

/// A program that was compiled into a directory of its own.
#[derive(Debug)]
pub struct Compiled {
    _directory: tempfile::TempDir,
    /// Where it is.
    pub path: PathBuf,
    /// The program itself.
    pub bytes: Vec<u8>,
}

/// Compiles a program with `compiler`, if that is installed.
///
/// # Panics
/// When the compiler fails.
#[must_use]
pub fn compile(compiler: &str, flags: &[&str], program: &str) -> Option<Compiled> {
    let compiler = installed(compiler)?;
    let directory = tempfile::tempdir().expect("there is a place for temporary files");
    let path = directory.path().join("rows");
    let compiled = Command::new(compiler)
        .args(flags)
        .arg("-o")
        .arg(&path)
        .arg(source("programs").join(program))
        .output()
        .expect("the compiler runs");
    assert!(
        compiled.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let bytes = fs::read(&path).expect("it was just made");
    Some(Compiled {
        bytes,
        _directory: directory,
        path,
    })
}

/// The names of the rows that a program goes through: it says them when called with `list`.
///
/// # Panics
/// When it doesn't.
#[must_use]
pub fn rows(program: &Path, arguments: &[&str]) -> Vec<String> {
    let said = Command::new(program)
        .args(arguments)
        .arg("list")
        .output()
        .expect("the program runs");
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{}: {words}", program.display());
    let text = String::from_utf8(said.stdout).expect("rows have plain names");
    let rows: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(!rows.is_empty(), "{} has no rows", program.display());
    rows
}

/// Where a file of a package is; packages are installed when the first of them is asked for.
#[must_use]
pub fn package(relative: &str) -> Option<PathBuf> {
    let name = relative.rsplit('/').next().unwrap_or(relative);
    if find("strace").is_none() || find("npm").is_none() {
        skip(&format!("{name} can't be had without strace and npm"));
        return None;
    }
    let installed = Command::new(source("npm/install")).output().ok()?;
    let place = String::from_utf8(installed.stdout).unwrap_or_default();
    let file = Path::new(place.trim()).join(relative);
    if installed.status.success() && file.is_file() {
        return Some(file);
    }
    let said = String::from_utf8_lossy(&installed.stderr);
    skip(&format!("{name} could not be installed: {}", said.trim()));
    None
}
