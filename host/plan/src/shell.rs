//! What the shell treats in its own way, and how a word is protected from it.

/// Words that open, join or close a compound command, which may span any `&&`.
pub(crate) const COMPOUND: [&str; 18] = [
    "if", "then", "else", "elif", "fi", "for", "do", "done", "while", "until", "case", "esac",
    "select", "function", "{", "}", "[[", "coproc",
];

/// Commands that change the shell they run in, so that what follows must run in the same one.
pub(crate) const STATEFUL: [&str; 34] = [
    ".", "alias", "bg", "break", "cd", "continue", "declare", "enable", "eval", "exec", "exit",
    "export", "fg", "getopts", "hash", "let", "local", "popd", "pushd", "read", "readonly",
    "return", "set", "shift", "shopt", "source", "trap", "typeset", "ulimit", "umask", "unalias",
    "unset", "wait", "times",
];

/// Commands and prefixes that the shell runs itself, or may run differently from a program of
/// the same name.
pub(crate) const BUILTIN: [&str; 17] = [
    "!", ":", "[", "builtin", "command", "echo", "false", "jobs", "kill", "logout", "printf",
    "pwd", "test", "time", "true", "type", "dirs",
];

/// Plain file operations and their twins from npm. They prepare or finish what another command
/// does, and restoring the result of one alone would undo the other.
pub(crate) const FILE_OPERATIONS: [&str; 26] = [
    "rm",
    "rmdir",
    "mkdir",
    "cp",
    "mv",
    "ln",
    "touch",
    "chmod",
    "install",
    "rimraf",
    "mkdirp",
    "make-dir",
    "del",
    "del-cli",
    "trash",
    "cpy",
    "cpy-cli",
    "cpx",
    "cpx2",
    "cpr",
    "ncp",
    "copyfiles",
    "copyup",
    "copy-files-from-to",
    "move-file",
    "symlink-dir",
];

/// Programs that run the shell command named by their first argument.
pub(crate) const FILE_OPERATION_PREFIXES: [&str; 1] = ["shx"];

/// Programs that run the npm program named by an argument.
pub(crate) const LAUNCHERS: [&[&str]; 8] = [
    &["npx"],
    &["pnpx"],
    &["bunx"],
    &["npm", "exec"],
    &["pnpm", "exec"],
    &["pnpm", "dlx"],
    &["yarn", "exec"],
    &["yarn", "dlx"],
];

/// How the variables start that the runner reads.
pub(crate) const RUNNER_PREFIX: &str = "VT_";

/// A word as the shell must see it to take it literally.
pub(crate) fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+=:,./@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
