//! Finds the memory and the gate, at the first look that a process makes.
//!
//! Nothing waits here: whoever comes while another thread, or the one that a signal interrupted,
//! is at it makes its call as if there were no memory. If anything is amiss there is none for the
//! rest of the process.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use vt_tracker_abi::{GATE, GATE_CODE, Shared, VARIABLE};

use crate::arch::Call;
use crate::environment::{self, Memory};
use crate::library::errno_of;
use crate::name;
use crate::system::{
    AT_FDCWD, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_PRIVATE, MAP_SHARED, O_CLOEXEC, O_RDWR, PAGE,
    PROT_EXEC, PROT_READ, PROT_WRITE, S_IFMT, S_IFREG, Stat, number,
};

const UNKNOWN: usize = 0;
const ATTACHING: usize = 1;
const INERT: usize = 2;

/// One of the above, or where the memory is.
static STATE: AtomicUsize = AtomicUsize::new(UNKNOWN);
/// The session of this process. Set before the memory is.
static SESSION: AtomicU32 = AtomicU32::new(0);

/// What this process is connected to.
#[derive(Clone, Copy)]
pub(crate) struct Tracker {
    pub(crate) shared: &'static Shared,
    pub(crate) session: u32,
}

/// The memory, if this process has it. Then there is a gate too.
pub(crate) fn tracker() -> Option<Tracker> {
    match STATE.load(Ordering::Acquire) {
        UNKNOWN => attach(),
        ATTACHING | INERT => None,
        address => Some(Tracker {
            // SAFETY: put there below, and never unmapped by us.
            shared: unsafe { &*(address as *const Shared) },
            session: SESSION.load(Ordering::Relaxed),
        }),
    }
}

/// From here on this process makes no call that it would not make without us: it has confined
/// itself to the ones it knows of.
pub(crate) fn detach() {
    STATE.store(INERT, Ordering::SeqCst);
}

#[cold]
fn attach() -> Option<Tracker> {
    // SAFETY: the variable is ours; programs leave it alone.
    let value = unsafe { environment::find(VARIABLE.as_bytes()) }?;
    STATE
        .compare_exchange(UNKNOWN, ATTACHING, Ordering::SeqCst, Ordering::Relaxed)
        .ok()?;
    let memory = value
        // SAFETY: text that ends in a zero byte.
        .and_then(|value| unsafe { name::text(value.cast(), 128) })
        .and_then(|text| Memory::parse(text.bytes));
    let shared = memory.and_then(|memory| connect(&memory));
    let state = shared.map_or(INERT, |shared| core::ptr::from_ref(shared).addr());
    let session = memory.map_or(0, |memory| memory.session);
    SESSION.store(session, Ordering::Relaxed);
    STATE
        .compare_exchange(ATTACHING, state, Ordering::SeqCst, Ordering::Relaxed)
        .ok()?;
    shared.map(|shared| Tracker { shared, session })
}

fn connect(memory: &Memory) -> Option<&'static Shared> {
    make_gate()?;
    let shared = Some(memory).filter(|_| has_common_numbers()).and_then(map);
    if shared.is_none() {
        unmap(GATE, PAGE);
    }
    shared
}

/// Puts the one instruction where the filter expects it.
fn make_gate() -> Option<()> {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    let got = mmap(GATE, PAGE, PROT_READ | PROT_WRITE, flags, -1)?;
    if got != GATE {
        // A kernel that does not know the last flag takes the address for a wish.
        unmap(got, PAGE);
        return None;
    }
    // SAFETY: the page was mapped just now, and is ours.
    unsafe { core::ptr::write(GATE as *mut [u8; GATE_CODE.len()], GATE_CODE) };
    let protect = Call::new(number::MPROTECT, [GATE, PAGE, PROT_READ | PROT_EXEC]);
    // SAFETY: our page.
    if errno_of(unsafe { protect.plain() }) != 0 {
        unmap(GATE, PAGE);
        return None;
    }
    Some(())
}

/// Whether the numbers of threads are those that `/proc` has, which is the supervisor's if the memory
/// is found in it. In another namespace of processes they stand for others.
fn has_common_numbers() -> bool {
    let mut text = [0_u8; 16];
    let (name, into) = (c"/proc/self".as_ptr().addr(), text.as_mut_ptr().addr());
    let ask = Call::new(number::READLINK, [name, into, text.len()]);
    // SAFETY: the name ends in a zero byte, the buffer is that large, and the gate is there.
    let length = unsafe { ask.gated() };
    // SAFETY: takes no pointers.
    let own = unsafe { Call::new(number::GETPID, []).plain() };
    let known = usize::try_from(length)
        .ok()
        .and_then(|length| text.get(..length));
    let number = known.and_then(|digits| {
        digits.iter().try_fold(0_isize, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(isize::from(digit))
        })
    });
    number == Some(own)
}

/// Maps the memory that is open in another process.
fn map(memory: &Memory) -> Option<&'static Shared> {
    let mut name = [0; 64];
    name::number_path(
        &mut name,
        &[b"/proc/", b"/fd/"],
        &[memory.process, memory.descriptor],
    )?;
    let (here, name) = (AT_FDCWD as usize, name.as_ptr().addr());
    let mut stat = Stat::default();
    let ask = Call::new(number::NEWFSTATAT, [here, name, (&raw mut stat).addr(), 0]);
    let open = Call::new(number::OPENAT, [here, name, (O_RDWR | O_CLOEXEC) as usize]);
    // To another process the numbers may stand for something that notices being opened.
    // SAFETY: the name ends in a zero byte. The gate is there; these are no looks at files.
    if errno_of(unsafe { ask.gated() }) != 0 || !is_memory(&stat) {
        return None;
    }
    // SAFETY: as above.
    let file = unsafe { open.gated() };
    if errno_of(file) != 0 {
        return None;
    }
    let shared = map_file(file as i32, memory.token);
    close(file as i32);
    shared
}

fn is_memory(stat: &Stat) -> bool {
    stat.mode & S_IFMT == S_IFREG && stat.size == Shared::SIZE as i64
}

fn map_file(file: i32, token: [u64; 2]) -> Option<&'static Shared> {
    stat_of(file).filter(is_memory)?;
    let got = mmap(0, Shared::SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file)?;
    // SAFETY: as large as it has to be, and consists of atomics only: whatever is there is a value.
    let shared = unsafe { &*(got as *const Shared) };
    if shared.is(token) {
        Some(shared)
    } else {
        unmap(got, Shared::SIZE);
        None
    }
}

fn mmap(wish: usize, size: usize, protection: usize, flags: usize, file: i32) -> Option<usize> {
    let call = Call::new(
        number::MMAP,
        [wish, size, protection, flags, file as usize, 0],
    );
    // SAFETY: never replaces what is there.
    let got = unsafe { call.plain() };
    (errno_of(got) == 0).then_some(got.cast_unsigned())
}

fn unmap(start: usize, size: usize) {
    // SAFETY: only called for what was mapped here, and nobody refers to.
    unsafe { Call::new(number::MUNMAP, [start, size]).plain() };
}

/// The attributes of an open file.
pub(crate) fn stat_of(file: i32) -> Option<Stat> {
    let mut stat = Stat::default();
    let call = Call::new(number::FSTAT, [file as usize, (&raw mut stat).addr()]);
    // SAFETY: the buffer is one.
    (errno_of(unsafe { call.plain() }) == 0).then_some(stat)
}

/// Closes a file.
pub(crate) fn close(file: i32) {
    // SAFETY: only called for what this library has opened and not handed out.
    unsafe { Call::new(number::CLOSE, [file as usize]).plain() };
}
