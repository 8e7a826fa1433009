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
}

impl fmt::Display for Blindness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSupported { detail } => {
                write!(formatter, "tracking is not supported here: {detail}")
            }
            Self::FilterRefused { errno } => {
                write!(
                    formatter,
                    "the kernel refused the tracking filter (error {errno})"
                )
            }
            Self::PtraceRefused { errno } => {
                write!(formatter, "tracing was refused (error {errno})")
            }
            Self::Overshadowed { call } => {
                write!(formatter, "another filter hides calls to `{call}`")
            }
            Self::PreloadOnly => {
                formatter.write_str("only programs that load the tracking library were seen")
            }
            Self::UnreadablePath { call } => {
                write!(
                    formatter,
                    "the path of a call to `{call}` could not be read"
                )
            }
            Self::UnsupportedCall { call } => {
                write!(
                    formatter,
                    "a process called `{call}`, which is not followed"
                )
            }
            Self::ForeignArchitecture => {
                formatter.write_str("a process of another architecture can't be followed")
            }
            Self::NamespaceChanged { call } => {
                write!(
                    formatter,
                    "a process called `{call}`, so that paths may mean other files"
                )
            }
            Self::Survivor => formatter.write_str("a process it started was still running"),
            Self::SupervisorFailed { detail } => write!(formatter, "the tracker failed: {detail}"),
            Self::PrivilegesWithheld => formatter
                .write_str("a setuid program was started, and what is tracked gains no privileges"),
            Self::UnattributedProcess => {
                formatter.write_str("a process can't be told to be of this command or of another")
            }
            Self::TornRecord => formatter.write_str("a process damaged the record of its accesses"),
            Self::TooManyRecords { limit } => {
                write!(formatter, "more than {limit} paths were touched")
            }
        }
    }
}
