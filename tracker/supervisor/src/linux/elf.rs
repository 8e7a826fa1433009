//! What the headers of a 64-bit binary say of how it is loaded. Nothing in them is believed: every
//! offset may lead anywhere, and then there is no answer.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// A segment of the kinds below.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
}

const LOADED: u32 = 1;
const DYNAMIC: u32 = 2;
const NAMES_LOADER: u32 = 3;

/// The longest name that is read, and the most entries.
const LONGEST: usize = 4096;
const MOST_ENTRIES: u64 = 4096;

/// A binary of which the beginning was read.
pub(crate) struct Binary<'b> {
    file: &'b File,
    segments: Vec<Segment>,
}

impl<'b> Binary<'b> {
    /// Reads the headers; `head` is the beginning of the file, all of which the headers have to be
    /// in, as they are in whatever a linker makes.
    pub(crate) fn parse(file: &'b File, head: &[u8]) -> Option<Self> {
        let bytes = |at: usize, length: usize| head.get(at..at.checked_add(length)?);
        let word = |at| bytes(at, 8).map(long);
        let half = |at| bytes(at, 2).map(|part| u16::from_le_bytes([part[0], part[1]]));
        let kind = |at| bytes(at, 4).map(|part| long(part) as u32);
        if !head.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let table = usize::try_from(word(0x20)?).ok()?;
        let (size, count) = (usize::from(half(0x36)?), usize::from(half(0x38)?));
        let segments = (0..count).filter_map(|index| {
            let at = table.checked_add(index * size)?;
            Some(Segment {
                kind: kind(at)?,
                offset: word(at.checked_add(8)?)?,
                address: word(at.checked_add(16)?)?,
                length: word(at.checked_add(32)?)?,
            })
        });
        Some(Self {
            file,
            segments: segments.collect(),
        })
    }

    fn segment(&self, kind: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    /// The name of its loader; none if it has none.
    pub(crate) fn loader(&self) -> Option<Vec<u8>> {
        let segment = self.segment(NAMES_LOADER)?;
        self.text(segment.offset, usize::try_from(segment.length).ok()?)
    }

    /// The names of the libraries it is linked with.
    pub(crate) fn libraries(&self) -> Vec<Vec<u8>> {
        self.named().unwrap_or_default()
    }

    fn named(&self) -> Option<Vec<Vec<u8>>> {
        const LIBRARY: u64 = 1;
        const NAMES: u64 = 5;
        let dynamic = self.segment(DYNAMIC)?;
        let count = (dynamic.length / 16).min(MOST_ENTRIES);
        let mut table = vec![0; usize::try_from(count * 16).ok()?];
        self.file.read_exact_at(&mut table, dynamic.offset).ok()?;
        let entries = || {
            table
                .chunks_exact(16)
                .map(|entry| (long(&entry[..8]), long(&entry[8..])))
        };
        let (_, names) = entries().find(|(tag, _)| *tag == NAMES)?;
        let start = self.offset(names)?;
        let libraries = entries().filter(|(tag, _)| *tag == LIBRARY);
        Some(
            libraries
                .filter_map(|(_, at)| self.text(start.checked_add(at)?, LONGEST))
                .collect(),
        )
    }

    /// Where in the file an address is loaded from.
    fn offset(&self, address: u64) -> Option<u64> {
        let mut loaded = self
            .segments
            .iter()
            .filter(|segment| segment.kind == LOADED);
        loaded.find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            (within < segment.length).then(|| segment.offset.checked_add(within))?
        })
    }

    /// The text at an offset, up to its zero byte.
    fn text(&self, offset: u64, most: usize) -> Option<Vec<u8>> {
        let mut text = vec![0; most.min(LONGEST)];
        let mut length = 0;
        while length < text.len() {
            match self
                .file
                .read_at(&mut text[length..], offset.checked_add(length as u64)?)
            {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        let end = text[..length].iter().position(|byte| *byte == 0)?;
        text.truncate(end);
        Some(text)
    }
}

fn long(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_dynamic_binary_names_its_loader_and_its_libraries() {
        let file = File::open("/bin/sh").unwrap();
        let head = std::fs::read("/bin/sh").unwrap();
        let binary = Binary::parse(&file, &head[..4096]).unwrap();
        let loader = binary.loader().unwrap();
        assert!(
            loader.starts_with(b"/lib"),
            "{}",
            String::from_utf8_lossy(&loader)
        );
        let libraries = binary.libraries();
        assert!(libraries.contains(&b"libc.so.6".to_vec()), "{libraries:?}");
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
            if let Some(binary) = Binary::parse(&file, &bytes[..bytes.len().min(4096)]) {
                let _ = binary.loader();
                let _ = binary.libraries();
            }
        }
        let file = tempfile::tempfile().unwrap();
        assert!(Binary::parse(&file, b"#!/bin/sh").is_none());
    }
}
