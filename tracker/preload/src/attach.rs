//! Finds the memory and the gate, at the first look that a process makes.
//!
//! Nothing waits here: whoever comes while another thread, or the one that a signal interrupted,
//! is at it makes its call as if there were no memory. If anything is amiss there is none for the
//! rest of the process.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use vt_tracker_abi::{Endpoint, GATE, GATE_CODE, Place, Shared, VARIABLE};

use crate::arch::Call;
use crate::environment;
use crate::insist::insist;
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
    /// Whether calls may be made at the gate.
    pub(crate) has_gate: bool,
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
            has_gate: true,
        }),
    }
}

/// Does something with the memory, if this process has it. While another thread is about to find it, or the one that
/// a signal has interrupted, it is found once more: what is done here can't be done without it.
pub(crate) fn with_tracker<T>(act: impl FnOnce(&Tracker) -> T) -> Option<T> {
    if let Some(tracker) = tracker() {
        return Some(act(&tracker));
    }
    if STATE.load(Ordering::Acquire) != ATTACHING {
        // It may have been found just now.
        return tracker().map(|tracker| act(&tracker));
    }
    // SAFETY: as in [`attach`].
    let endpoint = unsafe { endpoint() }??;
    let shared = has_common_numbers(false)
        .then(|| map(&endpoint, false))
        .flatten()?;
    let result = act(&Tracker {
        shared,
        session: endpoint.session,
        has_gate: false,
    });
    unmap(core::ptr::from_ref(shared).addr(), Shared::SIZE);
    Some(result)
}

/// What the environment says of the tracker. `None` for the outer one if there is no environment yet.
unsafe fn endpoint() -> Option<Option<Endpoint>> {
    // SAFETY: the caller's to see to.
    let value = unsafe { environment::find(VARIABLE.as_bytes()) }?;
    // SAFETY: text that ends in a zero byte.
    let text = value.map(|value| unsafe { CStr::from_ptr(value) }.to_bytes());
    Some(text.and_then(Endpoint::parse))
}

/// From here on this process makes no call that it would not make without us: it has confined
/// itself to the ones it knows of.
pub(crate) fn detach() {
    STATE.store(INERT, Ordering::SeqCst);
}

#[cold]
fn attach() -> Option<Tracker> {
    // SAFETY: the variable is ours; programs leave it alone.
    let endpoint = unsafe { endpoint() }?;
    STATE
        .compare_exchange(UNKNOWN, ATTACHING, Ordering::SeqCst, Ordering::Relaxed)
        .ok()?;
    let shared = endpoint.and_then(|endpoint| connect(&endpoint));
    let state = shared.map_or(INERT, |shared| core::ptr::from_ref(shared).addr());
    let session = endpoint.map_or(0, |endpoint| endpoint.session);
    SESSION.store(session, Ordering::Relaxed);
    STATE
        .compare_exchange(ATTACHING, state, Ordering::SeqCst, Ordering::Relaxed)
        .ok()?;
    shared.map(|shared| Tracker {
        shared,
        session,
        has_gate: true,
    })
}

fn connect(endpoint: &Endpoint) -> Option<&'static Shared> {
    make_gate()?;
    let shared = has_common_numbers(true)
        .then(|| map(endpoint, true))
        .flatten();
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
fn has_common_numbers(has_gate: bool) -> bool {
    let mut text = [0_u8; 16];
    let (name, into) = (c"/proc/self".as_ptr().addr(), text.as_mut_ptr().addr());
    let ask = Call::new(number::READLINK, [name, into, text.len()]);
    // SAFETY: the name ends in a zero byte, and the buffer is that large.
    let length = unsafe { made(&ask, has_gate) };
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

/// Makes a call at the gate, if there is one. It is no look at a file.
unsafe fn made(call: &Call, has_gate: bool) -> isize {
    // SAFETY: the caller's to see to.
    unsafe { if has_gate { call.gated() } else { insist(call) } }
}

/// Maps the memory that is open in another process.
fn map(endpoint: &Endpoint, has_gate: bool) -> Option<&'static Shared> {
    let is_memory = |size| size == Shared::SIZE;
    let (file, size) = open(&endpoint.memory, O_RDWR, has_gate, is_memory)?;
    let got = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    close(file);
    let got = got?;
    // SAFETY: as large as it has to be, and consists of atomics only: whatever is there is a value.
    let shared = unsafe { &*(got as *const Shared) };
    if shared.is(endpoint.token) {
        Some(shared)
    } else {
        unmap(got, Shared::SIZE);
        None
    }
}

/// Opens a file that is open in another process, if it has a size that it can have. Gives the size, too.
pub(crate) fn open(
    place: &Place,
    flags: i32,
    has_gate: bool,
    can_be_it: impl Fn(usize) -> bool,
) -> Option<(i32, usize)> {
    let mut name = [0; 64];
    name::number_path(
        &mut name,
        &[b"/proc/", b"/fd/"],
        &[place.process, place.descriptor],
    )?;
    let (here, name) = (AT_FDCWD as usize, name.as_ptr().addr());
    let mut stat = Stat::default();
    let ask = Call::new(number::NEWFSTATAT, [here, name, (&raw mut stat).addr(), 0]);
    let open = Call::new(number::OPENAT, [here, name, (flags | O_CLOEXEC) as usize]);
    let is_it = |stat: &Stat| {
        let size = usize::try_from(stat.size);
        let size = size.ok().filter(|size| can_be_it(*size))?;
        (stat.mode & S_IFMT == S_IFREG).then_some(size)
    };
    // To another process the numbers may stand for something that notices being opened.
    // SAFETY: the name ends in a zero byte, and the buffer is one.
    if errno_of(unsafe { made(&ask, has_gate) }) != 0 || is_it(&stat).is_none() {
        return None;
    }
    // SAFETY: the name ends in a zero byte.
    let file = unsafe { made(&open, has_gate) };
    if errno_of(file) != 0 {
        return None;
    }
    let file = file as i32;
    let size = stat_of(file).as_ref().and_then(is_it);
    if size.is_none() {
        close(file);
    }
    Some((file, size?))
}

/// Maps a file such that nobody else sees what is written there.
pub(crate) fn map_privately(file: i32, size: usize) -> Option<usize> {
    mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file)
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

/// Takes away what was mapped here, and nobody refers to.
pub(crate) fn unmap(start: usize, size: usize) {
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
