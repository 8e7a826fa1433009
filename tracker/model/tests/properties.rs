//! What holds for any stream of accesses.

use proptest::prelude::*;
use vt_tracker_abi::{Access, Event, Look, Order};
use vt_tracker_model::{
    Blindness, Change, Creation, Identity, Kind, PathHistory, StartDigest, State, Trace,
    TraceBuilder,
};

const PATHS: [&str; 3] = ["/a", "/a/b", "/c"];

#[derive(Clone, Debug)]
struct Step {
    path: usize,
    state: State,
    event: Event,
}

fn state() -> impl Strategy<Value = State> {
    let kinds = prop_oneof![
        Just(Kind::File),
        Just(Kind::Directory),
        Just(Kind::Link),
        Just(Kind::Other)
    ];
    prop_oneof![
        Just(State::Missing),
        (kinds, 0..4_u64).prop_map(|(kind, ino)| State::Present {
            kind,
            identity: Identity {
                dev: 1,
                ino,
                size: ino,
                mtime_ns: 0,
                ctime_ns: 0,
                mode: 0o644
            },
        })
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        Just(Look::Read),
        Just(Look::List),
        Just(Look::Probe),
        Just(Look::Miss),
        Just(Look::Link),
        Just(Look::Execute),
        Just(Look::Denied)
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Fresh),
        Just(Change::Keeps),
        Just(Change::Append),
        Just(Change::Metadata),
        Just(Change::Delete)
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let order = prop_oneof![4 => Just(Order::InSequence), 1 => Just(Order::BeforeFirstChange)];
    let start = prop_oneof![
        Just(StartDigest::NotTaken),
        Just(StartDigest::TooLarge),
        any::<u8>().prop_map(|byte| StartDigest::Sha256([byte; 32]))
    ];
    let creation = prop_oneof![Just(Creation::Any), Just(Creation::Exclusive)];
    prop_oneof![
        (look(), order).prop_map(|(look, order)| Event::Looked { look, order }),
        (change(), start, creation).prop_map(|(change, start, creation)| Event::Changed {
            change,
            start,
            creation
        }),
        Just(Event::Replaced)
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..PATHS.len(), state(), event());
    prop::collection::vec(
        step.prop_map(|(path, state, event)| Step { path, state, event }),
        0..40,
    )
}

fn trace<'s>(steps: impl IntoIterator<Item = &'s Step>) -> Trace {
    let mut builder = TraceBuilder::new();
    for step in steps {
        let path = PATHS[step.path].as_bytes();
        builder.access(&Access {
            path,
            state: step.state,
            event: step.event,
        });
    }
    builder.finish(0)
}

const fn was_seen(history: &PathHistory, look: Look) -> bool {
    let seen = &history.seen_before;
    match look {
        Look::Read => seen.read,
        Look::List => seen.listed,
        Look::Probe => seen.probed,
        Look::Miss => seen.missed,
        Look::Link => seen.link,
        Look::Execute => seen.executed,
        Look::Denied => seen.denied,
    }
}

