//! What all steps of one run share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use vt_base::{AbsPath, ClassedEnv, Digest, EnvMap, Portable, RelPath, StepId};
use vt_config::Project;
use vt_fingerprint::{Secret, StatRows};
use vt_rules::{Directive, Host, Precompiled, RulesError, Writes};
use vt_store::{Notice, Store, StoreError};

use crate::cancel::Cancel;
use crate::event::Event;
use crate::join::Segments;
use crate::package_manager::{PackageManager, forget_start};
use crate::plugins::InUse;
use crate::records::{merge, workspace_name};
use crate::renewal::{self, Renewal, Renewals};
use crate::sweep::{Limits, Sweeper};
use crate::variables::Used;
use crate::world::{Freshness, RunRequest, World, cache_directory};

/// What the thread of a step sends to the dispatcher.
pub(crate) enum Message {
    /// Something happened.
    Event(Event),
    /// Somebody waits until everything before this was shown; dropping it says so.
    Shown(#[expect(dead_code, reason = "it is there to be dropped")] std::sync::mpsc::Sender<()>),
}

/// What the look-ups are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// A run.
    Run,
    /// To say what a run would do: nothing is written.
    Look,
}

/// How many messages may wait to be shown. Who writes faster than it can be shown, waits.
pub(crate) const MESSAGES: usize = 64;

/// Where compiled rule components lie in the cache directory.
const PRECOMPILED: &str = "precompiled";

thread_local! {
    /// What is told on a thread that must not wait, see [`Context::keeping`].
    static KEPT: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// What all steps of one run share.
pub(crate) struct Context<'p> {
    pub(crate) project: &'p Project,
    pub(crate) world: &'p World,
    pub(crate) purpose: Purpose,
    pub(crate) freshness: Freshness,
    pub(crate) grace: Duration,
    /// The store, or why there is none.
    pub(crate) store: Result<Opened, String>,
    /// The environment `vt` was started with, less what belongs to another run.
    pub(crate) env: Arc<ClassedEnv>,
    /// That, and what a run around this one answers on demand.
    pub(crate) around: Arc<ClassedEnv>,
    pub(crate) used: Used,
    /// What stands for places on this disk in values.
    pub(crate) portable: Portable,
    pub(crate) rows: StatRows,
    pub(crate) segments: Segments,
    pub(crate) in_use: InUse,
    host: OnceLock<Result<Host, String>>,
    manager: OnceLock<PackageManager>,
    /// What was said to questions of this run, by their keys.
    valid: Mutex<HashMap<Digest, Vec<Directive>>>,
    pub(crate) cancel: Cancel,
    events: Sender<Message>,
    writers: Mutex<Vec<Writer>>,
    noticed: Mutex<Vec<String>>,
    sweeper: Sweeper,
    pub(crate) renewals: Renewals,
}

/// An open store and what depends on it.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) secret: Secret,
    pub(crate) workspace: Digest,
    pub(crate) directory: AbsPath,
    /// The store as listings and traces must not see it.
    pub(crate) hidden: Vec<RelPath>,
}

/// A step that ran, with the results it wrote.
struct Writer {
    step: StepId,
    started_ns: i64,
    ended_ns: i64,
    wrote: Vec<RelPath>,
}

impl<'p> Context<'p> {
    pub(crate) fn new(
        project: &'p Project,
        world: &'p World,
        purpose: Purpose,
        request: &RunRequest,
        in_use: InUse,
        events: Sender<Message>,
    ) -> Self {
        Self {
            project,
            world,
            purpose,
            freshness: request.freshness,
            grace: request.grace,
            store: Opened::open(project, world, purpose),
            env: Arc::new(ClassedEnv::new(inherited(&world.env, world))),
            around: Arc::new(ClassedEnv::new(around(world))),
            used: Used::new(world),
            portable: Portable::new(
                std::iter::once((&project.root, "root"))
                    .chain(world.home.iter().map(|home| (home, "home"))),
            ),
            rows: StatRows::default(),
            segments: Segments::default(),
            in_use,
            host: OnceLock::new(),
            manager: OnceLock::new(),
            valid: Mutex::default(),
            cancel: Cancel::default(),
            events,
            writers: Mutex::default(),
            noticed: Mutex::default(),
            sweeper: Sweeper::default(),
            renewals: Renewals::default(),
        }
    }

    /// The engine for rule components. Making it is slow, so it is made at the first question
    /// that no memo answers.
    pub(crate) fn rules_host(&self, opened: &Opened) -> Result<&Host, String> {
        let made = self.host.get_or_init(|| {
            let directory = opened.directory.join(PRECOMPILED).as_path().to_owned();
            let writes = match self.purpose {
                Purpose::Run => Writes::Allowed,
                Purpose::Look => Writes::Forbidden,
            };
            Host::with_precompiled(Precompiled::new(directory, &opened.secret.0, writes))
                .map_err(|error: RulesError| chain(&error))
        });
        made.as_ref().map_err(Clone::clone)
    }

    /// The package manager of the workspace.
    pub(crate) fn package_manager(&self) -> &PackageManager {
        self.manager.get_or_init(|| {
            let search = self.world.env.get(OsStr::new("PATH"));
            PackageManager::find(&self.project.root, search)
        })
    }

