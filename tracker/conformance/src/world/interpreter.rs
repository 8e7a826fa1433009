//! The programs that carry out operations for real.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::generate::Dialect;

/// In what an interpreter is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// C with the system's library.
    DynamicC,
    /// C with everything in the binary.
    StaticC,
    /// Python.
    Python,
    /// Node.
    Node,
}

impl Kind {
    /// What it can do.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::DynamicC | Self::StaticC => Dialect::Full,
            Self::Python => Dialect::NoExchange,
            Self::Node => Dialect::PathsOnly,
        }
    }
}

/// A program that carries out operations.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// What it is written in.
    pub kind: Kind,
    /// The words that start it.
    pub words: Vec<PathBuf>,
}

impl Interpreter {
    /// The command that carries out the operations in a file, in a room that is its directory.
    #[must_use]
    pub fn command(&self, operations: &Path, room: &Path) -> Command {
        let mut command = Command::new(&self.words[0]);
        command
            .args(&self.words[1..])
            .arg(operations)
            .arg(".")
            .current_dir(room)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }
}

/// All interpreters that this machine can have.
#[derive(Debug)]
pub struct Interpreters {
    found: Vec<Interpreter>,
    _folder: tempfile::TempDir,
}

impl Interpreters {
    /// Compiles what has to be, and finds the rest. What is missing is said and left out, or is an
    /// error if `VT_CONFORMANCE_REQUIRE` is `all`.
    ///
    /// # Errors
    /// When something is missing that must not be, or the disk refuses.
    pub fn prepare() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("vt-random-").tempdir()?;
        let sources = [
            ("random.c", include_str!("../../programs/random.c")),
            ("random.h", include_str!("../../programs/random.h")),
            ("random.py", include_str!("../../programs/random.py")),
            ("random.js", include_str!("../../programs/random.js")),
        ];
        for (name, text) in sources {
            std::fs::write(folder.path().join(name), text)?;
        }
        let mut found = Vec::new();
        for kind in [Kind::DynamicC, Kind::StaticC, Kind::Python, Kind::Node] {
            match words(kind, folder.path()) {
                Ok(words) => found.push(Interpreter { kind, words }),
                Err(error) => leave_out(kind, error)?,
            }
        }
        if found.is_empty() {
            return Err(io::Error::other("there is no interpreter at all"));
        }
        Ok(Self {
            found,
            _folder: folder,
        })
    }

    /// The interpreter of a kind, if this machine has it.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&Interpreter> {
        self.found.iter().find(|found| found.kind == kind)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Interpreter] {
        &self.found
    }
}

fn leave_out(kind: Kind, error: io::Error) -> io::Result<()> {
    if std::env::var_os("VT_CONFORMANCE_REQUIRE").is_some_and(|value| value == "all") {
        return Err(error);
    }
    let line = format!("SKIPPED: no random programs in {kind:?}: {error}\n");
    // Shown also where what tests print is not.
    io::stderr().write_all(line.as_bytes())
}

fn words(kind: Kind, folder: &Path) -> io::Result<Vec<PathBuf>> {
    match kind {
        Kind::DynamicC => compile(folder, "dynamic", &["-pthread"]),
        Kind::StaticC => compile(folder, "static", &["-static", "-pthread"]),
        Kind::Python => {
            let program = "import os, sys; print(os.path.realpath(sys.executable))";
            let python = ask("python3", &["-c", program])?;
            let mut words: Vec<PathBuf> = [&python, "-I", "-S", "-B"].map(PathBuf::from).into();
            words.push(folder.join("random.py"));
            Ok(words)
        }
        Kind::Node => {
            let node = ask("node", &["-p", "process.execPath"])?;
            Ok(vec![PathBuf::from(node), folder.join("random.js")])
        }
    }
}

fn compile(folder: &Path, name: &str, options: &[&str]) -> io::Result<Vec<PathBuf>> {
    let binary = folder.join(name);
    let output = Command::new("gcc")
        .args(["-O1", "-w", "-o"])
        .arg(&binary)
        .arg(folder.join("random.c"))
        .args(options)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(said));
    }
    Ok(vec![binary])
}

/// What a program prints.
fn ask(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("`{program}` does not work")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
