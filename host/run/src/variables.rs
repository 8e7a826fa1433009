//! Which variables a run depended on: those that its programs asked for, and those whose values it left
//! somewhere.
//!
//! Most are known when the run has ended. Of some only the name counts, or that they are set, unless
//! something shows that their value mattered: a file that was read and has the name in it, or a result
//! that has the value in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, PoisonError};

use vt_base::{AbsPath, EnvClass, EnvMap, EnvPatterns, Invocation, Program, RelPath, Variable};
use vt_fingerprint::{EnvQueryKind, Item, NotStored, Observation, Variables};
use vt_ipc::{EnvQuery, Reports, counts_among_all};
use vt_plan::{Language, ScriptText, Standing, counted};
use vt_store::{Border, Seeker, Sought};
use vt_tracker::Trace;

use crate::context::{Context, Opened};
use crate::rules::Prepared;
use crate::world::World;

/// A value of fewer bytes may stand in a result by chance.
const LONG_ENOUGH: usize = 7;
/// What many tools show of the id of a commit.
const OF_ID: usize = 7;
/// The length from which a text of hexadecimal digits is such an id.
const ID: usize = 20;
/// Of a file that is longer only the beginning is looked into for names: it is no source.
const LONGEST: u64 = 16 << 20;

/// How many files are looked into for variables that nobody asked for, which is only for a hint.
const LOOKED_INTO: usize = 1000;
/// And how long such a file may be, in bytes.
const LONGEST_SPOKEN: u64 = 256 << 10;
/// What a tracker sets in the environment of the programs it watches.
const TRACKER: &str = "VT_TRACKER";
/// The home directory in most containers: short, and no word of anything else.
const HOME_OF_ROOT: &[u8] = b"/root";

/// What a run around this one answers to who asks for a variable: with the environment of this process it is
/// what surrounds its steps.
#[must_use]
pub fn demand_above() -> EnvMap {
    vt_tracker::demand_above()
}

/// The variables that this process took values of by itself. A run around this one depends on them, and sees
/// only what programs ask for.
#[derive(Default)]
pub(crate) struct Used(Option<Mutex<BTreeSet<OsString>>>);

impl Used {
    pub(crate) fn new(world: &World) -> Self {
        // Nobody wants to know them otherwise.
        let is_below = world.env.contains_key(OsStr::new(TRACKER));
        Self(is_below.then(Mutex::default))
    }

    pub(crate) fn note(&self, name: &str) {
        if let Some(names) = &self.0 {
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            names.insert(name.into());
        }
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        if let Some(names) = self.0.take() {
            let names = names.into_inner().unwrap_or_else(PoisonError::into_inner);
            vt_tracker::tell_demanded(names.iter().map(OsString::as_os_str));
        }
    }
}

/// What surrounds a step, as programs that ask are told.
pub(crate) struct Answers<'p> {
    context: &'p Context<'p>,
    prepared: &'p Prepared<'p>,
    declared: EnvPatterns,
    untracked: EnvPatterns,
}

impl<'p> Answers<'p> {
    pub(crate) fn new(context: &'p Context<'p>, prepared: &'p Prepared<'p>) -> Self {
        let declared = &prepared.planned.invocation.declared;
        let patterns = |list: &[String]| EnvPatterns::new(list.iter().map(String::as_str));
        Self {
            context,
            prepared,
            declared: patterns(&declared.env),
            untracked: patterns(&declared.untracked_env),
        }
    }
}

/// The value of a variable as it counts, for two clones and two accounts alike.
pub(crate) fn portable(context: &Context<'_>, name: &str, value: &OsStr) -> Option<OsString> {
    let value = counted(name, value)?;
    let value = context.portable.of(value.as_bytes());
    Some(OsStr::from_bytes(&value).to_owned())
}

