//! What can go wrong with a component. None of it ever fails a task.

/// Why a component gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file is not a rule component.
    #[error("cannot load plugin `{plugin}`: {reason}")]
    Unreadable {
        /// The name the file goes by.
        plugin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The component was built against an interface this host does not have.
    #[error(
        "cannot load plugin `{plugin}`: it was built for vt:rules {found}, this host has {supported}{}",
        cure(.vt.as_deref())
    )]
    UnsupportedApi {
        /// The name the file goes by.
        plugin: String,
        /// The version it asks for.
        found: String,
        /// The version this host has.
        supported: &'static str,
        /// The first version of the command that has what it asks for, if it says so.
        vt: Option<String>,
    },
    /// The component calls what came after this host.
    #[error(
        "cannot load plugin `{plugin}`: it calls `session.{}` of vt:rules {api}, this host has \
         {supported}{}",
        .missing.join("`, `session."), cure(.vt.as_deref())
    )]
    MissingMethods {
        /// The name the file goes by.
        plugin: String,
        /// The methods this host lacks, sorted.
        missing: Vec<String>,
        /// The version it asks for.
        api: String,
        /// The version this host has.
        supported: &'static str,
        /// The first version of the command that has what it asks for, if it says so.
        vt: Option<String>,
    },
    /// The engine cannot be made on this machine.
    #[error("cannot start the rule engine: {reason}")]
    Engine {
        /// What the engine said.
        reason: String,
    },
    /// The component gave no answer.
    #[error("plugin `{plugin}` {version}: {failure}{}", last_line(.log))]
    Failed {
        /// Its id.
        plugin: String,
        /// Its version.
        version: String,
        /// What happened.
        failure: Failure,
        /// What it logged before.
        log: Vec<String>,
    },
    /// The component said something it may not say.
    #[error("plugin `{plugin}` {version}: `{directive}`: {reason}")]
    Refused {
        /// Its id.
        plugin: String,
        /// Its version.
        version: String,
        /// What it said.
        directive: String,
        /// Why that is refused.
        reason: String,
    },
}

impl RulesError {
    /// Whether asking the same again must end the same. What is not may never be memoised.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        !matches!(
            self,
            Self::Engine { .. }
                | Self::Failed {
                    failure: Failure::TimedOut,
                    ..
                }
        )
    }
}

/// How a component failed to answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// It used up its instructions.
    #[error("ran for too long: more than {} million instructions", crate::limits::FUEL / 1_000_000)]
    OutOfFuel,
    /// The clock on the wall ran out. This depends on the load of the machine.
    #[error(
        "ran for too long: more than {} seconds; this depends on the load of the machine",
        crate::limits::WALL.as_secs()
    )]
    TimedOut,
    /// It asked for more memory than it gets.
    #[error("asked for more than {} MiB of memory", crate::limits::MEMORY >> 20)]
    OutOfMemory,
    /// It recursed too deep.
    #[error("used more than {} KiB of stack", crate::limits::STACK >> 10)]
    StackOverflow,
    /// It said too much.
    #[error("said too much: more than {limit}")]
    TooMuch {
        /// The limit it went over, with its unit.
        limit: &'static str,
    },
    /// It asked for what its manifest does not name.
    #[error("asked for `{0}`, which its manifest does not name")]
    Undeclared(String),
    /// It panicked or trapped otherwise.
    #[error("crashed: {0}")]
    Trapped(String),
    /// It does not fit the interface it names.
    #[error("does not fit the interface: {0}")]
    Misfit(String),
}

/// Where to find what is missing.
fn cure(vt: Option<&str>) -> String {
    vt.map_or_else(String::new, |version| {
        format!("; vt {version} or later has it")
    })
}

/// More of a line does not go into a message, in characters.
const MAX_LAST_WORDS: usize = 200;

/// The last line of the log, which is what a panic hook leaves.
fn last_line(log: &[String]) -> String {
    let Some(line) = log.last() else {
        return String::new();
    };
    let line: String = line.chars().take(MAX_LAST_WORDS).collect();
    format!(" (its last words: {line})")
}
