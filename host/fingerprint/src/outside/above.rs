//! Names that are looked for in the directories above the workspace, one after the other.
//!
//! Such a name is one item for all of them: which directories hold it, all the way to `/`. Where
//! none does, clones at different depths prove the same.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use vt_base::AbsPath;

use crate::disk::{Disk, kind_of};
use crate::git::name_from;
use crate::item::{Listed, State};

/// Names that a tool which lists a directory above looks for in the listing.
pub(crate) const OF_LISTINGS: [&str; 7] = [
    "package.json",
    "node_modules",
    "tsconfig.json",
    "jsconfig.json",
    ".pnp.cjs",
    ".pnp.js",
    ".pnp.data.json",
];

/// First parts of names that tools look for in one directory after the other.
const KNOWN: [&str; 38] = [
    "package.json",
    "package.json5",
    "package.yaml",
    "node_modules",
    "tsconfig.json",
    "jsconfig.json",
    "deno.json",
    "deno.jsonc",
    ".pnp.cjs",
    ".pnp.js",
    ".pnp.data.json",
    ".pnp.loader.mjs",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".browserslistrc",
    "browserslist",
    ".editorconfig",
    ".gitignore",
    ".gitattributes",
    ".gitmodules",
    ".hg",
    ".sl",
    ".jj",
    ".svn",
    ".nvmrc",
    ".node-version",
    ".tool-versions",
    ".swcrc",
    "pnpm-workspace.yaml",
    "pnpm-lock.yaml",
    "package-lock.json",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
    "lerna.json",
    "nx.json",
    "turbo.json",
];

/// Parts of names of settings of tools: `babel.config.js`, `.prettierrc.toml`.
const SETTINGS: [&str; 2] = [".config.", "rc."];

/// Whether a name is one that tools look for in one directory after the other.
pub(crate) fn is_known(name: &[u8]) -> bool {
    let first = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    let Ok(first) = std::str::from_utf8(first) else {
        return false;
    };
    KNOWN.contains(&first)
        || (first.starts_with('.') && first.ends_with("rc"))
        || SETTINGS.iter().any(|part| first.contains(part))
}

/// The directories above the workspace, the nearest first.
pub(crate) fn directories(root: &AbsPath) -> impl Iterator<Item = AbsPath> {
    std::iter::successors(root.parent(), AbsPath::parent)
}

/// Which directories above the workspace hold a name, by names of their own.
pub(crate) fn state(disk: &Disk<'_>, name: &[u8]) -> State {
    disk.rows.above(name, || {
        let text = std::ffi::OsStr::from_bytes(name);
        let mut holders = Listed::new();
        for directory in directories(disk.root) {
            if let Ok(found) = fs::symlink_metadata(directory.as_path().join(text)) {
                let holder = holder(disk, &directory);
                holders.insert(serde_bytes::ByteBuf::from(holder), kind_of(&found));
            }
        }
        State::Listing(holders)
    })
}

/// What a directory above the workspace is called: it has the same name in clones at other depths
/// where that is possible.
fn holder(disk: &Disk<'_>, directory: &AbsPath) -> Vec<u8> {
    if disk.home == Some(directory) {
        b"~".to_vec()
    } else if directory.parent().is_none() {
        b"/".to_vec()
    } else {
        let name = name_from(disk.root, directory);
        name.strip_suffix(b"/").unwrap_or(&name).to_vec()
    }
}

/// The path that a name in a holder has, for people.
pub(crate) fn shown(holder: &[u8], name: &[u8]) -> String {
    let slash: &[u8] = if holder == b"/" { b"" } else { b"/" };
    String::from_utf8_lossy(&[holder, slash, name].concat()).into_owned()
}
