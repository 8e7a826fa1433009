//! What is told of a session, as bytes, for the tracker that asked for it.
//!
//! Both ends may be different builds, but speak the version that the names of the requests have.
//! Numbers are little endian; text is its length in 32 bits and its bytes.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use vt_tracker_abi::{
    Access, Asked, Blindness, Change, Creation, Event, Identity, Kind, Look, Order, ServiceAddress,
    StartDigest, State,
};

use crate::sink::Sink;
use crate::system::survivors::Survivors;
use crate::system::table::CALLS;

const ACCESS: u8 = 1;
const PROGRAM: u8 = 2;
const VARIABLE: u8 = 3;
const BLIND: u8 = 4;
const END: u8 = 5;
const WRITTEN_BY_ANOTHER: u8 = 6;
const CULPRIT: u8 = 7;
const SERVICE: u8 = 8;

/// Among the looks at a path.
const REPLACED: u8 = 0x7f;

/// Writes everything down, and into a file when it is over.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    file: File,
}

impl Writer {
    pub(crate) const fn new(file: File) -> Self {
        Self {
            bytes: Vec::new(),
            file,
        }
    }

    fn text(&mut self, text: &[u8]) {
        let length = u32::try_from(text.len()).expect("paths and names are short");
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(text);
    }

    fn reason(&mut self, reason: Blindness) {
        self.text(reason.name().as_bytes());
        match reason {
            Blindness::UnreadablePath { call }
            | Blindness::UnsupportedCall { call }
            | Blindness::NamespaceChanged { call } => self.text(call.as_bytes()),
            _ => self.text(b""),
        }
    }

    fn state(&mut self, state: &State) {
        let State::Present { kind, identity } = state else {
            return self.bytes.push(0);
        };
        self.bytes.push(1 + index(&KINDS, kind));
        for word in [
            identity.dev,
            identity.ino,
            identity.size,
            identity.mtime_ns.cast_unsigned(),
            identity.ctime_ns.cast_unsigned(),
        ] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(identity.mode.to_le_bytes());
    }
}

const KINDS: [Kind; 4] = [Kind::File, Kind::Directory, Kind::Link, Kind::Other];
const LOOKS: [Look; 7] = [
    Look::Read,
    Look::List,
    Look::Probe,
    Look::Miss,
    Look::Link,
    Look::Execute,
    Look::Denied,
];
const CHANGES: [Change; 5] = [
    Change::Fresh,
    Change::Keeps,
    Change::Append,
    Change::Metadata,
    Change::Delete,
];

fn index<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let at = all.iter().position(|other| other == one);
    at.expect("the list has all of them") as u8
}

impl Sink for Writer {
    fn access(&mut self, access: &Access<'_>) {
        self.bytes.push(ACCESS);
        self.text(access.path);
        self.state(&access.state);
        match &access.event {
            Event::Looked { look, order } => {
                let is_before = u8::from(*order == Order::BeforeFirstChange);
                self.bytes.extend([index(&LOOKS, look), is_before]);
            }
            Event::Replaced => self.bytes.extend([REPLACED, 0]),
            Event::Changed {
                change,
                start,
                creation,
            } => {
                let is_exclusive = u8::from(*creation == Creation::Exclusive);
                self.bytes
                    .extend([0x80 | index(&CHANGES, change), is_exclusive]);
                match start {
                    StartDigest::NotTaken => self.bytes.push(0),
                    StartDigest::TooLarge => self.bytes.push(1),
                    StartDigest::Unreadable => self.bytes.push(2),
                    StartDigest::Sha256(digest) => {
                        self.bytes.push(3);
                        self.bytes.extend(digest);
                    }
                }
            }
        }
    }

    fn program(&mut self, given: &[u8], real: &[u8]) {
        self.bytes.push(PROGRAM);
        self.text(given);
        self.text(real);
    }

    fn variable(&mut self, name: &[u8], asked: Asked) {
        self.bytes.extend([VARIABLE, asked as u8]);
        self.text(name);
    }

    fn service(&mut self, address: ServiceAddress<'_>, program: Option<&[u8]>) {
        self.bytes.push(SERVICE);
        match address {
            ServiceAddress::Path(path) => {
                self.bytes.push(0);
                self.text(path);
            }
            ServiceAddress::Name(name) => {
                self.bytes.push(1);
                self.text(name);
            }
            ServiceAddress::Port(address) => {
                self.bytes.push(2);
                self.text(address.to_string().as_bytes());
            }
        }
        // No program has an empty name.
        self.text(program.unwrap_or_default());
    }

    fn written_by_another(&mut self, path: &[u8]) {
        self.bytes.push(WRITTEN_BY_ANOTHER);
        self.text(path);
    }

    fn blind(&mut self, reason: Blindness) {
        self.bytes.push(BLIND);
        self.reason(reason);
    }

    fn culprit(&mut self, reason: Blindness, program: &[u8]) {
        self.bytes.push(CULPRIT);
        self.reason(reason);
        self.text(program);
    }

