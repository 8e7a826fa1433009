//! Finds texts in the contents of files: the absolute path of the workspace root, since such a result is
//! wrong in any other place, and what a run must not depend on unseen.

use std::sync::atomic::{AtomicBool, Ordering};

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
        let encoded = in_url(plain);
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

/// A path as it stands in a URL.
fn in_url(path: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            encoded.push(*byte);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            encoded.extend([b'%', DIGITS[high], DIGITS[low]]);
        }
    }
    encoded
}

/// What must stand around a text for it to be one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Border {
    /// Nothing in particular.
    Any,
    /// Nothing that makes it a longer word.
    Word,
    /// Nothing that makes it another path; a path below it is one.
    Path,
}

/// A text that is looked for in contents.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sought {
    /// The text. Of a long one its beginning is enough.
    pub text: Vec<u8>,
    /// What must stand around it.
    pub border: Border,
}

/// How much of a text is looked for.
const LONGEST: usize = 4096;

/// Looks for several texts.
#[derive(Debug)]
pub struct Seeker {
    /// Each text with its position; a path also as it stands in a URL.
    needles: Vec<(usize, Border, Finder<'static>)>,
    found: Vec<AtomicBool>,
}

impl Seeker {
    /// Gets ready to look for these. An empty text is never found.
    #[must_use]
    pub fn new<'s>(sought: impl IntoIterator<Item = &'s Sought>) -> Self {
        let mut needles = Vec::new();
        let mut found = Vec::new();
        for (position, Sought { text, border }) in sought.into_iter().enumerate() {
            found.push(AtomicBool::new(false));
            let text = &text[..text.len().min(LONGEST)];
            if text.is_empty() {
                continue;
            }
            let mut forms = vec![text.to_vec()];
            if *border == Border::Path {
                forms.push(in_url(text));
                forms.dedup();
            }
            needles.extend(forms.iter().map(|form| {
                let finder = Finder::new(form).into_owned();
                (position, *border, finder)
            }));
        }
        Self { needles, found }
    }

    /// Looks into contents. What was found once is not looked for again.
    pub fn look(&self, bytes: &[u8]) {
        for (position, border, needle) in &self.needles {
            let found = &self.found[*position];
            if !found.load(Ordering::Relaxed) && is_in(needle, *border, bytes) {
                found.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether everything was found, so that nothing need be looked into any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.found.iter().all(|found| found.load(Ordering::Relaxed))
    }

    /// The positions of what was found.
    pub fn found(&self) -> impl Iterator<Item = usize> {
        let found = self.found.iter().enumerate();
        found
            .filter(|(_, found)| found.load(Ordering::Relaxed))
            .map(|(position, _)| position)
    }

    /// How much of the end of a piece must be looked at again together with the next one.
    pub(crate) fn overlap(&self) -> usize {
        let lengths = self
            .needles
            .iter()
            .map(|(_, _, needle)| needle.needle().len());
        // One more, for what stands in front.
        lengths.max().map_or(0, |longest| longest + 1)
    }
}

fn is_in(needle: &Finder<'_>, border: Border, bytes: &[u8]) -> bool {
    needle.find_iter(bytes).any(|at| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + needle.needle().len()).copied();
        let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match border {
            Border::Any => true,
            Border::Word => ![before, after].into_iter().flatten().any(is_of_word),
            Border::Path => {
                !before.is_some_and(|byte| is_of_word(byte) || b"-.~".contains(&byte))
                    && !after.is_some_and(|byte| is_of_word(byte) || byte == b'-')
            }
        }
    })
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
    fn texts_are_found_within_their_borders() {
        for (text, border, bytes, is_found) in [
            ("0123456", Border::Any, "x0123456789", true),
            ("NAME", Border::Word, "env.NAME;", true),
            ("NAME", Border::Word, "MY_NAME NAMES", false),
            ("NAME", Border::Word, "NAMES NAME", true),
            ("/home/ann", Border::Path, "in /home/ann/x", true),
            ("/home/ann", Border::Path, "file:///home/ann.", true),
            (
                "/home/ann",
                Border::Path,
                "/mnt/home/ann /home/anna /home/ann-b",
                false,
            ),
            ("/home/a b", Border::Path, "/home/a%20b/x", true),
            ("", Border::Any, "x", false),
        ] {
            let sought = Sought {
                text: text.into(),
                border,
            };
            let seeker = Seeker::new([&sought]);
            seeker.look(bytes.as_bytes());
            assert_eq!(seeker.found().count() == 1, is_found, "{text} in {bytes}");
            assert_eq!(seeker.is_done(), is_found);
        }
    }

    #[test]
    fn a_longer_name_is_not_the_root() {
        let mention = Mention::of(&AbsPath::new("/w/app").unwrap());
        assert!(!mention.is_in(b"/w/app2/x /w/app-old /w/app_x"));
        assert!(mention.is_in(b"/w/app2/x /w/app"));
        assert!(mention.is_in(b"in /w/app."));
    }
}
