//! What is meant: arguments and environment, resolved. The only place that asks the process
//! about itself.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use vt_base::{AbsPath, RelPath};
use vt_config::{Project, Scripts};
use vt_run::{Interrupts, Screens, TerminalSize, World};

use crate::args::{Args, Color, Log, Run};
use crate::env_names;
use crate::error::Error;
use crate::run_blocks;

/// How many steps run at once unless somebody says otherwise.
const CONCURRENCY: usize = 4;

/// How long the descendants of a command may outlive it before its trace is given up.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

/// The policy file for every workspace of the machine.
const MACHINE_POLICY: &str = "/etc/vt/policy.json";

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A variable of this process; one that is set to nothing has a value here.
pub(crate) fn own_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The directory of invocation, with links resolved.
pub(crate) fn current_dir(args: &Args) -> Result<AbsPath, Error> {
    let given = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let real = std::fs::canonicalize(&given).map_err(|error| {
        Error::Usage(format!(
            "cannot use the directory `{}`: {error}",
            given.display()
        ))
    })?;
    absolute(&real)
}

fn absolute(path: &Path) -> Result<AbsPath, Error> {
    AbsPath::new(path).map_err(|error| Error::Usage(error.to_string()))
}

/// Looks at the process once.
pub(crate) fn world(args: &Args) -> Result<World, Error> {
    let current_dir = current_dir(args)?;
    let directory = |name: &str| variable(name).map(|value| current_dir.join(value));
    // Traces have real paths.
    let real = |path: AbsPath| {
        let real = std::fs::canonicalize(&path).ok();
        real.and_then(|real| AbsPath::new(real).ok())
            .unwrap_or(path)
    };
    Ok(World {
        env: std::env::vars_os().collect(),
        above: vt_run::demand_above(),
        names: env_names::OF_STEPS,
        home: directory(env_names::HOME).map(real),
        temp_dir: current_dir.join(std::env::temp_dir()),
        user_cache: directory(env_names::XDG_CACHE_HOME),
        cache_dir: directory(env_names::CACHE_DIR),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        screens: Screens::default(),
        interrupts: interrupts(),
        plugins: vt_run::PluginWorld {
            lock: if variable(env_names::CI).is_some() {
                vt_run::LockMode::Frozen
            } else {
                vt_run::LockMode::Open
            },
            machine_policy: AbsPath::new(MACHINE_POLICY).ok(),
            named_policy: directory(env_names::POLICY),
            user: rustix::process::getuid().as_raw(),
        },
        current_dir,
    })
}

/// Does what a test wishes that kills this process somewhere in the middle.
#[cfg(debug_assertions)]
pub(crate) fn prepare_to_die() {
    if let Some(point) = variable(env_names::DIE_AT) {
        vt_store::die_at(&point.to_string_lossy());
    }
}

/// The terminals that output ends up on as it is.
pub(crate) fn screens(looks: Looks) -> Screens {
    Screens {
        out: screen(&std::io::stdout(), looks.out),
        err: screen(&std::io::stderr(), looks.err),
    }
}

/// The size of the terminal that a stream is, if it is one and shows all that terminals can. In a
/// CI service nobody watches.
fn screen(stream: &(impl IsTerminal + AsFd), look: Look) -> Option<TerminalSize> {
    const FALLBACK: TerminalSize = TerminalSize {
        columns: 80,
        rows: 24,
    };
    if !stream.is_terminal() || look == Look::Plain || variable(env_names::CI).is_some() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stream).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    Some(size.map_or(FALLBACK, |size| TerminalSize {
        columns: size.ws_col,
        rows: size.ws_row,
    }))
}

/// A terminal sends what is typed to every process of the group in front.
fn interrupts() -> Interrupts {
    let in_front = std::fs::File::open("/dev/tty")
        .ok()
        .and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok());
    if in_front.is_some_and(|group| own_group() == Some(group.as_raw_nonzero().get())) {
        Interrupts::FromTerminal
    } else {
        Interrupts::FromVt
    }
}

