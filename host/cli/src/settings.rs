//! What is meant: arguments and environment, resolved. The only place that asks the process
//! about itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vt_base::AbsPath;
use vt_run::World;

use crate::args::{Args, Run};
use crate::env_names;
use crate::error::Error;

/// How many steps run at once unless somebody says otherwise.
const CONCURRENCY: usize = 4;

/// How long the descendants of a command may outlive it before its trace is given up.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The directory of invocation, with links resolved.
fn current_dir(args: &Args) -> Result<AbsPath, Error> {
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
    Ok(World {
        env: std::env::vars_os().collect(),
        names: env_names::OF_STEPS,
        home: directory(env_names::HOME),
        temp_dir: current_dir.join(std::env::temp_dir()),
        user_cache: directory(env_names::XDG_CACHE_HOME),
        cache_dir: directory(env_names::CACHE_DIR),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        current_dir,
    })
}

/// How many steps may run at once: the flag beats the environment.
pub(crate) fn concurrency(run: &Run) -> Result<usize, Error> {
    if let Some(limit) = run.concurrency_limit {
        return Ok(limit.into());
    }
    let name = env_names::CONCURRENCY_LIMIT;
    let Some(text) = variable(name) else {
        return Ok(CONCURRENCY);
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
