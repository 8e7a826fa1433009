//! A moment by the clock that file systems write times with.
//!
//! That clock ticks once in some milliseconds, and a step can start and write within one tick of
//! what was written before it. So the time of a file that was just made tells nothing about its
//! neighbours. But a file that is changed again after its time was asked for gets a later one: at
//! once where the kernel keeps fine times for files somebody looks at (Linux 6.13 and later), with
//! the next tick elsewhere. No time from before can be as late, none from after can be earlier.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::thread;
use std::time::{Duration, Instant};

use vt_base::AbsPath;

/// How often the clock is asked whether it ticked.
const PAUSE: Duration = Duration::from_millis(1);
/// A clock that stands still for so long is not waited for. Those of Linux tick within 10 ms; a file
/// system may keep whole seconds only.
const PATIENCE: Duration = Duration::from_millis(100);

/// A time in nanoseconds since the epoch: what was written before this call has it or an earlier
/// one, what is written after the call has a later one, unless the clock is too slow to tell. Nothing
/// if files can't be made there.
pub(crate) fn moment(directory: &AbsPath) -> Option<i64> {
    let since = Instant::now();
    let file = tempfile::tempfile_in(directory).ok()?;
    let changed = || -> io::Result<i64> {
        let metadata = file.metadata()?;
        Ok(metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec())
    };
    let first = changed().ok()?;
    loop {
        // Sets the time of the change, and needs no room on the disk.
        file.set_permissions(Permissions::from_mode(0o600)).ok()?;
        let next = changed().ok()?;
        if next > first {
            return Some(next - 1);
        }
        if since.elapsed() > PATIENCE {
            return Some(first);
        }
        // Time itself has to pass here.
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_before_is_not_later_and_what_is_written_after_is() {
        let directory = tempfile::tempdir().unwrap();
        let place = AbsPath::new(directory.path()).unwrap();
        let write = |name: &str| {
            let path = directory.path().join(name);
            fs::write(&path, "1").unwrap();
            move || {
                let metadata = fs::metadata(&path).unwrap();
                metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec()
            }
        };
        for _ in 0..200 {
            let before = write("before");
            let moment = moment(&place).unwrap();
            let after = write("after");
            assert!(before() <= moment && moment < after());
        }
    }

    #[test]
    fn where_no_file_can_be_made_there_is_no_moment() {
        assert_eq!(moment(&AbsPath::new("/proc/self").unwrap()), None);
    }
}