impl Variables for Answers<'_> {
    fn exact(&self, name: &str) -> Option<OsString> {
        self.context.used.note(name);
        self.prepared.env.outer.get(name).map(OsStr::to_owned)
    }

    fn counted(&self, name: &str) -> Option<OsString> {
        self.context.used.note(name);
        portable(self.context, name, self.prepared.env.outer.get(name)?)
    }

    fn answers(&self, kind: EnvQueryKind, query: &str) -> BTreeMap<String, OsString> {
        let query = match kind {
            EnvQueryKind::Glob => EnvQuery::Glob(query.to_owned()),
            EnvQueryKind::Prefix => EnvQuery::Prefix(query.to_owned()),
        };
        let outer = self.prepared.env.outer.to_map();
        let mut set = query.match_set(&outer, &self.declared, &self.untracked);
        set.retain(|name, _| self.prepared.directives.counts_in(&query, name));
        set.into_iter()
            .filter_map(|(name, value)| {
                self.context.used.note(&name);
                let value = portable(self.context, &name, &value)?;
                Some((name, value))
            })
            .collect()
    }

    fn everything(&self) -> BTreeSet<String> {
        let env = &self.prepared.env;
        let names = env.outer.iter().filter_map(|one| one.name.to_str());
        names
            .filter(|name| {
                counts_among_all(name) && matches!(env.standing(name), Standing::OnDemand(_))
            })
            .map(str::to_owned)
            .inspect(|name| self.context.used.note(name))
            .collect()
    }
}

/// A variable of which the value counts if it is mentioned.
struct Candidate {
    name: String,
    /// What the run depends on then.
    item: Item,
    /// Whether its name in what the step read is a mention.
    by_name: bool,
    /// Whether its name in what the step left is one.
    by_name_in_results: bool,
    /// What of its value is looked for in what the step left.
    value: Option<Sought>,
}

/// The variables a run depended on.
pub(crate) struct Asked {
    /// What is known to count.
    pub(crate) items: Vec<Item>,
    /// What counts if it is mentioned.
    candidates: Vec<Candidate>,
    /// Why the run must not be stored.
    pub(crate) not_stored: Vec<NotStored>,
    /// Names that have a value on demand and that nobody asked for.
    never_asked: BTreeSet<String>,
    /// Those of them that a source speaks of which the step read.
    pub(crate) spoken_of: Vec<(String, RelPath)>,
}

impl Asked {
    pub(crate) fn of(prepared: &Prepared<'_>, trace: &Trace, reports: Option<&Reports>) -> Self {
        let mut asked = Self {
            items: Vec::new(),
            candidates: Vec::new(),
            not_stored: Vec::new(),
            never_asked: never_asked(prepared, trace),
            spoken_of: Vec::new(),
        };
        asked.take_demanded(prepared, trace);
        if let Some(reports) = reports {
            asked.take_reports(prepared, reports);
        }
        for (name, value) in prepared.env.neutral() {
            asked.candidates.push(Candidate {
                name: name.to_owned(),
                item: Item::EnvExact(name.to_owned()),
                by_name: false,
                by_name_in_results: false,
                value: sought_neutral(value),
            });
        }
        asked
    }

    fn take_demanded(&mut self, prepared: &Prepared<'_>, trace: &Trace) {
        let env = &prepared.env;
        let mut unset = Vec::new();
        for name in trace.demanded.iter().filter_map(|name| name.to_str()) {
            let Standing::OnDemand(class) = env.standing(name) else {
                continue;
            };
            match (env.outer.get(name), class) {
                (None, _) => unset.push(name.to_owned()),
                (Some(value), class) if class.is_by_presence() => {
                    self.items.push(Item::EnvPresence(name.to_owned()));
                    self.candidates.push(Candidate {
                        name: name.to_owned(),
                        item: Item::EnvExact(name.to_owned()),
                        by_name: true,
                        by_name_in_results: false,
                        value: sought(value),
                    });
                }
                (Some(_), _) => self.items.push(Item::Env(name.to_owned())),
            }
        }
        if !unset.is_empty() {
            self.items.push(Item::EnvUnset(unset));
        }
        self.not_stored.extend(trace.doubtful.iter().map(|name| {
            let name = name.to_string_lossy().into_owned();
            NotStored::DoubtfulEnv { name }
        }));
    }

    /// What tools asked for over IPC, by name or by query.
    fn take_reports(&mut self, prepared: &Prepared<'_>, reports: &Reports) {
        let names = reports.envs.keys().map(|name| Item::Env(name.clone()));
        self.items.extend(names);
        for query in reports.queries.keys() {
            if query.asks_for_everything() && !prepared.directives.narrows(query) {
                self.take_everything(prepared);
                continue;
            }
            self.items.push(match query {
                EnvQuery::Glob(glob) => Item::EnvGlob(glob.clone()),
                EnvQuery::Prefix(prefix) => Item::EnvPrefix(prefix.clone()),
            });
        }
    }

