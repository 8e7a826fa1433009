//! Runs a program, changes its tree, runs it again, and holds that against the truth.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use vt_harness::{Content, Outcome, Sandbox, Status};
use vt_tracker_conformance::world::{Change, Interpreter, Look, Machine, Program, What};

use super::disk::{copy, remove};
use super::gap::{self, Gap, There};
use super::mutation::{Action, Mutation};

/// Where programs run.
const ROOM: &str = "o/o/o/o/room";

/// Which tree changes and is run in again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tree {
    /// The one that the first run left.
    AsLeft,
    /// One like that it started from, as on a fresh checkout.
    Anew,
}

/// What is done about known differences.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gaps {
    /// They are left out.
    LeftOut,
    /// They are looked for.
    Wanted,
}

/// What is run.
pub(crate) struct Case<'c> {
    pub(crate) gaps: Gaps,
    pub(crate) program: &'c Program,
    /// The first of these that can be made is.
    pub(crate) mutations: &'c [Mutation],
    pub(crate) tree: Tree,
}

/// What came of it.
pub(crate) enum Verdict {
    /// The first run was not stored, for these reasons.
    NotStored(Vec<String>),
    /// No change could be made.
    NothingToChange,
    /// A known difference.
    LeftOut(Gap),
    /// It ran again, and would have done otherwise.
    Ran,
    /// It ran again, and did the same.
    RanForNothing,
    /// It was a hit, and rightly so.
    Hit,
    /// It was a hit, and rightly so only as on a fresh checkout.
    HitAsAnew,
    /// It was a hit, since somebody had put there what the program would have made.
    HitInPlace,
    /// It showed or left something else than it should.
    Wrong(String),
}

impl Verdict {
    /// Under what it is counted.
    pub(crate) fn counted(&self) -> Vec<String> {
        let name = match self {
            Self::NotStored(reasons) => {
                return reasons
                    .iter()
                    .map(|reason| format!("not stored: {reason}"))
                    .chain(["not stored".to_owned()])
                    .collect();
            }
            Self::LeftOut(gap) => return vec![format!("left out: {gap:?}")],
            Self::NothingToChange => "stored; nothing could be changed",
            Self::Ran => "stored; the change made a difference, and it ran",
            Self::RanForNothing => "stored; the change made no difference, but it ran",
            Self::Hit => "stored; the change made no difference, and it was a hit",
            Self::HitAsAnew => "stored; a hit as on a fresh checkout",
            Self::HitInPlace => "stored; a hit, its result was there already",
            Self::Wrong(_) => "WRONG",
        };
        vec![name.to_owned()]
    }
}

/// Whether a program changed nothing that it had looked into: such a run is not stored.
pub(crate) fn wastes_nothing(machine: &Machine) -> bool {
    machine.chronicle().paths.values().all(|history| {
        let was_used = history.seen.contains(&Look::Read)
            || history.seen.contains(&Look::Link)
            || history.changes.first().is_some_and(|change| {
                matches!(change, Change::Keeps | Change::Append | Change::Metadata)
            });
        let was_there = history
            .before_change
            .is_some_and(|what| what != What::Missing);
        !(was_used && was_there)
    })
}

/// What came of a case, and the change that was made.
pub(crate) struct Trial {
    pub(crate) verdict: Verdict,
    pub(crate) mutation: Option<Mutation>,
}

impl Trial {
    /// Whether something was shown or left that should not have been.
    pub(crate) const fn is_wrong(&self) -> bool {
        matches!(self.verdict, Verdict::Wrong(_))
    }
}

/// What a run shows and leaves.
#[derive(PartialEq, Eq)]
struct Effect {
    said: String,
    left: Content,
}

impl Effect {
    fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        for (here, there) in lines(&self.said).iter().zip(&lines(&other.said)) {
            if here != there {
                found.push(format!("it should say `{there}`, and says `{here}`"));
                break;
            }
        }
        if found.is_empty() && self.said != other.said {
            found.push("it says more or less than it should".to_owned());
        }
        let changes = other.left.changes(&self.left);
        found.extend(
            changes
                .iter()
                .map(|change| format!("left wrongly: {change}")),
        );
        found
    }
}

struct Stage<'s> {
    sandbox: Sandbox,
    case: &'s Case<'s>,
    interpreter: &'s Interpreter,
}

/// Runs a case.
pub(crate) fn run(case: &Case<'_>, interpreter: &Interpreter) -> Trial {
    let stage = Stage {
        sandbox: Sandbox::empty(),
        case,
        interpreter,
    };
    stage.prepare();
    stage.run().expect("the disk takes it")
}

