//! Why a trace may lack something.

use core::fmt;

/// A reason for which a trace can't be vouched for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Blindness {
    /// This system can't be watched.
    NotSupported {
        /// What is missing.
        detail: &'static str,
    },
    /// The kernel refused to install the filter.
    FilterRefused {
        /// The error number; `EBUSY` means that another tracker or a sandbox is already there.
        errno: i32,
    },
    /// The kernel refused to let the command be traced, or to install the filter for that.
    PtraceRefused {
        /// The error number; `EPERM` means that it is traced already or that a sandbox forbids it.
        errno: i32,
    },
    /// Somebody else's filter takes calls before they are reported.
    Overshadowed {
        /// The name of the first such call.
        call: &'static str,
    },
    /// Nothing but the preloaded library watched: programs that do without it were not seen.
    PreloadOnly,
    /// The path a call was about could not be read.
    UnreadablePath {
        /// The name of the call.
        call: &'static str,
    },
    /// A call was made whose effects on paths are not followed.
    UnsupportedCall {
        /// The name of the call.
        call: &'static str,
    },
    /// A process of another architecture made a call.
    ForeignArchitecture,
    /// A call may have changed what paths mean to the process.
    NamespaceChanged {
        /// The name of the call.
        call: &'static str,
    },
    /// Processes of the tree were still alive after the grace time.
    Survivor,
    /// The tracker itself failed.
    SupervisorFailed {
        /// What failed.
        detail: &'static str,
    },
    /// A program that brings privileges along was started by a process that can gain none, so
    /// that it may have done something else than it would otherwise.
    PrivilegesWithheld,
    /// A process appeared of which nothing tells whose descendant it is.
    UnattributedProcess,
    /// What processes wrote down themselves was scribbled over.
    TornRecord,
    /// More distinct paths were touched than are kept.
    TooManyRecords {
        /// How many are kept.
        limit: usize,
    },
}

impl Blindness {
    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotSupported { .. } => "not-supported",
            Self::FilterRefused { .. } => "filter-refused",
            Self::PtraceRefused { .. } => "ptrace-refused",
            Self::Overshadowed { .. } => "overshadowed",
            Self::PreloadOnly => "preload-only",
            Self::UnreadablePath { .. } => "unreadable-path",
            Self::UnsupportedCall { .. } => "unsupported-call",
            Self::ForeignArchitecture => "foreign-architecture",
            Self::NamespaceChanged { .. } => "namespace-changed",
            Self::Survivor => "survivor",
            Self::SupervisorFailed { .. } => "supervisor-failed",
            Self::PrivilegesWithheld => "privileges-withheld",
            Self::UnattributedProcess => "unattributed-process",
            Self::TornRecord => "torn-record",
            Self::TooManyRecords { .. } => "too-many-records",
        }
    }

    /// The reason in words, with the program that gave it, if one did and it is known.
    #[must_use]
    pub const fn by<'r>(&'r self, program: Option<&'r str>) -> Told<'r> {
        Told {
            reason: self,
            program,
        }
    }

    /// What lets the command be seen as a whole, where there is something.
    #[must_use]
    pub const fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::FilterRefused { .. }
            | Self::PtraceRefused { .. }
            | Self::Overshadowed { .. }
            | Self::PreloadOnly => "run it outside of the sandbox that is around it",
            Self::UnsupportedCall { .. } | Self::NamespaceChanged { .. } => {
                "let it do without, or don't cache it"
            }
            Self::ForeignArchitecture => "install a build for this machine's 64 bits",
            Self::Survivor => "let it end what it starts, or don't cache it",
            Self::PrivilegesWithheld => "don't cache it",
            Self::NotSupported { .. }
            | Self::UnreadablePath { .. }
            | Self::SupervisorFailed { .. }
            | Self::UnattributedProcess
            | Self::TornRecord
            | Self::TooManyRecords { .. } => return None,
        })
    }
}

impl fmt::Display for Blindness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by(None).fmt(formatter)
    }
}

/// A reason in words; see [`Blindness::by`].
#[derive(Clone, Copy, Debug)]
pub struct Told<'r> {
    reason: &'r Blindness,
    program: Option<&'r str>,
}

/// A program in quotes, or what stands for one that is not known.
struct Named<'r>(Option<&'r str>, &'static str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(program) => write!(formatter, "`{program}`"),
            None => formatter.write_str(self.1),
        }
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = Named(self.program, "a process");
        match self.reason {
            Blindness::NotSupported { detail } => {
                write!(formatter, "tracking is not supported here: {detail}")
            }
            Blindness::FilterRefused { errno } => write!(
                formatter,
                "the kernel refused the tracking filter (error {errno})"
            ),
            Blindness::PtraceRefused { errno } => {
                write!(formatter, "tracing was refused (error {errno})")
            }
            Blindness::Overshadowed { call } => {
                write!(formatter, "another filter hides calls to `{call}`")
            }
            Blindness::PreloadOnly => {
                formatter.write_str("only programs that load the tracking library were seen")
            }
            Blindness::UnreadablePath { call } => write!(
                formatter,
                "{program} called `{call}` for a path that could not be read"
            ),
            Blindness::UnsupportedCall { call } => {
                write!(
                    formatter,
                    "{program} called `{call}`, which is not followed"
                )
            }
            Blindness::ForeignArchitecture => write!(
                formatter,
                "{program} makes calls of another architecture, which can't be followed"
            ),
            Blindness::NamespaceChanged { call } => write!(
                formatter,
                "{program} called `{call}`, so that paths may mean other files"
            ),
            Blindness::Survivor => write!(
                formatter,
                "{} was still running",
                Named(self.program, "a process it started")
            ),
            Blindness::SupervisorFailed { detail } => {
                write!(formatter, "the tracker failed: {detail}")
            }
            Blindness::PrivilegesWithheld => write!(
                formatter,
                "{} was started, and what is tracked gains no privileges",
                Named(self.program, "a setuid program")
            ),
            Blindness::UnattributedProcess => {
                formatter.write_str("a process can't be told to be of this command or of another")
            }
            Blindness::TornRecord => {
                formatter.write_str("a process damaged the record of its accesses")
            }
            Blindness::TooManyRecords { limit } => {
                write!(formatter, "more than {limit} paths were touched")
            }
        }
    }
}
