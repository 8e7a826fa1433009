//! Finds the absolute path of the workspace root in the contents of files: such a result is wrong
//! in any other place.

use memchr::memmem::Finder;
use vt_base::AbsPath;

/// Finds the path of the workspace root in contents.
pub(crate) struct Mention {
    /// The path as it is, and as it stands in a URL when that differs.
    needles: Vec<Finder<'static>>,
}

impl Mention {
    pub(crate) fn of(root: &AbsPath) -> Self {
        let plain = root.as_bytes();
        let mut needles = vec![Finder::new(plain).into_owned()];
        let mut encoded = Vec::with_capacity(plain.len());
        for byte in plain {
            if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
                encoded.push(*byte);
            } else {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                encoded.extend([b'%', DIGITS[high], DIGITS[low]]);
            }
        }
        if encoded != plain {
            needles.push(Finder::new(&encoded).into_owned());
        }
        Self { needles }
    }

    /// How much of the end of a piece must be looked at again together with the next one.
    pub(crate) fn overlap(&self) -> usize {
        self.needles
            .iter()
            .map(|needle| needle.needle().len())
            .max()
            .unwrap_or_default()
    }

    /// Whether the root is mentioned, rather than a path whose name merely begins like it.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.needles.iter().any(|needle| {
            needle.find_iter(bytes).any(|at| {
                let next = bytes.get(at + needle.needle().len());
                !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_as_it_is_and_as_it_stands_in_a_url() {
        let mention = Mention::of(&AbsPath::new("/w/my app").unwrap());
        assert!(mention.is_in(b"file:///w/my%20app/x"));
        assert!(mention.is_in(b"\"/w/my app\""));
        assert!(!mention.is_in(b"/w/my"));
    }

    #[test]
    fn a_longer_name_is_not_the_root() {
        let mention = Mention::of(&AbsPath::new("/w/app").unwrap());
        assert!(!mention.is_in(b"/w/app2/x /w/app-old /w/app_x"));
        assert!(mention.is_in(b"/w/app2/x /w/app"));
        assert!(mention.is_in(b"in /w/app."));
    }
}
