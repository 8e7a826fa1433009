//! Who is told of an access: the tracker of the whole tree, and those of the sessions in it that
//! the process belongs to.

use vt_tracker_abi::Blindness;

use crate::system::recorder::Recorder;

/// A part of the tree that another tracker, inside it, wants to know about.
pub(crate) struct Session {
    pub(crate) id: u32,
    /// The session that its tracker runs in; 0 is the whole tree.
    pub(crate) parent: u32,
    pub(crate) recorder: Recorder,
}

/// Who is told of an access.
pub(crate) struct Recorders {
    whole: Recorder,
    sessions: Vec<Session>,
    /// The innermost session of the thread that is at it; 0 if it is in none.
    current: u32,
    /// What sessions to come can't see either.
    lasting: Vec<(Blindness, Vec<u8>)>,
}

impl Recorders {
    pub(crate) const fn new(whole: Recorder) -> Self {
        Self {
            whole,
            sessions: Vec::new(),
            current: 0,
            lasting: Vec::new(),
        }
    }

    /// Notes that a thread of a session makes a call; what is told from now on belongs to it.
    pub(crate) fn begin(&mut self, thread: u32, session: u32) {
        self.current = session;
        self.each(|recorder| recorder.begin(thread));
    }

    /// Whether anybody in the whole tree has changed what is at a real path, or is about to.
    pub(crate) fn has_changed(&self, path: &[u8]) -> bool {
        self.whole.has_changed(path)
    }

    /// Does something for everybody who is to be told.
    pub(crate) fn each(&mut self, mut tell: impl FnMut(&mut Recorder)) {
        tell(&mut self.whole);
        let mut next = self.current;
        // A session is younger than its parent, so this ends.
        for session in self.sessions.iter_mut().rev() {
            if session.id == next {
                tell(&mut session.recorder);
                next = session.parent;
            }
        }
    }

    /// Does something for everybody there is.
    pub(crate) fn all(&mut self, mut tell: impl FnMut(&mut Recorder)) {
        tell(&mut self.whole);
        for session in &mut self.sessions {
            tell(&mut session.recorder);
        }
    }

    /// Notes that from now on something may be lacking, for everybody there is and will be.
    pub(crate) fn blame_for_good(&mut self, reason: Blindness, program: &[u8]) {
        self.all(|recorder| recorder.blame(reason, program));
        if !self.lasting.iter().any(|(known, _)| *known == reason) {
            self.lasting.push((reason, program.to_vec()));
        }
    }

    /// Notes that the whole tree was given up on while something was running.
    pub(crate) fn give_up(&mut self) {
        let running = self.whole.running();
        self.whole.blame(Blindness::Survivor, &running);
    }

    /// Does something for every session.
    pub(crate) fn sessions(&mut self, mut tell: impl FnMut(&mut Recorder)) {
        for session in &mut self.sessions {
            tell(&mut session.recorder);
        }
    }

    /// The recorder of a session.
    pub(crate) fn of(&mut self, id: u32) -> Option<&mut Recorder> {
        let session = self.sessions.iter_mut().find(|session| session.id == id)?;
        Some(&mut session.recorder)
    }

    /// Whether a session lies within another one.
    pub(crate) fn is_inside(&self, inner: u32, outer: u32) -> bool {
        let mut next = inner;
        for session in self.sessions.iter().rev() {
            if session.id == next {
                if session.parent == outer {
                    return true;
                }
                next = session.parent;
            }
        }
        false
    }

    /// The innermost session of the thread that is at it.
    pub(crate) const fn current(&self) -> u32 {
        self.current
    }

    pub(crate) const fn count(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) const fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    pub(crate) fn has(&self, id: u32) -> bool {
        self.sessions.iter().any(|session| session.id == id)
    }

    pub(crate) fn add(&mut self, mut session: Session) {
        for (reason, program) in &self.lasting {
            session.recorder.blame(*reason, program);
        }
        self.sessions.push(session);
    }

    /// Takes a session out. What happens in it from now on is its parent's.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Session> {
        let at = self.sessions.iter().position(|session| session.id == id)?;
        let removed = self.sessions.remove(at);
        for session in &mut self.sessions {
            if session.parent == id {
                session.parent = removed.parent;
            }
        }
        Some(removed)
    }

    pub(crate) fn into_whole(self) -> Recorder {
        self.whole
    }
}
