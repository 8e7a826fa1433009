//! Says where a trace differs from what should have been reported.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use vt_tracker::{Change, PathHistory, Trace};

use crate::allow::{Allowance, Known, allowance};
use crate::expected::{Expected, Look, There, looks_of};
use crate::oracle::Oracle;

/// What a name is like that is made up anew each time: `?` stands for a letter or digit, `#` for a
/// number, and `*` at the end for the rest, which is not made up.
#[derive(Clone, Copy, Debug)]
pub struct MadeUp(pub &'static str);

impl MadeUp {
    /// The name with what is made up left out.
    fn general(self, name: &[u8]) -> Option<Vec<u8>> {
        let mut rest = name;
        let mut general = Vec::new();
        for letter in self.0.bytes() {
            let length = match letter {
                b'?' => usize::from(rest.first().is_some_and(|it| is_word(*it))),
                b'#' => rest.iter().take_while(|it| it.is_ascii_digit()).count(),
                b'*' => {
                    general.extend_from_slice(rest);
                    return Some(general);
                }
                _ => usize::from(rest.first() == Some(&letter)),
            };
            if length == 0 {
                return None;
            }
            general.push(letter);
            rest = &rest[length..];
        }
        rest.is_empty().then_some(general)
    }
}

const fn is_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || letter == b'_'
}

/// What is wrong with a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It was not reported at all.
    PathMissing,
    /// It was reported, but not touched.
    PathExtra,
    /// A look was not reported.
    LookMissing(Look),
    /// A look was reported that was none.
    LookExtra(Look),
    /// A change was not reported.
    ChangeMissing(Change),
    /// A change was reported that was none.
    ChangeExtra(Change),
    /// The changes came in another order.
    ChangeOrder,
    /// Something else was there at first.
    First,
    /// Something else was there before the first change.
    BeforeChange,
    /// Whether the first change needed nothing to be there.
    Exclusive,
    /// Whether it was listed at any time.
    Listed,
}

/// A difference.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The path, made-up names generalised.
    pub path: Vec<u8>,
    /// What is wrong with it.
    pub fault: Fault,
    /// What should have been reported.
    pub expected: Option<Expected>,
    /// What was reported.
    pub reported: Option<PathHistory>,
}

/// What comparing came to.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// How many paths were compared.
    pub paths: usize,
    /// Where they differ without an excuse.
    pub differences: Vec<Difference>,
    /// Which programs differ: a sentence each.
    pub programs: Vec<String>,
    /// The allowances that were needed, and how often.
    pub allowed: BTreeMap<&'static str, usize>,
}

fn general(path: &[u8], made_up: &[MadeUp]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = path
        .split(|byte| *byte == b'/')
        .map(|part| {
            made_up
                .iter()
                .find_map(|name| name.general(part))
                .unwrap_or_else(|| part.to_vec())
        })
        .collect();
    parts.join(&b'/')
}

/// What is wrong between one account and the other.
#[must_use]
pub fn faults(expected: &Expected, reported: &PathHistory) -> Vec<Fault> {
    let mut faults = Vec::new();
    let looks = looks_of(reported);
    for look in &expected.looks {
        if !looks.contains(look) {
            faults.push(Fault::LookMissing(*look));
        }
    }
    for look in &looks {
        if !expected.looks.contains(look) {
            faults.push(Fault::LookExtra(*look));
        }
    }
    let changes: BTreeSet<Change> = expected.changes.iter().copied().collect();
    let others: BTreeSet<Change> = reported.changes.iter().copied().collect();
    faults.extend(
        changes
            .difference(&others)
            .map(|it| Fault::ChangeMissing(*it)),
    );
    faults.extend(
        others
            .difference(&changes)
            .map(|it| Fault::ChangeExtra(*it)),
    );
    if changes == others && expected.changes != reported.changes {
        faults.push(Fault::ChangeOrder);
    }
    if !expected.first.agrees(There::of(reported.first)) {
        faults.push(Fault::First);
    }
    if let (Some(before), Some(other)) = (expected.before_change, reported.before_change) {
        if !before.agrees(There::of(other)) {
            faults.push(Fault::BeforeChange);
        }
        if expected.is_exclusive != reported.created_exclusively {
            faults.push(Fault::Exclusive);
        }
    }
    if expected.is_listed && !reported.listed || reported.listed && !expected.is_listed {
        faults.push(Fault::Listed);
    }
    faults
}

/// Compares a trace with what the oracle expects.
#[must_use]
pub fn compare(oracle: &Oracle, trace: &Trace, made_up: &[MadeUp]) -> Comparison {
    let mut groups: BTreeMap<Vec<u8>, (Vec<Expected>, Vec<PathHistory>)> = BTreeMap::new();
    for (path, expected) in &oracle.paths {
        let group = groups.entry(general(path, made_up)).or_default();
        group.0.push(expected.clone());
    }
    for (path, history) in &trace.paths {
        let path = general(path.as_os_str().as_bytes(), made_up);
        groups.entry(path).or_default().1.push(history.clone());
    }
    let mut comparison = Comparison {
        paths: groups.len(),
        programs: programs(oracle, trace, made_up),
        ..Comparison::default()
    };
    for paths in &oracle.refusals {
        comparison.refusal(paths, trace, made_up);
    }
    for (path, (expected, reported)) in groups {
        comparison.group(&path, expected, reported);
    }
    comparison
}

