//! Filters of somebody else, and tests that run themselves again below them.

use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use libc::{c_int, c_long, sock_filter};

/// Names the test that runs again to itself.
const ROLE: &str = "VT_TRACKER_TEST_ROLE";
/// Where a listener is left for the test that runs again.
pub(crate) const LISTENER: RawFd = 200;

/// Whether this is the process that plays a role, and not the one that starts it.
pub(crate) fn plays(role: &str) -> bool {
    std::env::var_os(ROLE).is_some_and(|value| value == role)
}

/// The command that runs a test of this binary again, in its role.
pub(crate) fn again(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", role, "--nocapture"])
        .env(ROLE, role);
    command
}

/// What becomes of a filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Its listener is left for the test that runs again.
    Listener,
}

/// Runs a test of this binary again, below a filter.
pub(crate) fn below(role: &str, filter: Vec<sock_filter>, kind: Kind) {
    below_each(role, vec![(filter, kind)]);
}

/// Runs a test of this binary again, below some filters.
pub(crate) fn below_each(role: &str, filters: Vec<(Vec<sock_filter>, Kind)>) {
    let mut command = again(role);
    let prepare = move || {
        for (filter, kind) in &filters {
            let is_listener = *kind == Kind::Listener;
            let flags = if is_listener {
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as c_int
            } else {
                0
            };
            let listener = install(filter, flags)?;
            // The listener would be closed when the program is executed; a copy is not.
            // SAFETY: takes no pointers.
            if is_listener && unsafe { libc::dup2(listener, LISTENER) } < 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: makes system calls only.
    unsafe { command.pre_exec(prepare) };
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Installs a filter for this process.
pub(crate) fn install(filter: &[sock_filter], flags: c_int) -> std::io::Result<c_int> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the program outlives the call, which only reads it.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    if result < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(result as c_int)
}

/// Which calls with a number a filter means.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    All,
    /// Those whose second argument has one of these bits.
    WithBits(u32),
}

/// A filter that gives one answer to some calls and lets the others pass.
pub(crate) fn filter(calls: &[(c_long, Which)], answer: u32) -> Vec<sock_filter> {
    const SECOND_ARGUMENT: u32 = 24;
    let statement = |code: u32, value: u32| sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k: value,
    };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let mut program = Vec::new();
    for (number, which) in calls {
        let test: &[sock_filter] = &match *which {
            Which::All => vec![statement(libc::BPF_RET | libc::BPF_K, answer)],
            Which::WithBits(bits) => vec![
                load(SECOND_ARGUMENT),
                sock_filter {
                    jf: 1,
                    ..statement(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, bits)
                },
                statement(libc::BPF_RET | libc::BPF_K, answer),
            ],
        };
        program.push(load(0));
        program.push(sock_filter {
            jf: test.len() as u8,
            ..statement(
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                u32::try_from(*number).unwrap(),
            )
        });
        program.extend_from_slice(test);
    }
    program.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ALLOW,
    ));
    program
}

/// The answer of a filter that lets calls fail.
pub(crate) const fn fails(errno: c_int) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

/// Answers a listener until this process ends: with an error number, or, if that is 0, as one that
/// lets everything go on.
pub(crate) fn answer_for_ever(listener: RawFd, errno: c_int) {
    std::thread::spawn(move || {
        loop {
            // SAFETY: all zeroes is what the kernel insists on.
            let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: the structure is the one of the request.
            if unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) } < 0 {
                continue;
            }
            let mut answer = libc::seccomp_notif_resp {
                id: call.id,
                val: 0,
                error: -errno,
                flags: if errno == 0 {
                    libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32
                } else {
                    0
                },
            };
            // SAFETY: as above.
            unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
        }
    });
}
