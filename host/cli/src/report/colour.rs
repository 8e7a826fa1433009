//! Colours that a terminal can't show are dropped; every other byte passes as it is.
//!
//! Libraries for this work on text and lose bytes that are none. What a command wrote into a pipe
//! is not ours to mend, so only escape sequences go: `ESC [ … letter`, `ESC ] … BEL or ESC \`,
//! and `ESC` with one byte. A sequence may be cut anywhere between two pieces of output.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// What becomes of escape sequences.
pub(crate) enum Colours {
    /// They pass.
    Kept,
    /// They are dropped; the state between two pieces of output.
    Dropped(Place),
}

/// Where in a sequence the output stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    Escape,
    Control,
    Command,
    CommandEscape,
}

impl Colours {
    /// Drops sequences, from the start of the output.
    pub(crate) const fn dropped() -> Self {
        Self::Dropped(Place::Text)
    }

    /// The part of a piece of output that is shown.
    pub(crate) fn pass<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Self::Dropped(place) = self else {
            return Cow::Borrowed(bytes);
        };
        if *place == Place::Text && !bytes.contains(&ESCAPE) {
            return Cow::Borrowed(bytes);
        }
        let mut shown = Vec::with_capacity(bytes.len());
        for byte in bytes {
            *place = match (*place, *byte) {
                (Place::Text, ESCAPE) => Place::Escape,
                (Place::Text, byte) => {
                    shown.push(byte);
                    Place::Text
                }
                (Place::Escape, b'[') => Place::Control,
                (Place::Escape, b']') => Place::Command,
                (Place::Escape, _) => Place::Text,
                (Place::Control, 0x40..=0x7e) => Place::Text,
                (Place::Control, _) => Place::Control,
                (Place::Command, BELL) => Place::Text,
                (Place::Command, ESCAPE) => Place::CommandEscape,
                (Place::Command, _) => Place::Command,
                (Place::CommandEscape, b'\\') => Place::Text,
                (Place::CommandEscape, _) => Place::Command,
            };
        }
        Cow::Owned(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sequences_go() {
        let mut colours = Colours::dropped();
        let shown =
            colours.pass(b"a\x1b[31;1mb\x1b[0m\r\0\xff\x1b]8;;http://x\x07c\x1b]8;;\x1b\\d");
        assert_eq!(shown.as_ref(), b"ab\r\0\xffcd");
    }

    #[test]
    fn a_sequence_may_be_cut_anywhere() {
        let whole = b"a\x1b[31mb\x1b]0;title\x07c";
        for cut in 0..whole.len() {
            let mut colours = Colours::dropped();
            let (head, tail) = whole.split_at(cut);
            let mut shown = colours.pass(head).into_owned();
            shown.extend_from_slice(&colours.pass(tail));
            assert_eq!(shown, b"abc", "cut at {cut}");
        }
    }

    #[test]
    fn a_terminal_that_can_gets_everything() {
        assert_eq!(Colours::Kept.pass(b"\x1b[31m").as_ref(), b"\x1b[31m");
    }
}