/// What is wrong with the programs that were executed.
fn programs(oracle: &Oracle, trace: &Trace, made_up: &[MadeUp]) -> Vec<String> {
    // The path as given is compared but for what means nothing in it.
    let plain = |path: &[u8]| {
        let parts: PathBuf = Path::new(OsStr::from_bytes(path)).components().collect();
        let parts = match parts.strip_prefix("/proc/self/fd") {
            // The number depends on what threads opened meanwhile.
            Ok(rest) => {
                Path::new("descriptor").join(rest.components().skip(1).collect::<PathBuf>())
            }
            Err(_) => parts,
        };
        general(parts.as_os_str().as_bytes(), made_up)
    };
    let key = |given: &[u8], real: &[u8]| (plain(given), plain(real));
    let mut counts: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for ((given, real), count) in &oracle.programs {
        counts.entry(key(given, real)).or_default().0 += count;
    }
    for program in &trace.programs {
        let key = key(
            program.path.as_os_str().as_bytes(),
            program.real.as_os_str().as_bytes(),
        );
        counts.entry(key).or_default().1 += program.count;
    }
    // A failure of what was found to be a program is known too late.
    for (given, real) in &oracle.failed_programs {
        counts.entry(key(given, real)).or_default().0 += 1;
    }
    counts
        .into_iter()
        .filter(|(_, (expected, reported))| expected != reported)
        .map(|((given, real), (expected, reported))| {
            let (given, real) = (
                String::from_utf8_lossy(&given),
                String::from_utf8_lossy(&real),
            );
            format!("{given} ({real}) ran {expected} times, {reported} were reported")
        })
        .collect()
}

impl Comparison {
    /// Pairs the accounts of what has one name once made-up parts are left out: those that agree
    /// with each other first.
    fn group(&mut self, path: &[u8], expected: Vec<Expected>, reported: Vec<PathHistory>) {
        let mut reported = reported;
        let mut odd = Vec::new();
        for account in expected {
            let fitting = reported
                .iter()
                .position(|history| faults(&account, history).is_empty());
            match fitting {
                Some(at) => drop(reported.remove(at)),
                None => odd.push(account),
            }
        }
        let mut reported = reported.into_iter();
        for account in odd {
            let history = reported.next();
            let found = match &history {
                Some(history) => faults(&account, history),
                None if account.is_required() => vec![Fault::PathMissing],
                None => Vec::new(),
            };
            for fault in found {
                self.difference(path, fault, Some(&account), history.as_ref());
            }
        }
        for history in reported {
            self.difference(path, Fault::PathExtra, None, Some(&history));
        }
    }

    /// One of the paths should be reported as refused.
    fn refusal(&mut self, paths: &[Vec<u8>], trace: &Trace, made_up: &[MadeUp]) {
        let is_refused = |path: &Vec<u8>| {
            let path = Path::new(OsStr::from_bytes(path));
            let history = trace.paths.get(path);
            history.is_some_and(|history| history.seen_before.denied)
        };
        if let Some(first) = paths.first()
            && !paths.iter().any(is_refused)
        {
            let path = general(first, made_up);
            let mut expected = Expected::new(There::Unknown, "this name or the other".to_owned());
            expected.look(Look::Denied);
            let reported = trace.paths.get(Path::new(OsStr::from_bytes(first)));
            let fault = Fault::LookMissing(Look::Denied);
            self.difference(&path, fault, Some(&expected), reported);
        }
    }

    fn difference(
        &mut self,
        path: &[u8],
        fault: Fault,
        expected: Option<&Expected>,
        reported: Option<&PathHistory>,
    ) {
        let difference = Difference {
            path: path.to_vec(),
            fault,
            expected: expected.cloned(),
            reported: reported.cloned(),
        };
        match allowance(&difference) {
            Some(Allowance { name, .. }) => *self.allowed.entry(name).or_default() += 1,
            None => self.differences.push(difference),
        }
    }

    /// Passes over the faults that are known. Gives those that did not show.
    pub fn pass_over(&mut self, known: &[Known], work: &[u8]) -> Vec<&'static str> {
        let shows = |fault: &Known, difference: &Difference| {
            let relative = difference.path.strip_prefix(work);
            relative.is_some_and(|path| fault.shows_at(path.strip_prefix(b"/").unwrap_or(path)))
        };
        let differences = std::mem::take(&mut self.differences);
        let (passed, left): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|difference| known.iter().any(|fault| shows(fault, difference)));
        self.differences = left;
        known
            .iter()
            .filter(|fault| !passed.iter().any(|difference| shows(fault, difference)))
            .map(|fault| fault.what)
            .collect()
    }

    /// Whether there is nothing that has no excuse.
    #[must_use]
    pub fn is_agreement(&self) -> bool {
        self.differences.is_empty() && self.programs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_up_are_compared_by_what_is_not() {
        let general = |pattern, name: &str| {
            let general = MadeUp(pattern).general(name.as_bytes());
            general.map(|general| String::from_utf8(general).unwrap())
        };
        assert_eq!(general("cc???*", "ccaB1.o").as_deref(), Some("cc???.o"));
        assert_eq!(general("cc???*", "ccaB"), None);
        assert_eq!(
            general("x.#.lock", "x.123.lock").as_deref(),
            Some("x.#.lock")
        );
        assert_eq!(general("x.#.lock", "x..lock"), None);
        assert_eq!(general("x??", "xabc"), None);
    }
}
