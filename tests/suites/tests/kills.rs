//! `vt` killed in the middle, again and again: the next run is right, leaves nothing half done, and
//! what was stored before is still there.
//!
//! Half of the kills come after a random time, half at a named point in the code, such as between
//! two renames of a restore (`host/store/src/failpoint.rs`), which takes a `vt` that was built for
//! debugging. One half of the workspaces has its cache on another file system.
//!
//! A failure names its seed: `VT_RANDOM_SEED=<seed> VT_RANDOM_KILLS=1` repeats its workspace, up to
//! what depends on time; `VT_RANDOM_SHOW=1` says what happens. A long run: `VT_RANDOM_KILLS=1000`.

mod kills {
    pub(crate) mod crowd;
    pub(crate) mod workspace;
}

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kills::workspace::{ALL, BASE, Manners, Workspace};
use vt_harness::{Outcome, Sandbox, Status};
use vt_tracker_conformance::world::{Random, setting};

/// How many kills there are if nobody says otherwise.
const KILLS: u64 = 40;
/// How many kills one workspace sees.
const PER_WORKSPACE: u64 = 20;
/// The points in the life of a run, and how often they come by at most.
const OF_RUNS: [(&str, usize); 5] = [
    ("after-command", 3),
    ("blob-before-name", 5),
    ("after-blob", 5),
    ("before-commit", 3),
    ("after-commit", 3),
];
/// The points in the life of a hit.
const OF_HITS: [(&str, usize); 6] = [
    ("judged", 3),
    ("unpacked", 10),
    ("before-journal", 3),
    ("swap", 16),
    ("before-journal-removal", 3),
    ("before-hit-noted", 3),
];

/// A directory on another file system than the workspaces, if there is one.
fn elsewhere(sandbox: &Sandbox) -> Option<PathBuf> {
    let shared_memory = PathBuf::from("/dev/shm");
    let here = fs::metadata(sandbox.root()).ok()?.dev();
    let there = fs::metadata(&shared_memory).ok()?.dev();
    (here != there).then_some(shared_memory)
}

fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Whether this `vt` knows the points: it dies at the first commit.
fn knows_points() -> bool {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({ "b": "vtt cat a.txt" }));
    let outcome = sandbox
        .call("vt run b")
        .env("VT_TEST_DIE_AT", "before-commit")
        .run();
    outcome.exit_code == 137
}

fn all_hit(outcome: &Outcome) -> bool {
    let mut steps = outcome.summary().steps.iter();
    steps.all(|step| step.status == Status::Hit)
}

/// What a seed does to one workspace; how often which kill struck.
fn work(seed: u64, kills: u64, points: bool) -> Result<BTreeMap<String, u64>, String> {
    let mut random = Random::new(seed ^ 0x5113);
    let sandbox = Sandbox::empty();
    let elsewhere = elsewhere(&sandbox).filter(|_| seed.is_multiple_of(2));
    let cache = elsewhere.map(|directory| {
        tempfile::Builder::new()
            .prefix("vt-kills-")
            .tempdir_in(directory)
            .unwrap()
    });
    let mut workspace = Workspace::new(
        sandbox,
        cache.as_ref().map(|cache| cache.path().join("c")),
        Manners::Rough,
    );
    let mut struck = BTreeMap::<String, u64>::new();
    for state in 0..BASE {
        workspace.set(state);
        let _ = workspace.run_and_compare()?;
    }
    let mut fresh = BASE;
    for number in 0..kills {
        // From where nothing is stored, now and then.
        if random.chance(4) {
            workspace.forget_everything();
        }
        let runs = random.chance(50);
        if runs {
            fresh += 1;
            workspace.set(fresh);
        } else {
            workspace.set((workspace.state() + 1 + random.below(BASE as usize - 1) as u32) % BASE);
        }
        let how = if points && random.chance(50) {
            let (point, times) = *random.pick(if runs { &OF_RUNS } else { &OF_HITS });
            let point = format!("{point}:{}", 1 + random.below(times));
            let outcome = workspace.call(ALL).env("VT_TEST_DIE_AT", &point).run();
            let struck = outcome.exit_code == 137;
            if !struck && outcome.exit_code != 0 {
                return Err(format!("kill {number}, {point}: {}", outcome.said()));
            }
            struck.then(|| {
                point
                    .split_once(':')
                    .map_or("", |(name, _)| name)
                    .to_owned()
            })
        } else {
            let longest = if runs { 400_000 } else { 150_000 };
            let delay = Duration::from_micros(random.below(longest) as u64);
            let started = Instant::now();
            let running = workspace.call(ALL).start();
            std::thread::sleep(delay.saturating_sub(started.elapsed()));
            running.kill();
            Some("at random".to_owned())
        };
        if std::env::var_os("VT_RANDOM_SHOW").is_some() {
            say(&format!("killed in state {}: {how:?}\n", workspace.state()));
        }
        *struck
            .entry(how.unwrap_or_else(|| "not reached".to_owned()))
            .or_default() += 1;
        workspace.wait_for_orphans();
        let context = |how: String| format!("seed {seed}, kill {number}: {how}");
        // The next run may be about the same state or another.
        if random.chance(30) {
            workspace.set(random.below(BASE as usize) as u32);
        }
        let _ = workspace.run_and_compare().map_err(context)?;
        // From a tree that a whole run left, everything that was ever stored comes back.
        let again = (workspace.state() + 1) % BASE;
        if workspace.has_stored(again) {
            workspace.set(again);
            let outcome = workspace.run_and_compare().map_err(context)?;
            if !all_hit(&outcome) {
                return Err(context(format!(
                    "state {again} was lost\n{}",
                    outcome.said()
                )));
            }
        } else {
            for state in 0..BASE {
                workspace.set(state);
                let _ = workspace.run_and_compare().map_err(context)?;
            }
        }
    }
    workspace.age_everything();
    // Only who stores something sweeps.
    workspace.set(fresh + 1);
    let _ = workspace.run_and_compare()?;
    let left = workspace.leftovers();
    if !left.is_empty() {
        return Err(format!(
            "seed {seed}: left behind after its grace: {left:?}"
        ));
    }
    Ok(struck)
}

