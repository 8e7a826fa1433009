//! What has to be said in the language of the machine: system calls, names that need not exist,
//! and the functions that the compiler takes for granted.

use core::arch::asm;

use vt_tracker_abi::GATE;

/// A system call: its number and arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) number: usize,
    pub(crate) arguments: [usize; 6],
}

impl Call {
    /// A call with fewer arguments than there can be.
    pub(crate) fn new<const N: usize>(number: usize, given: [usize; N]) -> Self {
        let mut arguments = [0; 6];
        for (to, from) in arguments.iter_mut().zip(given) {
            *to = from;
        }
        Self { number, arguments }
    }

    /// Makes the call as any program does: if the filter lists it, the supervisor is told.
    ///
    /// Gives what the kernel does: a result, or an error number below zero.
    ///
    /// # Safety
    /// The arguments must be what the call wants.
    pub(crate) unsafe fn plain(&self) -> isize {
        let result: isize;
        let [a, b, c, d, e, f] = self.arguments;
        // SAFETY: the caller vouches for the arguments; the kernel clobbers these two.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") self.number => result,
                in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
                lateout("rcx") _, lateout("r11") _,
            );
        }
        result
    }

    /// Makes the call where the filter lets it pass.
    ///
    /// # Safety
    /// As for [`Call::plain`]; and the gate has to be there.
    pub(crate) unsafe fn gated(&self) -> isize {
        let result: isize;
        let [a, b, c, d, e, f] = self.arguments;
        // SAFETY: as above. The gate is `syscall; ret`. The kernel clobbers the register that has
        // its address only when it is no longer needed.
        unsafe {
            asm!(
                "call rcx",
                inlateout("rax") self.number => result,
                in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
                inlateout("rcx") GATE => _, lateout("r11") _,
            );
        }
        result
    }
}

/// The address of a name that some other library may have; zero if none has.
macro_rules! weak {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: reads an entry of the table that the loader has filled.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}
pub(crate) use weak;

/// The address of the dynamic section of this library.
macro_rules! dynamic {
    () => {{
        let address: usize;
        // SAFETY: computes an address. The linker makes the name.
        unsafe {
            core::arch::asm!(
                ".hidden _DYNAMIC",
                "lea {}, [rip + _DYNAMIC]",
                out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}
pub(crate) use dynamic;

/// `syscall(number, …)`. Written out, because it has to work for calls that return twice or with
/// another stack: like the original it touches nothing but registers. Only calls that may be looks
/// are handed on.
macro_rules! direct {
    ($(#[$attribute:meta])* $name:ident, $looks:path, $failed:path) => {
        $(#[$attribute])*
        #[cfg_attr(all(freestanding, not(test)), unsafe(no_mangle))]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                "cmp rdi, 2", "je 3f", // open
                "cmp rdi, 4", "je 3f", // stat
                "cmp rdi, 6", "je 3f", // lstat
                "cmp rdi, 21", "je 3f", // access
                "cmp rdi, 89", "je 3f", // readlink
                "cmp rdi, 257", "je 3f", // openat
                "cmp rdi, 262", "je 3f", // newfstatat
                "cmp rdi, 267", "je 3f", // readlinkat
                "cmp rdi, 269", "je 3f", // faccessat
                "cmp rdi, 317", "je 3f", // seccomp
                "cmp rdi, 332", "je 3f", // statx
                "cmp rdi, 439", "je 3f", // faccessat2
                "mov rax, rdi",
                "mov rdi, rsi",
                "mov rsi, rdx",
                "mov rdx, rcx",
                "mov r10, r8",
                "mov r8, r9",
                "mov r9, [rsp + 8]",
                "syscall",
                "cmp rax, -4095",
                "jae 2f",
                "ret",
                "2:",
                "mov rdi, rax",
                "jmp {failed}",
                "3:",
                "jmp {looks}",
                looks = sym $looks,
                failed = sym $failed,
            )
        }
    };
}
pub(crate) use direct;

// What the compiler may call for copies and comparisons of memory; the C library's are not for a
// library that needs none.
#[cfg(all(freestanding, not(test)))]
core::arch::global_asm!(
    ".pushsection .text.memory, \"ax\", @progbits",
    ".globl memcpy",
    ".hidden memcpy",
    ".type memcpy, @function",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".globl memmove",
    ".hidden memmove",
    ".type memmove, @function",
    "memmove:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "mov r8, rdi",
    "sub r8, rsi",
    "cmp r8, rdx",
    "jb 2f",
    "rep movsb",
    "ret",
    "2:",
    "lea rdi, [rdi + rdx - 1]",
    "lea rsi, [rsi + rdx - 1]",
    "std",
    "rep movsb",
    "cld",
    "ret",
    ".globl memset",
    ".hidden memset",
    ".type memset, @function",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".globl memcmp",
    ".hidden memcmp",
    ".type memcmp, @function",
    ".globl bcmp",
    ".hidden bcmp",
    ".type bcmp, @function",
    "memcmp:",
    "bcmp:",
    "xor ecx, ecx",
    "3:",
    "cmp rcx, rdx",
    "je 4f",
    "movzx eax, byte ptr [rdi + rcx]",
    "movzx r8d, byte ptr [rsi + rcx]",
    "inc rcx",
    "sub eax, r8d",
    "je 3b",
    "ret",
    "4:",
    "xor eax, eax",
    "ret",
    ".globl strlen",
    ".hidden strlen",
    ".type strlen, @function",
    "strlen:",
    "xor eax, eax",
    "5:",
    "cmp byte ptr [rdi + rax], 0",
    "je 6f",
    "inc rax",
    "jmp 5b",
    "6:",
    "ret",
    ".popsection",
);
