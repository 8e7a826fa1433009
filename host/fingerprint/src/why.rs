//! Reasons as data. Their wording lives with whoever shows them.

/// Why a step was not a hit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// The step has left no entry in this store.
    FirstRun,
    /// The program or shell text differs.
    CommandChanged,
    /// The arguments differ.
    ArgsChanged,
    /// The directory differs.
    CwdChanged,
    /// The program resolves to another file.
    ProgramChanged {
        /// The name of the program.
        name: String,
    },
    /// A file's content or executable bit differs.
    InputModified {
        /// The file, relative to the workspace.
        path: String,
    },
    /// Something is where nothing was.
    InputAdded {
        /// The path, relative to the workspace.
        path: String,
    },
    /// Nothing is where something was.
    InputRemoved {
        /// The path, relative to the workspace.
        path: String,
    },
    /// A directory holds other names.
    ListingChanged {
        /// The directory, relative to the workspace.
        path: String,
        /// The first name that differs.
        entry: String,
    },
    /// A symbolic link points elsewhere.
    LinkChanged {
        /// The link, relative to the workspace.
        path: String,
    },
    /// A variable has another value.
    EnvChanged {
        /// The name of the variable.
        name: String,
    },
    /// A variable is set that was not.
    EnvAdded {
        /// The name of the variable.
        name: String,
    },
    /// A variable is not set that was.
    EnvRemoved {
        /// The name of the variable.
        name: String,
    },
    /// The list of untracked variables differs.
    UntrackedEnvListChanged,
    /// The declared inputs differ.
    InputConfigChanged,
    /// The declared outputs differ.
    OutputConfigChanged,
    /// A rule plugin, or what it says, differs.
    RulesChanged {
        /// The plugin.
        plugin: String,
    },
    /// A program or library outside the workspace differs.
    ToolChanged {
        /// The name or path of the tool.
        path: String,
    },
    /// Somebody edited a result that the command itself might have left alone.
    OutputEdited {
        /// The path, relative to the workspace.
        path: String,
    },
    /// The step left something else at the path of a result, and nothing shows that the command
    /// overwrites or removes it.
    OutputDiffers {
        /// The path, relative to the workspace.
        path: String,
    },
    /// A result that is not archived is not there.
    OutputMissing {
        /// The path, relative to the workspace.
        path: String,
    },
    /// The entry is of another platform, libc or format.
    PlatformChanged,
    /// What the entry names is missing or damaged.
    BlobDamaged,
    /// The run before was killed while it changed the tree, and nobody knows what it left.
    Unfinished,
    /// The user asked for a run.
    Forced,
    /// The cache is off for this step.
    CacheDisabled,
    /// The declared services differ.
    ServicesConfigChanged,
}

/// Why a run was not stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NotStored {
    /// The command failed.
    ExitCode {
        /// Its exit code; 128+n for a signal.
        code: i32,
    },
    /// The run was interrupted.
    Cancelled,
    /// A file was read and then changed.
    ModifiedInput {
        /// The path, relative to the workspace.
        path: String,
    },
    /// Somebody else changed an input while the step ran.
    InputChangedDuringRun {
        /// The path, relative to the workspace.
        path: String,
    },
    /// The tool asked not to be cached.
    OptedOut {
        /// Who asked: `tool` or the name of a rule plugin.
        by: String,
        /// The reason it gave.
        reason: Option<String>,
    },
    /// The tracker cannot vouch for the trace.
    TraceIncomplete {
        /// What it could not see.
        detail: String,
    },
    /// The step has automatic inputs and touched nothing in the workspace.
    EmptyTrace,
    /// The step left something outside the workspace.
    WroteOutside {
        /// The absolute path.
        path: String,
    },
    /// The step wrote refs or objects of the repository.
    WroteGit {
        /// The path, relative to the workspace.
        path: String,
    },
    /// Another step wrote a result path while this one ran.
    SharedOutput {
        /// The path, relative to the workspace.
        path: String,
    },
    /// Something that the step once made is gone, and what the command remembers in a file may
    /// keep it from making it again.
    LostResult {
        /// The path, relative to the workspace.
        path: String,
        /// The file that remembers, relative to the workspace.
        state: String,
    },
    /// It read a temporary file that another step left, which a hit of that step would not renew.
    ReadTemporary {
        /// The absolute path.
        path: String,
    },
    /// A client broke the protocol.
    IpcError {
        /// What happened.
        detail: String,
    },
    /// A rule plugin failed.
    PluginError {
        /// What happened.
        detail: String,
    },
    /// The result could not be written to the store.
    StoreError {
        /// What happened.
        detail: String,
    },
    /// The cache is off for this step.
    CacheDisabled,
    /// A process outside of the step did some of its work.
    UsedService {
        /// Where it listens.
        address: String,
        /// The program that listens, if that can be told.
        by: Option<String>,
    },
    /// A policy denies what the tool said.
    Denied {
        /// Who is denied what, and by which rule of which file.
        detail: String,
    },
    /// A process asked for a variable that may have been taken out of its environment before.
    DoubtfulEnv {
        /// The name of the variable.
        name: String,
    },
}
