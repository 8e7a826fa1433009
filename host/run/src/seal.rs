//! What becomes of a run: sealed, packed and stored, or not, and why.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{AbsPath, RelPath};
use vt_fingerprint::{
    Disk, EntryStates, EnvSnapshot, Item, Met, Nature, NotStored, Observation, Outside, PathSet,
    ResultPath, SealRequest, Sealed, StatRow, State, Why, now_ns, seal,
};
use vt_ipc::Reports;
use vt_store::StoreError;

use crate::context::{Context, Opened, chain};
use crate::event::PathSetName;
use crate::join::{self, Evidence};
use crate::lookup::{Memory, manifest_states, read_candidate, read_path_set};
use crate::memory::Before;
use crate::observe::observe;
use crate::output::{Frame, encode};
use crate::record::{self, Left, Recorded, Shown, store_error};
use crate::records::{EntryRecord, ResultRecord};
use crate::rules::Prepared;
use crate::said::{audit_reports, permitted, report_lines, report_reasons};
use crate::services::Services;
use crate::settled::WAIT;
use crate::spawn::Ran;
use crate::temporary::Temporary;
use crate::variables::Asked;

/// Results of this many bytes that were changed a moment ago are waited for: their identities could
/// not be trusted later, and every hit would read them again.
const MANY: u64 = 1 << 20;

/// What became of a run.
pub(crate) struct Settled {
    pub(crate) stored: bool,
    /// Whether the index knows what the step left, be it stored or not.
    pub(crate) is_recorded: bool,
    pub(crate) not_stored: Vec<NotStored>,
    pub(crate) reports: Vec<String>,
    /// The path set of the run, if its trace was whole.
    pub(crate) path_set: Option<PathSetName>,
}

/// Seals a run and records it.
pub(crate) fn settle(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    (memory, memories): (&Memory, &Before),
    whys: &[Why],
    ran: &Ran,
    duration_ms: u64,
) -> Settled {
    let ran_because_of_result = whys
        .iter()
        .any(|why| matches!(why, Why::OutputDiffers { .. }));
    let mut reasons: BTreeSet<NotStored> = BTreeSet::new();
    if ran.exit_code != 0 {
        reasons.insert(NotStored::ExitCode {
            code: ran.exit_code,
        });
    }
    if context.cancel.is_stopped() {
        reasons.insert(NotStored::Cancelled);
    }
    let mut lines = Vec::new();
    let reports = match &ran.reports {
        Ok(reports) => {
            let (reports, denied) = permitted(context, prepared, reports);
            // What a step wished that came to nothing is nobody's concern. Its hints still say
            // which of the files it left are its own.
            if reasons.is_empty() {
                lines = report_lines(&reports);
                reasons.extend(report_reasons(prepared, &reports));
                reasons.extend(denied.iter().map(|denied| NotStored::Denied {
                    detail: denied.to_string(),
                }));
            }
            audit_reports(context, prepared, &lines, &denied);
            Some(reports)
        }
        Err(detail) => {
            reasons.insert(NotStored::IpcError {
                detail: detail.clone(),
            });
            None
        }
    };
    reasons.extend(prepared.trouble.iter().cloned());
    if let Some((lost, kept)) = &memories.stuck {
        reasons.insert(NotStored::LostResult {
            path: lost.to_string(),
            state: kept.to_string(),
        });
    }
    if ran.frames.is_none() {
        let detail = "the terminal output is too large to keep".to_owned();
        reasons.insert(NotStored::StoreError { detail });
    }
    let mut path_set = None;
    let mut is_recorded = true;
    let stored = match &ran.trace {
        Some(_) => {
            let settling = Settling {
                context,
                opened,
                prepared,
                memory,
                memories,
                ran_because_of_result,
                ran,
                indexes: ran.index.as_slice(),
                reports: reports.as_deref(),
            };
            match settling.record(&mut reasons, &lines, duration_ms, &mut path_set) {
                Ok(stored) => stored,
                Err(reason) => {
                    reasons.insert(reason);
                    is_recorded = false;
                    false
                }
            }
        }
        None => {
            // Nothing ran that could have left anything.
            false
        }
    };
    Settled {
        stored,
        is_recorded,
        not_stored: reasons.into_iter().collect(),
        reports: lines,
        path_set,
    }
}

