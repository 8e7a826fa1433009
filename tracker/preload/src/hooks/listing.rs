//! Listing directories.
//!
//! What comes out of `readdir` is read by the C library itself, and stops there. `scandir` does it
//! all in one go; so does this.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

use vt_tracker_abi::Operation;

use crate::arch::Call;
use crate::attach;
use crate::directory;
use crate::hooks::hooks;
use crate::hooks::open::open_at;
use crate::library::{
    errno as errno_now, errno_of, failed, fdopendir, free, handed_on, malloc, qsort, set_errno,
};
use crate::name::{self, Buffer};
use crate::record::{Made, Subject};
use crate::system::{AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NONBLOCK, errno, number};

const TO_LIST: i32 = O_NONBLOCK | O_DIRECTORY | O_CLOEXEC;

/// An entry as the kernel writes it, which is `struct dirent64`.
#[repr(C)]
pub struct Entry {
    number: u64,
    offset: i64,
    length: u16,
    kind: u8,
    name: [c_char; 0],
}

/// Says whether an entry is wanted.
pub type Filter = unsafe extern "C" fn(*const Entry) -> c_int;
/// Compares two entries of a list.
pub type Order = unsafe extern "C" fn(*const *const Entry, *const *const Entry) -> c_int;

/// Memory that grows.
struct Growing {
    start: *mut u8,
    room: usize,
    used: usize,
}

impl Growing {
    const fn new() -> Self {
        Self {
            start: null_mut(),
            room: 0,
            used: 0,
        }
    }

    /// Makes room for so many more bytes, or says that there is no memory.
    fn reserve(&mut self, more: usize) -> Result<(), i32> {
        if self.room - self.used >= more {
            return Ok(());
        }
        let room = (self.room * 2).max(self.used + more);
        // SAFETY: takes no pointers.
        let start = unsafe { malloc(room) }.unwrap_or(null_mut()).cast::<u8>();
        if start.is_null() {
            return Err(errno::ENOMEM);
        }
        if self.used > 0 {
            // SAFETY: the new memory is larger than the old.
            unsafe { start.copy_from_nonoverlapping(self.start, self.used) };
        }
        self.discard();
        self.start = start;
        self.room = room;
        Ok(())
    }

    fn discard(&self) {
        if !self.start.is_null() {
            // SAFETY: was allocated above and is not used after this.
            unsafe { free(self.start.cast()) };
        }
    }
}

/// Reads all entries. Gives zero, or what the call gave that failed.
fn read(directory: i32, entries: &mut Growing, is_gated: bool) -> isize {
    const AT_ONCE: usize = 1 << 15;
    loop {
        if let Err(number) = entries.reserve(AT_ONCE) {
            return failed(number);
        }
        // SAFETY: there is that much room.
        let place = unsafe { entries.start.add(entries.used) };
        let arguments = [
            directory as usize,
            place.addr(),
            entries.room - entries.used,
        ];
        let call = Call::new(number::GETDENTS64, arguments);
        // SAFETY: as above. There is a gate if the caller says so.
        let result = unsafe { if is_gated { call.gated() } else { call.plain() } };
        match errno_of(result) {
            0 if result == 0 => return 0,
            0 => entries.used += result.cast_unsigned(),
            // It was removed: there is nothing in it.
            errno::ENOENT => return 0,
            _ => return result,
        }
    }
}

/// Reads all entries at the gate. `None` if the supervisor has to see that.
fn read_at_gate(directory: i32, entries: &mut Growing) -> Option<isize> {
    let tracker = attach::tracker()?;
    let names = tracker.shared.names()?;
    let mut buffer = Buffer::new();
    directory::open(directory, &mut buffer)?;
    let bytes = buffer.bytes();
    let name = name::real(bytes)?;
    let subject = Subject {
        operation: Operation::List,
        detail: 0,
        distinction: 0,
        name,
        names,
    };
    let found = |_| attach::stat_of(directory).map(|stat| stat.identity());
    // From the first call to the last: whatever changes in between, the look is on both sides.
    let made = subject.record(&tracker, || read(directory, entries, true), found, found);
    match made {
        Made::AndRecorded(result) => Some(result),
        Made::Unseen(_) => {
            // SAFETY: takes no pointers. Back to the first entry.
            unsafe { Call::new(number::LSEEK, [directory as usize, 0, 0]).plain() };
            entries.used = 0;
            None
        }
        Made::Not => None,
    }
}

