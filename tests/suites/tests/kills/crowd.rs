//! Many `vt` at once in several workspaces with one cache, while others clean it and sweep it:
//! nothing fails, and nothing stale comes back.
//!
//! `VT_RANDOM_CROWDS` says how many rounds there are; a long run: `VT_RANDOM_CROWDS=20`.

use std::path::{Path, PathBuf};

use vt_harness::{Outcome, Sandbox, Status};
use vt_tracker_conformance::world::{Random, setting};

use crate::kills::workspace::{Manners, Workspace, clean, make_sweep_due};
use crate::say;

/// How many rounds there are if nobody says otherwise.
const ROUNDS: u64 = 4;
/// How many `vt` run at once.
const CROWD: usize = 32;
/// How many workspaces share the cache.
const WORKSPACES: usize = 4;
/// How many states there are: few enough that most runs are hits.
const STATES: usize = 5;

/// What one of the crowd does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    Run,
    RunPart,
    Force,
    /// `vt cache clean`.
    Clean,
    /// `vt cache gc`.
    Collect,
    /// Somebody removes all that is stored with other means.
    Wipe,
    /// The next run finds that it is time to sweep.
    Sweep,
}

fn deed(random: &mut Random) -> Deed {
    let deeds = [
        (Deed::Run, 68),
        (Deed::RunPart, 12),
        (Deed::Force, 8),
        (Deed::Clean, 3),
        (Deed::Collect, 3),
        (Deed::Wipe, 1),
        (Deed::Sweep, 5),
    ];
    deeds[random.weighted(&deeds.map(|(_, weight)| weight))].0
}

/// Does it; the outcome, where there is one.
fn act(deed: Deed, workspace: &Workspace, cache: &Path) -> Option<Outcome> {
    let line = match deed {
        Deed::Run => "vt run two#collect",
        Deed::RunPart => "vt run one#make",
        Deed::Force => "vt run --force two#collect",
        Deed::Clean | Deed::Collect => {
            let line = if deed == Deed::Clean {
                "vt cache clean"
            } else {
                "vt cache gc"
            };
            let outcome = workspace.call(line).run();
            assert_eq!(outcome.exit_code, 0, "{line}\n{}", outcome.said());
            return None;
        }
        Deed::Wipe => {
            clean(cache);
            return None;
        }
        Deed::Sweep => {
            make_sweep_due(cache);
            return None;
        }
    };
    Some(workspace.call(line).run())
}

#[test]
fn a_crowd_in_workspaces_with_one_cache_never_fails_and_never_gets_what_is_stale() {
    let rounds = setting("VT_RANDOM_CROWDS", ROUNDS);
    let first = setting("VT_RANDOM_SEED", 1);
    let common = Sandbox::empty();
    let cache: PathBuf = common.home().join("shared");
    let mut workspaces: Vec<Workspace> = (0..WORKSPACES)
        .map(|_| Workspace::new(Sandbox::empty(), Some(cache.clone()), Manners::Calm))
        .collect();
    let (mut hits, mut ran) = (0, 0);
    for round in first..first + rounds {
        let mut random = Random::new(round ^ 0xC0_3D);
        for workspace in &mut workspaces {
            workspace.set(random.below(STATES) as u32);
        }
        let deeds: Vec<(Deed, usize)> = (0..CROWD)
            .map(|number| (deed(&mut random), number % WORKSPACES))
            .collect();
        let outcomes: Vec<Option<Outcome>> = std::thread::scope(|scope| {
            let all: Vec<_> = deeds
                .iter()
                .map(|(deed, at)| {
                    let (workspace, cache) = (&workspaces[*at], &cache);
                    scope.spawn(move || act(*deed, workspace, cache))
                })
                .collect();
            all.into_iter()
                .map(|one| one.join().expect("a thread ends"))
                .collect()
        });
        for outcome in outcomes.iter().flatten() {
            assert_eq!(outcome.exit_code, 0, "round {round}\n{}", outcome.said());
            for step in &outcome.summary().steps {
                match step.status {
                    Status::Hit => hits += 1,
                    Status::Ran => ran += 1,
                    other => panic!("round {round}, {}: {other:?}", step.id),
                }
            }
        }
        for (at, workspace) in workspaces.iter_mut().enumerate() {
            let was_run = deeds
                .iter()
                .any(|(deed, of)| *of == at && matches!(deed, Deed::Run | Deed::Force));
            let found = if was_run {
                workspace.compare()
            } else {
                workspace.run_and_compare().map(drop)
            };
            if let Err(how) = found {
                panic!("round {round}, workspace {at}: {how}");
            }
        }
    }
    say(&format!("{hits:6} hits\n{ran:6} runs\n"));
    assert!(
        hits > ran,
        "{hits} hits, {ran} runs: the cache is of no use"
    );
}
