//! What is known about a step before it runs: its environment, what rule plugins say about it,
//! and its weak key.
//!
//! Plugins are pure, so their raw answers are memoised in the store; a warm run makes no
//! instance. Whatever goes wrong with a plugin costs this step its caching and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use vt_base::{CachePolicy, Digest, EnvPatterns, OuterEnv, RelPath, StableHasher, StepId};
use vt_fingerprint::{Filter, Globs, NotStored, PathRules, WeakParts};
use vt_ipc::Reports;
use vt_plan::{
    Around, Language, Plan, PlannedStep, ScriptText, StepEnvironment, script_files,
    step_environment,
};
use vt_rules::{Answer, Component, Directive, Measured, PackageFacts, Question, validate};
use vt_store::Table;

use crate::context::{Context, Opened, Purpose, chain};
use crate::directives::{Directives, Fingerprinted, Said, is_excuse};
use crate::glimpse::Glimpse;
use crate::plugins::{
    Denied, Entry, InUse, Loaded, PluginError, Speaker, fuel_key, read_whole, taken_out,
};
use crate::records;
use crate::variables::portable;

/// How much of a script is looked into.
const LONGEST_SCRIPT: u64 = 256 << 10;

/// The libc that `vt` was built for; its steps run on the same one.
const LIBC: &str = if cfg!(target_env = "musl") {
    "musl"
} else {
    "gnu"
};

/// What the limits of the policies are called among what rules say.
const POLICY: &str = "policy/limits";

/// Operating system, architecture and libc.
fn platform() -> String {
    format!("{} {} {LIBC}", std::env::consts::OS, std::env::consts::ARCH)
}

/// A step, ready to be looked up or run.
pub(crate) struct Prepared<'c> {
    pub(crate) planned: &'c PlannedStep,
    pub(crate) env: StepEnvironment,
    pub(crate) directives: Directives,
    pub(crate) parts: WeakParts,
    pub(crate) weak: Digest,
    /// The name of this step in this workspace.
    pub(crate) name: Digest,
    /// The names of all the segments it was made of; its own is the first.
    pub(crate) names: Vec<Digest>,
    /// What a plugin did wrong; the step runs and is not stored.
    pub(crate) trouble: Option<NotStored>,
}

/// Asks the plugins and makes the weak key.
pub(crate) fn prepare<'c>(
    context: &Context<'_>,
    opened: &Opened,
    planned: &'c PlannedStep,
    glimpse: &mut Glimpse,
) -> Prepared<'c> {
    let invocation = &planned.invocation;
    let judged = judge(context, opened, planned, glimpse);
    let (directives, digests, trouble) = match judged {
        Ok((directives, digests)) => (directives, digests, None),
        Err(trouble) => {
            if let (Unjudged::Denied(denied), Purpose::Run) = (&trouble, context.purpose) {
                audit(context, &invocation.step, &[Entry::Denied(denied)]);
            }
            let detail = trouble.to_string();
            let trouble = Some(NotStored::PluginError { detail });
            (Directives::default(), BTreeMap::new(), trouble)
        }
    };
    if context.purpose == Purpose::Run {
        audit_directives(context, planned, &directives);
    }
    // A pattern that a rule tracks is declared as if the task had written it.
    let mut invocation = invocation.clone();
    invocation
        .declared
        .env
        .extend(directives.env_patterns(Fingerprinted::Yes));
    let passed = directives.env_patterns(Fingerprinted::No);
    let mut env = environment(context, planned.package, &invocation, &passed);
    // What the task says of a variable stands above what a rule says.
    let said = &planned.invocation;
    let patterns = |list: &[String]| EnvPatterns::new(list.iter().map(String::as_str));
    let tracked = patterns(&said.declared.env);
    let untracked = patterns(&said.declared.untracked_env);
    env.declared.retain(|name, _| {
        !untracked.matches(name)
            || tracked.matches(name)
            || said.env_prefix.iter().any(|(prefix, _)| prefix == name)
    });
    let declared = env.declared.iter().filter_map(|(name, value)| {
        context.used.note(name);
        let value = value.as_ref().map(|value| portable(context, name, value));
        match value {
            // What does not count at all is as good as unset.
            Some(None) if !tracked.matches(name) => None,
            value => Some((
                name.clone(),
                value.flatten().map(|value| opened.secret.keyed(&value)),
            )),
        }
    });
    let declared = declared.collect();
    let parts = WeakParts::new(
        &invocation,
        &platform(),
        declared,
        &env.untracked_names,
        digests,
    );
    Prepared {
        planned,
        weak: parts.key(),
        name: records::step_name(&planned.invocation.step),
        names: context.segments.names(&planned.invocation.step),
        env,
        directives,
        parts,
        trouble,
    }
}