/// The list that is handed out.
struct List {
    entries: Growing,
}

impl List {
    fn add(&mut self, entry: *const Entry, length: usize) -> Result<(), i32> {
        self.entries.reserve(size_of::<*mut Entry>())?;
        // SAFETY: takes no pointers.
        let copy = unsafe { malloc(length) }.unwrap_or(null_mut()).cast::<u8>();
        if copy.is_null() {
            return Err(errno::ENOMEM);
        }
        // SAFETY: the entry has this length; there is room for one more pointer, and what
        // allocators give is aligned for pointers.
        unsafe {
            copy.copy_from_nonoverlapping(entry.cast(), length);
            let place = self.entries.start.add(self.entries.used);
            place.cast::<*mut Entry>().write(copy.cast());
        }
        self.entries.used += size_of::<*mut Entry>();
        Ok(())
    }

    const fn count(&self) -> usize {
        self.entries.used / size_of::<*mut Entry>()
    }

    fn discard(&self) {
        for index in 0..self.count() {
            // SAFETY: that many were written.
            unsafe { free(*self.entries.start.cast::<*mut c_void>().add(index)) };
        }
        self.entries.discard();
    }
}

/// Copies the entries that are wanted.
unsafe fn select(all: &Growing, filter: Option<Filter>, list: &mut List) -> Result<(), i32> {
    let mut at = 0;
    while at < all.used {
        // SAFETY: the kernel has written whole entries up to there, aligned for their numbers.
        let entry = unsafe { all.start.add(at) }.cast::<Entry>();
        // SAFETY: as above.
        let length = usize::from(unsafe { (*entry).length });
        if length == 0 {
            break;
        }
        at += length;
        if let Some(filter) = filter {
            set_errno(0);
            // SAFETY: the caller's function for such entries.
            if unsafe { filter(entry) } == 0 {
                continue;
            }
        }
        list.add(entry, length)?;
    }
    // Nobody can tell no list from an empty one.
    list.entries.reserve(size_of::<*mut Entry>())
}

/// # Safety
/// As for `scandir`.
unsafe fn scan(
    name: *const c_char,
    into: *mut *mut *mut Entry,
    filter: Option<Filter>,
    order: Option<Order>,
) -> c_int {
    let errno_before = errno_now();
    // SAFETY: the caller's to see to.
    let directory = unsafe { open_at(AT_FDCWD, name, TO_LIST, 0) };
    if errno_of(directory) != 0 {
        return handed_on(directory) as c_int;
    }
    let directory = directory as i32;
    let mut all = Growing::new();
    let result =
        read_at_gate(directory, &mut all).unwrap_or_else(|| read(directory, &mut all, false));
    attach::close(directory);
    if errno_of(result) != 0 {
        all.discard();
        return handed_on(result) as c_int;
    }
    let mut list = List {
        entries: Growing::new(),
    };
    // SAFETY: the caller's to see to.
    let selected = unsafe { select(&all, filter, &mut list) };
    all.discard();
    if let Err(number) = selected {
        list.discard();
        return handed_on(failed(number)) as c_int;
    }
    let start = list.entries.start;
    if let Some(order) = order {
        // SAFETY: the same function, said to take pointers to anything.
        unsafe {
            let order = core::mem::transmute::<Order, crate::library::Compare>(order);
            qsort(start.cast(), list.count(), size_of::<*mut Entry>(), order);
        }
    }
    // SAFETY: the caller's place for it.
    unsafe { *into = start.cast() };
    set_errno(errno_before);
    list.count() as c_int
}

hooks! {
    /// `opendir(name)`
    [opendir] (name: *const c_char) -> *mut c_void {
        // SAFETY: the caller's to see to.
        let directory = unsafe { open_at(AT_FDCWD, name, TO_LIST, 0) };
        if errno_of(directory) != 0 {
            handed_on(directory);
            return null_mut();
        }
        // SAFETY: it is open, and nobody's.
        let stream = unsafe { fdopendir(directory as c_int) };
        stream.filter(|stream| !stream.is_null()).unwrap_or_else(|| {
            let why = errno_now();
            attach::close(directory as i32);
            set_errno(why);
            null_mut()
        })
    }

    /// `scandir(name, list, filter, order)`
    [scandir scandir64] (name: *const c_char, into: *mut *mut *mut Entry, filter: Option<Filter>, order: Option<Order>) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { scan(name, into, filter, order) }
    }
}
