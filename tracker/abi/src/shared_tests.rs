use std::sync::atomic::AtomicBool;
use std::thread;
use std::vec::Vec;

use super::*;

/// Gives each test a memory of its own.
macro_rules! fresh {
    () => {{
        static SHARED: Shared = Shared::zero();
        SHARED.prepare([1, 2]);
        &SHARED
    }};
}

fn intent(text: &[u8]) -> Intent<'_> {
    Intent {
        operation: Operation::Open,
        detail: 7,
        thread: 42,
        session: 3,
        text,
        known: 1,
    }
}

const IDENTITY: Identity = Identity {
    dev: 1,
    ino: 2,
    size: 3,
    mtime_ns: -4,
    ctime_ns: i64::MAX,
    mode: 0o100_644,
};

#[test]
fn the_layout_is_the_one_the_version_stands_for() {
    assert_eq!(size_of::<Slot>(), 512);
    assert_eq!(Shared::SIZE % 4096, 0);
    assert_eq!(core::mem::offset_of!(Shared, head), 512);
    assert_eq!(core::mem::offset_of!(Shared, remembered), 4096);
    assert_eq!(core::mem::offset_of!(Shared, slots) % 4096, 0);
}

#[test]
fn only_the_right_token_opens_it() {
    static UNPREPARED: Shared = Shared::zero();
    assert!(!UNPREPARED.is([0, 0]));
    let shared = fresh!();
    assert!(shared.is([1, 2]));
    assert!(!shared.is([1, 3]));
}

#[test]
fn a_record_goes_through_its_phases_and_comes_out_as_it_went_in() {
    let shared = fresh!();
    let claim = shared.claim().unwrap();
    assert_eq!((shared.head(), shared.look(0)), (1, Found::Claimed));
    shared.open(&claim, &intent(b"/a\xff/b c"));
    assert_eq!(shared.look(0), Found::Open);
    assert_eq!(shared.read(0).unwrap().outcome, None);
    let outcome = Outcome {
        errno: 0,
        identity: Some(IDENTITY),
    };
    shared.finish(claim, &outcome);
    assert_eq!(shared.look(0), Found::Done);
    let record = shared.read(0).unwrap();
    assert_eq!(record.text(), b"/a\xff/b c");
    assert_eq!(record.outcome, Some(outcome));
    assert_eq!(
        (
            record.operation,
            record.detail,
            record.thread,
            record.session,
            record.known
        ),
        (Operation::Open, 7, 42, 3, 1)
    );
    shared.free(0);
    assert_eq!(shared.look(SLOTS as u64), Found::Claimed);
}

#[test]
fn text_of_every_length_survives_and_longer_text_is_cut() {
    let shared = fresh!();
    let long: Vec<u8> = (0..LONGEST_TEXT + 9).map(|at| at as u8).collect();
    for length in (0..=LONGEST_TEXT).chain([LONGEST_TEXT + 9]) {
        let claim = shared.claim().unwrap();
        let position = claim.0;
        let intent = Intent {
            known: 0,
            ..intent(&long[..length])
        };
        shared.open(&claim, &intent);
        let text = shared.read(position).unwrap();
        assert_eq!(text.text(), &long[..length.min(LONGEST_TEXT)]);
        shared.finish(
            claim,
            &Outcome {
                errno: 2,
                identity: None,
            },
        );
        shared.free(position);
    }
}

#[test]
fn a_full_memory_is_said_to_be_full_until_a_slot_is_freed() {
    let shared = fresh!();
    let done = Outcome {
        errno: 0,
        identity: None,
    };
    let stuck = shared.claim().unwrap();
    shared.open(&stuck, &intent(b"/stuck"));
    for _ in 1..SLOTS {
        let claim = shared.claim().unwrap();
        shared.open(&claim, &intent(b"/x"));
        shared.finish(claim, &done);
    }
    assert!(shared.claim().is_none());
    for position in 1..SLOTS as u64 {
        shared.free(position);
    }
    assert!(shared.claim().is_none(), "the next slot is not free yet");
    assert_eq!(shared.head(), SLOTS as u64);
    assert_eq!(shared.read(0).unwrap().text(), b"/stuck");
    shared.finish(stuck, &done);
    shared.free(0);
    assert_eq!(shared.claim().unwrap().0, SLOTS as u64);
}

#[test]
fn a_scribbled_record_is_none() {
    let shared = fresh!();
    let claim = shared.claim().unwrap();
    shared.open(&claim, &intent(b"/x"));
    let facts = &shared.slots[0].facts;
    facts[0].store(99, Ordering::Relaxed);
    assert!(shared.read(0).is_none());
    facts[0].store(1 | (LONGEST_TEXT as u64 + 1) << 32, Ordering::Relaxed);
    assert!(shared.read(0).is_none());
    facts[0].store(1 | 5 << 16 | 4 << 32, Ordering::Relaxed);
    assert!(shared.read(0).is_none());
    shared.slots[0].state.store(3, Ordering::Relaxed);
    assert_eq!(shared.look(0), Found::Garbage);
    shared.slots[1].state.store(u64::MAX, Ordering::Relaxed);
    assert!(shared.claim().is_none(), "it must not spin");
}