/// The environment of a step, without what belongs to its server.
pub(crate) fn environment(
    context: &Context<'_>,
    package: usize,
    invocation: &vt_base::Invocation,
    passed: &[String],
) -> StepEnvironment {
    let names = &context.world.names;
    let fixed = [(names.run.into(), "1".into())];
    let package = &context.project.packages[package];
    let task = package.tasks.get(&invocation.step.task);
    let manager = || context.package_manager();
    let mut own = task
        .map(|task| manager().tell(&context.project.root, package, task))
        .unwrap_or_default();
    own.insert(
        names.init_cwd.into(),
        context.world.current_dir.as_path().into(),
    );
    let prefix = invocation.env_prefix.iter();
    own.extend(prefix.map(|(name, value)| (name.into(), value.into())));
    let host = match invocation.cache {
        CachePolicy::Enabled => &context.around,
        // What it asks for, it asks for itself.
        CachePolicy::Disabled => &context.env,
    };
    step_environment(
        invocation,
        OuterEnv::new(Arc::clone(host), own),
        &Around {
            root: &context.project.root,
            fixed: &fixed.into(),
            passed: &EnvPatterns::new(passed.iter().map(String::as_str)),
            scripts: &scripts(context, invocation),
        },
    )
}

/// The texts of programs that take their environment as a whole, as far as the command names them.
fn scripts(context: &Context<'_>, invocation: &vt_base::Invocation) -> Vec<ScriptText> {
    if invocation.cache == CachePolicy::Disabled {
        return Vec::new();
    }
    let directory = context.project.root.join_rel(&invocation.directory);
    script_files(invocation)
        .into_iter()
        .filter_map(|file| {
            let text = read_script(directory.join(&file.path).as_path()).ok()?;
            let language = match file.language {
                Some(language) => language,
                None => Language::of_script(&text)?,
            };
            Some(ScriptText { language, text })
        })
        .collect()
}

fn read_script(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let mut text = Vec::new();
    // A pipe would keep us waiting, and a directory has no text.
    if file.metadata()?.is_file() {
        file.take(LONGEST_SCRIPT).read_to_end(&mut text)?;
    }
    Ok(text)
}

type Judged = (Directives, BTreeMap<String, Digest>);

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
enum Unjudged {
    /// A plugin gave no answer that can be used.
    #[error("{0}")]
    Trouble(String),
    /// A policy denies what one says.
    #[error(transparent)]
    Denied(Box<Denied>),
}

impl From<Denied> for Unjudged {
    fn from(denied: Denied) -> Self {
        Self::Denied(Box::new(denied))
    }
}

impl From<String> for Unjudged {
    fn from(trouble: String) -> Self {
        Self::Trouble(trouble)
    }
}

/// Asks about every step of a plan whether a policy denies what is said about it, before anything
/// runs. What a plugin can't answer yet is no matter here: it costs its step the cache later on.
pub(crate) fn admit(context: &Context<'_>, plan: &Plan) -> Result<(), PluginError> {
    let Ok(opened) = &context.store else {
        // Nothing is asked then, and nothing said applies.
        return Ok(());
    };
    if !context.in_use.policies.limit_directives() {
        return Ok(());
    }
    let cached = |planned: &&PlannedStep| planned.invocation.cache == CachePolicy::Enabled;
    let glimpse = &mut Glimpse::default();
    for planned in plan.steps.iter().filter(cached) {
        if let Err(Unjudged::Denied(denied)) = judge(context, opened, planned, glimpse) {
            if context.purpose == Purpose::Run {
                audit(context, &planned.invocation.step, &[Entry::Denied(&denied)]);
            }
            return Err((*denied).into());
        }
    }
    Ok(())
}

