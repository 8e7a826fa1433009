//! Does something as a user that is not allowed everything.

use std::io;
use std::ptr;
use std::thread;

use libc::c_long;

use crate::room::Room;

/// A user that owns nothing.
const NOBODY: u32 = 65534;

fn check(result: c_long) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes this thread, and what it starts, belong to an ordinary user. The functions of the C
/// library would do it to all threads.
fn become_ordinary() -> io::Result<()> {
    // SAFETY: an empty list needs no memory; the other calls take no pointers.
    unsafe {
        check(libc::syscall(libc::SYS_setgroups, 0, ptr::null::<u32>()))?;
        check(libc::syscall(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY))?;
        check(libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY))?;
        // Otherwise nobody may look at this process and what it forks, not even itself.
        check(c_long::from(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0)))
    }
}

/// Does something in a room as an ordinary user: this one, if it is one.
///
/// # Panics
/// When it does, or when there is no such user to become.
pub fn as_ordinary_user<T: Send>(act: impl FnOnce(&Room) -> T + Send) -> T {
    let run = || {
        let room = Room::new();
        // SAFETY: takes nothing and can't fail.
        if unsafe { libc::geteuid() } == 0 {
            room.give_to(NOBODY)
                .and_then(|()| become_ordinary())
                .expect("root can become anyone");
        }
        let done = act(&room);
        // The room is removed by who made it.
        (done, room)
    };
    let ended = thread::scope(|scope| scope.spawn(run).join());
    match ended {
        Ok((done, _room)) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
