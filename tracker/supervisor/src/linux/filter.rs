//! Assembles the filter: which calls the kernel stops and tells us about.
//!
//! The order of the tests matters. The architecture comes first, because the number of a call
//! means nothing without it; then the bit that marks the x32 numbers, which would otherwise slip
//! through as unknown ones. From there on only the number decides, never an argument: for such a
//! filter the kernel works out once which numbers are always allowed and does not run it for them
//! again.

use libc::{c_long, sock_filter};

/// The mark of the x32 calls.
const X32_BIT: u32 = 0x4000_0000;
/// What the kernel calls x86-64: little endian, 64 bits, machine 62.
pub(crate) const ARCHITECTURE: u32 = 0xC000_003E;
/// Where `struct seccomp_data` has the number of the call.
const NUMBER_OFFSET: u32 = 0;
/// Where `struct seccomp_data` has the architecture.
const ARCHITECTURE_OFFSET: u32 = 4;

const fn statement(code: u32, value: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k: value,
    }
}

const fn load(offset: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

const fn answer(value: u32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, value)
}

const fn jump(test: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    let code = libc::BPF_JMP | test | libc::BPF_K;
    sock_filter {
        code: code as u16,
        jt: if_true,
        jf: if_false,
        k: value,
    }
}

const ALLOW: sock_filter = answer(libc::SECCOMP_RET_ALLOW);
const NOTIFY: sock_filter = answer(libc::SECCOMP_RET_USER_NOTIF);

/// The filter that reports the calls with these numbers.
///
/// `io_uring` reaches files without a call per file, so setting it up is answered as a kernel
/// without it would; programs fall back.
pub(crate) fn assemble(numbers: impl IntoIterator<Item = c_long>) -> Vec<sock_filter> {
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        NOTIFY,
        load(NUMBER_OFFSET),
        jump(libc::BPF_JGE, X32_BIT, 0, 1),
        NOTIFY,
        jump(libc::BPF_JEQ, narrow(libc::SYS_io_uring_setup), 0, 1),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ];
    search(&edges(numbers), false, &mut program);
    program
}

fn narrow(number: c_long) -> u32 {
    u32::try_from(number).expect("the numbers of calls are small")
}

/// The numbers at which the answer flips, starting from "not reported".
fn edges(numbers: impl IntoIterator<Item = c_long>) -> Vec<u32> {
    let mut sorted: Vec<u32> = numbers.into_iter().map(narrow).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut edges = Vec::new();
    for number in sorted {
        if edges.last() == Some(&number) {
            edges.pop();
        } else {
            edges.push(number);
        }
        edges.push(number + 1);
    }
    edges
}

/// Emits a binary search. `below` is the answer for numbers below the first edge.
fn search(edges: &[u32], below: bool, program: &mut Vec<sock_filter>) {
    if edges.is_empty() {
        program.push(if below { NOTIFY } else { ALLOW });
        return;
    }
    let middle = edges.len() / 2;
    let at = program.len();
    program.push(ALLOW);
    search(&edges[..middle], below, program);
    let distance = u8::try_from(program.len() - at - 1).expect("half the tree fits a short jump");
    program[at] = jump(libc::BPF_JGE, edges[middle], distance, 0);
    let flips_before = middle + 1;
    search(
        &edges[middle + 1..],
        below ^ (flips_before % 2 == 1),
        program,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::CALLS;

    /// Runs the filter as the kernel does, for what it may contain.
    fn run(program: &[sock_filter], architecture: u32, number: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let instruction = program[at];
            at += 1;
            let code = u32::from(instruction.code);
            let holds = match code & 0xf0 {
                libc::BPF_JEQ => accumulator == instruction.k,
                libc::BPF_JGE => accumulator >= instruction.k,
                _ => false,
            };
            match code & 0x07 {
                libc::BPF_LD if instruction.k == NUMBER_OFFSET => accumulator = number,
                libc::BPF_LD => accumulator = architecture,
                libc::BPF_RET => return instruction.k,
                _ if holds => at += usize::from(instruction.jt),
                _ => at += usize::from(instruction.jf),
            }
        }
    }

    #[test]
    fn exactly_the_calls_of_the_table_are_reported() {
        let program = assemble(CALLS.iter().map(|call| call.number));
        for number in 0..2000 {
            let listed = CALLS.iter().any(|call| call.number == c_long::from(number));
            let expected = if c_long::from(number) == libc::SYS_io_uring_setup {
                libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32
            } else if listed {
                libc::SECCOMP_RET_USER_NOTIF
            } else {
                libc::SECCOMP_RET_ALLOW
            };
            assert_eq!(
                run(&program, ARCHITECTURE, number as u32),
                expected,
                "call {number}"
            );
        }
    }

    #[test]
    fn foreign_numbers_are_always_reported() {
        let program = assemble([2]);
        for number in [0, 2, 5, 400] {
            assert_eq!(
                run(&program, 0x4000_0003, number),
                libc::SECCOMP_RET_USER_NOTIF
            );
            assert_eq!(
                run(&program, ARCHITECTURE, number | X32_BIT),
                libc::SECCOMP_RET_USER_NOTIF
            );
        }
    }

    #[test]
    fn neighbouring_numbers_share_an_edge() {
        assert_eq!(edges([4, 2, 3, 9]), [2, 5, 9, 10]);
    }
}
