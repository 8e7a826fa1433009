//! What was seen of a command, for people and for programs.
//!
//! Paths that are not UTF-8 are shown with replacement characters.

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;

use vt_tracker::{Change, PathHistory, Seen, State, Trace, Tracked};

use crate::json;

/// How much is reported, and how.
#[derive(Clone, Copy, Default)]
pub(crate) struct Form {
    /// Each path, not only how many.
    pub(crate) paths: bool,
    /// As JSON.
    pub(crate) json: bool,
}

/// Writes what was seen.
pub(crate) fn write(
    to: &mut dyn Write,
    tracked: &Tracked,
    wall: Duration,
    form: Form,
) -> io::Result<()> {
    if form.json {
        writeln!(to, "{}", as_json(tracked, wall, form))
    } else {
        as_text(to, tracked, wall, form)
    }
}

/// How many paths a claim holds for.
fn counts(trace: &Trace) -> [(&'static str, usize); 9] {
    let seen = |is: fn(&Seen) -> bool| {
        let histories = trace.paths.values();
        histories.filter(|history| is(&history.seen_before)).count()
    };
    [
        ("paths", trace.paths.len()),
        ("read", seen(|seen| seen.read)),
        ("listed", seen(|seen| seen.listed)),
        ("probed", seen(|seen| seen.probed)),
        ("missed", seen(|seen| seen.missed)),
        ("link", seen(|seen| seen.link)),
        ("executed", seen(|seen| seen.executed)),
        ("denied", seen(|seen| seen.denied)),
        (
            "changed",
            (trace.paths.values())
                .filter(|history| !history.changes.is_empty())
                .count(),
        ),
    ]
}

fn as_text(to: &mut dyn Write, tracked: &Tracked, wall: Duration, form: Form) -> io::Result<()> {
    let trace = &tracked.trace;
    writeln!(to, "track: {} after {wall:.3?}", tracked.status)?;
    let counts: Vec<String> = counts(trace)
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    writeln!(to, "  calls seen {}", trace.accesses)?;
    writeln!(to, "  {}", counts.join(", "))?;
    for program in &trace.programs {
        let (given, real) = (program.path.display(), program.real.display());
        write!(to, "  ran {given}")?;
        if program.path != program.real {
            write!(to, " = {real}")?;
        }
        writeln!(to, ", times {}", program.count)?;
    }
    for service in &trace.services {
        let by = service.program.as_deref().unwrap_or("an unknown program");
        writeln!(to, "  used the service {} of {by}", service.address)?;
    }
    if trace.completeness.is_complete() {
        writeln!(to, "  complete")?;
    }
    for (reason, told) in trace.completeness.0.iter().zip(trace.reasons()) {
        writeln!(to, "  NOT COMPLETE ({}): {told}", reason.name())?;
    }
    if form.paths {
        for (path, history) in &trace.paths {
            writeln!(to, "  {}  {}", path.display(), story(history))?;
        }
        for name in &trace.demanded {
            writeln!(to, "  ${}", name.display())?;
        }
    }
    Ok(())
}

fn as_json(tracked: &Tracked, wall: Duration, form: Form) -> String {
    let trace = &tracked.trace;
    let text = |path: &Path| json::string(&path.to_string_lossy());
    let or_null = |number: Option<i32>| number.map_or("null".to_owned(), |code| code.to_string());
    let counts = counts(trace)
        .iter()
        .fold(json::Object::new(), |object, (name, count)| {
            object.add(name, count)
        });
    let programs = trace.programs.iter().map(|program| {
        json::Object::new()
            .add("path", text(&program.path))
            .add("real", text(&program.real))
            .add("count", program.count)
            .finish()
    });
    let services = trace.services.iter().map(|service| {
        let program = service.program.as_deref();
        json::Object::new()
            .add("address", json::string(&service.address.to_string()))
            .add("program", program.map_or("null".to_owned(), json::string))
            .finish()
    });
    let reasons = trace.completeness.0.iter().zip(trace.reasons());
    let reasons = reasons.map(|(reason, told)| {
        json::Object::new()
            .add("name", json::string(reason.name()))
            .add("text", json::string(&told))
            .finish()
    });
    let mut whole = json::Object::new()
        .add("code", or_null(tracked.status.code()))
        .add("signal", or_null(tracked.status.signal()))
        .add("wall_seconds", wall.as_secs_f64())
        .add("calls_seen", trace.accesses)
        .add("counts", counts.finish())
        .add("complete", trace.completeness.is_complete())
        .add("reasons", json::list(reasons))
        .add("left_running", tracked.survivors.is_some())
        .add("programs", json::list(programs))
        .add("services", json::list(services));
    if form.paths {
        let stories = trace.paths.iter().map(|(path, history)| {
            json::Object::new()
                .add("path", text(path))
                .add("story", json::string(&story(history)))
                .finish()
        });
        whole = whole.add("paths", json::list(stories));
    }
    whole.finish()
}

/// What a path went through: what was there first, the looks before the first change, the changes.
fn story(history: &PathHistory) -> String {
    let seen = history.seen_before;
    let first = match history.first {
        State::Missing => "missing".to_owned(),
        State::Present { kind, .. } => format!("{kind:?}").to_lowercase(),
    };
    let looks = [
        (seen.read, "read"),
        (seen.listed, "list"),
        (seen.probed, "probe"),
        (seen.missed, "miss"),
        (seen.link, "link"),
        (seen.executed, "execute"),
        (seen.denied, "denied"),
    ];
    let looks = looks.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
    let changes = history.changes.iter().map(|change| match change {
        Change::Fresh => "FRESH",
        Change::Keeps => "KEEPS",
        Change::Append => "APPEND",
        Change::Metadata => "METADATA",
        Change::Delete => "DELETE",
    });
    let exclusive = history.created_exclusively.then_some("exclusive");
    let words: Vec<&str> = looks.chain(changes).chain(exclusive).collect();
    format!("{first}: {}", words.join(" "))
}