/// Writes down what becomes of a step, where a policy wants that.
pub(crate) fn audit(context: &Context<'_>, step: &StepId, entries: &[Entry<'_>]) {
    for (file, error) in context.in_use.policies.auditor.note(Some(step), entries) {
        context.notice(format!("cannot write the audit file `{file}`: {error}"));
    }
}

/// Writes down what rules and the configuration say of a step.
fn audit_directives(context: &Context<'_>, planned: &PlannedStep, directives: &Directives) {
    if !context.in_use.policies.auditor.is_wanted() {
        return;
    }
    let invocation = &planned.invocation;
    let task = Speaker::task(&invocation.step);
    let said = directives.0.iter();
    let said = said.map(|said| Entry::Applied(&said.speaker, said.directive.to_string()));
    let taken = taken_out(&invocation.declared).into_iter();
    let taken = taken.map(|directive| Entry::Applied(&task, directive.to_string()));
    let entries: Vec<Entry<'_>> = said.chain(taken).collect();
    audit(context, &invocation.step, &entries);
}

fn judge(
    context: &Context<'_>,
    opened: &Opened,
    planned: &PlannedStep,
    glimpse: &mut Glimpse,
) -> Result<Judged, Unjudged> {
    let package = &context.project.packages[planned.package];
    let facts = PackageFacts {
        name: package.name.clone(),
        directory: package.directory.clone(),
        dependencies: package
            .dependencies
            .iter()
            .map(|(name, dependency)| (name.to_owned(), dependency.version.to_owned()))
            .collect(),
    };
    let InUse {
        policies,
        plugins,
        rules,
        ..
    } = &context.in_use;
    let mut directives = Vec::new();
    let mut digests = BTreeMap::new();
    if policies.limit_directives() {
        let task = Speaker::task(&planned.invocation.step);
        for directive in taken_out(&planned.invocation.declared) {
            policies.permit(&task, &directive)?;
        }
        // No component can have this name.
        let limits = policies.limits().map(|digest| (POLICY.to_owned(), digest));
        digests.extend(limits);
    }
    for loaded in plugins {
        let component = &loaded.component;
        if !component.speaks_for(&planned.invocation, &facts) {
            continue;
        }
        let question = question(context, component, planned, &facts)?;
        let key = question.memo_key(component);
        // With a policy that limits what is said, the same was asked before anything ran.
        let valid = if let Some(valid) = context.valid(&key) {
            valid
        } else {
            let answer = answer(context, opened, loaded, &question, &key, glimpse)?;
            let valid =
                validate(component, &answer, &facts.directory).map_err(|error| chain(&error))?;
            context.keep_valid(key, &valid);
            valid
        };
        digests.insert(
            component.id().to_owned(),
            digest_of(component.digest(), &valid),
        );
        let speaker = Speaker::component(loaded);
        for directive in valid {
            policies.permit(&speaker, &directive)?;
            directives.push(Said {
                plugin: component.id().to_owned(),
                digest: *component.digest(),
                speaker: speaker.clone(),
                directive,
            });
        }
    }
    for rule in rules {
        if !rule.speaks_for(&planned.invocation, &facts) {
            continue;
        }
        // No component can have this name.
        let name = format!("rules/{}", rule.name());
        let valid = rule
            .say(&facts.directory)
            .map_err(|(said, reason)| format!("rule `{}`: `{said}`: {reason}", rule.name()))?;
        digests.insert(name.clone(), digest_of(rule.digest(), &valid));
        let speaker = Speaker::rule(&name, Some(*rule.digest()));
        for directive in valid {
            policies.permit(&speaker, &directive)?;
            directives.push(Said {
                plugin: name.clone(),
                digest: *rule.digest(),
                speaker: speaker.clone(),
                directive,
            });
        }
    }
    Ok((Directives(directives), digests))
}

fn digest_of(speaker: &Digest, said: &Vec<Directive>) -> Digest {
    let mut hasher = StableHasher::new("vt-directives");
    hasher.digest(speaker).bytes(&records::encode(said));
    hasher.finish()
}

