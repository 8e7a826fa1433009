//! Assembles the filter: which calls the kernel stops and tells us about.
//!
//! The order of the tests matters. The architecture comes first, because the number of a call
//! means nothing without it; then the bit that marks the x32 numbers, which would otherwise slip
//! through as unknown ones. Then the number: for one that is always allowed the filter asks
//! nothing else, so that the kernel works that out once and does not run it for it again.
//!
//! Calls that only look at something pass if they are made at the gate, the one instruction at a
//! fixed address that the preload uses for what it has written down itself. Calls that change
//! something never do: the supervisor has to read what was written down before each of them.

use libc::{c_long, sock_filter};
use vt_tracker_abi::GATE_RETURN;

/// The mark of the x32 calls.
const X32_BIT: u32 = 0x4000_0000;
/// What the kernel calls x86-64: little endian, 64 bits, machine 62.
pub(crate) const ARCHITECTURE: u32 = 0xC000_003E;
/// Where `struct seccomp_data` has the number of the call.
const NUMBER_OFFSET: u32 = 0;
/// Where `struct seccomp_data` has the architecture.
const ARCHITECTURE_OFFSET: u32 = 4;
/// Where it has the address after the instruction that made the call, lower half first.
const POINTER_OFFSET: u32 = 8;
/// Where it has the arguments, eight bytes each, lower half first.
const ARGUMENTS_OFFSET: u32 = 16;

/// The calls that pass at the gate.
const GATED: [c_long; 12] = [
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
];
/// The calls of them that ask about an open descriptor if the name is empty, with the index of the
/// argument that says so.
const ABOUT_DESCRIPTORS: [(c_long, u32); 2] = [(libc::SYS_newfstatat, 3), (libc::SYS_statx, 2)];
/// How far behind the instruction that makes a call a constant of the same library can lie, in
/// bytes. In the C libraries of this platform it is less.
const SAME_LIBRARY: u32 = 1 << 20;
/// From where on, in units of 4 GiB, libraries lie, and no program that is started by a loader.
const LIBRARIES: u32 = 0x7e00;

/// What tells a tracer that a call was stopped by this filter and not by one of the task's own.
pub(crate) const TRACE_MARK: u16 = 0x7674;

/// How a call that is reported is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    /// To the holder of the listener.
    Notify,
    /// To the tracer.
    Trace,
}

