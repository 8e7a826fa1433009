//! Starts the command of a step and waits for it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use vt_base::{EnvMap, Invocation, Program};
use vt_ipc::{Reports, Server};
use vt_tracker::{Trace, Tracked};

use crate::context::{Context, Opened, chain};
use crate::event::{Event, Stream};
use crate::output::{Frame, capture, pipe};
use crate::rules::Prepared;

/// The exit code of a command that could not be found, as shells have it.
const NOT_FOUND: i32 = 127;
/// The exit code of a command that could not be executed, as shells have it.
const NOT_EXECUTABLE: i32 = 126;

/// A cached command that ran.
pub(crate) struct Ran {
    pub(crate) exit_code: i32,
    pub(crate) frames: Option<Vec<Frame>>,
    pub(crate) trace: Option<Trace>,
    /// What tools reported, or why that can't be known.
    pub(crate) reports: Result<Reports, String>,
    /// The time of the file system just before the start, in nanoseconds.
    pub(crate) stamp_ns: i64,
    /// The time of the file system just after the end: what changes later, somebody else changes.
    pub(crate) ended_ns: i64,
}

/// The exit code that a status stands for.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn command(invocation: &Invocation, context: &Context<'_>, env: &EnvMap) -> Command {
    let mut command = match &invocation.program {
        Program::Direct(name) => {
            let mut command = Command::new(name);
            command.args(&invocation.args);
            command
        }
        Program::Shell(text) => {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(text);
            command
        }
    };
    command
        .env_clear()
        .envs(env)
        .current_dir(context.project.root.join_rel(&invocation.directory));
    command
}

/// Says why a command did not start, on its standard error, as a shell would.
fn cannot_start(context: &Context<'_>, invocation: &Invocation, error: &io::Error) -> i32 {
    let directory = context.project.root.join_rel(&invocation.directory);
    let what = match &invocation.program {
        Program::Direct(name) => name.as_str(),
        Program::Shell(_) => "/bin/sh",
    };
    let (code, text) = match error.kind() {
        io::ErrorKind::NotFound if !directory.as_path().is_dir() => (
            NOT_FOUND,
            format!("the directory `{}` does not exist", invocation.directory),
        ),
        io::ErrorKind::NotFound => (NOT_FOUND, format!("`{what}` is not found on PATH")),
        _ => (NOT_EXECUTABLE, format!("cannot run `{what}`: {error}")),
    };
    context.tell(Event::Output {
        step: invocation.step.clone(),
        stream: Stream::Err,
        bytes: format!("vt: {text}\n").into_bytes(),
    });
    code
}

/// Runs a command as if it had been typed.
pub(crate) fn run_plain(context: &Context<'_>, invocation: &Invocation, env: &EnvMap) -> i32 {
    let spawned = command(invocation, context, env).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return cannot_start(context, invocation, &error),
    };
    let pid = rustix::process::Pid::from_child(&child);
    let registered = context.cancel.register(Box::new(move |signal| {
        // The terminal sends an interrupt to everybody by itself.
        const INTERRUPT: i32 = 2;
        if signal != INTERRUPT
            && let Some(signal) = rustix::process::Signal::from_named_raw(signal)
        {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }));
    let status = child.wait();
    drop(registered);
    status.map_or(1, exit_code)
}

/// Runs a command under the tracker, with a server for tools that speak.
pub(crate) fn run_tracked(
    context: &Context<'_>,
    opened: Option<&Opened>,
    prepared: &Tracking<'_>,
) -> Ran {
    let invocation = prepared.invocation;
    let mut env = prepared.env.clone();
    let server = opened
        .ok_or_else(|| "there is no store".to_owned())
        .and_then(|opened| serve(context, opened, prepared, &mut env));
    let stamp_ns = stamp(context, opened);
    let outcome = watch(context, invocation, &env, &context.project.root);
    let ended_ns = opened
        .and_then(|opened| file_time(&opened.directory))
        .unwrap_or(i64::MIN);
    let reports = server.map(Server::finish);
    let (exit_code, frames, trace) = match outcome {
        Ok((tracked, frames)) => {
            let survivors = tracked.survivors;
            if survivors.is_some_and(|left| !left.is_kept() && !left.is_over()) {
                context.notice(
                    "processes that a step left behind will fail when `vt` ends: \
                     no process could be started to answer them"
                        .to_owned(),
                );
            }
            (exit_code(tracked.status), frames, Some(tracked.trace))
        }
        Err(error) => (
            cannot_start(context, invocation, &error),
            Some(Vec::new()),
            None,
        ),
    };
    Ran {
        exit_code,
        frames,
        trace,
        reports,
        stamp_ns,
        ended_ns,
    }
}

