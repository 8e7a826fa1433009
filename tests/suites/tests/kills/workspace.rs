//! The workspace that kills happen in: one number decides what is built.
//!
//! Results differ between states in bytes, modes, links, names and number, so that going from one
//! to another takes replacements, additions and removals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::say;
use vt_harness::{Call, Content, Outcome, Sandbox};

/// What is run.
pub(crate) const ALL: &str = "vt run two#collect";
/// States below this number are built before anything is killed.
pub(crate) const BASE: u32 = 4;

const MAKE: &str = "rm -rf dist\nmkdir -p dist/deep\nn=$(cat src/state)\ni=0\n\
    while [ $i -le $((n % 4 * 2 + 3)) ]; do echo \"$n $i\" > dist/f$i; i=$((i+1)); done\n\
    cat src/big src/state > dist/deep/big\nln -s f$((n % 3)) dist/link\n\
    [ $((n % 2)) = 0 ] && chmod +x dist/f0\n\
    [ $((n % 3)) = 0 ] && mkdir dist/only && echo $n > dist/only/here\n:\n";
const INDEX: &str = "ls dist > index.new\ncat src/state >> index.new\nmv index.new index\n";
const COLLECT: &str = "mkdir -p out\nfor f in ../one/dist/f*; do cat $f; done > out/all\n\
    cat ../one/index > out/index\ncat ../one/dist/deep/big > out/big\n";

/// The same for several at once: no name is ever missing, and every file is whole at any time.
const CALM_MAKE: &str = "mkdir -p dist/deep\nn=$(cat src/state)\n\
    for i in 0 1 2 3 4 5; do echo \"$n $i\" > new.$$; mv new.$$ dist/f$i; done\n\
    cat src/big src/state > new.$$\nmv new.$$ dist/deep/big\n";
const CALM_INDEX: &str = "cat dist/f0 src/state > new.$$\nmv new.$$ index\n";
const CALM_COLLECT: &str = "mkdir -p out\nfor name in f0 f1 f2 f3 f4 f5 deep/big; do \
    cat ../one/dist/$name; done > new.$$\nmv new.$$ out/all\n\
    cat ../one/index > new.$$\nmv new.$$ out/index\n";

/// How the commands of a workspace go about their results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manners {
    /// They remove everything first.
    Rough,
    /// They can run beside each other.
    Calm,
}

/// A workspace whose results follow from one number.
pub(crate) struct Workspace {
    sandbox: Sandbox,
    cache: Option<PathBuf>,
    state: u32,
    truths: BTreeMap<u32, Content>,
    stored: BTreeSet<u32>,
}

impl Workspace {
    pub(crate) fn new(sandbox: Sandbox, cache: Option<PathBuf>, manners: Manners) -> Self {
        sandbox.write(
            "package.json",
            r#"{ "name": "root", "workspaces": ["packages/*"] }"#,
        );
        let package = |name: &str, config: &str| {
            sandbox.write(
                &format!("packages/{name}/package.json"),
                format!(r#"{{ "name": "{name}" }}"#),
            );
            sandbox.write(&format!("packages/{name}/vite-task.json"), config);
        };
        package(
            "one",
            r#"{ "tasks": { "make": "sh make.sh && sh index.sh" } }"#,
        );
        package(
            "two",
            r#"{ "tasks": { "collect": { "command": "sh collect.sh", "dependsOn": ["one#make"] } } }"#,
        );
        let [make, index, collect] = match manners {
            Manners::Rough => [MAKE, INDEX, COLLECT],
            Manners::Calm => [CALM_MAKE, CALM_INDEX, CALM_COLLECT],
        };
        sandbox.write("packages/one/make.sh", make);
        sandbox.write("packages/one/index.sh", index);
        sandbox.write("packages/two/collect.sh", collect);
        let big: String = (0..20_000)
            .map(|line| format!("line {}\n", line * 7919 % 20_011))
            .collect();
        sandbox.write("packages/one/src/big", big);
        let mut workspace = Self {
            sandbox,
            cache,
            state: 0,
            truths: BTreeMap::new(),
            stored: BTreeSet::new(),
        };
        workspace.set(0);
        workspace
    }

    pub(crate) const fn state(&self) -> u32 {
        self.state
    }

    /// Edits the one file that everything follows from.
    pub(crate) fn set(&mut self, state: u32) {
        self.state = state;
        self.sandbox
            .write("packages/one/src/state", format!("{state}\n"));
    }

    /// Whether a state was built and stored, and the cache not removed since.
    pub(crate) fn has_stored(&self, state: u32) -> bool {
        self.stored.contains(&state)
    }

    /// Removes the whole cache.
    pub(crate) fn forget_everything(&mut self) {
        fs::remove_dir_all(self.cache()).expect("the cache can be removed");
        self.stored.clear();
    }

    pub(crate) fn call(&self, line: &str) -> Call<'_> {
        let call = self.sandbox.call(line);
        match &self.cache {
            Some(cache) => call.env("VT_CACHE_DIR", cache),
            None => call,
        }
    }

    fn cache(&self) -> PathBuf {
        let own = || self.sandbox.path(".vt/cache");
        self.cache.clone().unwrap_or_else(own)
    }

