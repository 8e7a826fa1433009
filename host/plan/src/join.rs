//! Makes one step of neighbouring steps of a task that were seen to work on the same files.
//!
//! Which ones is for others to know. A later segment that writes what an earlier one left
//! (`tsc && tsc-alias`) can't be brought back on its own: restoring the result of the earlier one
//! would undo it. Together they have one result.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use vt_base::{Digest, Invocation, Program, StableHasher, StepId};

use crate::shell::quote;
use crate::{Plan, PlannedStep};

/// Two segments of one task of which the later changes what the earlier leaves, by the names of
/// their commands.
pub type Join = (Digest, Digest);

/// A plan in which steps that belong together are one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinedPlan {
    /// The plan.
    pub plan: Plan,
    /// Of each step that was made of several, all of them; the first has its name.
    pub members: BTreeMap<StepId, Vec<StepId>>,
}

/// Names what a step spawns, and nothing else of it.
#[must_use]
pub fn command_name(invocation: &Invocation) -> Digest {
    let mut hasher = StableHasher::new("vt-command");
    match &invocation.program {
        Program::Direct(name) => hasher.number(0).text(name),
        Program::Shell(text) => hasher.number(1).text(text),
    };
    hasher
        .texts(invocation.args.iter().map(String::as_str))
        .bytes(invocation.directory.as_bytes())
        .number(invocation.env_prefix.len() as u64);
    for (name, value) in &invocation.env_prefix {
        hasher.text(name).text(value);
    }
    hasher.finish()
}

/// Joins the steps of a plan. `known` gives the joins of a task by one of its steps; it is asked
/// once for each task that has several.
#[must_use]
pub fn join(plan: Plan, known: &dyn Fn(&StepId) -> Vec<Join>) -> JoinedPlan {
    let mut joined = JoinedPlan {
        plan: Plan {
            steps: Vec::new(),
            unmatched: plan.unmatched.clone(),
        },
        members: BTreeMap::new(),
    };
    // Where each step of the old plan is in the new one.
    let mut places: Vec<usize> = Vec::new();
    let mut rest = &plan.steps[..];
    while let Some(first) = rest.first() {
        let is_same = |step: &PlannedStep| {
            let (one, other) = (&step.invocation.step, &first.invocation.step);
            (&one.package, &one.task) == (&other.package, &other.task)
        };
        let count = rest.iter().take_while(|step| is_same(step)).count();
        let (task, others) = rest.split_at(count);
        rest = others;
        let joins = if count > 1 {
            known(&first.invocation.step)
        } else {
            Vec::new()
        };
        for range in ranges(task, &joins) {
            let place = joined.plan.steps.len();
            places.extend(range.clone().map(|_| place));
            let members = &task[range];
            let mut step = one_of(members);
            for before in &mut step.after {
                *before = places[*before];
            }
            step.after.sort_unstable();
            step.after.dedup();
            if members.len() > 1 {
                let names = members.iter().map(|step| step.invocation.step.clone());
                let name = step.invocation.step.clone();
                joined.members.insert(name, names.collect());
            }
            joined.plan.steps.push(step);
        }
    }
    joined
}

/// The runs of steps that become one, in order; most hold one step.
fn ranges(task: &[PlannedStep], joins: &[Join]) -> Vec<RangeInclusive<usize>> {
    let names: Vec<Digest> = if joins.is_empty() {
        Vec::new()
    } else {
        task.iter()
            .map(|step| command_name(&step.invocation))
            .collect()
    };
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < task.len() {
        let mut end = start;
        let mut next = start;
        while next <= end && !names.is_empty() {
            let reaches = |last: &usize| {
                let is_known = joins.contains(&(names[next], names[*last]));
                is_known && can_join(&task[start..=*last])
            };
            let last = (end + 1..task.len()).rev().find(reaches);
            end = last.unwrap_or(end);
            next += 1;
        }
        ranges.push(start..=end);
        start = end + 1;
    }
    ranges
}

/// What runs in several directories stays apart: a step has one.
fn can_join(steps: &[PlannedStep]) -> bool {
    steps
        .windows(2)
        .all(|pair| pair[0].invocation.directory == pair[1].invocation.directory)
}

fn one_of(members: &[PlannedStep]) -> PlannedStep {
    let mut step = members[0].clone();
    if members.len() == 1 {
        return step;
    }
    let texts = |text: &dyn Fn(&Invocation) -> String| {
        let texts = members.iter().map(|step| text(&step.invocation));
        texts.collect::<Vec<_>>().join(" && ")
    };
    step.invocation.command = texts(&|invocation| invocation.command.clone());
    step.invocation.program = Program::Shell(texts(&shell_text));
    step.invocation.args = Vec::new();
    step.invocation.env_prefix = Vec::new();
    step
}