/// What a component gets to see. What it may see enters the fingerprint by way of its answer: the
/// question is part of the memo's key, and the answer part of the weak key.
fn question(
    context: &Context<'_>,
    component: &Component,
    planned: &PlannedStep,
    facts: &PackageFacts,
) -> Result<Question, String> {
    let needs = component.needs();
    let mut files = BTreeMap::new();
    for name in &needs.files {
        let path = facts
            .directory
            .join(name)
            .map_err(|error| error.to_string())?;
        files.insert(name.clone(), read_text(context, &path)?);
    }
    let value = |name: &String| {
        let value = context.world.env.get(OsStr::new(name));
        (
            name.clone(),
            value.and_then(|value| value.to_str()).map(str::to_owned),
        )
    };
    let env = needs.env.iter().map(value).collect();
    Ok(Question::new(
        &planned.invocation,
        facts.clone(),
        files,
        env,
    ))
}

fn read_text(context: &Context<'_>, path: &RelPath) -> Result<Option<String>, String> {
    match std::fs::read_to_string(context.project.root.join_rel(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read `{path}` for a plugin: {error}")),
    }
}

fn answer(
    context: &Context<'_>,
    opened: &Opened,
    loaded: &Loaded,
    question: &Question,
    key: &Digest,
    glimpse: &mut Glimpse,
) -> Result<Answer, String> {
    let component = &loaded.component;
    // The key covers what the component may see of the environment: like every value, under the
    // secret of the store.
    let key = opened.secret.keyed(OsStr::from_bytes(&key.0)).0;
    let known = glimpse
        .get(opened)
        .and_then(|snapshot| snapshot.get(Table::Memo, &key.0).ok().flatten())
        .and_then(|bytes| records::decode(&bytes));
    if let Some(answer) = known {
        return Ok(answer);
    }
    // Nobody waits for a component.
    *glimpse = Glimpse::default();
    let whole = match component.is_whole() {
        true => None,
        false => Some(read_whole(loaded)?),
    };
    let component = whole.as_ref().unwrap_or(component);
    let Measured { answer, fuel, .. } = context
        .rules_host(opened)?
        .measure(component, question)
        .map_err(|error| chain(&error))?;
    if context.purpose == Purpose::Run {
        // A memo that can't be kept is asked for again next time.
        let _ = opened.store.write(|writer| {
            let fuel_key = fuel_key(component);
            writer.put(Table::Memo, &fuel_key.0, &records::encode(&fuel))?;
            writer.put(Table::Memo, &key.0, &records::encode(&answer))
        });
    }
    Ok(answer)
}

impl Prepared<'_> {
    /// Who decides what a path counts as; with the reports of a run, if there was one.
    pub(crate) fn path_rules(&self, opened: &Opened, reports: Option<&Reports>) -> PathRules {
        let declared = &self.planned.invocation.declared;
        let globs = |pick: fn(&Directive) -> Option<String>| -> Vec<String> {
            self.directives.select(pick).collect()
        };
        let list = |set: Option<&std::collections::BTreeSet<RelPath>>| {
            set.into_iter().flatten().cloned().collect::<Vec<_>>()
        };
        PathRules {
            input: Filter::new(
                &declared.input,
                list(reports.map(|reports| &reports.tracked_inputs)),
                list(reports.map(|reports| &reports.ignored_inputs)),
                &globs(|directive| match directive {
                    Directive::IgnoreInput(glob) => Some(glob.clone()),
                    _ => None,
                }),
                &[],
            ),
            output: Filter::new(
                &declared.output,
                list(reports.map(|reports| &reports.tracked_outputs)),
                list(reports.map(|reports| &reports.ignored_outputs)),
                &globs(|directive| match directive {
                    Directive::IgnoreOutput(glob) if !is_excuse(glob) => Some(glob.clone()),
                    _ => None,
                }),
                &globs(|directive| match directive {
                    Directive::Output(glob) => Some(glob.clone()),
                    _ => None,
                }),
            ),
            existence_only: Globs::new(
                globs(|directive| match directive {
                    Directive::ExistenceOnly(glob) => Some(glob.clone()),
                    _ => None,
                })
                .iter()
                .map(String::as_str),
            ),
            redacted: self.directives.redacted(),
            hidden: opened.hidden.clone(),
        }
    }
}