#[test]
fn what_was_reported_is_recalled_with_its_outcome_only() {
    let shared = fresh!();
    let tag = 0x1234_5678_9abc_def0_0fed_cba9_8765_4320;
    let rough = |tag| shared.recall(tag).map(|recalled| recalled.rough);
    assert_eq!(rough(tag), None);
    assert_eq!(rough(0), None);
    shared.remember(tag, Rough::Missing, None);
    assert_eq!(rough(tag), Some(Rough::Missing));
    // The same place in the table.
    assert_eq!(rough(tag ^ 1 << 40), None);
    shared.remember(tag, Rough::Found, None);
    assert_eq!(rough(tag), Some(Rough::Found));
}

#[test]
fn what_was_found_is_recalled_for_what_it_was_whatever_became_of_it() {
    let shared = fresh!();
    let file = |ino, size| Identity {
        dev: 1,
        ino,
        size,
        mtime_ns: 0,
        ctime_ns: 0,
        mode: 0o100_644,
    };
    shared.remember(1 << 64, Rough::Found, Some(&file(7, 1)));
    let recalled = shared.recall(1 << 64).unwrap();
    assert!(recalled.is_of(Some(&file(7, 2))));
    assert!(!recalled.is_of(Some(&file(8, 1))));
    assert!(recalled.is_of(None), "a call that does not show it");
    shared.remember(1 << 64, Rough::Found, None);
    assert!(shared.recall(1 << 64).unwrap().is_of(Some(&file(8, 1))));
}

#[test]
fn names_are_another_state_after_each_disturbance() {
    let shared = fresh!();
    let first = shared.names();
    assert!(first.is_some());
    shared.set_names_unsettled(true);
    assert_eq!(shared.names(), None);
    shared.set_names_unsettled(true);
    assert_eq!(shared.names(), None);
    shared.set_names_unsettled(false);
    let second = shared.names();
    assert!(second.is_some() && second != first);
    shared.set_names_unsettled(false);
    assert_eq!(shared.names(), second);

    assert!(shared.directories().is_some());
    shared.tell_directories_differ();
    assert_eq!(shared.directories(), None);
    shared.close();
    assert_eq!(shared.names(), None);
}

#[test]
fn nothing_is_lost_or_torn_between_many_writers_and_a_reader() {
    const WRITERS: usize = 4;
    const EACH: usize = 20_000;
    let shared = fresh!();
    let over = AtomicBool::new(false);
    let mut seen = [const { Vec::new() }; WRITERS];
    let mut lost = 0;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let mut refused = 0;
                    for number in 0..EACH {
                        let Some(claim) = shared.claim() else {
                            refused += 1;
                            thread::yield_now();
                            continue;
                        };
                        let text = std::format!("/{writer}/{number}");
                        let intent = Intent {
                            thread: writer as u32,
                            detail: number as u32,
                            ..intent(text.as_bytes())
                        };
                        shared.open(&claim, &intent);
                        shared.finish(
                            claim,
                            &Outcome {
                                errno: number as u16,
                                identity: None,
                            },
                        );
                    }
                    refused
                })
            })
            .collect();
        let over = &over;
        let reader = scope.spawn(move || {
            let mut seen = [const { Vec::new() }; WRITERS];
            let mut pending: Vec<u64> = Vec::new();
            let mut tail = 0;
            loop {
                let is_last = over.load(Ordering::SeqCst);
                let head = shared.head();
                pending.extend(tail..head);
                tail = head;
                pending.retain(|position| match shared.look(*position) {
                    Found::Done => {
                        let record = shared.read(*position).unwrap();
                        let expected = std::format!("/{}/{}", record.thread, record.detail);
                        assert_eq!(record.text(), expected.as_bytes());
                        assert_eq!(record.outcome.unwrap().errno, record.detail as u16);
                        seen[record.thread as usize].push(record.detail);
                        shared.free(*position);
                        false
                    }
                    Found::Claimed | Found::Open => true,
                    Found::Garbage => panic!("nobody scribbles"),
                });
                if is_last {
                    assert!(pending.is_empty());
                    return seen;
                }
                thread::yield_now();
            }
        });
        lost = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum();
        over.store(true, Ordering::SeqCst);
        seen = reader.join().unwrap();
    });
    let total: usize = seen.iter().map(Vec::len).sum();
    assert_eq!(total + lost, WRITERS * EACH);
    for numbers in seen {
        assert!(numbers.is_sorted());
    }
}

#[test]
fn calls_that_share_a_place_do_not_drive_out_each_other_until_it_is_full() {
    let shared = fresh!();
    // The upper half decides the place.
    let tags: Vec<Tag> = (1..=9).map(|index| 7 << 64 | index << 40).collect();
    let rough = |tag| shared.recall(tag).map(|recalled| recalled.rough);
    for tag in &tags[..4] {
        shared.remember(*tag, Rough::Missing, None);
        shared.remember(*tag, Rough::Found, None);
    }
    for tag in &tags[..4] {
        assert_eq!(rough(*tag), Some(Rough::Found));
    }
    for tag in &tags[4..] {
        shared.remember(*tag, Rough::Failed, None);
        assert_eq!(rough(*tag), Some(Rough::Failed));
    }
    let kept = tags.iter().filter(|tag| shared.recall(**tag).is_some());
    assert!((1..=4).contains(&kept.count()));
}

#[test]
fn memory_is_apart_as_long_as_somebody_says_so() {
    let shared = fresh!();
    assert!(!shared.is_memory_apart());
    shared.tell_memory_apart();
    assert!(shared.is_memory_apart());
    assert!(shared.names().is_some() && shared.directories().is_some());
    shared.tell_directories_differ();
    assert!(shared.is_memory_apart());
    shared.tell_memory_shared();
    assert!(!shared.is_memory_apart());
    assert_eq!(shared.directories(), None);
}
