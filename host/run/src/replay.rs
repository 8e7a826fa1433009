//! Brings a hit back: what is not in place is restored, what is stale removed, output replayed.

use std::time::Duration;

use vt_base::RelPath;
use vt_fingerprint::Why;
use vt_store::{ManifestKind, Point, StepLock, StoreError, reach};

use crate::context::{Context, Opened, chain};
use crate::event::{Event, Verdict};
use crate::lookup::{Match, Memory};
use crate::memory;
use crate::moment::moment;
use crate::output::{Frame, decode};
use crate::record;
use crate::renewal::can_wait;
use crate::rules::Prepared;

/// The most that stored terminal output may unpack to, in bytes.
const OUTPUT_LIMIT: u64 = 1 << 30;

/// How an attempt to bring a hit back ended.
pub(crate) enum Return {
    /// Everything is in place.
    Back(Changed),
    /// The entry can't be used, for this reason: the step runs.
    Run(Why),
}

/// How many files a hit changed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Changed {
    /// How many it wrote.
    pub(crate) restored: u64,
    /// How many it removed.
    pub(crate) removed: u64,
}

/// Brings a hit back.
pub(crate) fn bring_back(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &Memory,
    found: &Match,
    lock: Option<&StepLock>,
) -> Return {
    let step = &prepared.planned.invocation.step;
    let frames = match stored_output(opened, found) {
        Ok(frames) => frames,
        Err(trouble) => return unusable(context, opened, prepared, found, trouble),
    };
    let mut changed = Changed::default();
    let restores = !found.wanted.is_empty() || !found.stale.is_empty();
    if restores {
        if may_change_programs(found) {
            context.rows.stir();
        }
        let _ = lock.map(StepLock::begin);
        // Memory goes first: without it a tool looks at what is there.
        if let Err(path) = memory::discard(&context.project.root, &found.doubtful) {
            return Return::Run(Why::OutputDiffers {
                path: path.to_string(),
            });
        }
        // Only tests of the store can make it say no.
        let _ = reach(Point::Judged);
        let result = opened.store.restore(
            &context.project.root,
            found.entry.archive.as_ref(),
            &found.entry.manifest,
            &found.wanted,
            &found.stale,
            &found.judgement,
        );
        match result {
            Ok(_) => changed = changes(found),
            Err(StoreError::Blocked { path }) => {
                return Return::Run(Why::OutputEdited {
                    path: path.to_string(),
                });
            }
            Err(error) => {
                return unusable(context, opened, prepared, found, Trouble::of(&error));
            }
        }
    }
    // Only tests of the store can make it say no.
    let _ = reach(Point::BeforeHitNoted);
    if restores || !found.is_latest || found.is_costly {
        let restored_ns = moment(&opened.directory).unwrap_or(i64::MIN);
        let noted = if restores && can_wait(context, prepared, memory, found, restored_ns) {
            Ok(())
        } else {
            record::hit(context, opened, prepared, memory, found, restored_ns)
        };
        // Without what a costly look learned the next one costs the same, and that is all.
        let matters = restores || !found.is_latest;
        if let Err(error) = noted
            && matters
        {
            // The tree is right; only the memory of it is not, which the next run notices.
            context.notice(format!("{step}: cannot note the hit: {}", chain(&error)));
        } else if restores {
            let _ = lock.map(StepLock::end);
        }
    }
    opened.store.note_use(&found.strong);
    context.tell(Event::Decided {
        step: step.clone(),
        command: prepared.planned.invocation.command.clone(),
        verdict: Verdict::Hit {
            restored: changed.restored,
            removed: changed.removed,
            saved: Duration::from_millis(found.entry.duration_ms),
        },
    });
    for Frame { stream, bytes } in frames {
        context.tell(Event::Output {
            step: step.clone(),
            stream,
            bytes,
        });
    }
    Return::Back(changed)
}

/// Whether a name may lead to another program once this is restored.
fn may_change_programs(found: &Match) -> bool {
    let is_program = |path: &RelPath| {
        let entry = found.entry.manifest.get(path);
        entry.is_none_or(|entry| {
            let kind = found.entry.manifest.kind(entry);
            matches!(kind, ManifestKind::Link { .. }) || kind.is_executable()
        })
    };
    let replaces = found.wanted.len() > found.absent.len();
    replaces || !found.stale.is_empty() || found.wanted.iter().any(is_program)
}

/// How many files and links have to be written, and how many removed.
fn changes(found: &Match) -> Changed {
    let is_file = |path: &&RelPath| {
        let entry = found.entry.manifest.get(path);
        entry.is_some_and(|entry| !matches!(entry.kind, ManifestKind::Directory { .. }))
    };
    // Of directories that may go nothing was judged.
    let is_judged = |path: &&RelPath| found.judgement.contains_key(*path);
    Changed {
        restored: found.wanted.iter().filter(is_file).count() as u64,
        removed: found.stale.iter().filter(is_judged).count() as u64,
    }
}

/// Why an entry that holds can't be brought back.
struct Trouble {
    detail: String,
    /// Whether the entry itself is to blame: then it is of no use to anybody.
    is_damage: bool,
}

impl Trouble {
    fn of(error: &StoreError) -> Self {
        let is_damage = matches!(
            error,
            StoreError::MissingBlob { .. }
                | StoreError::DamagedBlob { .. }
                | StoreError::BadManifest { .. }
        );
        Self {
            detail: chain(error),
            is_damage,
        }
    }
}

fn stored_output(opened: &Opened, found: &Match) -> Result<Vec<Frame>, Trouble> {
    let Some(digest) = &found.entry.output else {
        return Ok(Vec::new());
    };
    let bytes = opened
        .store
        .get_bytes(digest, OUTPUT_LIMIT)
        .map_err(|error| Trouble::of(&error))?;
    decode(&bytes).ok_or_else(|| Trouble {
        detail: "the stored terminal output cannot be read".to_owned(),
        is_damage: true,
    })
}

/// Says what is wrong. A damaged entry is dropped, so that the run that follows stores it again.
fn unusable(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    found: &Match,
    trouble: Trouble,
) -> Return {
    let step = &prepared.planned.invocation.step;
    context.notice(format!(
        "{step}: a stored result cannot be used: {}",
        trouble.detail
    ));
    if trouble.is_damage
        && let Err(error) = record::forget(opened, prepared, &found.strong)
    {
        context.notice(format!("{step}: cannot drop the entry: {}", chain(&error)));
    }
    Return::Run(Why::BlobDamaged)
}
