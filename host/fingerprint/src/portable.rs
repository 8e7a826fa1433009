//! Texts that name places: links, scripts that installers write, and settings of a user.
//!
//! Package managers and virtual environments write absolute paths into what they install, so that
//! two clones never have the same bytes. Such a text counts with names in place of the workspace,
//! its repository, the home directory and stores; names are put in at path boundaries only. Of
//! settings what says who a user is, or how he logs in, does not count.

mod settings;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use memchr::memmem;
use vt_base::{AbsPath, Digest, RelPath, StableHasher};

use crate::disk::Disk;
use crate::git::name_from;
use crate::item::State;
use crate::outside::names::plain;
use crate::redact::{MAX_FILE, read};
use crate::rows::{StatRow, now_ns};

pub(crate) use settings::is_settings;

/// What counts of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Reading {
    /// All of it, with names in place of places.
    Portable,
    /// All but what says who the user is.
    Settings,
    /// Nothing but which file it is.
    Identity,
}

/// States by identity and path: what is relative depends on where a file lies.
#[derive(Default)]
pub(crate) struct Texts {
    known: Mutex<HashMap<(StatRow, AbsPath, Reading), State>>,
    repository: OnceLock<Option<AbsPath>>,
}

/// The state of a regular file of which not all counts as it is, and its identity.
///
/// # Errors
/// Whatever opening or reading the file fails with.
pub(crate) fn text_state(
    disk: &Disk<'_>,
    path: &AbsPath,
    row: StatRow,
    reading: Reading,
) -> io::Result<(State, StatRow)> {
    if reading == Reading::Identity {
        return Ok((identity(&row), row));
    }
    let texts = &disk.rows.texts;
    let key = |row| (row, path.clone(), reading);
    let known = texts.known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(state) = known.get(&key(row)) {
        return Ok((state.clone(), row));
    }
    drop(known);
    let whole = |digest, row: StatRow| State::File {
        digest,
        executable: row.executable(),
    };
    if row.size > MAX_FILE {
        return Ok((whole(disk.rows.digest(path.as_path(), row)?, row), row));
    }
    disk.rows.spent(row.size);
    let started = now_ns();
    let (bytes, row) = read(path.as_path())?;
    let digest = Digest::of(&bytes);
    let state = match reading {
        Reading::Settings => settings::state(path, &bytes),
        _ if is_settings_of_repository(path) => settings::state(path, &bytes),
        // A binary file has no paths that could be replaced.
        _ if bytes.contains(&0) => whole(digest, row),
        _ => State::Text {
            digest: portable(disk, path, &bytes),
            executable: row.executable(),
        },
    };
    if row.settled_at(started) {
        disk.rows.learn(row, digest);
        let mut known = texts.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key(row), state.clone());
    }
    Ok((state, row))
}

/// Whether a file holds the settings of a repository, with those of the clone: the token that a CI job gets, who
/// commits there.
pub(crate) fn is_settings_of_repository(path: &AbsPath) -> bool {
    path.as_path().ends_with(".git/config")
}

fn identity(row: &StatRow) -> State {
    let mut hasher = StableHasher::new("vt-identity");
    hasher
        .number(row.device)
        .number(row.inode)
        .number(row.size)
        .number(row.mtime_ns.cast_unsigned())
        .number(row.ctime_ns.cast_unsigned());
    State::Text {
        digest: hasher.finish(),
        executable: row.executable(),
    }
}

/// The text of a link by names: that of one which leads around in the workspace, or to what lies
/// beside it, says the same in every clone.
pub(crate) fn link(
    disk: &Disk<'_>,
    at: &AbsPath,
    text: serde_bytes::ByteBuf,
) -> serde_bytes::ByteBuf {
    let is_absolute = text.first() == Some(&b'/');
    if !is_absolute && !text.starts_with(b"../") {
        return text;
    }
    let from = at.parent().unwrap_or_else(|| at.clone());
    let target = from.join(OsStr::from_bytes(&text));
    let inside = target.relative_to(disk.root);
    let name = match (is_absolute, inside) {
        (false, Some(_)) => return text,
        (true, Some(inside)) => [b"<workspace>/", inside.as_bytes()].concat(),
        (_, None) => plain(disk, &target),
    };
    match (is_absolute, name.starts_with(b"../")) {
        (false, true) => text,
        (true, true) => serde_bytes::ByteBuf::from([b"<workspace>/", &name[..]].concat()),
        (_, false) => serde_bytes::ByteBuf::from(name),
    }
}

/// A place that texts name, and what stands for it.
struct Place {
    text: Vec<u8>,
    token: &'static str,
}

