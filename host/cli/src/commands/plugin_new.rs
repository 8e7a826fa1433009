//! `vt plugin new`: starts a rule plugin, as a crate that builds and tests as it is written.
//!
//! The crate that rule authors link is written beside it, from this very program: it needs no
//! registry to have it, and speaks the version of the API this program has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anstream::println;

use crate::args::{Args, PluginNew};
use crate::error::Error;
use crate::settings;

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../sdk-rust/plugin/template/",
            $name,
            ".template"
        ))
    };
}
macro_rules! sdk {
    ($name:literal) => {
        include_str!(concat!("../../../../sdk-rust/plugin/", $name))
    };
}
macro_rules! wit {
    ($name:literal) => {
        include_str!(concat!("../../../../wit/rules@0.1.0/", $name))
    };
}

/// Where a file goes, and its text, with places to fill in.
const TEMPLATE: [(&str, &str); 9] = [
    ("Cargo.toml", template!("Cargo.toml")),
    (".cargo/config.toml", template!("cargo_config.toml")),
    (".gitignore", template!("gitignore")),
    ("package.json", template!("package.json")),
    ("build", template!("build")),
    ("src/lib.rs", template!("lib.rs")),
    ("tests/cases.rs", template!("cases.rs")),
    ("cases/{{id}}.toml", template!("cases.toml")),
    ("README.md", template!("README.md")),
];

/// The crate that rule authors link, as it is.
const SDK: [(&str, &str); 8] = [
    ("sdk/Cargo.toml", template!("sdk.toml")),
    ("sdk/src/case.rs", sdk!("src/case.rs")),
    ("sdk/src/lib.rs", sdk!("src/lib.rs")),
    ("sdk/src/manifest.rs", sdk!("src/manifest.rs")),
    ("sdk/src/native.rs", sdk!("src/native.rs")),
    ("sdk/src/wasm.rs", sdk!("src/wasm.rs")),
    ("sdk/wit/rules.wit", wit!("rules.wit")),
    ("sdk/wit/types.wit", wit!("types.wit")),
];

/// Where the interface lies, as seen from the crate in its own repository, and in a new one.
const INTERFACE: (&str, &str) = ("../../wit/rules@0.1.0", "wit");

/// Runs the command.
pub(crate) fn new(args: &Args, new: &PluginNew) -> Result<i32, Error> {
    let folder = settings::current_dir(args)?.as_path().join(&new.directory);
    let names = Names::of(&folder, new.tool.as_deref()).map_err(Error::Usage)?;
    let written = |path: &Path, error| Error::Write(path.to_owned(), error);
    if !is_empty(&folder).map_err(|error| written(&folder, error))? {
        return Err(Error::Usage(format!(
            "`{}` is there and not empty; name a folder that is not",
            new.directory.display()
        )));
    }
    for (name, text) in names.files() {
        let path = folder.join(&name);
        write(&path, &text).map_err(|error| written(&path, error))?;
    }
    println!("{}: a rule plugin for `{}`", names.id, names.tool);
    println!("next, in `{}`:", new.directory.display());
    println!("  cargo test                                # the rule and its cases");
    println!("  rustup target add wasm32-unknown-unknown  # once");
    println!(
        "  ./build                                   # makes `{}.wasm`",
        names.id
    );
    println!("  vt plugin test                            # the cases through the component");
    Ok(0)
}

/// Whether a folder can be filled without losing anything.
fn is_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Nothing that appeared in between is overwritten.
    let mut file = fs::File::create_new(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    if text.starts_with("#!") {
        make_executable(&file)?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut permissions = file.metadata()?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn make_executable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

/// What fills the places of the template.
struct Names {
    id: String,
    tool: String,
}

impl Names {
    /// The name of the folder is the name of the plugin, and of the tool unless another is given.
    fn of(folder: &Path, tool: Option<&str>) -> Result<Self, String> {
        let id = folder.file_name().and_then(|name| name.to_str());
        let id = id.filter(|id| is_crate_name(id)).ok_or(
            "a plugin is named by its folder: lower-case letters, digits and `-`, a letter first, \
             and no name that Rust or the crate itself uses",
        )?;
        let tool = tool.unwrap_or(id);
        if !is_tool_name(tool) {
            return Err(format!("`{tool}` is not the name of a program"));
        }
        Ok(Self {
            id: id.to_owned(),
            tool: tool.to_owned(),
        })
    }

    fn files(&self) -> Vec<(PathBuf, String)> {
        let filled = TEMPLATE
            .iter()
            .map(|(name, text)| (self.fill(name).into(), self.fill(text)));
        let sdk = SDK.iter().map(|(name, text)| {
            let (here, there) = INTERFACE;
            (name.into(), text.replace(here, there))
        });
        filled.chain(sdk).collect()
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{{id}}", &self.id)
            .replace("{{tool}}", &self.tool)
            .replace("{{library}}", &self.id.replace('-', "_"))
            .replace("{{type}}", &self.type_name())
    }

    /// `MadeUp` for `made-up`.
    fn type_name(&self) -> String {
        self.id
            .split('-')
            .filter_map(|word| {
                let (first, rest) = word.split_at_checked(1)?;
                Some(first.to_ascii_uppercase() + rest)
            })
            .collect()
    }
}

/// Names a plugin cannot have: the crate and the types its own crate uses, crates that come with Rust,
/// and words of Rust, those it keeps for later included.
const TAKEN: &str = "\
    vt-plugin session rule-plugin test core std alloc proc-macro abstract as async await \
    become box break const continue crate do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return self static \
    struct super trait true try type typeof unsafe unsized use virtual where while yield";

fn is_crate_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !TAKEN.split_whitespace().any(|taken| taken == name)
}

/// A name that can stand in a string of Rust, of TOML and of JSON.
fn is_tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@/+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let names = Names::of(Path::new("a/made-up"), Some("@made/up")).unwrap();
        assert_eq!(names.type_name(), "MadeUp");
        for (name, text) in names.files() {
            assert!(!text.contains("{{id") && !text.contains("{{t"), "{name:?}");
            assert!(!text.contains("../../wit"), "{name:?}");
        }
        assert!(Names::of(Path::new("made-up"), Some("a\"b")).is_err());
        for name in [
            "", "A", "1a", "a_b", "match", "gen", "while", "session", "ä",
        ] {
            assert!(!is_crate_name(name), "{name}");
        }
    }

    #[test]
    fn the_crate_it_writes_is_the_one_of_the_repository() {
        let mut there: Vec<String> = fs::read_dir(repository().join("sdk-rust/plugin/src"))
            .unwrap()
            .chain(fs::read_dir(repository().join("wit/rules@0.1.0")).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut carried: Vec<String> = SDK[1..]
            .iter()
            .map(|(name, _)| name.rsplit('/').next().unwrap().to_owned())
            .collect();
        there.sort();
        carried.sort();
        assert_eq!(carried, there);
    }

    #[test]
    fn it_asks_for_the_libraries_the_repository_asks_for() {
        let read = |path| fs::read_to_string(repository().join(path)).unwrap();
        let workspace = read("Cargo.toml");
        let written = SDK[0].1;
        for line in written.lines().filter(|line| {
            [
                "serde = ",
                "toml = ",
                "wit-bindgen = ",
                "edition = ",
                "rust-version = ",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        }) {
            assert!(workspace.lines().any(|other| other == line), "{line}");
        }
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(written.contains(&version));
    }
}
