//! Calls that are newer than the oracle: what has to be reported of them is written down here.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use vt_tracker::{Change, Kind};
use vt_tracker_conformance::compare::faults;
use vt_tracker_conformance::expected::{Expected, Look, There};
use vt_tracker_conformance::room::Room;
use vt_tracker_conformance::runtimes::compile;
use vt_tracker_conformance::trial::{modes, track};

/// A path, what is there, and what is done to it.
const ROWS: &[(&str, There, Result<Look, Change>)] = &[
    ("fchmodat2", FILE, Err(Change::Metadata)),
    (
        "d/link",
        There::Something(Kind::Link),
        Err(Change::Metadata),
    ),
    ("missing", There::Nothing, Ok(Look::Missed)),
    ("setxattrat", FILE, Err(Change::Metadata)),
    ("d/getxattrat", FILE, Ok(Look::Probed)),
    ("listxattrat", FILE, Ok(Look::Probed)),
    ("d/removexattrat", FILE, Err(Change::Metadata)),
    ("file_getattr", FILE, Ok(Look::Probed)),
    ("d/file_setattr", FILE, Err(Change::Metadata)),
];

const FILE: There = There::Something(Kind::File);

#[test]
fn calls_that_the_oracle_does_not_know_are_reported() {
    let Some(program) = compile("gcc", &["-static", "-O1"], "newer.c") else {
        return;
    };
    for mode in modes() {
        let room = Room::new();
        for (path, there, _) in ROWS {
            if *there == FILE {
                room.write(path, "x");
            }
        }
        room.link("target", "d/link");
        let tracked = track(&room, mode, room.command(&program.path, &[])).unwrap();
        assert!(tracked.trace.completeness.is_complete());
        for (path, there, done) in ROWS {
            let mut expected = Expected::new(*there, (*path).to_owned());
            match done {
                Ok(look) => expected.look(*look),
                Err(change) => expected.change(*change, *there, false),
            }
            let history = tracked.trace.paths.get(&room.work().join(path));
            let history = history.unwrap_or_else(|| panic!("{}: no {path}", mode.name));
            assert_eq!(faults(&expected, history), [], "{}: {path}", mode.name);
        }
    }
}
