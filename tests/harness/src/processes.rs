//! Which processes a command starts, as strace saw it. Threads are not processes.

use std::path::Path;
use std::process::Command;

/// `program` under strace, which writes to `log`. Arguments are still to be added.
pub(crate) fn under_strace(log: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=execve,execveat,fork,vfork,clone,clone3",
            "-o",
        ])
        .arg(log)
        .arg(program);
    command
}

/// Lines of the log that start a process or replace one, less the first, which is the command itself.
pub(crate) fn started(log: &str) -> Vec<String> {
    let mut replaced = 0;
    let mut lines = Vec::new();
    for line in log.lines() {
        let call = line
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .trim_start();
        if call.starts_with("execve") {
            replaced += 1;
            if replaced > 1 {
                lines.push(line.to_owned());
            }
        }
        let makes_process = ["fork(", "vfork(", "clone(", "clone3("]
            .iter()
            .any(|name| call.starts_with(name));
        if makes_process && !call.contains("CLONE_THREAD") {
            lines.push(line.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::started;

    #[test]
    fn threads_and_the_command_itself_do_not_count() {
        let log = "10 execve(\"/bin/vt\", [\"vt\"], 0x7ff /* 3 vars */) = 0\n\
                   10 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, child_tid=0x7f} => {parent_tid=[11]}, 88) = 11\n\
                   11 <... clone3 resumed> => {parent_tid=[0]}, 88) = 0\n";
        assert_eq!(started(log), Vec::<String>::new());
    }

    #[test]
    fn a_fork_and_an_exec_count_even_when_unfinished() {
        let log = "10 execve(\"/bin/vt\", [\"vt\"], 0x7ff /* 3 vars */) = 0\n\
                   10 vfork( <unfinished ...>\n\
                   12 execve(\"/bin/true\", [\"true\"], 0x7ff /* 3 vars */ <unfinished ...>\n";
        assert_eq!(started(log).len(), 2);
    }
}