    fn finish(mut self: Box<Self>, calls: u64, _survivors: Option<Survivors>) {
        self.bytes.push(END);
        self.bytes.extend(calls.to_le_bytes());
        // What is lacking at the end is noticed by whoever reads it.
        let _ = self.file.write_all(&self.bytes);
    }
}

/// What was written does not make sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Garbled;

/// Reads everything that was written, and tells it. Gives the number of calls.
pub(crate) fn read(file: &mut File, sink: &mut dyn Sink) -> io::Result<Result<u64, Garbled>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(Reader(&bytes).tell(sink))
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn tell(mut self, sink: &mut dyn Sink) -> Result<u64, Garbled> {
        loop {
            match self.byte()? {
                ACCESS => {
                    let path = self.text()?;
                    let state = self.state()?;
                    let event = self.event()?;
                    sink.access(&Access { path, state, event });
                }
                PROGRAM => {
                    let given = self.text()?;
                    sink.program(given, self.text()?);
                }
                VARIABLE => {
                    let asked = *Asked::ALL.get(usize::from(self.byte()?)).ok_or(Garbled)?;
                    sink.variable(self.text()?, asked);
                }
                SERVICE => {
                    let address = self.address()?;
                    let program = Some(self.text()?).filter(|name| !name.is_empty());
                    sink.service(address, program);
                }
                WRITTEN_BY_ANOTHER => sink.written_by_another(self.text()?),
                BLIND => sink.blind(self.reason()?),
                CULPRIT => {
                    let reason = self.reason()?;
                    sink.culprit(reason, self.text()?);
                }
                END => return self.word(),
                _ => return Err(Garbled),
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Garbled> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u32, Garbled> {
        let bytes = self.take(4)?.try_into().expect("as many as asked for");
        Ok(u32::from_le_bytes(bytes))
    }

    fn word(&mut self) -> Result<u64, Garbled> {
        let bytes = self.take(8)?.try_into().expect("as many as asked for");
        Ok(u64::from_le_bytes(bytes))
    }

    fn text(&mut self) -> Result<&'b [u8], Garbled> {
        let length = self.number()?;
        self.take(length as usize)
    }

    fn reason(&mut self) -> Result<Blindness, Garbled> {
        let name = self.text()?;
        Ok(reason(name, self.text()?))
    }

    fn state(&mut self) -> Result<State, Garbled> {
        let Some(kind) = self.byte()?.checked_sub(1) else {
            return Ok(State::Missing);
        };
        let kind = *KINDS.get(usize::from(kind)).ok_or(Garbled)?;
        let identity = Identity {
            dev: self.word()?,
            ino: self.word()?,
            size: self.word()?,
            mtime_ns: self.word()?.cast_signed(),
            ctime_ns: self.word()?.cast_signed(),
            mode: self.number()?,
        };
        Ok(State::Present { kind, identity })
    }

    fn address(&mut self) -> Result<ServiceAddress<'b>, Garbled> {
        let (kind, text) = (self.byte()?, self.text()?);
        Ok(match kind {
            0 => ServiceAddress::Path(text),
            1 => ServiceAddress::Name(text),
            2 => {
                let text = std::str::from_utf8(text).map_err(|_| Garbled)?;
                ServiceAddress::Port(text.parse().map_err(|_| Garbled)?)
            }
            _ => return Err(Garbled),
        })
    }

    fn event(&mut self) -> Result<Event, Garbled> {
        let (what, flag) = (self.byte()?, self.byte()? == 1);
        if what == REPLACED {
            return Ok(Event::Replaced);
        }
        if what & 0x80 == 0 {
            let order = if flag {
                Order::BeforeFirstChange
            } else {
                Order::InSequence
            };
            let look = *LOOKS.get(usize::from(what)).ok_or(Garbled)?;
            return Ok(Event::Looked { look, order });
        }
        let change = *CHANGES.get(usize::from(what & 0x7f)).ok_or(Garbled)?;
        let creation = if flag {
            Creation::Exclusive
        } else {
            Creation::Any
        };
        let start = match self.byte()? {
            0 => StartDigest::NotTaken,
            1 => StartDigest::TooLarge,
            2 => StartDigest::Unreadable,
            3 => StartDigest::Sha256(self.take(32)?.try_into().expect("as many as asked for")),
            _ => return Err(Garbled),
        };
        Ok(Event::Changed {
            change,
            start,
            creation,
        })
    }
}

/// The reason with a name. One that is not known here is still one.
fn reason(name: &[u8], call: &[u8]) -> Blindness {
    let call = CALLS
        .iter()
        .find(|known| known.name.as_bytes() == call)
        .map_or("a call", |known| known.name);
    match name {
        b"unreadable-path" => Blindness::UnreadablePath { call },
        b"unsupported-call" => Blindness::UnsupportedCall { call },
        b"namespace-changed" => Blindness::NamespaceChanged { call },
        b"foreign-architecture" => Blindness::ForeignArchitecture,
        b"survivor" => Blindness::Survivor,
        b"torn-record" => Blindness::TornRecord,
        b"privileges-withheld" => Blindness::PrivilegesWithheld,
        b"unattributed-process" => Blindness::UnattributedProcess,
        _ => Blindness::SupervisorFailed {
            detail: "the tracker above this one could not see everything",
        },
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