    /// Does something without waiting for anybody to listen; what it tells is given back.
    pub(crate) fn keeping<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<Event>) {
        KEPT.set(Some(Vec::new()));
        let done = work();
        (done, KEPT.take().unwrap_or_default())
    }

    /// What a component said to the question with this key, if it was asked in this run.
    pub(crate) fn valid(&self, key: &Digest) -> Option<Vec<Directive>> {
        let valid = self.valid.lock().unwrap_or_else(PoisonError::into_inner);
        valid.get(key).cloned()
    }

    /// Remembers what a component said and may say.
    pub(crate) fn keep_valid(&self, key: Digest, said: &[Directive]) {
        let mut valid = self.valid.lock().unwrap_or_else(PoisonError::into_inner);
        valid.insert(key, said.to_vec());
    }

    pub(crate) fn tell(&self, event: Event) {
        let Some(event) = keep(event) else { return };
        // Nobody listens any more only when the run is being torn down.
        let _ = self.events.blocking_send(Message::Event(event));
    }

    /// Waits until everything that was told before has been shown.
    pub(crate) fn wait_until_shown(&self) {
        let (sender, shown) = std::sync::mpsc::channel();
        if self.events.blocking_send(Message::Shown(sender)).is_ok() {
            // It is dropped, never sent to: the end is the message.
            let _ = shown.recv();
        }
    }

    /// Tells something about `vt` itself once.
    pub(crate) fn notice(&self, text: String) {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        if !noticed.contains(&text) {
            noticed.push(text.clone());
            self.tell(Event::Notice(text));
        }
    }

    /// Notes what hits left to be noted. Without it the next look costs more, and that is all.
    pub(crate) fn renew(&self, rows: &[Renewal]) {
        if let Ok(opened) = &self.store {
            let began = Instant::now();
            let _ = renewal::note(opened, rows);
            self.renewals.took(began.elapsed());
        }
    }

    /// Sees to it that the store stays within its limits, beside a step that has to run anyway.
    pub(crate) fn sweep(&self, opened: &Opened) {
        self.sweeper
            .start(opened, Limits::of(&self.project.settings));
    }

    /// Enters the results of a run, and says which of them another step wrote while it ran.
    pub(crate) fn claim_results(
        &self,
        step: &StepId,
        started_ns: i64,
        ended_ns: i64,
        wrote: Vec<RelPath>,
    ) -> Option<RelPath> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = writers
            .iter()
            .filter(|other| {
                other.step != *step && other.started_ns < ended_ns && started_ns < other.ended_ns
            })
            .flat_map(|other| &other.wrote)
            .find(|path| wrote.binary_search(path).is_ok())
            .cloned();
        writers.push(Writer {
            step: step.clone(),
            started_ns,
            ended_ns,
            wrote,
        });
        shared
    }

    /// Passes on what the store has to say about itself.
    pub(crate) fn pass_notices(&self) {
        let Ok(opened) = &self.store else { return };
        for notice in opened.store.take_notices() {
            self.notice(match notice {
                Notice::IndexRebuilt { kept } => format!(
                    "the cache index was damaged and is begun anew; the old one is `{kept}`"
                ),
                Notice::IndexNewer { kept, format } => format!(
                    "a newer `vt` wrote the cache index (format {format}), so another one is \
                     begun; the newer one is `{kept}`"
                ),
            });
        }
    }
}

fn around(world: &World) -> EnvMap {
    let pairs = world.above.iter().chain(&world.env);
    let env = pairs.map(|(name, value)| (name.clone(), value.clone()));
    inherited(&env.collect(), world)
}

fn inherited(env: &EnvMap, world: &World) -> EnvMap {
    let mut env = env.clone();
    for name in world.names.scrub {
        env.remove(OsStr::new(name));
    }
    forget_start(&mut env);
    env
}

/// Keeps an event for whoever does the telling on this thread; gives it back if nobody does.
fn keep(event: Event) -> Option<Event> {
    KEPT.with_borrow_mut(|kept| match kept {
        Some(kept) => {
            kept.push(event);
            None
        }
        None => Some(event),
    })
}

/// Opens a store that knows what its values mean where it must.
pub(crate) fn open_store(directory: &AbsPath) -> Result<Store, StoreError> {
    Store::open(directory).map(|store| store.merging(merge))
}

impl Opened {
    fn open(project: &Project, world: &World, purpose: Purpose) -> Result<Self, String> {
        let directory = cache_directory(project, world.cache_dir.as_ref());
        // Opening a store that exists writes nothing; one that does not is laid out.
        if purpose == Purpose::Look && !directory.as_path().is_dir() {
            return Err("there is no cache yet".to_owned());
        }
        let store = open_store(&directory).map_err(|error| chain(&error))?;
        if purpose == Purpose::Run {
            store
                .recover(&project.root)
                .map_err(|error| chain(&error))?;
            // What another run had to leave undone may be what this one looks for. If it can't be
            // done now either, a step runs that need not.
            if store.has_deferred().unwrap_or_default() {
                let _ = store.write_or_defer(|_| Ok(()));
            }
        }
        let secret = store.secret();
        let real = std::fs::canonicalize(&directory)
            .ok()
            .and_then(|path| AbsPath::new(path).ok());
        let hidden = [Some(&directory), real.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|path| path.relative_to(&project.root))
            .collect();
        Ok(Self {
            workspace: workspace_name(&project.root, &secret),
            secret: Secret(secret),
            directory,
            hidden,
            store,
        })
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