    /// Runs without a kill, and compares the whole workspace with what a clean one would be.
    pub(crate) fn run_and_compare(&mut self) -> Result<Outcome, String> {
        let outcome = self.call(ALL).run();
        if outcome.exit_code != 0 {
            return Err(format!("state {} fails\n{}", self.state, outcome.said()));
        }
        let said = outcome.said();
        if std::env::var_os("VT_RANDOM_SHOW").is_some() {
            say(&format!("state {}\n{said}\n", self.state));
        }
        if said.contains("begun anew") || said.contains("cannot") {
            return Err(format!("state {} has trouble\n{said}", self.state));
        }
        self.compare().map_err(|how| format!("{how}\n{said}"))?;
        self.stored.insert(self.state);
        Ok(outcome)
    }

    /// Compares the whole workspace with what a clean one would be. Everything but the cache: a
    /// restore leaves nothing of its own in the tree either.
    pub(crate) fn compare(&mut self) -> Result<(), String> {
        let packages = self.sandbox.path("packages");
        let found = Content::take(&packages).map_err(|error| error.to_string())?;
        let changes = self.truth().changes(&found);
        if !changes.is_empty() {
            return Err(format!(
                "state {} is wrong: {}",
                self.state,
                changes.join(", ")
            ));
        }
        let mut names: Vec<_> = fs::read_dir(self.sandbox.root())
            .map_err(|error| error.to_string())?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !["package.json", "packages", ".vt"].contains(&name.as_str()))
            .collect();
        names.sort();
        if !names.is_empty() {
            return Err(format!("left in the workspace: {names:?}"));
        }
        Ok(())
    }

    /// What plain shells make of the state in another directory.
    fn truth(&mut self) -> &Content {
        let sandbox = &self.sandbox;
        self.truths.entry(self.state).or_insert_with(|| {
            let room = sandbox.home().join(".cache/truth");
            let sources = [
                "one/package.json",
                "one/vite-task.json",
                "one/make.sh",
                "one/index.sh",
                "one/src/big",
                "one/src/state",
                "two/package.json",
                "two/vite-task.json",
                "two/collect.sh",
            ];
            for name in sources {
                let to = room.join(name);
                fs::create_dir_all(to.parent().expect("below the room"))
                    .expect("the disk takes it");
                fs::copy(sandbox.path("packages").join(name), to).expect("the disk takes it");
            }
            for (package, script) in [
                ("one", "make.sh"),
                ("one", "index.sh"),
                ("two", "collect.sh"),
            ] {
                let status = Command::new("/bin/sh")
                    .arg(script)
                    .current_dir(room.join(package))
                    .stdin(Stdio::null())
                    .status()
                    .expect("there is a shell");
                assert!(status.success(), "{script}");
            }
            let truth = Content::take(&room).expect("the disk takes it");
            fs::remove_dir_all(&room).expect("the disk takes it");
            truth
        })
    }

    /// Waits until what a killed runner had started is over: it goes on for a moment.
    pub(crate) fn wait_for_orphans(&self) {
        let root = self.sandbox.root();
        let started = Instant::now();
        while works_in(&root) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "something goes on for ever in {}",
                root.display()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn blobs(&self) -> BTreeSet<PathBuf> {
        let mut blobs = BTreeSet::new();
        for shelf in list(&self.cache().join("v1/blobs")) {
            blobs.extend(list(&shelf));
        }
        blobs
    }

    /// Lets the next run sweep.
    pub(crate) fn make_sweep_due(&self) {
        make_sweep_due(&self.cache());
    }

    /// Makes everything in the cache look as if it were of yesterday, so that any grace is over,
    /// and lets the next run sweep.
    pub(crate) fn age_everything(&self) {
        self.make_sweep_due();
        let yesterday = SystemTime::now() - Duration::from_hours(24);
        let layout = self.cache().join("v1");
        let mut old: Vec<PathBuf> = self.blobs().into_iter().collect();
        for name in ["", "staging", "journal"] {
            old.extend(list(&layout.join(name)));
        }
        for path in old {
            let file = File::open(&path).expect("what is in the cache is ours");
            file.set_modified(yesterday)
                .expect("what is in the cache is ours");
        }
    }

    /// What runs that were killed left in the cache.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let layout = self.cache().join("v1");
        let mut left: Vec<PathBuf> = ["staging", "journal"]
            .iter()
            .flat_map(|name| list(&layout.join(name)))
            .collect();
        let is_hidden = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes().starts_with(b".")
        };
        left.extend(list(&layout).into_iter().filter(is_hidden));
        left
    }
}

/// Lets the next run that stores something sweep the cache.
pub(crate) fn make_sweep_due(cache: &Path) {
    // Several may do so at once.
    let _ = fs::remove_file(cache.join("v1/swept"));
}

/// Removes all that is stored while others work with it, but not their locks.
pub(crate) fn clean(cache: &Path) {
    let layout = cache.join("v1");
    let _ = fs::remove_file(layout.join("index.redb"));
    for shelf in list(&layout.join("blobs")) {
        for blob in list(&shelf) {
            let _ = fs::remove_file(blob);
        }
    }
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// Whether a process works in a directory or below it.
fn works_in(root: &Path) -> bool {
    list(Path::new("/proc")).iter().any(|process| {
        fs::read_link(process.join("cwd")).is_ok_and(|directory| directory.starts_with(root))
    })
}
