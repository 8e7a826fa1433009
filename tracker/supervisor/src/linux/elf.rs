//! What the headers of a 64-bit binary say of how it is loaded. Nothing in them is believed: every
//! offset may lead anywhere, and then there is no answer.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// The longest name that is read.
const LONGEST: u64 = 4096;

/// The name of the loader of a binary; none if it has none. `head` is the beginning of the file,
/// in which the headers have to be, as they are in whatever a linker makes.
pub(crate) fn loader(file: &File, head: &[u8]) -> Option<Vec<u8>> {
    let (offset, length) = segment(head)?;
    let length = usize::try_from(Some(length).filter(|length| *length <= LONGEST)?).ok()?;
    let mut text = vec![0; length];
    file.read_exact_at(&mut text, offset).ok()?;
    let end = text.iter().position(|byte| *byte == 0)?;
    text.truncate(end);
    Some(text)
}

/// Where a binary has the name of its loader, and how long it is.
fn segment(head: &[u8]) -> Option<(u64, u64)> {
    const NAMES_LOADER: u32 = 3;
    let bytes = |at: usize, length: usize| head.get(at..at.checked_add(length)?);
    let word = |at| bytes(at, 8).map(|part| u64::from_le_bytes(part.try_into().expect("8 bytes")));
    let half = |at| bytes(at, 2).map(|part| u16::from_le_bytes(part.try_into().expect("2 bytes")));
    let kind = |at| bytes(at, 4).map(|part| u32::from_le_bytes(part.try_into().expect("4 bytes")));
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = usize::try_from(word(0x20)?).ok()?;
    let (size, count) = (usize::from(half(0x36)?), usize::from(half(0x38)?));
    (0..count)
        .filter_map(|index| table.checked_add(index * size))
        .find(|at| kind(*at) == Some(NAMES_LOADER))
        .and_then(|at| Some((word(at.checked_add(8)?)?, word(at.checked_add(32)?)?)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_dynamic_binary_names_its_loader() {
        let file = File::open("/bin/sh").unwrap();
        let head = std::fs::read("/bin/sh").unwrap();
        let name = loader(&file, &head[..4096]).unwrap();
        assert!(
            name.starts_with(b"/lib"),
            "{}",
            String::from_utf8_lossy(&name)
        );
    }

    #[test]
    fn a_torn_or_scribbled_binary_is_harmless() {
        let whole = std::fs::read("/bin/sh").unwrap();
        for at in 0..1024 {
            let mut file = tempfile::tempfile().unwrap();
            let mut bytes = whole[..8192].to_vec();
            bytes[at] ^= 0xff;
            bytes.truncate(8192 - 7 * at);
            file.write_all(&bytes).unwrap();
            let _ = loader(&file, &bytes[..bytes.len().min(4096)]);
        }
        let file = tempfile::tempfile().unwrap();
        assert!(loader(&file, b"#!/bin/sh").is_none());
    }
}
