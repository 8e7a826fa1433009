//! Tells which names some file systems take for one: those that differ only in case, in how their
//! letters are composed, or in characters that show nothing.
//!
//! Folds more than any one file system does. What is refused for it could have been stored here,
//! and could not be given back on another machine.

use std::borrow::Cow;

use icu_normalizer::DecomposingNormalizerBorrowed;

/// What all spellings of a name or path have in common. What is not UTF-8 stays as it is, but for
/// the case of ASCII letters.
pub(crate) fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    if name.is_ascii() {
        return if name.iter().any(u8::is_ascii_uppercase) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
    }
    let mut folded = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        folded.extend_from_slice(fold_text(chunk.valid()).as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(folded)
}

fn fold_text(text: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfd();
    let shown: String = decomposed
        .normalize(text)
        .chars()
        .filter(|character| !shows_nothing(*character))
        .collect();
    // Through capitals, since some small letters have no capital of their own: `ß` and `ss`. And
    // decomposed again, since some letters change with their case into ones that are composed.
    let folded = shown.to_uppercase().to_lowercase();
    // The small sigma at the end of a word is another one than within.
    decomposed.normalize(&folded).replace('ς', "σ")
}

/// The characters that HFS+ leaves out when it compares names.
const fn shows_nothing(character: char) -> bool {
    matches!(character,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_alike() {
        for (one, other) in [
            ("README.md", "readme.MD"),
            ("\u{e9}.js", "e\u{301}.js"),
            ("\u{c9}.js", "e\u{301}.js"),
            ("straße", "STRASSE"),
            ("ΣΟΦΟΣ", "σοφος"),
            ("σοφος", "σοφοσ"),
            ("\u{212a}elvin", "kelvin"),
            (".g\u{200c}it", ".git"),
            ("\u{390}", "\u{3b9}\u{308}\u{301}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
        ] {
            assert_eq!(
                fold(one.as_bytes()),
                fold(other.as_bytes()),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn other_names_fold_differently() {
        for (one, other) in [("a", "b"), ("e", "\u{e9}"), ("a-b", "a_b"), ("l", "1")] {
            assert_ne!(
                fold(one.as_bytes()),
                fold(other.as_bytes()),
                "{one} {other}"
            );
        }
        assert_ne!(fold(b"\xff"), fold(b"\xfe"));
        assert_eq!(fold(b"A\xff"), fold(b"a\xff"));
    }
}
