//! Starts the command of a step and waits for it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use vt_base::{Digest, EnvMap, Invocation, Program};
use vt_fingerprint::{StatRow, repository_index};
use vt_ipc::{Reports, Server};
use vt_tracker::{Trace, Tracked};

use crate::context::{Context, Opened, chain};
use crate::event::{Event, Stream};
use crate::moment::moment;
use crate::output::{Frame, Kept, capture, pipe, terminal};
use crate::picture;
use crate::rules::Prepared;
use crate::tree::{Group, Tree};
use crate::world::{Interrupts, Screens};

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
    /// The [`moment`] just before the start.
    pub(crate) stamp_ns: i64,
    /// The [`moment`] just after the end: what changes later, somebody else changes.
    pub(crate) ended_ns: i64,
    /// Where tools reported, by its real path.
    pub(crate) socket: Option<PathBuf>,
    /// The index of the repository just before the start, by its identity.
    pub(crate) index: Option<(StatRow, Digest)>,
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

/// Where the output of a step goes, and what it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Streams {
    /// What `vt` was given.
    Inherited,
    /// Output goes through `vt`, from terminals where it ends up on some; there is nothing to read.
    Shown,
    /// Output goes through `vt`, from pipes; there is nothing to read.
    Captured,
}

/// Runs a command as if it had been typed.
pub(crate) fn run_plain(
    context: &Context<'_>,
    invocation: &Invocation,
    env: &EnvMap,
    streams: Streams,
) -> i32 {
    context.rows.stir();
    let mut command = command(invocation, context, env);
    let readers = match streams {
        Streams::Inherited => Ok(Vec::new()),
        Streams::Shown | Streams::Captured => capture_of(context.world.screens, &mut command),
    };
    let spawned = readers.and_then(|readers| Ok((readers, command.spawn()?)));
    // What it holds of the pipes would keep them open.
    drop(command);
    let (readers, mut child) = match spawned {
        Ok(spawned) => spawned,
        Err(error) => return cannot_start(context, invocation, &error),
    };
    let tree = Arc::new(Tree::new(child.id(), Group::Shared, None));
    let interrupts = context.world.interrupts;
    let registered = context.cancel.register({
        let tree = Arc::clone(&tree);
        Box::new(move |signal| {
            const INTERRUPT: i32 = 2;
            if signal != INTERRUPT || interrupts == Interrupts::FromVt {
                tree.signal(signal);
            }
        })
    });
    let status = show_and_wait(context, invocation, readers, || child.wait());
    drop(registered);
    if context.cancel.is_stopped() {
        tree.finish();
    }
    status.map_or(1, exit_code)
}

/// Gives a command something to write to that `vt` reads: a terminal of its own for a stream that
/// ends up on one, so that it shows what it would have shown there; else a pipe.
fn capture_of(screens: Screens, command: &mut Command) -> io::Result<Vec<(Stream, OwnedFd)>> {
    let side = |stream| match screens.of(stream).map(terminal) {
        Some(Ok(sides)) => Ok(sides),
        Some(Err(_)) | None => pipe(),
    };
    let (out, out_writer) = side(Stream::Out)?;
    let (err, err_writer) = side(Stream::Err)?;
    command
        .stdin(Stdio::null())
        .stdout(out_writer)
        .stderr(err_writer);
    Ok(vec![(Stream::Out, out), (Stream::Err, err)])
}

fn show(context: &Context<'_>, invocation: &Invocation, stream: Stream, bytes: &[u8]) {
    context.tell(Event::Output {
        step: invocation.step.clone(),
        stream,
        bytes: bytes.to_vec(),
    });
}

/// Shows what a command writes until it has ended.
fn show_and_wait(
    context: &Context<'_>,
    invocation: &Invocation,
    readers: Vec<(Stream, OwnedFd)>,
    wait: impl FnOnce() -> io::Result<ExitStatus>,
) -> io::Result<ExitStatus> {
    if readers.is_empty() {
        return wait();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let is_done = || done.load(Ordering::Relaxed);
            // What can't be read any more can't be shown.
            let _ = capture(readers, &is_done, &mut |stream, bytes| {
                show(context, invocation, stream, bytes);
            });
        });
        let status = wait();
        done.store(true, Ordering::Relaxed);
        status
    })
}

