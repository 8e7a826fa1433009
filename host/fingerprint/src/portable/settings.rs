//! Settings of a user, less what says who he is, how he logs in and what he types.
//!
//! A file in which nothing else is counts like one that is not there: a machine that only logs in
//! proves the same as one that does not.

use std::os::unix::ffi::OsStrExt as _;

use vt_base::{AbsPath, StableHasher};

use crate::item::State;

/// Sections of git's configuration that change nothing in what git says of a tree.
const SECTIONS: [&str; 44] = [
    "user",
    "author",
    "committer",
    "credential",
    "gpg",
    "commit",
    "tag",
    "safe",
    "alias",
    "url",
    "http",
    "https",
    "sendemail",
    "github",
    "hub",
    "gitlab",
    "push",
    "pull",
    "fetch",
    "remote",
    "branch",
    "rebase",
    "rerere",
    "init",
    "clone",
    "color",
    "column",
    "pager",
    "interactive",
    "help",
    "advice",
    "gui",
    "gitk",
    "web",
    "browser",
    "mergetool",
    "difftool",
    "sequence",
    "maintenance",
    "gc",
    "transfer",
    "receive",
    "trace2",
    "delta",
];

/// Keys of the section `core` of which the same is true.
const CORE: [&str; 6] = [
    "editor",
    "pager",
    "askpass",
    "sshcommand",
    "fsmonitor",
    "untrackedcache",
];

/// Parts of the names of keys of package managers that log in, say who somebody is, or remember.
const KEYS: [&str; 15] = [
    "_auth",
    "auth",
    "token",
    "password",
    "username",
    "email",
    "ident",
    "certfile",
    "keyfile",
    "init-author",
    "init.author",
    "update-notifier",
    "lastupdatecheck",
    "telemetry",
    "logs-",
];

/// Whether a file outside the workspace is one of these.
pub(crate) fn is_settings(path: &AbsPath) -> bool {
    format(path).is_some()
}

enum Format {
    Git,
    /// The `.git/config` of a repository. Its remotes and branches count.
    Repository,
    Packages,
}

fn format(path: &AbsPath) -> Option<Format> {
    let path = path.as_path();
    let name = path.file_name()?.as_bytes();
    let above = path.parent().and_then(|above| above.file_name());
    match name {
        b"config" if above.is_some_and(|above| above == ".git") => Some(Format::Repository),
        b".gitconfig" => Some(Format::Git),
        b"config" if path.parent()?.file_name()?.as_bytes() == b"git" => Some(Format::Git),
        b".npmrc" | b"npmrc" | b".yarnrc" | b".yarnrc.yml" | b".bunfig.toml" => {
            Some(Format::Packages)
        }
        b"rc" if path.parent()?.file_name()?.as_bytes() == b"pnpm" => Some(Format::Packages),
        _ => None,
    }
}

/// What counts of such a file.
pub(super) fn state(path: &AbsPath, text: &[u8]) -> State {
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty() && !matches!(line[0], b'#' | b';'));
    let kept: Vec<&[u8]> = match format(path) {
        Some(Format::Git) => of_git(lines, &[]),
        Some(Format::Repository) => of_git(lines, &["remote", "branch"]),
        _ => lines.filter(|line| !is_personal(line)).collect(),
    };
    if kept.is_empty() {
        return State::Missing;
    }
    let mut hasher = StableHasher::new("vt-settings-1");
    for line in kept {
        hasher.bytes(line);
    }
    State::Text {
        digest: hasher.finish(),
        executable: false,
    }
}

/// Whether a line of a package manager's settings is nobody else's business.
fn is_personal(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_lowercase();
    // A key may hold an address: `//registry.example:8080/:_authToken=…`.
    let end = if line.starts_with("//") {
        line.find('=')
    } else {
        line.find(['=', ':', ' '])
    };
    let key = end.map_or(&line[..], |end| &line[..end]);
    let key = match key.strip_prefix("//") {
        Some(key) => key.rsplit(':').next().unwrap_or(key),
        None => key,
    };
    KEYS.iter().any(|part| key.contains(part))
}

fn of_git<'t>(lines: impl Iterator<Item = &'t [u8]>, counted: &[&str]) -> Vec<&'t [u8]> {
    let is_left_out = |section: &str| SECTIONS.contains(&section) && !counted.contains(&section);
    let mut kept = Vec::new();
    let mut heading: Option<&[u8]> = None;
    let mut section = String::new();
    for line in lines {
        if let Some(name) = line.strip_prefix(b"[") {
            let end = name.iter().position(|byte| b" \t].".contains(byte));
            let name = &name[..end.unwrap_or(name.len())];
            section = String::from_utf8_lossy(name).to_lowercase();
            heading = Some(line);
            // A key may follow in the same line.
            if !line.ends_with(b"]") && !is_left_out(&section) {
                kept.push(line);
            }
            continue;
        }
        if is_left_out(&section) {
            continue;
        }
        let end = line.iter().position(|byte| b"= \t".contains(byte));
        let key = String::from_utf8_lossy(&line[..end.unwrap_or(line.len())]).to_lowercase();
        if section == "core" && CORE.contains(&key.as_str()) {
            continue;
        }
        kept.extend(heading.take());
        kept.push(line);
    }
    kept
}
