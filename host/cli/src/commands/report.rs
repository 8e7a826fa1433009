//! `vt report`: the messages of a cooperating tool, for shell scripts and whatever can start a
//! process.
//!
//! Without a runner there is nobody to tell, which is no fault of the script: it says so and
//! succeeds, and a variable has the value that the script sees itself. A runner that is there and
//! does not take a report is an error, since a run that goes on without it may be stored wrongly.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use vt_client::{Client, ClientError, Tracking};

use crate::args::{Args, Report, ReportedPaths};
use crate::error::Error;
use crate::settings::{current_dir, own_variable};

/// Of `get-env`, when the variable is unset.
const UNSET: i32 = 1;

/// Says or asks it, and gives the exit code.
pub(crate) fn report(args: &Args, report: &Report) -> Result<i32, Error> {
    let client = Client::connect().map_err(Error::Report)?;
    if let Report::GetEnv { name, untracked } = report {
        let tracking = match untracked {
            true => Tracking::Untracked,
            false => Tracking::Tracked,
        };
        let value = match &client {
            Some(client) => client.get_env(name, tracking).map_err(Error::Report)?,
            None => own_variable(name),
        };
        return value.map_or(Ok(UNSET), |value| print(&value).map(|()| 0));
    }
    match client {
        Some(client) => tell(args, &client, report)?,
        None => eprintln!("vt: no runner is listening, so nothing is reported"),
    }
    Ok(0)
}

fn tell(args: &Args, client: &Client, report: &Report) -> Result<(), Error> {
    let each = |paths: &ReportedPaths, say: fn(&Client, &Path) -> Result<(), ClientError>| {
        paths
            .paths
            .iter()
            .try_for_each(|path| say(client, &meant(args, path)?).map_err(Error::Report))
    };
    match report {
        Report::IgnoreInput(paths) => each(paths, |client, path| client.ignore_input(path)),
        Report::IgnoreOutput(paths) => each(paths, |client, path| client.ignore_output(path)),
        Report::TrackInput(paths) => each(paths, |client, path| client.track_input(path)),
        Report::TrackOutput(paths) => each(paths, |client, path| client.track_output(path)),
        Report::TrackEnv { names } => names.iter().try_for_each(|name| {
            let answer = client.get_env(name, Tracking::Tracked);
            answer.map(drop).map_err(Error::Report)
        }),
        Report::DisableCache { reason } => {
            client.disable_cache(Some(reason)).map_err(Error::Report)
        }
        Report::GetEnv { .. } => Ok(()),
    }
}

/// A path as the client takes it: relative ones are its own business unless `-C` was given.
fn meant(args: &Args, path: &Path) -> Result<PathBuf, Error> {
    if args.dir.is_none() || path.as_os_str().is_empty() {
        return Ok(path.to_owned());
    }
    Ok(current_dir(args)?.as_path().join(path))
}

/// Values need not be UTF-8, so that they are written as they are.
fn print(value: &OsStr) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(value.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|error| Error::Write(PathBuf::from("standard output"), error))
}
