//! `vt plugin test`: replays the cases of a rule plugin through its component, with the engine and
//! under the limits that a run has.
//!
//! It needs no workspace and touches no cache.

mod replay;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anstream::println;
use serde::{Deserialize, Serialize};
use vt_plugin::Case;
use vt_rules::{Component, Host};

use self::replay::{CaseResult, replay};
use crate::args::{Args, PluginTest};
use crate::error::Error;
use crate::report::draw::page;
use crate::settings;

/// More of a file is not read, in bytes. A component that reaches it is over the limit of the host.
const MAX_FILE: u64 = 16 << 20;

/// Runs the command. The exit code is 1 when a case is not answered as written.
pub(crate) fn test(args: &Args, test: &PluginTest) -> Result<i32, Error> {
    let here = settings::current_dir(args)?;
    let here = here.as_path();
    let file = match &test.component {
        Some(file) => here.join(file),
        None => named_by_package(here)?,
    };
    let name = file.file_name().unwrap_or(file.as_os_str());
    let component =
        Component::from_bytes(&name.to_string_lossy(), read(&file)?).map_err(Error::Component)?;
    let host = Host::new().map_err(Error::Component)?;

    let mut results = Vec::new();
    for file in case_files(here, &test.cases)? {
        let text = String::from_utf8(read(&file)?)
            .map_err(|_| Error::Usage(format!("`{}` is no text", file.display())))?;
        let cases = Case::parse_all(&text)
            .map_err(|reason| Error::Usage(format!("`{}`: {reason}", file.display())))?;
        for case in cases {
            results.push(replay(&host, &component, &case).map_err(|reason| {
                Error::Usage(format!("`{}`: {}: {reason}", file.display(), case.name))
            })?);
        }
    }
    if results.is_empty() {
        return Err(Error::Usage("there are no cases".into()));
    }
    let failed = results.iter().any(|result| !result.problems.is_empty());
    if test.json {
        let report = Report::of(&component, &results);
        let mut text = serde_json::to_vec_pretty(&report).expect("a report is plain data");
        text.push(b'\n');
        page(&text)?;
    } else {
        show(&component, &results);
    }
    Ok(i32::from(failed))
}

/// The component that `package.json` offers to projects.
fn named_by_package(here: &Path) -> Result<PathBuf, Error> {
    #[derive(Deserialize)]
    struct Package {
        vt: Option<Offer>,
    }
    #[derive(Deserialize)]
    struct Offer {
        plugin: Option<PathBuf>,
    }
    let path = here.join("package.json");
    let cure = "name a component, or write `\"vt\": { \"plugin\": \"./FILE.wasm\" }` into \
                `package.json`";
    if !path.exists() {
        return Err(Error::Usage(format!("no component is given: {cure}")));
    }
    let package: Package = serde_json::from_slice(&read(&path)?)
        .map_err(|error| Error::Usage(format!("`{}`: {error}", path.display())))?;
    let plugin = package
        .vt
        .and_then(|offer| offer.plugin)
        .ok_or_else(|| Error::Usage(format!("`package.json` names no component: {cure}")))?;
    Ok(here.join(plugin))
}

/// The files of cases: what is given, folders with what is in them, or the folder `cases`.
fn case_files(here: &Path, given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let default = [PathBuf::from("cases")];
    let given = if given.is_empty() { &default } else { given };
    let mut files = Vec::new();
    for path in given {
        let path = here.join(path);
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| unreadable(&path, &error))? {
            let file = entry.map_err(|error| unreadable(&path, &error))?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Error::Usage(format!(
                "there is no `*.toml` in `{}`",
                path.display()
            )));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Usage(format!("cannot read `{}`: {error}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

fn show(component: &Component, results: &[CaseResult]) {
    println!(
        "{} {}: vt:rules {}, {} bytes",
        component.id(),
        component.version(),
        component.api(),
        component.bytes().len()
    );
    for result in results {
        let verdict = if result.problems.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let took = match result.fuel {
            Some(fuel) => format!("fuel {fuel}"),
            None => "not asked".into(),
        };
        println!("  {verdict}: {} ({took})", result.name);
        for problem in &result.problems {
            println!("    {problem}");
        }
        for line in &result.log {
            println!("    log: {line}");
        }
    }
    let failed = results.iter().filter(|result| !result.problems.is_empty());
    println!("cases: {}, failed: {}", results.len(), failed.count());
}

/// All of it as data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    id: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<&'a str>,
    api: &'a str,
    /// SHA-256 of the file.
    digest: String,
    /// In bytes.
    size: usize,
    imports: Vec<&'a str>,
    /// The methods of the session it may call.
    methods: Vec<&'a str>,
    cases: &'a [CaseResult],
}

impl<'a> Report<'a> {
    fn of(component: &'a Component, cases: &'a [CaseResult]) -> Self {
        Self {
            id: component.id(),
            version: component.version(),
            publisher: component.publisher(),
            api: component.api(),
            digest: component.digest().to_string(),
            size: component.bytes().len(),
            imports: component.imports().collect(),
            methods: component.methods().collect(),
            cases,
        }
    }
}