    fn take_everything(&mut self, prepared: &Prepared<'_>) {
        if self.items.contains(&Item::EnvEverything) {
            return;
        }
        self.items.push(Item::EnvEverything);
        let env = &prepared.env;
        for Variable { name, value, .. } in env.outer.iter() {
            let Some(name) = name.to_str() else { continue };
            let Standing::OnDemand(class) = env.standing(name) else {
                continue;
            };
            self.candidates.push(Candidate {
                name: name.to_owned(),
                item: match class {
                    EnvClass::OnDemand => Item::Env(name.to_owned()),
                    _ => Item::EnvExact(name.to_owned()),
                },
                by_name: true,
                by_name_in_results: true,
                value: sought(value),
            });
        }
    }

    /// Looks for names in the command, and in the files of the workspace that the step read.
    pub(crate) fn look_into_sources(
        &mut self,
        invocation: &Invocation,
        observation: &Observation,
        root: &AbsPath,
    ) {
        let named: Vec<usize> = (0..self.candidates.len())
            .filter(|at| self.candidates[*at].by_name)
            .collect();
        if named.is_empty() && self.never_asked.is_empty() {
            return;
        }
        let words: Vec<Sought> = named
            .iter()
            .map(|at| word(&self.candidates[*at].name))
            .collect();
        let seeker = Seeker::new(&words);
        seeker.look(invocation.command.as_bytes());
        match &invocation.program {
            Program::Direct(program) => seeker.look(program.as_bytes()),
            Program::Shell(text) => seeker.look(text.as_bytes()),
        }
        for arg in &invocation.args {
            seeker.look(arg.as_bytes());
        }
        let read = observation.paths.iter().filter(|(path, facts)| {
            let of_package = |part: &[u8]| part == b"node_modules" || part == b".git";
            facts.seen.read && !path.as_bytes().split(|byte| *byte == b'/').any(of_package)
        });
        let mut text = Vec::new();
        for (number, (path, _)) in read.enumerate() {
            let is_sought = !self.never_asked.is_empty() && number < LOOKED_INTO;
            if seeker.is_done() && !is_sought {
                break;
            }
            text.clear();
            // What is gone, or is no file, has nothing to say.
            let Ok(file) = File::open(root.join_rel(path)) else {
                continue;
            };
            if file.metadata().is_ok_and(|metadata| metadata.is_file())
                && file.take(LONGEST).read_to_end(&mut text).is_ok()
            {
                seeker.look(&text);
                if is_sought && text.len() as u64 <= LONGEST_SPOKEN {
                    self.find_spoken_of(path, &mut text);
                }
            }
        }
        let found: BTreeSet<usize> = seeker.found().map(|position| named[position]).collect();
        self.take(&found);
    }

    /// Finds variables in a source that uses them, as it seems, where nobody asked for them.
    fn find_spoken_of(&mut self, path: &RelPath, text: &mut Vec<u8>) {
        let source = ScriptText {
            language: Language::Other,
            text: std::mem::take(text),
        };
        let names = source.names();
        let spoken = |name: &String| names.contains(name.as_bytes());
        let found: Vec<String> = self
            .never_asked
            .iter()
            .filter(|one| spoken(one))
            .cloned()
            .collect();
        self.never_asked.retain(|name| !found.contains(name));
        self.spoken_of
            .extend(found.into_iter().map(|name| (name, path.clone())));
        drop(names);
        *text = source.text;
    }

    /// What to look for in what the step left: first the values, then the names.
    pub(crate) fn of_results(&self) -> InResults {
        let mut sought = Vec::new();
        let mut of = Vec::new();
        for (at, candidate) in self.candidates.iter().enumerate() {
            let name = candidate.by_name_in_results.then(|| word(&candidate.name));
            for text in candidate.value.iter().cloned().chain(name) {
                sought.push(text);
                of.push(at);
            }
        }
        InResults {
            seeker: Seeker::new(&sought),
            of,
        }
    }

    /// Takes what was found in what the step left, or all of it where nobody looked.
    pub(crate) fn take_found(&mut self, looked: Option<&InResults>) {
        let found = match looked {
            Some(looked) => looked.seeker.found().map(|at| looked.of[at]).collect(),
            None => (0..self.candidates.len()).collect(),
        };
        self.take(&found);
    }