/// The process group of this process. Its leader may live outside of the container this process is
/// in, and then it has no number here; `getpgrp` gives 0, which the type it returns can't hold.
fn own_group() -> Option<i32> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program comes second and may hold anything. Then: state, parent, group.
    let (_, rest) = stat.rsplit_once(')')?;
    let group: i32 = rest.split_ascii_whitespace().nth(2)?.parse().ok()?;
    (group != 0).then_some(group)
}

/// What a stream of this process is shown with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// Colours pass.
    Coloured,
    /// Colours are dropped.
    Plain,
}

/// What the streams of this process are shown with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    /// Standard output.
    pub(crate) out: Look,
    /// Standard error.
    pub(crate) err: Look,
}

/// Whether there are colours: the flag beats `NO_COLOR`, which beats `FORCE_COLOR`, which beats
/// what the stream is. Sets it for everything that is printed from now on.
pub(crate) fn looks(args: &Args) -> Looks {
    let forced = variable(env_names::FORCE_COLOR).is_some_and(|value| value != "0");
    let asked = match args.color {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto if variable(env_names::NO_COLOR).is_some() => ColorChoice::Never,
        Color::Auto if forced => ColorChoice::Always,
        Color::Auto => ColorChoice::Auto,
    };
    asked.write_global();
    let look = |found: ColorChoice| match found {
        ColorChoice::Never => Look::Plain,
        _ => Look::Coloured,
    };
    Looks {
        out: look(AutoStream::choice(&std::io::stdout())),
        err: look(AutoStream::choice(&std::io::stderr())),
    }
}

/// Whether somebody can be asked which task is meant: not in a script, nor in a CI service.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && std::io::stderr().is_terminal()
        && variable(env_names::CI).is_none()
        && variable(env_names::TERM).is_none_or(|term| term != "dumb")
        && variable(env_names::OF_STEPS.run).is_none()
}

/// How output is shown: as was asked, else live on a terminal. The block of the live one is for
/// people who watch: it is nothing for a pipe or a CI service.
pub(crate) fn log(run: &Run) -> Log {
    let is_watched = std::io::stdout().is_terminal()
        && std::io::stderr().is_terminal()
        && variable(env_names::CI).is_none()
        && variable(env_names::TERM).is_none_or(|term| term != "dumb");
    match (run.log, is_watched) {
        (Some(Log::Live), false) => Log::Labeled,
        (Some(log), _) => log,
        (None, true) => Log::Live,
        (None, false) => Log::Interleaved,
    }
}

/// Reads the workspace around the current directory.
pub(crate) fn project(world: &World) -> Result<Project, Error> {
    project_with(world, &mut |_, _| {})
}

/// The same for a command that ends when it is done with it: a process that ends need not give its
/// memory back piece by piece.
pub(crate) fn project_to_the_end(world: &World) -> Result<ManuallyDrop<Project>, Error> {
    project(world).map(ManuallyDrop::new)
}

/// Reads the workspace around the current directory, and tells each `run` block that a
/// `vite.config.*` of it has, by the directory of its package.
pub(crate) fn project_with(
    world: &World,
    tell: &mut dyn FnMut(&RelPath, &str),
) -> Result<Project, Error> {
    let plugins = vt_run::built_in_plugins();
    let plugins: Vec<&str> = plugins.iter().map(String::as_str).collect();
    let evaluate = &mut |scripts: &Scripts| {
        let answers = run_blocks::evaluate(world, scripts);
        for (script, answer) in scripts.files.iter().zip(&answers) {
            if let Ok(block) = answer
                && block != "null"
            {
                tell(&script.directory, block);
            }
        }
        answers
    };
    vt_config::load_with(&world.current_dir, &plugins, evaluate).map_err(Error::Config)
}

/// How many steps may run at once: the flag beats the environment.
pub(crate) fn concurrency(run: &Run) -> Result<usize, Error> {
    if let Some(limit) = run.concurrency_limit {
        return Ok(limit.into());
    }
    let name = env_names::CONCURRENCY_LIMIT;
    let Some(text) = variable(name) else {
        return Ok(if run.parallel {
            usize::MAX
        } else {
            CONCURRENCY
        });
    };
    text.to_str()
        .and_then(|text| text.parse().ok())
        .filter(|limit| *limit > 0)
        .ok_or_else(|| {
            Error::Usage(format!(
                "`{name}` must be a number from 1, not `{}`",
                text.display()
            ))
        })
}