impl Report {
    const fn answer(self) -> u32 {
        match self {
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Self::Trace => libc::SECCOMP_RET_TRACE | TRACE_MARK as u32,
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Allow,
    Report,
    /// Reported unless it is made at the gate.
    Gated,
    /// As before; and not reported if it is about a descriptor. The flags are at this argument.
    AboutDescriptor(u32),
}

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

const fn low_half(argument: u32) -> u32 {
    ARGUMENTS_OFFSET + 8 * argument
}

/// The filter that reports the calls with these numbers.
///
/// `io_uring` reaches files without a call per file, so setting it up is answered as a kernel
/// without it would; programs fall back.
pub(crate) fn assemble(
    numbers: impl IntoIterator<Item = c_long>,
    report: Report,
) -> Vec<sock_filter> {
    let reported = answer(report.answer());
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        reported,
        load(NUMBER_OFFSET),
        jump(libc::BPF_JGE, X32_BIT, 0, 1),
        reported,
        jump(libc::BPF_JEQ, narrow(libc::SYS_io_uring_setup), 0, 1),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ];
    let mut leaves = Vec::new();
    search(&edges(numbers), Verdict::Allow, &mut program, &mut leaves);
    let mut blocks: Vec<(Verdict, usize)> = Vec::new();
    for (at, verdict) in leaves {
        let known = blocks.iter().find(|(known, _)| *known == verdict);
        let start = known.map_or(program.len(), |(_, start)| *start);
        if start == program.len() {
            emit(verdict, reported, &mut program);
            blocks.push((verdict, start));
        }
        let distance = u32::try_from(start - at - 1).expect("a program is short");
        program[at] = statement(libc::BPF_JMP | libc::BPF_JA, distance);
    }
    program
}

fn narrow(number: c_long) -> u32 {
    u32::try_from(number).expect("the numbers of calls are small")
}

fn verdict(number: c_long) -> Verdict {
    if let Some((_, flags)) = ABOUT_DESCRIPTORS.iter().find(|(known, _)| *known == number) {
        Verdict::AboutDescriptor(*flags)
    } else if GATED.contains(&number) {
        Verdict::Gated
    } else {
        Verdict::Report
    }
}

/// The numbers from which on another verdict holds, up to the next one. Below the first, calls are
/// allowed.
fn edges(numbers: impl IntoIterator<Item = c_long>) -> Vec<(u32, Verdict)> {
    let mut sorted: Vec<c_long> = numbers.into_iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut edges: Vec<(u32, Verdict)> = Vec::new();
    for number in sorted {
        let (start, verdict) = (narrow(number), verdict(number));
        if edges.last().is_some_and(|(last, _)| *last == start) {
            // Where the call before this one ended.
            edges.pop();
        }
        if edges.last().is_none_or(|(_, last)| *last != verdict) {
            edges.push((start, verdict));
        }
        edges.push((start + 1, Verdict::Allow));
    }
    edges
}

/// Emits a binary search; `below` holds for numbers below the first edge. Where a verdict takes
/// more than one instruction, its place is added to `leaves`.
fn search(
    edges: &[(u32, Verdict)],
    below: Verdict,
    program: &mut Vec<sock_filter>,
    leaves: &mut Vec<(usize, Verdict)>,
) {
    if edges.is_empty() {
        if below != Verdict::Allow {
            leaves.push((program.len(), below));
        }
        program.push(ALLOW);
        return;
    }
    let middle = edges.len() / 2;
    let (start, verdict) = edges[middle];
    let at = program.len();
    program.push(ALLOW);
    search(&edges[..middle], below, program, leaves);
    let distance = u8::try_from(program.len() - at - 1).expect("half the tree fits a short jump");
    program[at] = jump(libc::BPF_JGE, start, distance, 0);
    search(&edges[middle + 1..], verdict, program, leaves);
}

/// Emits what decides a verdict.
fn emit(verdict: Verdict, reported: sock_filter, program: &mut Vec<sock_filter>) {
    if verdict == Verdict::Report {
        return program.push(reported);
    }
    const GATE_LOW: u32 = GATE_RETURN as u32;
    let gate_high = (GATE_RETURN as u64 >> 32) as u32;
    program.extend([
        load(POINTER_OFFSET),
        jump(libc::BPF_JEQ, GATE_LOW, 0, 3),
        load(POINTER_OFFSET + 4),
        jump(libc::BPF_JEQ, gate_high, 0, 1),
        ALLOW,
    ]);
    let Verdict::AboutDescriptor(flags) = verdict else {
        return program.push(reported);
    };
    // `fstat` of the C library: an empty name, this one flag, a descriptor. Whether the name is
    // empty can't be seen from here. But its address can: the one that the C library passes is a
    // constant of its own, behind the instruction. Any other name would have to be a constant of
    // a library, or of a static program that is loaded like one, that makes the call itself, and
    // gives a flag that is of no use then.
    program.extend([
        load(low_half(flags)),
        jump(libc::BPF_JEQ, libc::AT_EMPTY_PATH as u32, 0, 13),
        load(low_half(0)),
        jump(libc::BPF_JGE, 1 << 31, 11, 0),
        load(POINTER_OFFSET + 4),
        jump(libc::BPF_JGE, LIBRARIES, 0, 9),
        statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(low_half(1) + 4),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_X, 0),
        load(POINTER_OFFSET),
        statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(low_half(1)),
        statement(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0),
        jump(libc::BPF_JGE, SAME_LIBRARY, 1, 0),
        ALLOW,
        reported,
    ]);
    let compare = program.len() - 8;
    program[compare].jf = 6;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::CALLS;

    /// A call as the filter sees it.
    #[derive(Clone, Copy, Default)]
    struct Made {
        number: u32,
        architecture: u32,
        pointer: u64,
        arguments: [u64; 6],
    }

    impl Made {
        fn at(number: c_long, pointer: usize) -> Self {
            Self {
                number: number as u32,
                architecture: ARCHITECTURE,
                pointer: pointer as u64,
                arguments: [0; 6],
            }
        }

        fn load(&self, offset: u32) -> u32 {
            let half = |word: u64| (word >> (8 * (offset % 8))) as u32;
            match offset {
                NUMBER_OFFSET => self.number,
                ARCHITECTURE_OFFSET => self.architecture,
                8..16 => half(self.pointer),
                _ => half(self.arguments[(offset as usize - 16) / 8]),
            }
        }
    }

