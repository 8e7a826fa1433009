//! A digest of a tree: names, types, executable bits and bytes, not times or owners.
//!
//! FNV-1a over 128 bits: good enough to tell two trees of a story apart, and no dependency. Not for hostile input.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::action::{Error, doing};
use crate::terminal;

pub(crate) fn print(directory: &Path) -> Result<(), Error> {
    let mut state = Fnv::new();
    add(&mut state, directory)?;
    terminal::write(format!("{:032x}\n", state.0).as_bytes())
}

/// A digest of bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut state = Fnv::new();
    state.field(bytes);
    format!("{:032x}", state.0)
}

fn add(state: &mut Fnv, path: &Path) -> Result<(), Error> {
    let found = fs::symlink_metadata(path).map_err(doing("look at", path))?;
    if found.is_dir() {
        let mut names = fs::read_dir(path)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|found| found.file_name()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(doing("list", path))?;
        names.sort();
        state.field(b"directory");
        state.field(names.len().to_string().as_bytes());
        for name in names {
            state.field(name.as_bytes());
            add(state, &path.join(name))?;
        }
    } else if found.is_symlink() {
        state.field(b"link");
        state.field(
            fs::read_link(path)
                .map_err(doing("read the link", path))?
                .as_os_str()
                .as_bytes(),
        );
    } else {
        state.field(if found.permissions().mode() & 0o111 == 0 {
            b"file"
        } else {
            b"program"
        });
        state.field(&fs::read(path).map_err(doing("read", path))?);
    }
    Ok(())
}

struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// Length first, so that two fields never run into each other.
    fn field(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte))
                .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
