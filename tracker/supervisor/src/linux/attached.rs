//! A tracker below another one: it has the outer one watch for it.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use vt_tracker_abi::{Blindness, VARIABLE};

use crate::sink::{Options, Sink};
use crate::system::control::{Control, Word};
use crate::system::demand::{Demanded, NO_DEMAND};
use crate::system::dialogue::{ALIVE, Above, DONE, Request, ask};
use crate::system::wire;

/// How often it is asked whether somebody is left.
const PAUSE: Duration = Duration::from_millis(2);

/// A session of the tracker above.
pub(crate) struct Attached {
    above: Above,
    session: u32,
    file: File,
    /// Kept for the processes of the session.
    demand: Option<Demanded>,
    lacks_demand: bool,
}

/// Opens a session of the tracker above, if there is one that answers.
pub(crate) fn attach(options: &Options) -> Option<Attached> {
    let above = Above::parse(&std::env::var(VARIABLE).ok()?)?;
    let mut bytes = [0; 4];
    // SAFETY: the array has room for as many bytes.
    if unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } != 4 {
        return None;
    }
    // 0 stands for the whole tree.
    let session = u32::from_ne_bytes(bytes).max(1);
    let file = File::from(above.begin(session).ok()?);
    let demand = Demanded::of(options, above.token());
    let lacks_demand = demand.is_none() && options.library.is_some();
    Some(Attached {
        above,
        session,
        file,
        demand,
        lacks_demand,
    })
}

impl Attached {
    /// Arranges for a command that is about to be spawned to belong to the session.
    pub(crate) fn arrange(&self, command: &mut Command, options: &Options) {
        for root in &options.roots {
            let text = root.as_os_str().as_bytes();
            self.above.ask(Request::Root, self.session, text);
        }
        let demand = self.demand.as_ref().map(Demanded::place);
        let endpoint = self.above.endpoint(self.session, demand);
        command.env(VARIABLE, endpoint.to_string());
        let name = self.above.name(Request::Enter, self.session, b"");
        let prepare = move || {
            // There is no file of that name; being asked for it is all.
            let _ = ask(&name);
            Ok(())
        };
        // SAFETY: what runs between fork and exec makes one system call; it neither allocates nor
        // takes locks.
        unsafe { command.pre_exec(prepare) };
    }

    /// Waits for the end of the tree, and tells what was seen of it.
    pub(crate) fn attend(mut self, control: &Control, mut sink: Box<dyn Sink>, grace: Duration) {
        if self.lacks_demand {
            sink.blind(NO_DEMAND);
        }
        let result = self.wait(control, &mut *sink, grace);
        let ended = self.above.ask(Request::End, self.session, b"");
        let calls = result.and_then(|()| {
            if ended == DONE {
                wire::read(&mut self.file, &mut *sink)
            } else {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        });
        let calls = match calls {
            Ok(Ok(calls)) => calls,
            Ok(Err(wire::Garbled)) | Err(_) => {
                sink.blind(Blindness::SupervisorFailed {
                    detail: "the tracker above this one does not answer",
                });
                0
            }
        };
        sink.finish(calls, None);
    }

    fn wait(&self, control: &Control, sink: &mut dyn Sink, grace: Duration) -> io::Result<()> {
        while control.last() < Word::MainEnded {
            control.wait(None)?;
            control.acknowledge();
        }
        let deadline = Instant::now() + grace;
        loop {
            match self.above.ask(Request::Poll, self.session, b"") {
                DONE => return Ok(()),
                ALIVE if Instant::now() >= deadline => {
                    sink.blind(Blindness::Survivor);
                    return Ok(());
                }
                // Nobody tells when the last of somebody else's descendants ends.
                ALIVE => std::thread::sleep(PAUSE),
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }
}
