//! Digests the bytes of a file, or the text of a link, just before they are changed.

use std::fs::File;
use std::io::Read as _;

use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};
use vt_tracker_abi::{Kind, StartDigest, State};

/// Larger files are not digested: the process that is about to write waits meanwhile.
const LARGEST: u64 = 8 << 20;

/// The digest of the file or link at a path in a state.
pub(crate) fn start(path: &[u8], state: &State) -> StartDigest {
    let identity = match state {
        State::Present {
            kind: Kind::File,
            identity,
        } => identity,
        State::Present {
            kind: Kind::Link, ..
        } => return text(path),
        _ => return StartDigest::NotTaken,
    };
    if identity.size > LARGEST {
        return StartDigest::TooLarge;
    }
    // What was a regular file a moment ago may be a pipe by now.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(descriptor) = rustix::fs::open(path, flags, Mode::empty()) else {
        return StartDigest::Unreadable;
    };
    let file = File::from(descriptor);
    let is_same = file.metadata().is_ok_and(|metadata| {
        use std::os::unix::fs::MetadataExt as _;
        metadata.is_file() && metadata.ino() == identity.ino && metadata.dev() == identity.dev
    });
    if !is_same {
        return StartDigest::Unreadable;
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut file = file.take(LARGEST + 1);
    let mut total = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                total += length as u64;
                hasher.update(&buffer[..length]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return StartDigest::Unreadable,
        }
    }
    if total > LARGEST {
        StartDigest::TooLarge
    } else {
        StartDigest::Sha256(hasher.finalize().into())
    }
}

/// The digest of the text of a link.
fn text(path: &[u8]) -> StartDigest {
    match rustix::fs::readlink(path, Vec::new()) {
        Ok(text) => StartDigest::Sha256(Sha256::digest(text.as_bytes()).into()),
        Err(_) => StartDigest::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;
    use crate::system::place::look_at;

    #[test]
    fn small_files_are_digested_and_large_ones_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let small = directory.path().join("small");
        std::fs::write(&small, "abc").unwrap();
        let bytes = small.as_os_str().as_bytes();
        let StartDigest::Sha256(digest) = start(bytes, &look_at(bytes).unwrap()) else {
            panic!("no digest")
        };
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);

        let large = directory.path().join("large");
        File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        let bytes = large.as_os_str().as_bytes();
        assert_eq!(
            start(bytes, &look_at(bytes).unwrap()),
            StartDigest::TooLarge
        );
    }

    #[test]
    fn of_a_link_the_text_is_digested_wherever_it_leads() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("abc", &link).unwrap();
        let bytes = link.as_os_str().as_bytes();
        let digest = StartDigest::Sha256(Sha256::digest(b"abc").into());
        assert_eq!(start(bytes, &look_at(bytes).unwrap()), digest);
    }
}
