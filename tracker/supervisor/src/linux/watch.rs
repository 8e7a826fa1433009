//! Everything that is remembered of a tree from call to call.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, FromRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use vt_tracker_abi::{Blindness, Record};

use crate::sink::{Options, Sink};
use crate::system::call::Stopped;
use crate::system::dialogue::{self, ALIVE, Asked, DONE, Request};
use crate::system::mapping::Mapping;
use crate::system::membership::Membership;
use crate::system::others::Others;
use crate::system::reader::Reader;
use crate::system::recorder::{Recorder, real_roots};
use crate::system::recorders::{Recorders, Session};
use crate::system::resolve::Resolver;
use crate::system::tracee;
use crate::system::unsettled::Unsettled;
use crate::system::wire::Writer;
use crate::system::written;

/// How many sessions there can be at a time.
const MOST_SESSIONS: usize = 1024;

/// Everything that is remembered of a tree from call to call.
pub(crate) struct Watch {
    pub(crate) recorders: Recorders,
    pub(crate) resolver: Resolver,
    pub(crate) others: Others,
    membership: Membership,
    /// Threads that are about to change the current directory.
    directories: Unsettled,
    /// What processes write down themselves, if they can and it can be trusted.
    reader: Option<Reader>,
    records: Vec<Record>,
    library: Option<PathBuf>,
}

impl Watch {
    pub(crate) fn new(sink: Box<dyn Sink>, options: &Options, mapping: Option<Mapping>) -> Self {
        Self {
            recorders: Recorders::new(Recorder::new(sink, options)),
            resolver: Resolver::default(),
            others: Others::below(real_roots(options)),
            membership: Membership::default(),
            directories: Unsettled::default(),
            reader: mapping.map(Reader::new),
            records: Vec::new(),
            library: options.library.clone(),
        }
    }

    /// Notes what processes wrote down themselves since the last time.
    pub(crate) fn read(&mut self) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        let head = reader.head();
        let mut records = std::mem::take(&mut self.records);
        let mut result = Ok(true);
        while result == Ok(true) {
            let Some(reader) = &mut self.reader else {
                break;
            };
            result = reader.read(head, &mut records);
            for record in &records {
                written::note(self, record);
            }
            records.clear();
        }
        self.records = records;
        if result.is_err() {
            self.close();
            self.recorders
                .all(|recorder| recorder.blind(Blindness::TornRecord));
        }
    }

    /// Tells processes that each change of a current directory is seen before it happens.
    pub(crate) fn begin_stopping(&self) {
        if let Some(reader) = &self.reader {
            reader.shared().tell_memory_apart();
        }
    }

    /// Sees to it that from now on every call stops.
    pub(crate) fn close(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.shared().close();
        }
    }

    /// Notes that a thread that is stopped makes a call: its calls before are done.
    pub(crate) fn begin(&mut self, thread: u32) {
        let mut session = 0;
        if self.recorders.has_sessions() {
            match self.membership.of(thread) {
                Some(found) if self.recorders.has(found) => session = found,
                Some(_) => {}
                None => self
                    .recorders
                    .sessions(|recorder| recorder.blind(Blindness::UnattributedProcess)),
            }
        }
        self.begin_in(thread, session);
    }

    /// Notes that a thread of a session makes a call: its calls before are done.
    pub(crate) fn begin_in(&mut self, thread: u32, session: u32) {
        self.recorders.begin(thread, session);
        let names = self.resolver.settle(thread);
        let directories = self.directories.settle(thread);
        if let Some(reader) = &self.reader {
            if names {
                reader.shared().set_names_unsettled(false);
            }
            if directories {
                reader.shared().set_directories_unsettled(false);
            }
        }
    }

    /// Notes that a thread is about to remove or rename a directory or a link.
    pub(crate) fn disturb_names(&mut self, thread: u32) {
        self.resolver.forget(thread);
        if let Some(reader) = &self.reader {
            reader.shared().set_names_unsettled(true);
        }
    }

    /// Notes that a thread is about to change its current directory.
    pub(crate) fn disturb_directories(&mut self, thread: u32) {
        let Some(reader) = &self.reader else {
            return;
        };
        if reader.shared().is_memory_apart() && tracee::may_share_memory(thread) {
            reader.shared().tell_memory_shared();
        }
        reader.shared().set_directories_unsettled(true);
        self.directories.add(thread);
        if !tracee::threads_share_directory(thread) {
            reader.shared().tell_directories_differ();
        }
    }

    /// Answers what a tracker further in asks.
    pub(crate) fn talk(&mut self, name: &[u8], thread: u32, stopped: &dyn Stopped) {
        let token = self.reader.as_ref().map(Reader::token);
        let Some(Asked {
            request,
            session,
            text,
        }) = token.and_then(|token| dialogue::parse(name, token))
        else {
            return;
        };
        match request {
            Request::Begin => {
                if let Ok(file) = self.begin_session(session) {
                    stopped.give(file.as_fd());
                }
            }
            Request::Root => {
                if let Some(recorder) = self.recorders.of(session) {
                    recorder.add_root(Path::new(OsStr::from_bytes(text)));
                    stopped.refuse(DONE);
                }
            }
            Request::Enter => self.membership.enter(thread, session),
            Request::Demanded | Request::Doubtful => {
                let asked = match request {
                    Request::Doubtful => vt_tracker_abi::Asked::Doubtful,
                    _ => vt_tracker_abi::Asked::OnDemand,
                };
                self.recorders
                    .each(|recorder| recorder.variable(text, asked));
                stopped.refuse(DONE);
            }
            Request::Poll => {
                let recorders = &self.recorders;
                let is_inside = |other| recorders.is_inside(other, session);
                let is_alive = self.membership.is_alive(session, is_inside);
                stopped.refuse(if is_alive { ALIVE } else { DONE });
            }
            Request::End => {
                if let Some(session) = self.recorders.remove(session) {
                    let recorder = session.recorder;
                    let mut written = self.others.written();
                    written.retain(|path| recorder.has_changed(path));
                    let (mut sink, calls) = recorder.into_sink();
                    for path in written {
                        sink.written_by_another(&path);
                    }
                    sink.finish(calls, None);
                    stopped.refuse(DONE);
                }
            }
        }
    }

    /// Opens a session; gives the file that its tracker reads in the end.
    fn begin_session(&mut self, id: u32) -> io::Result<File> {
        if id == 0 || self.recorders.has(id) || self.recorders.count() >= MOST_SESSIONS {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // SAFETY: the name is a terminated string.
        let raw = unsafe { libc::memfd_create(c"vt-tracker".as_ptr(), libc::MFD_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made and belongs to nobody else.
        let file = unsafe { File::from_raw_fd(raw) };
        let sink = Box::new(Writer::new(file.try_clone()?));
        let options = Options {
            roots: Vec::new(),
            grace: std::time::Duration::ZERO,
            library: self.library.clone(),
            demand: BTreeMap::new(),
            tiers: vt_tracker_abi::Tiers::NONE,
        };
        self.recorders.add(Session {
            id,
            parent: self.recorders.current(),
            recorder: Recorder::new(sink, &options),
        });
        Ok(file)
    }
}
