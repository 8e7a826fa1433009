//! Actions about processes: ending, waiting, leaving one behind, running another.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::action::{Error, doing};

/// How long anything waits before it gives up, so that a broken story ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at the disk.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn exit_code(text: &OsStr) -> Result<u8, Error> {
    text.to_str()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::Usage("`exit` wants a number up to 255".to_owned()))
}

pub(crate) fn wait_for(file: &Path) -> Result<(), Error> {
    let start = Instant::now();
    while !file.exists() {
        if start.elapsed() > PATIENCE {
            return Err(Error::Usage(format!("`{}` did not appear", file.display())));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Starts a process of its own group that nobody waits for, and returns once it has written for the first time.
pub(crate) fn spawn_daemon(file: &Path) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(doing("find", Path::new("vtt")))?;
    Command::new(program)
        .arg("linger")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(doing("leave a process behind for", file))?;
    wait_for(file)
}

/// Appends to `file` until `file.stop` exists.
pub(crate) fn linger(file: &Path) -> Result<(), Error> {
    let mut stop = file.as_os_str().to_owned();
    stop.push(".stop");
    let stop = PathBuf::from(stop);
    let start = Instant::now();
    while start.elapsed() < PATIENCE && !stop.exists() {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .and_then(|mut opened| opened.write_all(b"."))
            .map_err(doing("append to", file))?;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

pub(crate) fn run(words: &[OsString]) -> Result<u8, Error> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| Error::Usage("`run` wants a program".to_owned()))?;
    let status = Command::new(program)
        .args(arguments)
        .status()
        .map_err(doing("run", Path::new(program)))?;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}
