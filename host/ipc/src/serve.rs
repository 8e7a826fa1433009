//! The loop that serves the clients of one step, and what it does when the step is over.
//!
//! One thread waits for all sockets at once and never for one client. Readiness comes straight
//! from the kernel: what a process sent before it died is there when it is reaped, so that reading
//! until nothing is left finds all of it. An asynchronous runtime keeps a readiness of its own,
//! which may be older than that.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use interprocess::local_socket::traits::{Listener as _, StreamCommon as _};
use interprocess::local_socket::{Listener, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vt_protocol::Token;

use crate::connection::{Connection, Turn};
use crate::recorder::Recorder;
use crate::reports::Reports;

/// How long clients that are in the middle of something hold up the end of a step.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);

/// How long a message may take from its first byte to its last.
const MESSAGE_TIME: Duration = Duration::from_secs(5);

/// How many clients may be connected at once.
const MAX_CONNECTIONS: usize = 1024;

/// How long nobody is accepted after that failed; the reason is mostly that descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the other end of `stop` is closed, then takes in what was already sent.
pub(crate) fn serve(
    listener: Listener,
    stop: &UnixStream,
    token: &Token,
    recorder: Recorder,
) -> Reports {
    let mut service = Service {
        token,
        recorder,
        connections: Vec::new(),
        accept_again: None,
    };
    if let Err(error) = service.run(&listener, stop) {
        service
            .recorder
            .fail(format!("cannot wait for clients: {error}"));
    }
    service.accept_pending(&listener);
    drop(listener);
    service.drain(Instant::now() + DRAIN);
    service.recorder.seal()
}

struct Service<'a> {
    token: &'a Token,
    recorder: Recorder,
    connections: Vec<Connection>,
    accept_again: Option<Instant>,
}

impl Service<'_> {
    fn run(&mut self, listener: &Listener, stop: &UnixStream) -> io::Result<()> {
        let Listener::UdSocket(socket) = listener;
        loop {
            let accepting = self.accept_again.is_none();
            let mut waits = vec![
                PollFd::new(stop, PollFlags::IN),
                PollFd::new(
                    socket,
                    match accepting {
                        true => PollFlags::IN,
                        false => PollFlags::empty(),
                    },
                ),
            ];
            waits.extend(self.connections.iter().map(wait_for));
            wait(&mut waits, self.next_deadline())?;
            let ready: Vec<bool> = waits
                .iter()
                .map(|wait| !wait.revents().is_empty())
                .collect();

            let now = Instant::now();
            if ready.first() == Some(&true) {
                return Ok(());
            }
            self.serve_ready(ready.get(2..).unwrap_or_default(), now);
            self.drop_slow(now);
            self.accept_again = self.accept_again.filter(|again| *again > now);
            if accepting && ready.get(1) == Some(&true) {
                self.accept_pending(listener);
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.connections
            .iter()
            .filter_map(Connection::frame_since)
            .map(|since| since + MESSAGE_TIME)
            .chain(self.accept_again)
            .min()
    }

    fn serve_ready(&mut self, ready: &[bool], now: Instant) {
        let mut ready = ready.iter();
        self.connections.retain_mut(|connection| {
            ready.next() != Some(&true)
                || connection.turn(&mut self.recorder, self.token, now) != Turn::Over
        });
    }

    fn drop_slow(&mut self, now: Instant) {
        let recorder = &mut self.recorder;
        self.connections.retain(|connection| {
            let slow = connection
                .frame_since()
                .is_some_and(|since| now.duration_since(since) >= MESSAGE_TIME);
            if slow {
                recorder.fail("a client took too long to finish a message");
            }
            !slow
        });
    }

    fn accept_pending(&mut self, listener: &Listener) {
        // More than can be admitted are not even looked at, so that this ends.
        for _ in 0..=MAX_CONNECTIONS {
            match listener.accept() {
                Ok(stream) => self.admit(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => {
                    self.recorder
                        .fail(format!("cannot accept a client: {error}"));
                    self.accept_again = Some(Instant::now() + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, stream: Stream) {
        let user = rustix::process::geteuid().as_raw();
        match stream.peer_creds().map(|peer| peer.euid()) {
            Ok(Some(peer)) if peer == user => {}
            _ => {
                return self
                    .recorder
                    .fail("a client of another user was turned away");
            }
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            return self
                .recorder
                .fail(format!("more than {MAX_CONNECTIONS} clients are connected"));
        }
        self.connections.push(Connection::new(stream));
    }

    /// Reads what was already sent. Clients that owe nothing are let go at once.
    fn drain(&mut self, deadline: Instant) {
        loop {
            let (recorder, token) = (&mut self.recorder, self.token);
            self.connections.retain_mut(|connection| {
                loop {
                    let now = Instant::now();
                    match connection.turn(recorder, token, now) {
                        Turn::Over => return false,
                        Turn::Waiting => return connection.is_owing(),
                        Turn::More if now >= deadline => return true,
                        Turn::More => {}
                    }
                }
            });
            if self.connections.is_empty() {
                return;
            }
            if Instant::now() >= deadline {
                return self
                    .recorder
                    .fail("a client was still in the middle of a message at the end");
            }
            let mut waits: Vec<PollFd<'_>> = self.connections.iter().map(wait_for).collect();
            if let Err(error) = wait(&mut waits, Some(deadline)) {
                return self
                    .recorder
                    .fail(format!("cannot wait for clients: {error}"));
            }
        }
    }
}

fn wait_for(connection: &Connection) -> PollFd<'_> {
    PollFd::from_borrowed_fd(connection.fd(), connection.interest())
}

/// Waits for one of the sockets or for the deadline.
fn wait(waits: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        Timespec::try_from(left).expect("deadlines are seconds away")
    });
    match poll(waits, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