    /// Runs the filter as the kernel does, for what it may contain.
    fn run(program: &[sock_filter], made: Made) -> u32 {
        let (mut at, mut accumulator, mut index) = (0, 0_u32, 0);
        loop {
            let instruction = program[at];
            at += 1;
            let code = u32::from(instruction.code);
            let other = if code & libc::BPF_X == 0 {
                instruction.k
            } else {
                index
            };
            match code & 0x07 {
                libc::BPF_LD => accumulator = made.load(instruction.k),
                libc::BPF_RET => return instruction.k,
                libc::BPF_ALU => accumulator = accumulator.wrapping_sub(other),
                libc::BPF_MISC => index = accumulator,
                _ => {
                    at += match code & 0xf0 {
                        libc::BPF_JA => instruction.k as usize,
                        libc::BPF_JEQ if accumulator == other => usize::from(instruction.jt),
                        libc::BPF_JGE if accumulator >= other => usize::from(instruction.jt),
                        _ => usize::from(instruction.jf),
                    }
                }
            }
        }
    }

    const NOTIFIED: u32 = libc::SECCOMP_RET_USER_NOTIF;
    const ALLOWED: u32 = libc::SECCOMP_RET_ALLOW;

    fn whole() -> Vec<sock_filter> {
        assemble(CALLS.iter().map(|call| call.number), Report::Notify)
    }

    #[test]
    fn exactly_the_calls_of_the_table_are_reported() {
        let program = whole();
        for number in 0..2000 {
            let listed = CALLS.iter().any(|call| call.number == number);
            let expected = if number == libc::SYS_io_uring_setup {
                libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32
            } else if listed {
                NOTIFIED
            } else {
                ALLOWED
            };
            assert_eq!(
                run(&program, Made::at(number, 0x5555)),
                expected,
                "{number}"
            );
        }
    }

    #[test]
    fn at_the_gate_looks_pass_and_nothing_else() {
        let program = whole();
        for call in CALLS {
            let expected = if GATED.contains(&call.number) {
                ALLOWED
            } else {
                NOTIFIED
            };
            let at = |pointer| run(&program, Made::at(call.number, pointer));
            assert_eq!(at(GATE_RETURN), expected, "{}", call.name);
            for beside in [GATE_RETURN - 1, GATE_RETURN + 1, GATE_RETURN | 1 << 32] {
                assert_eq!(at(beside), NOTIFIED, "{}", call.name);
            }
        }
    }

    #[test]
    fn what_the_c_library_asks_about_a_descriptor_passes() {
        let program = whole();
        const LIBRARY: usize = 0x7fff_f7e0_0000;
        for (number, flags) in ABOUT_DESCRIPTORS {
            let asked = |descriptor: i64, name: usize, value: i32| {
                let mut made = Made::at(number, LIBRARY);
                made.arguments[0] = descriptor as u64;
                made.arguments[1] = name as u64;
                made.arguments[flags as usize] = value as u64;
                run(&program, made)
            };
            let empty = libc::AT_EMPTY_PATH;
            assert_eq!(asked(3, LIBRARY + 4096, empty), ALLOWED);
            assert_eq!(asked(3, LIBRARY + 4096, 0), NOTIFIED);
            let mut of_program = Made::at(number, 0x5555_5555_4000);
            of_program.arguments[1] = of_program.pointer + 4096;
            of_program.arguments[flags as usize] = empty as u64;
            assert_eq!(run(&program, of_program), NOTIFIED);
            let kept = empty | libc::AT_SYMLINK_NOFOLLOW;
            assert_eq!(asked(3, LIBRARY + 4096, kept), NOTIFIED);
            assert_eq!(asked(-100, LIBRARY + 4096, empty), NOTIFIED);
            assert_eq!(asked(0xffff_ff9c, LIBRARY + 4096, empty), NOTIFIED);
            for far in [
                0,
                LIBRARY - 1,
                LIBRARY + (2 << 20),
                LIBRARY + (1 << 32),
                4096,
            ] {
                assert_eq!(asked(3, far, empty), NOTIFIED, "{far:x}");
            }
        }
    }

    #[test]
    fn foreign_numbers_are_always_reported() {
        let program = assemble([2], Report::Notify);
        for number in [0, 2, 5, 400] {
            let made = Made::at(number, GATE_RETURN);
            let foreign = Made {
                architecture: 0x4000_0003,
                ..made
            };
            assert_eq!(run(&program, foreign), NOTIFIED);
            let short = Made {
                number: made.number | X32_BIT,
                ..made
            };
            assert_eq!(run(&program, short), NOTIFIED);
        }
    }

    #[test]
    fn neighbouring_numbers_share_an_edge() {
        let chroot = libc::SYS_chroot;
        assert_eq!(
            edges([chroot, chroot + 1, 2, 9000]),
            [
                (2, Verdict::Gated),
                (3, Verdict::Allow),
                (narrow(chroot), Verdict::Report),
                (narrow(chroot) + 2, Verdict::Allow),
                (9000, Verdict::Report),
                (9001, Verdict::Allow),
            ]
        );
    }
}
