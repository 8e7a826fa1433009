//! One client: its bytes in, its answers out, never waiting for either.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Instant;

use interprocess::local_socket::Stream;
use rustix::event::PollFlags;
use vt_protocol::{
    Frames, MAX_FRAME, MAX_HELLO, Message, ProtocolError, Reply, Token, VERSION, frame,
};

use crate::recorder::Recorder;

/// How much is read from one client before the others have their turn, in bytes.
const TURN: usize = 64 << 10;

/// Unread answers beyond this many bytes stop the reading of further questions.
const MAX_OUTGOING: usize = MAX_FRAME;

/// What a client can still do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not said hello yet.
    Stranger,
    /// It has.
    Known,
    /// It broke the rules and is only told so.
    Expelled,
}

/// What is left to do for a client right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// There may be more to read.
    More,
    /// Nothing more was sent so far.
    Waiting,
    /// The connection is over.
    Over,
}

/// One client.
pub(crate) struct Connection {
    stream: Stream,
    frames: Frames,
    stage: Stage,
    outgoing: Vec<u8>,
    /// The client cannot hear any more; what it sent before still counts.
    deaf: bool,
    /// The client said everything it will ever say.
    ended: bool,
    /// When the frame that is being received began.
    frame_since: Option<Instant>,
}

impl Connection {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            frames: Frames::new(MAX_HELLO),
            stage: Stage::Stranger,
            outgoing: Vec::new(),
            deaf: false,
            ended: false,
            frame_since: None,
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        let Stream::UdSocket(stream) = &self.stream;
        stream.as_fd()
    }

    /// What to wake up for.
    pub(crate) fn interest(&self) -> PollFlags {
        let mut interest = PollFlags::empty();
        if !self.is_full() && !self.ended {
            interest |= PollFlags::IN;
        }
        if !self.outgoing.is_empty() {
            interest |= PollFlags::OUT;
        }
        interest
    }

    /// When the frame that is being received began, if the client owes the rest of one.
    pub(crate) const fn frame_since(&self) -> Option<Instant> {
        self.frame_since
    }

    /// Whether something that was begun is not finished: half a message, or questions that wait
    /// for earlier answers to be read.
    pub(crate) const fn is_owing(&self) -> bool {
        self.frames.is_inside_frame() || self.is_full()
    }

    /// Reads, understands and answers a bounded amount.
    pub(crate) fn turn(&mut self, recorder: &mut Recorder, token: &Token, now: Instant) -> Turn {
        self.flush();
        let received = if self.ended {
            Turn::Waiting
        } else if self.is_full() {
            Turn::More
        } else {
            self.receive(recorder)
        };
        let progress = self.understand(recorder, token);
        self.flush();

        if self.stage == Stage::Expelled {
            // The rest of its bytes means nothing; that it was expelled is already a failure.
            return Turn::Over;
        }
        if self.frames.is_inside_frame() && !self.is_full() {
            if progress || self.frame_since.is_none() {
                self.frame_since = Some(now);
            }
        } else {
            self.frame_since = None;
        }
        if self.ended && !self.is_full() && (self.outgoing.is_empty() || self.deaf) {
            if self.is_owing() {
                recorder.fail("a client ended inside a message");
            }
            return Turn::Over;
        }
        if self.is_full() {
            Turn::Waiting
        } else {
            received
        }
    }

    const fn is_full(&self) -> bool {
        self.outgoing.len() >= MAX_OUTGOING
    }

    fn receive(&mut self, recorder: &mut Recorder) -> Turn {
        let mut buffer = [0; TURN];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.ended = true;
                    return Turn::Waiting;
                }
                Ok(length) => {
                    self.frames.push(buffer.get(..length).unwrap_or_default());
                    return Turn::More;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Waiting,
                Err(error) => {
                    // A peer that closes with answers unread resets the connection; what it sent
                    // was received before that.
                    if error.kind() != io::ErrorKind::ConnectionReset {
                        recorder.fail(format!("cannot receive from a client: {error}"));
                    }
                    self.ended = true;
                    self.deafen();
                    return Turn::Waiting;
                }
            }
        }
    }

    /// Works through whole frames; says whether there was one.
    fn understand(&mut self, recorder: &mut Recorder, token: &Token) -> bool {
        let mut progress = false;
        while self.stage != Stage::Expelled && !self.is_full() {
            let payload = match self.frames.next_payload() {
                Ok(Some(payload)) => payload,
                Ok(None) => break,
                Err(error) => {
                    self.expel(recorder, 0, &error.to_string());
                    break;
                }
            };
            progress = true;
            match Message::decode(&payload) {
                Ok(message) => self.handle(recorder, token, message),
                Err(ProtocolError::UnknownKind {
                    kind,
                    request: request @ 1..,
                }) if self.stage == Stage::Known => self.answer(&Reply::Error {
                    request,
                    text: format!("a message of kind {kind:#06x} is unknown"),
                }),
                Err(error @ ProtocolError::UnknownKind { .. }) if self.stage == Stage::Known => {
                    recorder.fail(format!("a client sent what is not understood: {error}"));
                }
                Err(error) => self.expel(recorder, 0, &error.to_string()),
            }
        }
        progress
    }

    fn handle(&mut self, recorder: &mut Recorder, token: &Token, message: Message) {
        if self.stage == Stage::Stranger {
            return self.greet(recorder, token, &message);
        }
        let request = match &message {
            Message::GetEnv { request, .. } | Message::GetEnvs { request, .. } => *request,
            _ => 0,
        };
        match recorder.take(message) {
            Ok(Some(reply)) => self.answer(&reply),
            Ok(None) => {}
            Err(violation) => self.expel(recorder, request, &violation),
        }
    }

    fn greet(&mut self, recorder: &mut Recorder, expected: &Token, message: &Message) {
        let Message::Hello { version, token } = message else {
            return self.expel(recorder, 0, "the first message is not a hello");
        };
        if !token.is_same(expected) {
            return self.expel(recorder, 0, "the token is wrong");
        }
        if version.major != VERSION.major {
            let text = format!("version {version} is not spoken here, but {VERSION}");
            return self.expel(recorder, 0, &text);
        }
        self.stage = Stage::Known;
        self.frames.set_limit(MAX_FRAME);
        self.answer(&Reply::Welcome { version: VERSION });
    }

    fn expel(&mut self, recorder: &mut Recorder, request: u32, violation: &str) {
        recorder.fail(format!("a client broke the protocol: {violation}"));
        self.answer(&Reply::Error {
            request,
            text: violation.to_owned(),
        });
        self.stage = Stage::Expelled;
    }

    fn answer(&mut self, reply: &Reply) {
        if self.deaf {
            return;
        }
        let bytes = frame(&reply.encode()).expect("the recorder answers within a frame");
        self.outgoing.extend(bytes);
    }

    fn flush(&mut self) {
        let mut sent = 0;
        while let Some(rest) = self.outgoing.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(length @ 1..) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => return self.deafen(),
            }
        }
        self.outgoing.drain(..sent);
    }

    fn deafen(&mut self) {
        self.deaf = true;
        self.outgoing.clear();
    }
}
