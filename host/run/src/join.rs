//! Which segments of a task are one step: those of which a later one was seen to change what an
//! earlier one left.
//!
//! That is found out by running them, so it holds from the next run on. It is remembered for
//! everybody who uses the store: a task that is joined needlessly is only brought back as a whole.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{Digest, RelPath, StepId};
use vt_fingerprint::{Disk, LedgerRow, Observation, PathSet, Sealed, State, StateSeen};
use vt_plan::{Join, JoinedPlan, Plan, command_name, join};
use vt_store::{StoreError, Table};

use crate::context::{Context, Opened};
use crate::lookup::read_path_set;
use crate::records::{JoinRecord, LedgerRecord, decode, encode, joins_key, ledger_key, step_name};
use crate::rules::Prepared;

/// What a run has to know of segments.
#[derive(Default)]
pub(crate) struct Segments {
    /// The command of each step as planned, for tasks that have several.
    commands: BTreeMap<StepId, Digest>,
    /// The steps that were made of several.
    members: BTreeMap<StepId, Vec<StepId>>,
}

impl Segments {
    /// The names under which a step may have left something: its own first.
    pub(crate) fn names(&self, step: &StepId) -> Vec<Digest> {
        match self.members.get(step) {
            Some(members) => members.iter().map(step_name).collect(),
            None => vec![step_name(step)],
        }
    }

    /// The segments of the same task that stand before a step, by the names of the steps.
    fn before(&self, step: &StepId) -> BTreeMap<Digest, Digest> {
        let segments = self.commands.iter().filter(|(other, _)| {
            (&other.package, &other.task) == (&step.package, &step.task) && other.index < step.index
        });
        segments
            .map(|(other, command)| (step_name(other), *command))
            .collect()
    }
}

/// Joins what is known to belong together.
pub(crate) fn joined(store: Option<&Opened>, plan: Plan) -> (Plan, Segments) {
    let mut commands = BTreeMap::new();
    for pair in plan.steps.windows(2) {
        let [one, other] = [&pair[0].invocation, &pair[1].invocation];
        if (&one.step.package, &one.step.task) == (&other.step.package, &other.step.task) {
            for invocation in [one, other] {
                commands.insert(invocation.step.clone(), command_name(invocation));
            }
        }
    }
    if commands.is_empty() {
        return (plan, Segments::default());
    }
    let snapshot = store.and_then(|opened| opened.store.read().ok().flatten());
    let known = |step: &StepId| {
        let bytes = snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.get(Table::Steps, &joins_key(step)).ok().flatten());
        bytes
            .and_then(|bytes| decode::<JoinRecord>(&bytes))
            .map(|record| record.0)
            .unwrap_or_default()
    };
    let JoinedPlan { plan, members } = join(plan, &known);
    (plan, Segments { commands, members })
}

/// What a step changed of what an earlier segment left.
pub(crate) struct Learned {
    joins: BTreeSet<Join>,
    /// What is left of it, if anything: it goes on to be what the earlier segment left, so that
    /// the two together own it.
    rows: Vec<(RelPath, LedgerRecord)>,
    /// The path set of those rows.
    path_set: Option<PathSet>,
}

/// What is known of the run in which something is looked for.
pub(crate) struct Evidence<'e> {
    pub(crate) context: &'e Context<'e>,
    pub(crate) opened: &'e Opened,
    pub(crate) prepared: &'e Prepared<'e>,
    pub(crate) observation: &'e Observation,
    pub(crate) sealed: &'e Sealed,
    pub(crate) disk: &'e Disk<'e>,
    /// The path set of the run, if it can be vouched for.
    pub(crate) path_set: Option<&'e PathSet>,
    pub(crate) digested_ns: i64,
    pub(crate) ended_ns: i64,
}

impl Evidence<'_> {
    /// Finds what the step changed of what an earlier segment of its task left.
    pub(crate) fn find(&self) -> Result<Option<Learned>, StoreError> {
        let step = &self.prepared.planned.invocation.step;
        let before = self.context.segments.before(step);
        let Some(command) = self.context.segments.commands.get(step) else {
            return Ok(None);
        };
        if before.is_empty() {
            return Ok(None);
        }
        let Some(snapshot) = self.opened.store.read()? else {
            return Ok(None);
        };
        let mut joins = BTreeSet::new();
        let mut changed = Vec::new();
        let mut left_by = BTreeSet::new();
        for (path, facts) in &self.observation.paths {
            let Some(change) = &facts.change else {
                continue;
            };
            let bytes = snapshot.get(Table::Ledger, &ledger_key(&self.opened.workspace, path))?;
            let Some(record) = bytes.and_then(|bytes| decode::<LedgerRecord>(&bytes)) else {
                continue;
            };
            let Some(earlier) = before.get(&record.step) else {
                continue;
            };
            let is_as_left = |seen: &StateSeen| matches!(seen, StateSeen::Present(_, row) if *row == record.row.row);
            if record.row.state == State::Directory
                || !(is_as_left(&change.before) || is_as_left(&facts.first))
            {
                continue;
            }
            left_by.extend(record.row.path_set);
            let (now, row) = self.disk.path_state(path);
            if now == record.row.state {
                continue;
            }
            joins.insert((*earlier, *command));
            if let Some(row) = row.filter(|row| row.ctime_ns <= self.ended_ns) {
                changed.push((path.clone(), record, now, row));
            }
        }
        if joins.is_empty() {
            return Ok(None);
        }
        let mut united: BTreeSet<_> = self.path_set.iter().flat_map(|set| set.0.clone()).collect();
        let mut is_whole = self.path_set.is_some();
        for digest in &left_by {
            match read_path_set(&snapshot, digest)? {
                Some(set) => united.extend(set.0),
                None => is_whole = false,
            }
        }
        let path_set = is_whole.then(|| PathSet(united.into_iter().collect()));
        let digest = path_set.as_ref().map(PathSet::digest);
        let own = |path: &RelPath| {
            self.sealed
                .results
                .iter()
                .any(|result| result.path == *path)
        };
        let rows = changed.into_iter().filter(|(path, ..)| !own(path)).map(
            |(path, record, state, row)| {
                let settled = row.settled_at(self.digested_ns);
                let row = LedgerRow {
                    state,
                    row,
                    created: record.row.created,
                    // What was left by an untraced run stays so.
                    path_set: record.row.path_set.and(digest),
                    key: record.row.key,
                    settled,
                };
                let step = record.step;
                (path, LedgerRecord { step, row })
            },
        );
        Ok(Some(Learned {
            joins,
            rows: rows.collect(),
            path_set,
        }))
    }
}

/// Remembers what was found.
pub(crate) fn remember(
    opened: &Opened,
    step: &StepId,
    learned: &Learned,
) -> Result<(), StoreError> {
    opened.store.write(|writer| {
        let key = joins_key(step);
        let mut record = writer
            .get(Table::Steps, &key)?
            .and_then(|bytes| decode::<JoinRecord>(&bytes))
            .unwrap_or_default();
        for join in &learned.joins {
            record.add(*join);
        }
        writer.put(Table::Steps, &key, &encode(&record))?;
        if let Some(set) = &learned.path_set {
            writer.put(Table::PathSets, &set.digest().0, &encode(set))?;
        }
        for (path, row) in &learned.rows {
            let key = ledger_key(&opened.workspace, path);
            writer.put(Table::Ledger, &key, &encode(row))?;
        }
        Ok(())
    })
}
