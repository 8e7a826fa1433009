//! `vt cache`: what the cache holds, and what goes out of it.

use std::time::{Duration, SystemTime};

use anstream::println;
use vt_base::AbsPath;
use vt_config::Project;
use vt_plan::TaskTarget;
use vt_run::{CacheDamage, CacheInfo, Limits, cache_directory};

use crate::args::{Args, Cache};
use crate::error::Error;
use crate::settings;

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// Runs the command.
pub(crate) fn run(args: &Args, cache: &Cache) -> Result<i32, Error> {
    let world = settings::world(args)?;
    let plugins = vt_run::built_in_plugins();
    let plugins: Vec<&str> = plugins.iter().map(String::as_str).collect();
    let project = vt_config::load(&world.current_dir, &plugins).map_err(Error::Config)?;
    let directory = cache_directory(&project, world.cache_dir.as_ref());
    match cache {
        Cache::Info => info(&project, &directory),
        Cache::Clean { tasks } => clean(&project, &world.current_dir, &directory, tasks),
        Cache::Gc => collect(&project, &directory),
        Cache::Verify => verify(&directory),
    }
}

fn info(project: &Project, directory: &AbsPath) -> Result<i32, Error> {
    let limits = Limits::of(&project.settings);
    println!("directory: {directory}");
    println!("limits: {}, {}", bytes(limits.size), age(limits.age));
    match vt_run::cache_info(directory).map_err(Error::Cache)? {
        Some(info) => show(&info),
        None => println!("nothing is stored"),
    }
    Ok(0)
}

fn show(info: &CacheInfo) {
    println!("size: {}", bytes(info.index + info.blobs));
    println!("  index: {}", bytes(info.index));
    println!("  files and terminal output: {}", bytes(info.blobs));
    if info.unnamed > 0 {
        println!("  of that not in use: {}", bytes(info.unnamed));
    }
    println!("entries: {}", info.entries);
    let name = |task: &vt_run::TaskUse| format!("{}#{}", task.package, task.task);
    let width = info.tasks.iter().map(|task| name(task).len()).max();
    for task in &info.tasks {
        let used = SystemTime::now().duration_since(task.used);
        println!(
            "  {:width$}  {:>9}  {:>3} {}, used {}",
            name(task),
            bytes(task.bytes),
            task.entries,
            if task.entries == 1 {
                "entry"
            } else {
                "entries"
            },
            ago(used.unwrap_or_default()),
            width = width.unwrap_or_default(),
        );
    }
}

fn clean(
    project: &Project,
    current_dir: &AbsPath,
    directory: &AbsPath,
    tasks: &[String],
) -> Result<i32, Error> {
    let here = current_dir.relative_to(&project.root).unwrap_or_default();
    let here = &project.packages[project.package_at(&here)].id;
    let mut meant = Vec::new();
    for text in tasks {
        let target = TaskTarget::parse(text);
        let package = target.package.unwrap_or_else(|| here.clone());
        meant.push((package, target.task));
    }
    refuse_unknown(project, directory, &meant)?;
    let is_meant = |package: &str, task: &str| {
        let is = |(one, other): &(String, String)| one == package && other == task;
        meant.is_empty() || meant.iter().any(is)
    };
    let cleaned = vt_run::cache_clean(directory, &is_meant).map_err(Error::Cache)?;
    println!(
        "removed {}, {}",
        counted(cleaned.entries, "entry", "entries"),
        bytes(cleaned.bytes)
    );
    Ok(0)
}

/// A task that neither the project nor the cache knows is a slip of the hand.
fn refuse_unknown(
    project: &Project,
    directory: &AbsPath,
    meant: &[(String, String)],
) -> Result<(), Error> {
    let is_known = |package: &str, task: &str| {
        let mut packages = project.packages.iter();
        packages.any(|one| one.id == package && one.tasks.contains_key(task))
    };
    let unknown: Vec<&(String, String)> = meant
        .iter()
        .filter(|(package, task)| !is_known(package, task))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let info = vt_run::cache_info(directory).map_err(Error::Cache)?;
    let stored = info.map(|info| info.tasks).unwrap_or_default();
    let is_stored = |(package, task): &(String, String)| {
        let mut tasks = stored.iter();
        tasks.any(|one| one.package == *package && one.task == *task)
    };
    match unknown.into_iter().find(|name| !is_stored(name)) {
        None => Ok(()),
        Some((package, task)) => Err(Error::Usage(format!(
            "there is no task `{package}#{task}`, and nothing is stored of one"
        ))),
    }
}

fn collect(project: &Project, directory: &AbsPath) -> Result<i32, Error> {
    let collected = vt_run::cache_collect(project, directory).map_err(Error::Cache)?;
    println!(
        "removed {}, {}, {}",
        counted(collected.entries, "entry", "entries"),
        counted(collected.blobs, "blob", "blobs"),
        bytes(collected.bytes)
    );
    Ok(0)
}

fn verify(directory: &AbsPath) -> Result<i32, Error> {
    let Some(verified) = vt_run::cache_verify(directory).map_err(Error::Cache)? else {
        println!("nothing is stored");
        return Ok(0);
    };
    for damage in &verified.damage {
        match damage {
            CacheDamage::Records(1) => println!("damaged: a record of the index"),
            CacheDamage::Records(number) => println!("damaged: {number} records of the index"),
            CacheDamage::Entry { step, detail } => println!("damaged: {step}: {detail}"),
            CacheDamage::Blob { detail } => println!("damaged: {detail}; no entry names it"),
        }
    }
    println!(
        "checked {}, {}: {}",
        counted(verified.entries, "entry", "entries"),
        counted(verified.blobs, "blob", "blobs"),
        if verified.damage.is_empty() {
            "all is well"
        } else {
            "what is damaged is stored again when its task runs"
        }
    );
    Ok(i32::from(!verified.damage.is_empty()))
}

fn counted(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{number} {word}")
}

/// A number of bytes for people, in the units of the configuration: a thousand each.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1000 {
        return format!("{number} B");
    }
    // In tenths, so that nothing is lost to rounding before the end.
    let (mut tenths, mut unit) = (number / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1000, unit + 1);
    }
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        rest => format!("{}.{rest} {}", tenths / 10, UNITS[unit]),
    }
}

fn age(age: Duration) -> String {
    match (age.as_secs() / DAY, age.as_secs() % DAY) {
        (days, 0) => counted(days, "day", "days"),
        _ => counted(age.as_secs() / 3600, "hour", "hours"),
    }
}

fn ago(since: Duration) -> String {
    match since.as_secs() {
        0..7200 => "today".to_owned(),
        seconds if seconds < DAY => format!("{} hours ago", seconds / 3600),
        seconds => format!("{} ago", counted(seconds / DAY, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_in_the_configuration() {
        let written = [
            0,
            999,
            1000,
            1_250,
            999_999,
            1_000_000,
            10_000_000_000,
            2_340_000_000_000,
        ];
        assert_eq!(
            written.map(bytes),
            [
                "0 B", "999 B", "1 kB", "1.2 kB", "999.9 kB", "1 MB", "10 GB", "2.3 TB"
            ]
        );
    }

    #[test]
    fn times_are_written_roughly() {
        let hours = |number: u64| Duration::from_secs(3600 * number);
        assert_eq!(
            [30 * 24, 24, 36].map(|number| age(hours(number))),
            ["30 days", "1 day", "36 hours"]
        );
        assert_eq!(
            [1, 5, 24, 72].map(|number| ago(hours(number))),
            ["today", "5 hours ago", "1 day ago", "3 days ago"]
        );
    }
}