#[test]
fn after_any_kill_the_next_run_is_right_and_nothing_is_lost() {
    let first = setting("VT_RANDOM_SEED", 1);
    let kills = setting("VT_RANDOM_KILLS", KILLS);
    let points = knows_points();
    if !points {
        say("SKIPPED: kills at named points, this `vt` was not built for debugging\n");
    }
    if elsewhere(&Sandbox::empty()).is_none() {
        say("SKIPPED: caches on another file system, `/dev/shm` is none\n");
    }
    let per_workspace = PER_WORKSPACE.min(kills);
    let count = kills.div_ceil(per_workspace);
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let counts = Mutex::new(BTreeMap::<String, u64>::new());
    let thread = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || !failures.lock().unwrap().is_empty() {
                return;
            }
            match work(seed, per_workspace, points) {
                Err(how) => failures.lock().unwrap().push(how),
                Ok(struck) => {
                    for (name, times) in struck {
                        *counts.lock().unwrap().entry(name).or_default() += times;
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(thread);
        }
    });
    let counts = counts.into_inner().unwrap();
    let lines = counts
        .iter()
        .map(|(name, count)| format!("{count:6} {name}\n"));
    say(&lines.collect::<String>());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Points that are never reached show nothing.
    for (point, _) in OF_RUNS
        .iter()
        .chain(&OF_HITS)
        .filter(|_| points && kills >= 500)
    {
        assert!(counts.contains_key(*point), "`{point}` was never reached");
    }
}

#[test]
fn each_named_point_is_reached_and_survived() {
    if !knows_points() {
        say("SKIPPED: kills at named points, this `vt` was not built for debugging\n");
        return;
    }
    let mut workspace = Workspace::new(Sandbox::empty(), None, Manners::Rough);
    for state in 0..BASE {
        workspace.set(state);
        let _ = workspace.run_and_compare().unwrap();
    }
    let mut fresh = BASE;
    for (point, _) in OF_RUNS.iter().chain(&OF_HITS) {
        if OF_RUNS.iter().any(|(of_run, _)| of_run == point) {
            fresh += 1;
            workspace.set(fresh);
        } else {
            workspace.set((workspace.state() + 1) % BASE);
        }
        let outcome = workspace.call(ALL).env("VT_TEST_DIE_AT", point).run();
        assert_eq!(outcome.exit_code, 137, "{point}\n{}", outcome.said());
        workspace.wait_for_orphans();
        let _ = workspace.run_and_compare().unwrap();
        workspace.set(0);
        let outcome = workspace.run_and_compare().unwrap();
        assert!(all_hit(&outcome), "{point}\n{}", outcome.said());
        workspace.set(1);
        let _ = workspace.run_and_compare().unwrap();
    }
}

#[test]
fn a_blob_that_nobody_came_to_name_is_swept_after_its_grace() {
    if !knows_points() {
        say("SKIPPED: a kill at a named point, this `vt` was not built for debugging\n");
        return;
    }
    let mut workspace = Workspace::new(Sandbox::empty(), None, Manners::Rough);
    workspace.set(0);
    let _ = workspace.run_and_compare().unwrap();
    let before = workspace.blobs();
    workspace.set(BASE);
    let outcome = workspace
        .call(ALL)
        .env("VT_TEST_DIE_AT", "after-blob")
        .run();
    assert_eq!(outcome.exit_code, 137, "{}", outcome.said());
    workspace.wait_for_orphans();
    let orphans: Vec<PathBuf> = workspace.blobs().difference(&before).cloned().collect();
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    // Young ones stay: whoever wrote one may be about to name it.
    workspace.set(BASE + 1);
    workspace.make_sweep_due();
    let _ = workspace.run_and_compare().unwrap();
    assert!(orphans[0].exists());
    workspace.age_everything();
    workspace.set(BASE + 2);
    let _ = workspace.run_and_compare().unwrap();
    assert!(!orphans[0].exists());
    assert!(before.iter().all(|blob| blob.exists()));
}
