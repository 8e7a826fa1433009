//! The end of a pipe does for a listener here: it hangs up when the other end is closed.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::AsFd as _;

use super::slots::{CAPACITY, Slot, State};
use super::*;

fn listener() -> (PipeReader, PipeWriter) {
    pipe().unwrap()
}

fn await_state(slot: &Slot, state: State) {
    let started = std::time::Instant::now();
    while slot.state() != state {
        assert!(started.elapsed().as_secs() < 30, "{:?}", slot.state());
        std::thread::yield_now();
    }
}

#[test]
fn a_slot_is_free_again_when_the_tree_is_gone_and_nobody_here_uses_it() {
    let keeper = Keeper::start().unwrap();
    let (ours, theirs) = listener();
    let index = keeper.give(ours.as_fd()).unwrap();
    let slot = keeper.slots.get(index).unwrap();
    await_state(slot, State::Held);
    drop(theirs);
    await_state(slot, State::Free);
    let (other, _theirs) = listener();
    assert_ne!(keeper.give(other.as_fd()), Some(index));
    keeper.taken[index].store(false, Ordering::SeqCst);
    assert_eq!(keeper.give(other.as_fd()), Some(index));
}

#[test]
fn a_full_keeper_takes_no_more() {
    let keeper = Keeper::start().unwrap();
    let (ours, _theirs) = listener();
    for index in 0..CAPACITY {
        assert_eq!(keeper.give(ours.as_fd()), Some(index));
    }
    assert_eq!(keeper.give(ours.as_fd()), None);
}

#[test]
fn a_keeper_that_can_hold_no_more_descriptors_says_so() {
    let keeper = Keeper::start().unwrap();
    let (ours, _theirs) = listener();
    let first = keeper.give(ours.as_fd()).unwrap();
    await_state(keeper.slots.get(first).unwrap(), State::Held);
    let none = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is of the type that the call reads, and the old one is not asked for.
    let limited = unsafe {
        libc::prlimit64(
            keeper.process,
            libc::RLIMIT_NOFILE,
            &raw const none,
            ptr::null_mut(),
        )
    };
    assert_eq!(limited, 0, "{}", io::Error::last_os_error());
    let index = keeper.give(ours.as_fd()).unwrap();
    let slot = keeper.slots.get(index).unwrap();
    await_state(slot, State::Lost);
    let kept = Kept {
        keeper: Arc::new(keeper),
        index,
        slot,
    };
    let place = Place::Kept(kept);
    assert!(!place.is_kept());
    drop(place);
    assert_eq!(slot.state(), State::Free);
}

#[test]
fn nobody_is_kept_by_a_keeper_that_is_gone() {
    let (ours, _theirs) = listener();
    let place = Place::of(ours.as_fd());
    assert!(place.is_kept());
    let Place::Kept(kept) = &place else {
        unreachable!("it is kept")
    };
    // SAFETY: ends a process of our own making.
    unsafe { libc::kill(kept.keeper.process, libc::SIGKILL) };
    let started = std::time::Instant::now();
    while place.is_kept() {
        assert!(started.elapsed().as_secs() < 30);
        std::thread::yield_now();
    }
    let again = Place::of(ours.as_fd());
    assert!(again.is_kept());
}