fn places(disk: &Disk<'_>, path: &AbsPath) -> Vec<Place> {
    let mut named: Vec<(AbsPath, &'static str)> = vec![(disk.root.clone(), "workspace")];
    let repository = &disk.rows.texts.repository;
    let repository = repository.get_or_init(|| repository_above(disk));
    named.extend(repository.clone().map(|path| (path, "repository")));
    named.extend(disk.home.map(|home| (home.clone(), "home")));
    let given = disk.env.variables.exact("HOME");
    let given = given.and_then(|home| AbsPath::new(home).ok());
    named.extend(given.map(|home| (home, "home")));
    named.extend(disk.rows.stores(disk).iter().cloned());
    named.retain(|(path, _)| path.parent().is_some());
    let from = path.parent().unwrap_or_else(|| path.clone());
    let relative = named.iter().filter(|(to, _)| !from.starts_with(to));
    let relative = relative.map(|(to, token)| Place {
        text: name_from(&from, to)
            .strip_suffix(b"/")
            .map_or_else(|| name_from(&from, to), <[u8]>::to_vec),
        token,
    });
    let relative: Vec<Place> = relative.collect();
    let absolute = named.iter().map(|(path, token)| Place {
        text: path.as_bytes().to_vec(),
        token,
    });
    absolute.chain(relative).collect()
}

/// The repository that the workspace lies in, if it is not the workspace itself, and lies below the
/// home directory if the workspace does.
fn repository_above(disk: &Disk<'_>) -> Option<AbsPath> {
    let mut above = Some(disk.root.clone());
    while let Some(directory) = above {
        if directory.join(".git").as_path().exists() {
            let holds_home = disk.home.is_some_and(|home| home.starts_with(&directory));
            return (directory != *disk.root && !holds_home).then_some(directory);
        }
        above = directory.parent();
    }
    None
}

/// The digest of a text with names in place of places, less what is written anew each time.
fn portable(disk: &Disk<'_>, path: &AbsPath, text: &[u8]) -> Digest {
    let name = path.as_path().file_name().unwrap_or_default().as_bytes();
    let volatile = volatile(name);
    let kept: Vec<u8>;
    let text = if volatile.is_empty() {
        text
    } else {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !is_field(line, volatile));
        kept = lines.collect::<Vec<_>>().concat();
        &kept
    };
    digest(text, &places(disk, path))
}

/// Fields that a package manager writes anew each time, or that nobody reads.
fn volatile(name: &[u8]) -> &'static [&'static str] {
    match name {
        b".modules.yaml" => &["prunedAt"],
        b"pyvenv.cfg" => &["command"],
        name if name.starts_with(b".pnpm-workspace-state") => &[
            "lastValidatedTimestamp",
            "recordedAtNs",
            "mtimeNs",
            "ctimeNs",
        ],
        _ => &[],
    }
}

fn is_field(line: &[u8], fields: &[&str]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    fields.iter().any(|field| {
        let behind = line.strip_prefix(field.as_bytes());
        behind.is_some_and(|behind| behind.first().is_some_and(|byte| b"\": =".contains(byte)))
    })
}

fn digest(text: &[u8], places: &[Place]) -> Digest {
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for place in places {
        let ends = memmem::find_iter(text, &place.text).map(|at| (at, at + place.text.len()));
        let ends = ends.filter(|(start, end)| is_bounded(text, *start, *end));
        found.extend(ends.map(|(start, end)| (start, end, place.token)));
    }
    found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut hasher = StableHasher::new("vt-portable-1");
    let mut at = 0;
    for (start, end, token) in found {
        // One that lies in another is part of that.
        if start >= at {
            hasher.bytes(&text[at..start]).text(token);
            at = end;
        }
    }
    hasher.bytes(&text[at..]);
    hasher.finish()
}

/// Whether a part of a text is a path of its own, or begins one.
fn is_bounded(text: &[u8], start: usize, end: usize) -> bool {
    let is_of_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | 0x80..);
    let goes_on = text[..start].last().is_some_and(is_of_name)
        || (text[start] == b'.' && text[..start].ends_with(b"../"));
    !goes_on && !text.get(end).is_some_and(is_of_name)
}

/// Whether a file is one that installers write paths into.
pub(crate) fn is_installed_text(path: &AbsPath) -> bool {
    let name = |path: &AbsPath| {
        let name = path.as_path().file_name().unwrap_or_default();
        name.as_bytes().to_vec()
    };
    let own = name(path);
    let directory = path.parent();
    let above = directory.as_ref().map(name).unwrap_or_default();
    let is_state = matches!(
        &own[..],
        b".modules.yaml"
            | b".pnp.cjs"
            | b".pnp.data.json"
            | b".pnp.loader.mjs"
            | b".yarn-integrity"
            | b".yarn-state.yml"
            | b"pyvenv.cfg"
    ) || own.starts_with(b".pnpm-workspace-state");
    let is_editable = above == b"site-packages"
        && (own.ends_with(b".pth") || own.starts_with(b"__editable__"))
        || above.ends_with(b".dist-info") && own == b"direct_url.json";
    let two_above = directory.as_ref().and_then(AbsPath::parent);
    let is_shim =
        above == b".bin" && two_above.as_ref().map(name).as_deref() == Some(b"node_modules");
    let is_script = above == b"bin"
        && two_above.is_some_and(|environment| environment.join("pyvenv.cfg").as_path().is_file());
    is_state || is_editable || is_shim || is_script
}

/// The same of a path of the workspace.
pub(crate) fn is_installed_text_at(root: &AbsPath, path: &RelPath) -> bool {
    is_installed_text(&root.join_rel(path))
}

#[cfg(test)]
mod tests;
