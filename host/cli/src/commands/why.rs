//! `vt why`: why steps of the last run hit, ran or were not stored.

use std::time::{SystemTime, UNIX_EPOCH};

use anstream::println;
use vt_plan::TaskTarget;

use crate::args::{Args, Why};
use crate::error::Error;
use crate::report::history::{History, Record};
use crate::report::summary::Step;
use crate::report::wording;
use crate::settings;

/// Runs the command.
pub(crate) fn why(args: &Args, why: &Why) -> Result<i32, Error> {
    settings::looks(args);
    let world = settings::world(args)?;
    let plugins = vt_run::built_in_plugins();
    let plugins: Vec<&str> = plugins.iter().map(String::as_str).collect();
    let project = vt_config::load(&world.current_dir, &plugins).map_err(Error::Config)?;
    let here = world
        .current_dir
        .relative_to(&project.root)
        .unwrap_or_default();
    let package = &project.packages[project.package_at(&here)].id;
    let target = why.task.as_deref().map(TaskTarget::parse);
    let records = History::of(&project, &world).load();
    if records.is_empty() {
        return Err(Error::NoRun);
    }
    let mut runs = records
        .iter()
        .map(|record| (record, steps(record, target.as_ref(), package)))
        .filter(|(_, steps)| !steps.is_empty());
    let Some((record, now)) = runs.next() else {
        return Err(Error::NeverRan(why.task.clone().unwrap_or_default()));
    };
    println!("{}", wording::run_of(&ago(record)));
    let Some(older) = why.against else {
        for step in now {
            print(wording::step_details(step));
        }
        return Ok(0);
    };
    let Some((older, then)) = runs.nth(usize::from(older) - 1) else {
        return Err(Error::NoOlderRun(older));
    };
    println!("{}", wording::compared_with(&ago(older)));
    for step in now {
        print(wording::step_details(step));
        let lines = match then.iter().find(|then| then.id == step.id) {
            Some(then) => wording::step_differences(step, then),
            None => vec![wording::not_there_then()],
        };
        print(lines.into_iter().map(|line| format!("  {line}")).collect());
    }
    Ok(0)
}

fn print(lines: Vec<String>) {
    for line in lines {
        println!("{line}");
    }
}

/// The steps of a run that are meant: without a package those of the current one if it has any.
fn steps<'r>(record: &'r Record, target: Option<&TaskTarget>, here: &str) -> Vec<&'r Step> {
    let all = record.summary.steps.iter();
    let Some(target) = target else {
        return all.collect();
    };
    let named: Vec<&Step> = all.filter(|step| step.task == target.task).collect();
    let of = |package: &dyn Fn(&str) -> bool| -> Vec<&'r Step> {
        let named = named.iter().copied();
        named.filter(|step| package(&step.package)).collect()
    };
    if let Some(wanted) = &target.package {
        let unscoped = |package: &str| {
            let name = package
                .strip_prefix('@')
                .and_then(|name| name.split_once('/'));
            name.is_some_and(|(_, name)| name == wanted)
        };
        return of(&|package| package == wanted || unscoped(package));
    }
    let own = of(&|package| package == here);
    if own.is_empty() { named } else { own }
}

fn ago(record: &Record) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    wording::ago(now.saturating_sub(record.ended_ms))
}