    fn take(&mut self, found: &BTreeSet<usize>) {
        let candidates = std::mem::take(&mut self.candidates);
        for (at, candidate) in candidates.into_iter().enumerate() {
            if found.contains(&at) {
                self.items.push(candidate.item);
            } else {
                self.candidates.push(candidate);
            }
        }
    }
}

/// What is looked for in what a step left.
pub(crate) struct InResults {
    pub(crate) seeker: Seeker,
    /// The candidate that each text belongs to.
    of: Vec<usize>,
}

/// The variables that were there to be asked for, and that nobody asked for.
fn never_asked(prepared: &Prepared<'_>, trace: &Trace) -> BTreeSet<String> {
    let env = &prepared.env;
    let names = env.outer.iter().filter(|one| {
        one.class == EnvClass::OnDemand
            && !env.passed.contains_key(one.name)
            && !trace.variables.contains(one.name)
            && env.answers(one.name)
    });
    names
        .filter_map(|one| one.name.to_str().map(str::to_owned))
        .collect()
}

fn word(name: &str) -> Sought {
    Sought {
        text: name.as_bytes().to_vec(),
        border: Border::Word,
    }
}

/// What of a value is looked for.
fn sought(value: &OsStr) -> Option<Sought> {
    let bytes = value.as_bytes();
    let is_id = bytes.len() >= ID && bytes.iter().all(u8::is_ascii_hexdigit);
    let text = if is_id { &bytes[..OF_ID] } else { bytes };
    (text.len() >= LONG_ENOUGH).then(|| Sought {
        text: text.to_vec(),
        border: Border::Any,
    })
}

fn sought_neutral(value: &OsStr) -> Option<Sought> {
    let bytes = value.as_bytes();
    if bytes.first() != Some(&b'/') || bytes.contains(&b':') {
        return sought(value);
    }
    let end = bytes.iter().rposition(|byte| *byte != b'/')?;
    let text = &bytes[..=end];
    let parts = text.split(|byte| *byte == b'/');
    // Of those that are too short, and do not count, the folder for temporary files is the same for all.
    let is_long = parts.filter(|part| !part.is_empty()).count() >= 2;
    (is_long || text == HOME_OF_ROOT).then(|| Sought {
        text: text.to_vec(),
        border: Border::Path,
    })
}

impl Prepared<'_> {
    /// The environment as programs that ask and look-ups see it.
    pub(crate) fn with_env<T>(
        &self,
        context: &Context<'_>,
        opened: &Opened,
        ask: impl FnOnce(vt_fingerprint::EnvSnapshot<'_>) -> T,
    ) -> T {
        ask(vt_fingerprint::EnvSnapshot {
            variables: &Answers::new(context, self),
            secret: opened.secret,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sought: Option<Sought>) -> Option<(String, Border)> {
        sought.map(|sought| (String::from_utf8(sought.text).unwrap(), sought.border))
    }

    #[test]
    fn of_a_value_what_is_shown_of_it_is_looked_for() {
        for (value, expected) in [
            ("17", None),
            ("abcdef", None),
            ("16374839201", Some("16374839201")),
            ("preview-24.invalid", Some("preview-24.invalid")),
            ("0123456789abcdef0123456789abcdef01234567", Some("0123456")),
        ] {
            let expected = expected.map(|text| (text.to_owned(), Border::Any));
            assert_eq!(text(sought(value.as_ref())), expected, "{value}");
        }
    }

    #[test]
    fn of_a_neutral_value_a_path_is_looked_for_as_one() {
        for (value, expected) in [
            ("/tmp", None),
            ("/root", Some(("/root", Border::Path))),
            (":0", None),
            ("/home/ann/", Some(("/home/ann", Border::Path))),
            (
                "unix:path=/run/user/1000/bus",
                Some(("unix:path=/run/user/1000/bus", Border::Any)),
            ),
            ("/usr/bin:/bin", Some(("/usr/bin:/bin", Border::Any))),
        ] {
            let expected = expected.map(|(text, border)| (text.to_owned(), border));
            assert_eq!(text(sought_neutral(value.as_ref())), expected, "{value}");
        }
    }
}
