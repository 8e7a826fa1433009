//! The archive format: which bytes of tar stand for a manifest. The only file that knows tar.
//!
//! The bytes follow from the manifest alone: one GNU header per entry, names too long for it in
//! front, no times, no owners. So reading is no parsing at all. A restore makes the bytes that
//! must come next and compares; nothing in an archive is ever believed.

use tar::{EntryType, Header};

use crate::manifest::{ManifestEntry, ManifestKind};

/// The unit that tar pads to, in bytes.
const BLOCK: usize = 512;
/// The room for a name in a header, in bytes.
const SHORT_NAME: usize = 100;
/// The name that GNU tar gives to a long name.
const LONG_LINK: &[u8] = b"././@LongLink";

/// The end of an archive.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The bytes in front of the content of an entry.
pub(crate) fn head(entry: &ManifestEntry) -> Vec<u8> {
    let mut name = entry.path.as_bytes().to_vec();
    let (entry_type, mode, size, target): (_, _, _, &[u8]) = match &entry.kind {
        ManifestKind::File { size, mode, .. } => (EntryType::Regular, *mode, *size, b""),
        ManifestKind::Directory { mode } => {
            name.push(b'/');
            (EntryType::Directory, *mode, 0, b"")
        }
        ManifestKind::Link { target } => (EntryType::Symlink, 0o777, 0, target),
        ManifestKind::Name { of } => (EntryType::Link, 0o644, 0, of.as_bytes()),
    };
    let mut bytes = Vec::with_capacity(BLOCK);
    if target.len() > SHORT_NAME {
        long_name(&mut bytes, EntryType::GNULongLink, target);
    }
    if name.len() > SHORT_NAME {
        long_name(&mut bytes, EntryType::GNULongName, &name);
    }
    bytes.extend_from_slice(header(&name, entry_type, mode.into(), size, target).as_bytes());
    bytes
}

/// The zeros after a content of this length.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { &[] } else { &END[..BLOCK - over] }
}

fn header(name: &[u8], entry_type: EntryType, mode: u32, size: u64, target: &[u8]) -> Header {
    let mut header = Header::new_gnu();
    let fields = header.as_old_mut();
    copy_cut(&mut fields.name, name);
    copy_cut(&mut fields.linkname, target);
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    header
}

fn long_name(bytes: &mut Vec<u8>, entry_type: EntryType, name: &[u8]) {
    let size = name.len() as u64 + 1;
    bytes.extend_from_slice(header(LONG_LINK, entry_type, 0o644, size, b"").as_bytes());
    bytes.extend_from_slice(name);
    bytes.push(0);
    bytes.extend_from_slice(padding(size));
}

fn copy_cut(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use vt_base::{Digest, RelPath};

    use super::*;

    #[test]
    fn any_tar_reads_what_this_writes() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
        let content = vec![b'x'; 700];
        let file = |mode| ManifestKind::File {
            digest: Digest::of(&content),
            size: 700,
            mode,
        };
        let target = "../".repeat(60).into_bytes();
        let entries = [
            ("a", file(0o600)),
            (long.as_str(), file(0o755)),
            ("empty", ManifestKind::Directory { mode: 0o555 }),
            (
                "link",
                ManifestKind::Link {
                    target: b"a".to_vec(),
                },
            ),
            (
                "long-link",
                ManifestKind::Link {
                    target: target.clone(),
                },
            ),
            (
                "name",
                ManifestKind::Name {
                    of: RelPath::new(&long).unwrap(),
                },
            ),
        ]
        .map(|(path, kind)| ManifestEntry {
            path: RelPath::new(path).unwrap(),
            kind,
        });
        let mut bytes = Vec::new();
        for entry in &entries {
            bytes.extend(head(entry));
            if let ManifestKind::File { size, .. } = entry.kind {
                bytes.extend_from_slice(&content);
                bytes.extend_from_slice(padding(size));
            }
        }
        bytes.extend(END);

        let mut archive = tar::Archive::new(&bytes[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut found = Vec::new();
            entry.read_to_end(&mut found).unwrap();
            seen.push((
                String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                entry.header().mode().unwrap(),
                found.len(),
                entry.link_name_bytes().map(|target| target.len()),
            ));
        }
        let expected = [
            ("a".to_owned(), 0o600, 700, None),
            (long.clone(), 0o755, 700, None),
            ("empty/".to_owned(), 0o555, 0, None),
            ("link".to_owned(), 0o777, 0, Some(1)),
            ("long-link".to_owned(), 0o777, 0, Some(target.len())),
            ("name".to_owned(), 0o644, 0, Some(long.len())),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn contents_are_padded_to_blocks() {
        assert_eq!(padding(0).len(), 0);
        assert_eq!(padding(1).len(), 511);
        assert_eq!(padding(512).len(), 0);
        assert_eq!(padding(513).len(), 511);
    }
}