/// The text that makes a shell run a step as it would run on its own: whatever it does to its
/// shell stays with it.
fn shell_text(invocation: &Invocation) -> String {
    let name = match &invocation.program {
        Program::Shell(text) => return format!("( {text}\n)"),
        // Not to be taken for an assignment.
        Program::Direct(name) if name.contains('=') => format!("'{}'", name.replace('\'', r"'\''")),
        Program::Direct(name) => quote(name),
    };
    let prefix = invocation.env_prefix.iter();
    let mut words: Vec<String> = prefix
        .map(|(name, value)| format!("{name}={}", quote(value)))
        .collect();
    words.push(name);
    words.extend(invocation.args.iter().map(|arg| quote(arg)));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use vt_base::{CachePolicy, Declared, RelPath};

    use super::*;

    fn step(task: &str, index: u32, program: Program, after: &[usize]) -> PlannedStep {
        PlannedStep {
            invocation: Invocation {
                step: StepId {
                    package: "p".into(),
                    task: task.into(),
                    index,
                },
                command: match &program {
                    Program::Direct(text) | Program::Shell(text) => text.clone(),
                },
                program,
                args: Vec::new(),
                directory: RelPath::root(),
                package_dir: RelPath::root(),
                env_prefix: Vec::new(),
                cache: CachePolicy::Enabled,
                declared: Declared::default(),
            },
            after: after.to_vec(),
            package: 0,
        }
    }

    fn direct(task: &str, index: u32, name: &str, after: &[usize]) -> PlannedStep {
        step(task, index, Program::Direct(name.into()), after)
    }

    /// Each step as its text, and what it waits for.
    fn shown(plan: &Plan) -> Vec<(String, Vec<usize>)> {
        let text = |step: &PlannedStep| match &step.invocation.program {
            Program::Direct(text) | Program::Shell(text) => text.clone(),
        };
        let steps = plan.steps.iter();
        steps.map(|step| (text(step), step.after.clone())).collect()
    }

    fn pair(plan: &Plan, earlier: usize, later: usize) -> Join {
        let name = |at: usize| command_name(&plan.steps[at].invocation);
        (name(earlier), name(later))
    }

    #[test]
    fn what_lies_between_two_that_belong_together_belongs_to_them() {
        let steps = vec![
            direct("a", 0, "one", &[]),
            direct("b", 0, "tsc", &[0]),
            step("b", 1, Program::Shell("x; y # z".into()), &[1]),
            direct("b", 2, "tsc-alias", &[2]),
            direct("b", 3, "last", &[3]),
            direct("c", 0, "end", &[0, 4]),
        ];
        let plan = Plan {
            steps,
            unmatched: Vec::new(),
        };
        let joins = vec![pair(&plan, 1, 3)];
        let joined = join(plan, &|step| {
            assert_eq!(step.task, "b");
            joins.clone()
        });
        let after = |text: &str, after: &[usize]| (text.to_owned(), after.to_vec());
        assert_eq!(
            shown(&joined.plan),
            [
                after("one", &[]),
                after("tsc && ( x; y # z\n) && tsc-alias", &[0]),
                after("last", &[1]),
                after("end", &[0, 2]),
            ]
        );
        let name = &joined.plan.steps[1].invocation.step;
        assert_eq!(name.index, 0);
        assert_eq!(joined.members[name].len(), 3);
    }

    #[test]
    fn joins_that_overlap_are_one() {
        let steps = (0..4).map(|index| direct("a", index, &format!("c{index}"), &[]));
        let plan = Plan {
            steps: steps.collect(),
            unmatched: Vec::new(),
        };
        let joins = vec![pair(&plan, 0, 1), pair(&plan, 1, 2)];
        let joined = join(plan, &|_| joins.clone());
        assert_eq!(joined.plan.steps.len(), 2);
        assert_eq!(joined.plan.steps[0].invocation.command, "c0 && c1 && c2");
    }

    #[test]
    fn steps_of_several_directories_or_without_a_known_join_stay_apart() {
        let mut other = direct("a", 1, "two", &[0]);
        other.invocation.directory = RelPath::new("sub").unwrap();
        let plan = Plan {
            steps: vec![direct("a", 0, "one", &[]), other],
            unmatched: Vec::new(),
        };
        let joins = vec![pair(&plan, 0, 1)];
        assert_eq!(join(plan.clone(), &|_| joins.clone()).plan, plan);
        assert_eq!(join(plan.clone(), &|_| Vec::new()).plan, plan);
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        let mut one = direct("a", 0, "x=y", &[]);
        one.invocation.args = vec!["it's".into(), String::new()];
        one.invocation.env_prefix = vec![("A".into(), "b c".into())];
        assert_eq!(shell_text(&one.invocation), r"A='b c' 'x=y' 'it'\''s' ''");
    }
}