/// Runs a command under the tracker, with a server for tools that speak.
pub(crate) fn run_tracked(
    context: &Context<'_>,
    opened: Option<&Opened>,
    prepared: &Tracking<'_>,
) -> Ran {
    context.rows.stir();
    let invocation = prepared.invocation;
    let mut env = prepared.env.clone();
    let server = opened
        .ok_or_else(|| "there is no store".to_owned())
        .and_then(|opened| serve(context, opened, prepared, &mut env));
    let socket = server.as_ref().ok();
    let socket = socket.and_then(|server| std::fs::canonicalize(server.socket()).ok());
    // Of a step that is not cached nobody will ask.
    let index = opened.and_then(|_| repository_index(&context.project.root, &context.rows));
    let moment = || opened.and_then(|opened| moment(&opened.directory));
    // Where there is none, everything is a suspect.
    let stamp_ns = moment().unwrap_or(i64::MIN);
    let screens = match prepared.streams {
        Streams::Shown => context.world.screens,
        Streams::Inherited | Streams::Captured => Screens::default(),
    };
    let outcome = watch(context, invocation, &env, prepared.demand, screens);
    let ended_ns = moment().unwrap_or(i64::MIN);
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
            let frames = frames.map(|frames| picture::settle(frames, screens));
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
        socket,
        index,
    }
}

/// What a tracked run needs to know of a step.
pub(crate) struct Tracking<'s> {
    pub(crate) invocation: &'s Invocation,
    pub(crate) env: &'s EnvMap,
    /// What is answered to who asks for it by name.
    pub(crate) demand: &'s EnvMap,
    pub(crate) streams: Streams,
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
        env: prepared.env.outer.to_map(),
        untracked: patterns(&declared.untracked_env),
        declared: patterns(&declared.env),
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

/// Whether anything is where the program is looked for.
fn is_there(invocation: &Invocation, env: &EnvMap, directory: &vt_base::AbsPath) -> bool {
    let Program::Direct(name) = &invocation.program else {
        return true;
    };
    if name.contains('/') {
        return directory.join(name).as_path().exists();
    }
    let path = env.get(OsStr::new("PATH")).map(OsString::as_os_str);
    std::env::split_paths(path.unwrap_or_default())
        .any(|one| directory.join(one).join(name).as_path().exists())
}

type Watched = (Tracked, Option<Vec<Frame>>);

fn watch(
    context: &Context<'_>,
    invocation: &Invocation,
    env: &EnvMap,
    demand: &EnvMap,
    screens: Screens,
) -> io::Result<Watched> {
    let root = &context.project.root;
    // Between the fork and the exec nobody can be told any more that there is no such program.
    if !is_there(invocation, env, &root.join_rel(&invocation.directory)) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut command = command(invocation, context, env);
    let readers = capture_of(screens, &mut command)?;
    let options = vt_tracker::Options {
        roots: vec![root.as_path().to_owned()],
        grace: context.grace,
        tiers: vt_tracker::Tiers::ALL,
        preload: true,
        demand: demand.clone(),
        environment: vt_tracker::Environment::Explicit,
    };
    let child = vt_tracker::spawn(command, options)?;
    let mark = env.get_key_value(OsStr::new(context.world.names.ipc));
    let mark = mark.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    let tree = Arc::new(Tree::new(child.id(), Group::Own, mark));
    let registered = context.cancel.register({
        let tree = Arc::clone(&tree);
        Box::new(move |signal| tree.signal(signal))
    });
    let result = read_and_wait(context, invocation, child, readers);
    drop(registered);
    if context.cancel.is_stopped() {
        tree.finish();
    }
    result
}

fn read_and_wait(
    context: &Context<'_>,
    invocation: &Invocation,
    child: vt_tracker::TrackedChild,
    readers: Vec<(Stream, OwnedFd)>,
) -> io::Result<Watched> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut kept = Kept::new();
            let is_done = || done.load(Ordering::Relaxed);
            let read = capture(readers, &is_done, &mut |stream, bytes| {
                show(context, invocation, stream, bytes);
                kept.add(stream, bytes);
            });
            read.ok().and_then(|()| kept.into_frames())
        });
        let tracked = child.wait();
        done.store(true, Ordering::Relaxed);
        let frames = reader.join().unwrap_or(None);
        Ok((tracked?, frames))
    })
}

/// How long something took, in milliseconds.
pub(crate) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
