//! Runs one program in a room of its own under the tracker, and holds it against the model.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use vt_tracker::{Options, spawn};
use vt_tracker_conformance::world::{Interpreter, Program, differences};

/// Long enough for whatever ends on its own.
const GRACE: Duration = Duration::from_secs(5);

/// How programs are watched.
fn options(room: &Path) -> Options {
    Options {
        roots: vec![room.to_owned()],
        grace: GRACE,
        ..Options::default()
    }
}

/// What came of a program.
pub(crate) struct Trial {
    /// One sentence for each thing that was not as predicted.
    pub(crate) problems: Vec<String>,
}

impl Trial {
    pub(crate) fn run(program: &Program, interpreter: &Interpreter) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().canonicalize().unwrap();
        let (room, operations) = (place.join("room"), place.join("operations"));
        std::fs::create_dir(&room).unwrap();
        program.plant(&room).unwrap();
        std::fs::write(&operations, program.text()).unwrap();

        let command = interpreter.command(&operations, &room);
        let mut child = spawn(command, options(&room)).unwrap();
        let mut said = String::new();
        let mut output = child.take_stdout().expect("it is a pipe");
        output.read_to_string(&mut said).unwrap();
        let tracked = child.wait().unwrap();

        let predicted = program.run();
        let mut problems = Vec::new();
        if !tracked.status.success() {
            problems.push(format!("it failed: {}", tracked.status));
        }
        let said: Vec<&str> = said.lines().collect();
        if said != predicted.lines() {
            let at = said
                .iter()
                .zip(predicted.lines())
                .position(|(said, predicted)| said != predicted)
                .unwrap_or_else(|| said.len().min(predicted.lines().len()));
            problems.push(format!(
                "the model is wrong: it predicts {:?}, the program says {:?}",
                predicted.lines().get(at),
                said.get(at)
            ));
        }
        if problems.is_empty() {
            problems = differences(predicted.chronicle(), &tracked.trace, &room);
        }
        Self { problems }
    }
}