/// What a tracked run needs to know of a step.
pub(crate) struct Tracking<'s> {
    pub(crate) invocation: &'s Invocation,
    pub(crate) env: &'s EnvMap,
    /// All of it, if the step can be stored.
    pub(crate) prepared: Option<&'s Prepared<'s>>,
}

fn serve(
    context: &Context<'_>,
    opened: &Opened,
    tracking: &Tracking<'_>,
    env: &mut EnvMap,
) -> Result<Server, String> {
    let prepared = tracking
        .prepared
        .ok_or_else(|| "the step is not prepared".to_owned())?;
    let declared = &tracking.invocation.declared;
    let patterns = |list: &[String]| vt_base::EnvPatterns::new(list.iter().map(String::as_str));
    let server = Server::start(vt_ipc::Options {
        root: context.project.root.clone(),
        package_dir: tracking.invocation.package_dir.clone(),
        env: prepared.env.unfiltered.clone(),
        untracked: patterns(&declared.untracked_env),
        declared: patterns(&declared.env),
        session_names: vt_base::EnvPatterns::default(),
        parent_dir: socket_parent(context, opened),
    })
    .map_err(|error| chain(&error))?;
    let client = vt_ipc::materialise_node_client(&opened.directory.join("client"))
        .map_err(|error| chain(&error))?;
    env.insert(context.world.names.ipc.into(), server.endpoint());
    env.insert(
        context.world.names.node_client.into(),
        client.as_path().into(),
    );
    Ok(server)
}

/// Where the socket goes: with the temporary files, or, where these have no place, with the cache.
fn socket_parent(context: &Context<'_>, opened: &Opened) -> vt_base::AbsPath {
    if context.world.temp_dir.as_path().is_dir() {
        context.world.temp_dir.clone()
    } else {
        opened.directory.clone()
    }
}

/// The time of the file system the workspace is on, one clock tick after the last write that is
/// known, so that what the step before wrote is not taken for somebody else's.
fn stamp(context: &Context<'_>, opened: Option<&Opened>) -> i64 {
    let Some(opened) = opened else {
        return i64::MAX;
    };
    let after = context.last_write_ns();
    // A file system whose clock stands still is given up on: everything is a suspect then.
    for _ in 0..100 {
        let Some(now) = file_time(&opened.directory) else {
            break;
        };
        if now > after {
            return now;
        }
        // The clock has to tick: this waits for that very thing.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    after
}

/// The time that the file system gives to what is written now, in nanoseconds.
pub(crate) fn file_time(directory: &vt_base::AbsPath) -> Option<i64> {
    let metadata = tempfile::tempfile_in(directory).and_then(|file| file.metadata());
    metadata
        .ok()
        .map(|metadata| vt_fingerprint::StatRow::of(&metadata).ctime_ns)
}

type Watched = (Tracked, Option<Vec<Frame>>);

fn watch(
    context: &Context<'_>,
    invocation: &Invocation,
    env: &EnvMap,
    root: &vt_base::AbsPath,
) -> io::Result<Watched> {
    let (out, out_writer) = pipe()?;
    let (err, err_writer) = pipe()?;
    let mut command = command(invocation, context, env);
    command
        .stdin(Stdio::null())
        .stdout(out_writer)
        .stderr(err_writer);
    let options = vt_tracker::Options {
        roots: vec![root.as_path().to_owned()],
        grace: context.grace,
        tiers: vt_tracker::Tiers::ALL,
        preload: true,
        environment: vt_tracker::Environment::Explicit,
    };
    let child = vt_tracker::spawn(command, options)?;
    let killer = child.killer();
    let registered = context
        .cancel
        .register(Box::new(move |signal| killer.kill(signal)));
    let result = read_and_wait(context, invocation, child, out, err);
    drop(registered);
    result
}

fn read_and_wait(
    context: &Context<'_>,
    invocation: &Invocation,
    child: vt_tracker::TrackedChild,
    out: OwnedFd,
    err: OwnedFd,
) -> io::Result<Watched> {
    let done = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            capture(out, err, &|| done.load(ordering), &mut |frame| {
                context.tell(Event::Output {
                    step: invocation.step.clone(),
                    stream: frame.stream,
                    bytes: frame.bytes.clone(),
                });
            })
        });
        let tracked = child.wait();
        done.store(true, ordering);
        let frames = reader.join().unwrap_or(Ok(None));
        Ok((tracked?, frames.unwrap_or(None)))
    })
}

/// How long something took, in milliseconds.
pub(crate) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
