//! Variables that are not in the environment and may be asked for nevertheless.
//!
//! The right to ask is the variable that tells of the tracker: whoever does not hand it on to a program
//! hands no other on either. A name that a process sets or takes away itself is not asked for any
//! more, by the process and by what it starts: its environment says all there is to say. That, too, is
//! in the value of the variable, so that it goes where the environment goes, and nothing here remembers it.

use core::ffi::c_char;
use core::sync::atomic::{AtomicUsize, Ordering};

use vt_tracker_abi::demand::{Demand, SMALLEST};
use vt_tracker_abi::{Asked, Endpoint, LONGEST_TEXT, Place, VARIABLE};

use crate::attach::{self, Tracker};
use crate::environment;
use crate::library;
use crate::record;
use crate::system::O_RDONLY;

/// How long the value of the variable may become. Each name makes a new one, and the C library keeps them all;
/// and no program can be started with one that is longer than 128 KiB.
const LONGEST_VALUE: usize = 1 << 15;

/// The value of the variable, if there is one now.
///
/// # Safety
/// As for [`environment::find`].
unsafe fn right() -> Option<&'static [u8]> {
    // SAFETY: the caller's to see to.
    let value = unsafe { environment::find(VARIABLE.as_bytes()) }??;
    // SAFETY: text, which stays where it is as long as nobody takes it away.
    Some(unsafe { core::ffi::CStr::from_ptr(value) }.to_bytes())
}

/// Asks for a variable that is not in the environment, and has it written down.
///
/// # Safety
/// As for [`environment::find`].
pub(crate) unsafe fn ask(name: &[u8]) -> Option<*const c_char> {
    // Nobody has a variable of such a name.
    if name.is_empty() || name.len() > LONGEST_TEXT || name.contains(&b'=') {
        return None;
    }
    // SAFETY: the caller's to see to.
    let right = unsafe { right() };
    let right = right
        .filter(|right| !Endpoint::is_ended(right, name))
        .and_then(with_demand);
    let asked = |tracker: &Tracker| {
        let Some(endpoint) = right else {
            record::variable(tracker, name, Asked::OfItself);
            return None;
        };
        let Some(demand) = memory(tracker, &endpoint) else {
            record::variable(tracker, name, Asked::Doubtful);
            return None;
        };
        let is_known = record::variable(tracker, name, Asked::OnDemand);
        let value = demand.find(name).filter(|_| is_known);
        value.map(|value| value.as_ptr().cast())
    };
    attach::with_tracker(asked)?
}

fn with_demand(right: &[u8]) -> Option<Endpoint> {
    Endpoint::parse(right).filter(|endpoint| endpoint.demand.is_some())
}

/// Ends the demand for a variable, in this process and in all that it starts from now on.
///
/// # Safety
/// As for `setenv`.
pub(crate) unsafe fn end(name: &[u8]) {
    // SAFETY: the caller's to see to.
    let Some(right) = (unsafe { right() }) else {
        return;
    };
    let Some(endpoint) = with_demand(right) else {
        return;
    };
    let is_of_interest = || {
        let has = |tracker: &Tracker| Some(memory(tracker, &endpoint)?.find(name).is_some());
        // What can't be seen from here may be seen from elsewhere.
        attach::with_tracker(has).flatten().unwrap_or(true)
    };
    if name.is_empty()
        || name == VARIABLE.as_bytes()
        || Endpoint::is_ended(right, name)
        || !is_of_interest()
    {
        return;
    }
    // SAFETY: the caller's to see to.
    unsafe {
        if extend(right, name).is_none() {
            // Rather nobody asks any more than somebody for what has ended.
            library::next_unsetenv(VARIABLE_TEXT.as_ptr());
        }
    }
}

const VARIABLE_TEXT: &core::ffi::CStr = c"VT_TRACKER";

/// Adds a name to those that are not to be asked for.
unsafe fn extend(right: &[u8], name: &[u8]) -> Option<()> {
    let length = right.len() + 1 + name.len();
    if length > LONGEST_VALUE {
        return None;
    }
    // SAFETY: takes no pointers.
    let start: *mut u8 = unsafe { library::malloc(length + 1) }?.cast();
    if start.is_null() {
        return None;
    }
    // SAFETY: there is room for all of it.
    unsafe {
        core::ptr::copy_nonoverlapping(right.as_ptr(), start, right.len());
        start.add(right.len()).write(b'=');
        core::ptr::copy_nonoverlapping(name.as_ptr(), start.add(right.len() + 1), name.len());
        start.add(length).write(0);
    }
    // SAFETY: both are text. The value is copied.
    let set = unsafe { library::next_setenv(VARIABLE_TEXT.as_ptr(), start.cast(), 1) };
    // SAFETY: allocated above.
    unsafe { library::free(start.cast()) };
    (set == Some(0)).then_some(())
}

/// Where the variables are in this process; zero as long as they are nowhere. What is mapped once stays:
/// its values were handed out.
static START: AtomicUsize = AtomicUsize::new(0);

/// The variables, mapped if need be.
fn memory(tracker: &Tracker, endpoint: &Endpoint) -> Option<Demand<'static>> {
    let start = match START.load(Ordering::Acquire) {
        0 => map(tracker, &endpoint.demand?)?,
        start => start,
    };
    // SAFETY: mapped, and the size is its first word. Whoever writes into a value that he got would have
    // done so in his environment.
    let memory = unsafe {
        let size = core::ptr::read(start as *const u64) as usize;
        core::slice::from_raw_parts(start as *const u8, size)
    };
    Demand::new(memory, endpoint.token)
}

/// Maps the variables. Whoever comes meanwhile, from another thread or a handler of a signal, does the same;
/// the first one is taken.
fn map(tracker: &Tracker, place: &Place) -> Option<usize> {
    let can_be_it = |size| size >= SMALLEST;
    let (file, size) = attach::open(place, O_RDONLY, tracker.has_gate, can_be_it)?;
    let start = attach::map_privately(file, size);
    attach::close(file);
    let start = start?;
    // SAFETY: mapped just now, and large enough. It may be another file that has the number.
    if unsafe { core::ptr::read(start as *const u64) } != size as u64 {
        attach::unmap(start, size);
        return None;
    }
    match START.compare_exchange(0, start, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(start),
        Err(first) => {
            attach::unmap(start, size);
            Some(first)
        }
    }
}
