//! What calls say of descriptors, for names below `/proc/self/fd`.

use crate::oracle::Oracle;
use crate::process::OpenFile;
use crate::strace::Call;

/// `fcntl` with these gives out a descriptor, or sets what executing a program does to one.
const DUPLICATE: i64 = libc::F_DUPFD as i64;
const DUPLICATE_CLOSED: i64 = libc::F_DUPFD_CLOEXEC as i64;
const SET_FLAGS: i64 = libc::F_SETFD as i64;

/// Whether a call that gives out a descriptor has executing a program close it; none if the call
/// gives out none.
fn is_closed_by_execution(call: &Call) -> Option<bool> {
    let has = |value: Option<i64>, flag: i32| value.unwrap_or(0) & i64::from(flag) != 0;
    match call.name.as_str() {
        "open" => Some(has(call.number(1), libc::O_CLOEXEC)),
        "openat" => Some(has(call.number(2), libc::O_CLOEXEC)),
        "openat2" => Some(has(call.number_in(2, "flags"), libc::O_CLOEXEC)),
        "dup3" => Some(has(call.number(2), libc::O_CLOEXEC)),
        "memfd_create" => Some(has(call.number(1), libc::MFD_CLOEXEC.cast_signed())),
        "creat" | "dup" | "dup2" => Some(false),
        "fcntl" => match call.number(1) {
            Some(DUPLICATE) => Some(false),
            Some(DUPLICATE_CLOSED) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

impl Oracle {
    /// Notes that a call that closes descriptors was made. Before it is back, another thread may
    /// have been given the same numbers.
    pub(crate) fn note_closing(&mut self, call: &Call) {
        let (first, second) = (call.number(0).unwrap_or(-1), call.number(1).unwrap_or(-1));
        match call.name.as_str() {
            "close" => self.processes.close(call.thread, first..=first),
            "close_range" if call.number(2) == Some(0) => {
                self.processes.close(call.thread, first..=second);
            }
            _ => {}
        }
    }

    /// Remembers what is said of descriptors.
    pub(super) fn note_descriptors(&mut self, call: &Call) {
        let thread = call.thread;
        if call.name != "close"
            && let Some(descriptor) = call.descriptor(0)
            && let Some(path) = descriptor.path
        {
            self.processes.meet(thread, descriptor.number, path);
        }
        if let Some(is_closed_by_execution) = is_closed_by_execution(call)
            && let Some(opened) = call.opened()
        {
            let file = opened.path.map(|path| OpenFile {
                path,
                is_closed_by_execution,
            });
            self.processes.open(thread, opened.number, file);
        }
        if !call.succeeded() {
            return;
        }
        let (first, second) = (call.number(0).unwrap_or(0), call.number(1).unwrap_or(0));
        match call.name.as_str() {
            "fcntl" if second == SET_FLAGS => {
                let is_closed = call.number(2).unwrap_or(0) & i64::from(libc::FD_CLOEXEC) != 0;
                let number = i32::try_from(first).unwrap_or(-1);
                self.processes.close_by_execution(thread, number, is_closed);
            }
            "unshare" => self.processes.unshare(thread, first),
            _ => {}
        }
    }
}