/// Terminal output in one piece.
fn said(frames: &[Frame]) -> Vec<u8> {
    let bytes = frames.iter().flat_map(|frame| &frame.bytes);
    bytes.copied().collect()
}

struct Settling<'s> {
    context: &'s Context<'s>,
    opened: &'s Opened,
    prepared: &'s Prepared<'s>,
    memory: &'s Memory,
    memories: &'s Before,
    /// Whether the step ran because a result of an entry that held differs from what it had left.
    ran_because_of_result: bool,
    ran: &'s Ran,
    indexes: &'s [(StatRow, vt_base::Digest)],
    reports: Option<&'s Reports>,
}

impl Settling<'_> {
    fn record(
        &self,
        reasons: &mut BTreeSet<NotStored>,
        lines: &[String],
        duration_ms: u64,
        path_set: &mut Option<PathSetName>,
    ) -> Result<bool, NotStored> {
        let glob_error = |error: vt_fingerprint::GlobError| NotStored::PluginError {
            detail: chain(&error),
        };
        let trace = self.ran.trace.as_ref().expect("recording needs a trace");
        let root = &self.context.project.root;
        let observed = observe(trace, root);
        let mut blind: Vec<String> = trace.reasons().collect();
        blind.extend(observed.unjudged);
        let directory = root.join_rel(&self.prepared.planned.invocation.directory);
        let real = std::fs::canonicalize(&directory).ok();
        if !real.is_some_and(|real| real.starts_with(root)) {
            blind.push("its directory leads out of the workspace".to_owned());
        }
        let mut vouched = blind.is_empty();
        reasons.extend(
            blind
                .into_iter()
                .map(|detail| NotStored::TraceIncomplete { detail }),
        );

        reasons.extend(self.services().refusals(&trace.services));
        let temporary = Temporary::new(self.context, self.opened, self.prepared);
        match temporary.judge(&observed.observation.outside) {
            Ok(refused) => reasons.extend(refused),
            Err(error) => {
                reasons.insert(store_error(&error));
            }
        }
        let mut asked = Asked::of(self.prepared, trace, self.reports);
        reasons.extend(asked.not_stored.drain(..));
        let invocation = &self.prepared.planned.invocation;
        asked.look_into_sources(invocation, &observed.observation, root);
        for (name, path) in &asked.spoken_of {
            let step = &invocation.step;
            self.context.notice(format!(
                "{step}: `{path}` mentions the variable `{name}`, which is set, but this step did not get it; if \
                 it needs it, add `\"env\": [\"{name}\"]` to the task"
            ));
        }

        let rules = self.prepared.path_rules(self.opened, self.reports);
        rules.compile().map_err(glob_error)?;
        let sealed = self.prepared.with_env(self.context, self.opened, |env| {
            let disk = self.disk(env);
            let declared = &self.prepared.planned.invocation.declared;
            let excused: Vec<&str> = declared
                .output
                .globs
                .iter()
                .filter(|glob| glob.sign == vt_base::Sign::Negative)
                .map(|glob| glob.pattern.as_str())
                .filter(|pattern| pattern.starts_with(['/', '~']))
                .chain(self.prepared.directives.excuses())
                .collect();
            seal(&SealRequest {
                observation: &observed.observation,
                rules: &rules,
                disk: &disk,
                ledger: &self.memory.ledger,
                is_taken_over: !self.memory.taken_over.is_empty(),
                key: self.prepared.weak,
                nature: self.nature(),
                stamp_ns: self.ran.stamp_ns,
                asked: std::mem::take(&mut asked.items),
                path_set: &|digest| self.path_set(digest),
                outside: Outside {
                    toolchain: declared.toolchain,
                    own: &self.opened.directory,
                    scratch: &self.scratch(),
                    excused: &excused,
                },
                indexes: self.indexes,
                threads: self.context.world.threads,
            })
        });
        let mut sealed = sealed.map_err(glob_error)?;
        reasons.extend(sealed.not_stored.iter().cloned());
        // Of inputs that changed meanwhile, nobody knows which state the results stand for.
        vouched &= !sealed
            .not_stored
            .iter()
            .any(|reason| matches!(reason, NotStored::InputChangedDuringRun { .. }));
        self.refuse_shared(&sealed, reasons)?;
        let digested_ns = now_ns();
        self.learn_joins(&observed.observation, &sealed, vouched, digested_ns)?;
        let mut made = None;
        if reasons.is_empty() {
            match self.pack(&mut sealed, &mut asked, lines, duration_ms) {
                Ok(entry) => made = Some(entry),
                Err(reason) => {
                    reasons.insert(reason);
                }
            }
        }
        if made.is_none() {
            // Nobody looked whether values are in what the step left, which later runs may go on from.
            asked.take_found(None);
            self.add(&mut sealed, &mut asked);
        }
        *path_set = vouched.then(|| PathSetName {
            digest: sealed.path_set.digest(),
            items: sealed.path_set.0.len() as u64,
        });
        let stored = made.is_some();
        let by_mention = |item: &Item| matches!(item, Item::EnvExact(_));
        let left = self.left(&sealed, made.as_ref().map(|(_, entry)| entry));
        let shown = Shown {
            is_vouched: vouched,
            conduct: &sealed.conduct,
            memory: &sealed.memory,
            before: self.memories,
            results: &sealed.results,
            reproduces: vouched
                .then(|| self.reproduces(&left, &sealed.results))
                .flatten(),
        };
        let recorded = Recorded {
            digested_ns,
            is_by_mention: sealed.path_set.0.iter().any(by_mention),
            left,
            path_set: vouched.then(|| sealed.path_set.clone()),
            entry: made,
            shown,
        };
        record::run(
            self.context,
            self.opened,
            self.prepared,
            self.memory,
            &recorded,
        )
        .map_err(|error| store_error(&error))?;
        Ok(stored)
    }

    /// Remembers of which earlier segment of the task the step changed something. From the next run on,
    /// the two are one step.
    fn learn_joins(
        &self,
        observation: &Observation,
        sealed: &Sealed,
        vouched: bool,
        digested_ns: i64,
    ) -> Result<(), NotStored> {
        let learned = self.prepared.with_env(self.context, self.opened, |env| {
            Evidence {
                context: self.context,
                opened: self.opened,
                prepared: self.prepared,
                observation,
                sealed,
                disk: &self.disk(env),
                path_set: vouched.then_some(&sealed.path_set),
                digested_ns,
                ended_ns: self.ran.ended_ns,
            }
            .find()
        });
        let Some(learned) = learned.map_err(|error| store_error(&error))? else {
            return Ok(());
        };
        let step = &self.prepared.planned.invocation.step;
        join::remember(self.opened, step, &learned).map_err(|error| store_error(&error))?;
        self.context.notice(format!(
            "{step} changes what an earlier command of its task leaves: from the next run on they \
             are one step"
        ));
        Ok(())
    }

    /// What earlier runs showed about whether the step accounts for its results.
    fn nature(&self) -> Nature {
        let record = self.memory.record.as_ref();
        record.map_or(Nature::Unknown, |record| record.nature)
    }

    fn disk<'d>(&'d self, env: EnvSnapshot<'d>) -> Disk<'d> {
        Disk {
            root: &self.context.project.root,
            home: self.context.world.home.as_ref(),
            path: &self.prepared.env.path,
            env,
            hidden: &self.opened.hidden,
            rows: &self.context.rows,
        }
    }

    fn path_set(&self, digest: &vt_base::Digest) -> Option<PathSet> {
        let snapshot = self.opened.store.read().ok().flatten()?;
        read_path_set(&snapshot, digest).ok().flatten()
    }

    fn services(&self) -> Services<'_> {
        Services {
            accepted: &self.prepared.planned.invocation.declared.services,
            passed: &self.prepared.env.passed,
            outer: &self.prepared.env.outer,
            home: self.context.world.home.as_ref(),
            own: self.ran.socket.as_deref(),
        }
    }

    /// Where anybody may leave things: temporary files and caches of the user.
    fn scratch(&self) -> Vec<AbsPath> {
        let world = self.context.world;
        let of_home = [".cache", ".npm", ".pnpm-store", ".yarn", ".bun"];
        let of_cargo = [
            ".global-cache",
            ".package-cache",
            ".package-cache-mutate",
            "registry",
        ];
        let cargo = self.prepared.env.outer.get("CARGO_HOME");
        let cargo = cargo.and_then(|path| AbsPath::new(path).ok());
        let cargo = cargo.or_else(|| world.home.as_ref().map(|home| home.join(".cargo")));
        let of_cargo = cargo
            .iter()
            .flat_map(|home| of_cargo.map(|name| home.join(name)));
        let homes = world
            .home
            .iter()
            .flat_map(|home| of_home.map(|name| home.join(name)));
        let fixed =
            ["/tmp", "/dev/shm"].map(|path| AbsPath::new(path).expect("the path is absolute"));
        [world.temp_dir.clone(), self.opened.directory.clone()]
            .into_iter()
            .chain(world.user_cache.clone())
            .chain(homes)
            .chain(of_cargo)
            .chain(fixed)
            .collect()
    }

    fn refuse_shared(
        &self,
        sealed: &Sealed,
        reasons: &mut BTreeSet<NotStored>,
    ) -> Result<(), NotStored> {
        let root = &self.context.project.root;
        let mut ended_ns = self.ran.stamp_ns;
        let mut wrote = Vec::with_capacity(sealed.results.len());
        let kept_back = sealed.kept_back.iter().map(|(result, _)| result);
        for result in sealed.results.iter().chain(kept_back) {
            let full = root.join_rel(&result.path);
            let metadata = std::fs::symlink_metadata(&full).ok();
            let is_directory = metadata.as_ref().is_some_and(|metadata| {
                metadata.is_dir() || metadata.is_symlink() && full.as_path().is_dir()
            });
            if is_directory {
                continue;
            }
            if let Some(metadata) = metadata {
                ended_ns = ended_ns.max(StatRow::of(&metadata).ctime_ns);
            }
            wrote.push(result.path.clone());
        }
        let step = &self.prepared.planned.invocation.step;
        let disowned = record::disown(self.opened, self.prepared, &wrote, self.ran.stamp_ns)
            .map_err(|error| store_error(&error))?;
        let trace = self.ran.trace.as_ref().expect("recording needs a trace");
        let strange = wrote
            .iter()
            .find(|path| {
                trace
                    .written_by_others
                    .contains(root.join_rel(path).as_path())
            })
            .cloned();
        let shared = self
            .context
            .claim_results(step, self.ran.stamp_ns, ended_ns, wrote);
        if let Some(path) = shared.or(disowned).or(strange) {
            reasons.insert(NotStored::SharedOutput {
                path: path.to_string(),
            });
        }
        Ok(())
    }

    /// Adds what turned out to count after the run was sealed.
    fn add(&self, sealed: &mut Sealed, asked: &mut Asked) {
        let items = std::mem::take(&mut asked.items);
        self.prepared.with_env(self.context, self.opened, |env| {
            let disk = self.disk(env);
            for item in items {
                let state = disk.state(&item, &|_| false);
                sealed.add(item, state);
            }
        });
    }

    fn pack(
        &self,
        sealed: &mut Sealed,
        asked: &mut Asked,
        lines: &[String],
        duration_ms: u64,
    ) -> Result<(vt_base::Digest, EntryRecord), NotStored> {
        let store = &self.opened.store;
        let paths: Vec<RelPath> = sealed
            .results
            .iter()
            .map(|result| result.path.clone())
            .collect();
        if self.refuse_late(&paths)? > MANY {
            // Time itself has to pass here: the file system's clock must tick on.
            std::thread::sleep(WAIT);
        }
        let frames = self.ran.frames.as_deref().unwrap_or_default();
        let said = said(frames);
        let looked = asked.of_results();
        looked.seeker.look(&said);
        let packed = store
            .pack_looking(&self.context.project.root, &paths, &looked.seeker)
            .map_err(|error| match error {
                StoreError::ChangedWhilePacking { path } => NotStored::SharedOutput {
                    path: path.to_string(),
                },
                error => store_error(&error),
            })?;
        asked.take_found(Some(&looked));
        self.add(sealed, asked);
        let output = match frames {
            [] => None,
            frames => Some(
                store
                    .put_bytes(&encode(frames))
                    .map_err(|error| store_error(&error))?,
            ),
        };
        let path_set = sealed.path_set.digest();
        let strong = sealed.states.strong_key(&self.prepared.weak, &path_set);
        self.refuse_late(&paths)?;
        let root = self.context.project.root.as_bytes();
        let said_root = memchr::memmem::find(&said, root).is_some();
        let local = sealed.carried || sealed.is_local || packed.embeds_root || said_root;
        let entry = EntryRecord {
            step: self.prepared.planned.invocation.step.clone(),
            path_set,
            states: EntryStates(sealed.states.0.clone()),
            // Only rows that were settled when the file was digested are known.
            rows: sealed
                .rows
                .iter()
                .map(|row| row.filter(|row| self.context.rows.get(row).is_some()))
                .collect(),
            results: sealed
                .results
                .iter()
                .map(|result| ResultRecord {
                    path: result.path.clone(),
                    conditional: result.conditional,
                    carried: result.carried,
                    met: result.met.clone(),
                    keeps_mode: result.keeps_mode,
                    sets_mode: result.sets_mode,
                })
                .collect(),
            kept_back: sealed
                .kept_back
                .iter()
                .map(|(result, state)| (result.path.clone(), state.clone()))
                .collect(),
            tombstones: sealed.tombstones.iter().cloned().collect(),
            ignored_inputs: self
                .reports
                .map(|reports| reports.ignored_inputs.iter().cloned().collect())
                .unwrap_or_default(),
            manifest: packed.manifest,
            archive: packed.blob,
            output,
            duration_ms,
            only_in: local.then_some(self.opened.workspace),
            reports: lines.to_vec(),
            fates: sealed.conduct.fates.clone(),
            strangers: self.strangers(&sealed.results),
            memory: sealed
                .memory
                .iter()
                .map(|memory| memory.root.clone())
                .collect(),
        };
        Ok((strong, entry))
    }

    /// A result that changed after the last process of the step had ended is somebody else's. Gives
    /// the bytes of those that are too young to be trusted by their times.
    fn refuse_late(&self, paths: &[RelPath]) -> Result<u64, NotStored> {
        let root = &self.context.project.root;
        let mut unsettled = 0;
        for path in paths {
            let Ok(metadata) = std::fs::symlink_metadata(root.join_rel(path)) else {
                continue;
            };
            let row = StatRow::of(&metadata);
            if !metadata.is_dir() && row.ctime_ns > self.ran.ended_ns {
                return Err(NotStored::SharedOutput {
                    path: path.to_string(),
                });
            }
            if metadata.is_file() && !row.is_settled() {
                unsettled += row.size;
            }
        }
        Ok(unsettled)
    }

    /// What lies beside results in directories that the command might clear: it did not.
    fn strangers(&self, results: &[ResultPath]) -> Vec<RelPath> {
        let root = &self.context.project.root;
        let is_result = |path: &RelPath| {
            results
                .binary_search_by(|result| result.path.cmp(path))
                .is_ok()
        };
        let mut strangers = Vec::new();
        for directory in results.iter().filter(|result| result.conditional) {
            let entries = std::fs::read_dir(root.join_rel(&directory.path));
            let names = entries
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name());
            let paths = names.filter_map(|name| directory.path.join(name.as_encoded_bytes()).ok());
            strangers.extend(paths.filter(|path| !is_result(path)));
        }
        strangers
    }

    /// Whether the run left byte for byte what an entry of the same key holds, where it had found
    /// other content that the step had left; none if it found no such content, or if the entry is
    /// the first one that could be compared.
    fn reproduces(&self, left: &[Left], results: &[ResultPath]) -> Option<bool> {
        let now: BTreeMap<&RelPath, &State> =
            left.iter().map(|left| (&left.path, &left.state)).collect();
        let found: BTreeSet<&RelPath> = results
            .iter()
            .filter(|result| matches!(result.met, Met::Own { .. }))
            .map(|result| &result.path)
            .collect();
        let differs = |path: &RelPath| {
            let before = self.memory.ledger.0.get(path);
            found.contains(path)
                && before.is_some_and(|row| now.get(path).is_some_and(|now| **now != row.state))
        };
        if !now.keys().any(|path| differs(path)) {
            return None;
        }
        let snapshot = self.opened.store.read().ok().flatten()?;
        let strongs = self.memory.recency.0.iter().map(|(_, strong)| strong);
        let mut held = strongs.filter_map(|strong| {
            let candidate = read_candidate(&snapshot, &self.prepared.weak, strong);
            candidate.ok().flatten()
        });
        let is_held = held.any(|candidate| {
            let carried: BTreeSet<&RelPath> = candidate
                .entry
                .results
                .iter()
                .filter(|result| result.carried)
                .map(|result| &result.path)
                .collect();
            let states = manifest_states(&candidate.entry.manifest);
            let mut wrote = states.iter().filter(|(path, _)| !carried.contains(**path));
            states.keys().any(|path| differs(path))
                && wrote.all(|(path, state)| now.get(*path) == Some(&state))
        });
        drop(snapshot);
        (is_held || self.ran_because_of_result).then_some(is_held)
    }

    /// What the ledger learns. The states of packed files are known; others are digested here.
    fn left(&self, sealed: &Sealed, entry: Option<&EntryRecord>) -> Vec<Left> {
        let known = entry
            .map(|entry| manifest_states(&entry.manifest))
            .unwrap_or_default();
        let state_of = |path: &RelPath| -> Option<State> {
            if let Some(state @ State::File { .. } | state @ State::Directory) = known.get(path) {
                return Some(state.clone());
            }
            let full = self.context.project.root.join_rel(path);
            let metadata = std::fs::symlink_metadata(&full).ok()?;
            if metadata.is_dir() {
                return Some(State::Directory);
            }
            if metadata.is_symlink() {
                use std::os::unix::ffi::OsStringExt as _;
                let target = std::fs::read_link(&full).ok()?.into_os_string().into_vec();
                return Some(State::Link(serde_bytes::ByteBuf::from(target)));
            }
            if !metadata.is_file() {
                return None;
            }
            let row = StatRow::of(&metadata);
            let digest = self.context.rows.digest(full.as_path(), row).ok()?;
            Some(State::File {
                digest,
                executable: row.executable(),
            })
        };
        let kept_back = sealed.kept_back.iter().map(|(result, _)| result);
        sealed
            .results
            .iter()
            .chain(kept_back)
            .filter_map(|result| {
                let state = state_of(&result.path)?;
                Some(Left {
                    path: result.path.clone(),
                    state,
                    created: result.created,
                    latest_ns: self.ran.ended_ns,
                })
            })
            .collect()
    }
}