proptest! {
    #[test]
    fn a_history_is_what_its_own_accesses_say(steps in steps()) {
        let trace = trace(&steps);
        for (index, path) in PATHS.iter().enumerate() {
            let own: Vec<&Step> = steps.iter().filter(|step| step.path == index).collect();
            let history = trace.paths.get(std::path::Path::new(path));
            prop_assert_eq!(history.is_some(), !own.is_empty());
            let Some(history) = history else { continue };

            prop_assert_eq!(history.first, own[0].state);
            let first_change =
                own.iter().position(|step| matches!(step.event, Event::Changed { .. }));
            prop_assert_eq!(history.before_change, first_change.map(|at| own[at].state));
            prop_assert_eq!(history.changes.is_empty(), first_change.is_none());

            let first_bytes = own.iter().position(|step| {
                matches!(step.event, Event::Changed { change, .. } if change.touches_bytes())
            });
            let listed = |step: &&Step| matches!(step.event, Event::Looked { look: Look::List, .. });
            prop_assert_eq!(history.listed, own.iter().any(listed));

            let replaced = |step: &Step| step.event == Event::Replaced;
            prop_assert_eq!(history.replaced, own.iter().any(|step| replaced(step)));

            let looks = |look: Look| own.iter().enumerate().any(|(at, step)| match step.event {
                Event::Looked { look: this, order } => this == look
                    && (order == Order::BeforeFirstChange
                        || first_bytes.is_none_or(|change| at < change)),
                Event::Changed { .. } | Event::Replaced => false,
            });
            for look in [
                Look::Read, Look::List, Look::Probe, Look::Miss, Look::Link, Look::Execute,
                Look::Denied,
            ] {
                prop_assert_eq!(was_seen(history, look), looks(look));
            }
        }
    }

    #[test]
    fn changes_stand_once_and_in_order(steps in steps()) {
        for (path, history) in &trace(&steps).paths {
            let mut expected: Vec<Change> = Vec::new();
            for step in steps.iter().filter(|step| path.as_path() == std::path::Path::new(PATHS[step.path])) {
                if let Event::Changed { change, .. } = step.event
                    && !expected.contains(&change)
                {
                    expected.push(change);
                }
            }
            prop_assert_eq!(&history.changes, &expected);
        }
    }

    #[test]
    fn repeating_an_access_at_once_says_nothing_new(steps in steps(), at in any::<prop::sample::Index>()) {
        prop_assume!(!steps.is_empty());
        let mut repeated = steps.clone();
        let at = at.index(steps.len());
        repeated.insert(at, steps[at].clone());
        let (once, twice) = (trace(&steps), trace(&repeated));
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn accesses_to_other_paths_do_not_matter(steps in steps()) {
        let alone = trace(steps.iter().filter(|step| step.path == 0));
        let among = trace(&steps);
        let path = std::path::Path::new(PATHS[0]);
        prop_assert_eq!(alone.paths.get(path), among.paths.get(path));
    }
}

#[test]
fn a_reason_for_blindness_stands_once() {
    let mut builder = TraceBuilder::new();
    builder.blind(Blindness::Survivor);
    builder.blind(Blindness::FilterRefused { errno: 16 });
    builder.blind(Blindness::Survivor);
    let reasons = builder.finish(7);
    assert_eq!(
        reasons.completeness.0,
        [Blindness::Survivor, Blindness::FilterRefused { errno: 16 }]
    );
    assert!(!reasons.completeness.is_complete());
    assert_eq!(reasons.accesses, 7);
}

#[test]
fn a_reason_says_which_program_gave_it_first_and_what_to_do() {
    let mut builder = TraceBuilder::new();
    let (called, torn) = (
        Blindness::UnsupportedCall { call: "bpf" },
        Blindness::TornRecord,
    );
    for program in [b"/bin/one", b"/bin/two"] {
        builder.blind(called);
        builder.culprit(called, program);
    }
    builder.blind(torn);
    let trace = builder.finish(0);
    let reasons: Vec<String> = trace.reasons().collect();
    assert_eq!(
        reasons,
        [
            "`/bin/one` called `bpf`, which is not followed (let it do without, or don't cache it)",
            "a process damaged the record of its accesses",
        ]
    );
}

#[test]
fn programs_are_counted_in_the_order_of_their_first_execution() {
    let mut builder = TraceBuilder::new();
    for given in [b"/bin/sh", b"/bin/ls", b"/bin/sh"] {
        builder.program(given, given);
    }
    let programs = builder.finish(0).programs;
    let counted: Vec<_> = programs
        .iter()
        .map(|program| (program.path.to_str().unwrap(), program.count))
        .collect();
    assert_eq!(counted, [("/bin/sh", 2), ("/bin/ls", 1)]);
}
