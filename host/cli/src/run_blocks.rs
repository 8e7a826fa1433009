//! The `run` blocks of `vite.config.*`: each is the output of a step like any other.
//!
//! Node says what a file exports, watched by the tracker, and what it said is stored under what it
//! read. So a run that finds all of that unchanged starts no Node, and no list of what a
//! configuration imports is kept anywhere.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{CachePolicy, Declared, StepId, Toolchain};
use vt_config::{
    Answer, Dependencies, Origin, Package, Position, Project, Script, Scripts, Settings, Task,
    TaskSource,
};
use vt_plan::{Request, Scope, TaskTarget};
use vt_run::{Event, Freshness, OnFailure, RunRequest, Status, Stream, Terminal, World};

use crate::settings::GRACE;

/// The name of the steps.
const TASK: &str = "read-config";
/// What stands in front of the block, since a configuration may print something of its own.
const MARK: &str = "vt-run-block:";
/// What stands in front of what went wrong, since tools may complain before it.
const ERROR_MARK: &str = "vt-run-error:";
/// How many files are asked at once.
const CONCURRENCY: usize = 4;

/// Asks each file for its block. Vite reads it as it does for a build, which knows every dialect;
/// where there is no Vite, Node imports it.
const PROGRAM: &str = r#"
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const { resolve } = require("node:path");
const file = resolve(process.argv[1]);
const found = (name) => {
  try { return createRequire(file).resolve(name); } catch { return undefined; }
};
const load = async () => {
  const situation = { command: "build", mode: "production" };
  const path = found("vite") ?? found("vite-plus");
  const vite = path && await import(pathToFileURL(path).href);
  if (vite?.loadConfigFromFile) {
    const loaded = await vite.loadConfigFromFile(situation, file, undefined, "silent");
    return loaded?.config;
  }
  const exported = (await import(pathToFileURL(file).href)).default;
  return typeof exported === "function" ? exported(situation) : exported;
};
load().then((config) => {
  process.stdout.write("\nvt-run-block:" + JSON.stringify(config?.run ?? null) + "\n");
}).catch((error) => {
  process.stderr.write("\nvt-run-error:" + String(error?.message ?? error));
  process.exitCode = 1;
});
"#;

/// Asks files for their `run` blocks.
pub(crate) fn evaluate(world: &World, scripts: &Scripts) -> Vec<Answer> {
    let project = project(scripts);
    let target = TaskTarget::parse(TASK);
    let request = RunRequest {
        target: Request::new(target, Scope::Recursive),
        freshness: Freshness::UseEntries,
        concurrency: CONCURRENCY,
        on_failure: OnFailure::Continue,
        terminal: Terminal::OfVt,
        pulse: None,
        grace: GRACE,
    };
    let mut said: BTreeMap<StepId, Said> = BTreeMap::new();
    let finished = vt_run::run(&project, world, &request, &mut |event| {
        if let Event::Output {
            step,
            stream,
            bytes,
        } = event
        {
            let said = said.entry(step.clone()).or_default();
            match stream {
                Stream::Out => said.out.extend(bytes),
                Stream::Err => said.err.extend(bytes),
            }
        }
    });
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return vec![Err(error.to_string()); scripts.files.len()],
    };
    let answer = |index: usize| {
        let id = &project.packages[index].id;
        let step = finished.steps.iter().find(|step| step.step.package == *id);
        let step = step.ok_or("it was not run")?;
        let empty = Said::default();
        let said = said.get(&step.step).unwrap_or(&empty);
        match step.status {
            Status::Hit | Status::Ran => said.block(),
            _ => Err(said.trouble()),
        }
    };
    (0..scripts.files.len()).map(answer).collect()
}

/// What a step wrote.
#[derive(Default)]
struct Said {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Said {
    fn block(&self) -> Answer {
        let text = String::from_utf8_lossy(&self.out);
        let mut lines = text.lines().rev();
        let block = lines.find_map(|line| line.strip_prefix(MARK));
        block
            .map(str::to_owned)
            .ok_or_else(|| "its program ended before it was read".to_owned())
    }

    fn trouble(&self) -> String {
        let text = String::from_utf8_lossy(&self.err);
        let text = text.rsplit(ERROR_MARK).next().unwrap_or_default();
        let text = anstream::adapter::strip_str(text.trim()).to_string();
        if text.is_empty() {
            "Node ended without a word".to_owned()
        } else {
            text
        }
    }
}

/// A project whose packages have one task each, which reads the file.
fn project(scripts: &Scripts) -> Project {
    Project {
        root: scripts.root.clone(),
        packages: scripts.files.iter().map(package).collect(),
        settings: Settings {
            cache_dir: scripts.cache_dir.clone(),
            plugins: Some(Vec::new()),
            ..Settings::default()
        },
        sources: Vec::new(),
    }
}

fn package(script: &Script) -> Package {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let task = Task {
        name: TASK.to_owned(),
        source: TaskSource::Config,
        command: vec![format!("node -e {} {}", quoted(PROGRAM), script.name)],
        directory: script.directory.clone(),
        depends_on: Vec::new(),
        cache: CachePolicy::Enabled,
        declared: Declared {
            toolchain: Toolchain::Content,
            ..Declared::default()
        },
        origin: Origin {
            file: script.directory.join(&script.name).unwrap_or_default(),
            position: Position { line: 1, column: 1 },
        },
    };
    Package {
        name: None,
        version: None,
        told: BTreeMap::new(),
        id: match script.directory.is_root() {
            true => script.name.clone(),
            false => format!("{}/{}", script.directory, script.name),
        },
        directory: script.directory.clone(),
        dependencies: Dependencies::default(),
        workspace_dependencies: BTreeSet::new(),
        tasks: BTreeMap::from([(TASK.to_owned(), Box::new(task))]),
    }
}