impl Stage<'_> {
    fn prepare(&self) {
        let sandbox = &self.sandbox;
        let words: Vec<String> = self
            .interpreter
            .words
            .iter()
            .map(|word| word.display().to_string())
            .chain(["operations".to_owned(), ROOM.to_owned()])
            .collect();
        sandbox.write("package.json", r#"{ "name": "app", "private": true }"#);
        sandbox.write(
            "vite-task.json",
            json!({ "tasks": { "b": words.join(" ") } }).to_string(),
        );
        sandbox.write("operations", self.case.program.text());
        fs::create_dir_all(sandbox.home().join(".cache")).expect("the disk takes it");
    }

    /// Where the program runs. A change may make it climb out, into more that is compared.
    fn room(&self) -> PathBuf {
        self.sandbox.path(ROOM)
    }

    /// What the first run left, if the second has another tree.
    fn first(&self) -> PathBuf {
        self.sandbox.home().join(".cache/first")
    }

    /// The top of all that is compared.
    fn top(&self) -> PathBuf {
        self.sandbox.path("o")
    }

    fn plant(&self) -> io::Result<()> {
        remove(&self.top())?;
        fs::create_dir_all(self.room())?;
        self.case.program.plant(&self.room())
    }

    fn run(&self) -> io::Result<Trial> {
        let without = |verdict| {
            Ok(Trial {
                verdict,
                mutation: None,
            })
        };
        let is_left_out = self.case.gaps == Gaps::LeftOut;
        if let Some(gap) = gap::of_program(self.case.program).filter(|_| is_left_out) {
            return without(Verdict::LeftOut(gap));
        }
        self.plant()?;
        let outcome = self.sandbox.call("vt run b").run();
        let first = self.effect(&outcome);
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Ran, "{}", outcome.said());
        if !step.stored {
            let reasons = outcome.not_stored().into_iter().map(str::to_owned);
            return without(Verdict::NotStored(reasons.collect()));
        }
        if self.case.tree == Tree::Anew {
            copy(&self.room(), &self.first(), &mut BTreeMap::new())?;
            self.plant()?;
        }
        for mutation in self.case.mutations {
            let place = self.room().join(&mutation.path);
            let before = There::at(&place);
            if !mutation.apply(&self.room())? {
                continue;
            }
            let after = There::at(&place);
            let leads_nowhere = self.case.tree == Tree::AsLeft
                && after == There::Link
                && fs::metadata(&place).is_err();
            let gap = gap::of_change(self.case.program, mutation, before, after, leads_nowhere);
            let verdict = match gap.filter(|_| is_left_out) {
                Some(gap) => Verdict::LeftOut(gap),
                None => self.run_again(&first, mutation, before)?,
            };
            return Ok(Trial {
                verdict,
                mutation: Some(mutation.clone()),
            });
        }
        without(Verdict::NothingToChange)
    }

    fn run_again(&self, first: &Effect, mutation: &Mutation, before: There) -> io::Result<Verdict> {
        let made = self.first().join(&mutation.path);
        let take = |place: &Path| Content::take(place).expect("the disk takes it");
        let is_in_place = take(&made) == take(&self.room().join(&mutation.path));
        let truth = self.truth()?;
        let outcome = self.sandbox.call("vt run b").run();
        let second = self.effect(&outcome);
        let differences = second.differences(&truth);
        if outcome.status() != Status::Hit {
            return Ok(match (differences.as_slice(), second == *first) {
                ([], true) => Verdict::RanForNothing,
                ([], false) => Verdict::Ran,
                (differences, _) => {
                    Verdict::Wrong(format!("it ran otherwise: {}", differences.join("; ")))
                }
            });
        }
        if differences.is_empty() {
            return Ok(Verdict::Hit);
        }
        if self.case.tree == Tree::AsLeft && self.is_true_anew(&second, mutation, before)? {
            return Ok(Verdict::HitAsAnew);
        }
        if second == *first && is_in_place {
            return Ok(Verdict::HitInPlace);
        }
        let differences = differences.join("; ");
        Ok(Verdict::Wrong(format!("a wrong hit: {differences}")))
    }

    fn effect(&self, outcome: &Outcome) -> Effect {
        Effect {
            said: outcome.out(),
            left: Content::take(&self.top()).expect("the disk takes it"),
        }
    }

    /// What the plain program does with the tree as it is, which stays as it is.
    fn truth(&self) -> io::Result<Effect> {
        let aside = self.sandbox.home().join(".cache/aside");
        fs::rename(self.top(), &aside)?;
        copy(&aside, &self.top(), &mut BTreeMap::new())?;
        let truth = self.plainly();
        remove(&self.top())?;
        fs::rename(&aside, self.top())?;
        truth
    }

    /// Whether the plain program does the same with a fresh tree in which only the change was
    /// made: a result that lies there already is not an input of the step that made it.
    fn is_true_anew(
        &self,
        second: &Effect,
        mutation: &Mutation,
        before: There,
    ) -> io::Result<bool> {
        let aside = self.sandbox.home().join(".cache/aside");
        fs::rename(self.top(), &aside)?;
        self.plant()?;
        let place = self.room().join(&mutation.path);
        let is_own = There::at(&place) == There::Nothing && before != There::Nothing;
        // A result that was changed or removed may be there or not, as before.
        let mut applies = is_own || mutation.apply(&self.room())?;
        let truth = self.plainly()?;
        // What somebody put into a directory of the step stays there.
        if !applies && before == There::Nothing {
            applies = mutation.apply(&self.room())?;
        }
        let added = place.join("new");
        if mutation.action == Action::Add && is_own && There::at(&place) == There::Directory {
            fs::write(added, "new")?;
        }
        let left = Content::take(&self.top()).expect("the disk takes it");
        remove(&self.top())?;
        fs::rename(&aside, self.top())?;
        Ok(applies && truth.said == second.said && left == second.left)
    }

    fn plainly(&self) -> io::Result<Effect> {
        let words = &self.interpreter.words;
        let output = Command::new(&words[0])
            .args(&words[1..])
            .args(["operations", ROOM])
            .current_dir(self.sandbox.root())
            .stdin(Stdio::null())
            .output()?;
        Ok(Effect {
            said: String::from_utf8_lossy(&output.stdout).into_owned(),
            left: Content::take(&self.top()).expect("the disk takes it"),
        })
    }
}
