//! Splits a command at its top-level `&&`.
//!
//! It only has to be right about where a command may be cut: whatever it is not sure of, it
//! leaves whole for the shell, which then says itself what is wrong with it.

use crate::shell::COMPOUND;

/// What the scanner is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// `"…"`
    Double,
    /// `(…)`, `$(…)`
    Parentheses,
    /// `${…}`
    Braces,
    /// `` `…` ``
    Backticks,
}

/// The segments between top-level `&&`, trimmed; `None` when the shell must see all of it at
/// once.
pub(crate) fn split(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let mut segments = Vec::new();
    // Where the commands of top-level pipelines start.
    let mut commands = vec![0];
    let mut stack: Vec<Inside> = Vec::new();
    let mut start = 0;
    let mut word_start = true;
    let mut previous = '\0';
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let top = stack.last().copied();
        let started_word = std::mem::replace(&mut word_start, false);
        let before = std::mem::replace(&mut previous, character);
        match (character, top) {
            ('\\', _) => {
                // A line that goes on in the next one.
                if next? == '\n' {
                    return None;
                }
                characters.next();
                previous = '\0';
            }
            ('\'', inside) if inside != Some(Inside::Double) => {
                characters.find(|(_, character)| *character == '\'')?;
            }
            ('"', Some(Inside::Double)) | ('`', Some(Inside::Backticks)) => {
                stack.pop();
            }
            ('"', _) => stack.push(Inside::Double),
            // Closing one that lies further out is nothing a person writes.
            ('`', _) if stack.contains(&Inside::Backticks) => return None,
            ('`', _) => stack.push(Inside::Backticks),
            ('$', _) if next == Some('(') => {
                stack.push(Inside::Parentheses);
                characters.next();
            }
            ('$', _) if next == Some('{') => {
                stack.push(Inside::Braces);
                characters.next();
            }
            (_, Some(Inside::Double)) => {}
            ('}', Some(Inside::Braces)) | (')', Some(Inside::Parentheses)) => {
                stack.pop();
            }
            ('(', _) => stack.push(Inside::Parentheses),
            (_, Some(_)) => {}

            // The top level.
            ('&', None) if next == Some('&') && before != '&' => {
                segments.push(&text[start..at]);
                characters.next();
                start = at + 2;
                commands.push(start);
                (word_start, previous) = (true, '\0');
            }
            // `>&` and `<&` copy a descriptor; every other `&` is a job of its own.
            ('&', None) if before == '>' || before == '<' => {}
            ('&' | ';' | '\n' | ')', None) => return None,
            ('|', None) if next == Some('|') => return None,
            ('<', None) if next == Some('<') => return None,
            ('#', None) if started_word => return None,
            ('|', None) => {
                word_start = true;
                commands.push(at + 1);
            }
            (' ' | '\t', None) => word_start = true,
            _ => {}
        }
    }
    segments.push(&text[start..]);
    let segments: Vec<&str> = segments
        .into_iter()
        .map(|segment| segment.trim_matches([' ', '\t', '\r']))
        .collect();
    let compound = |command: &usize| {
        let mut words = text[*command..].split_ascii_whitespace();
        // What may stand in front of a compound command.
        let first = words.find(|word| !matches!(*word, "!" | "time"));
        first.is_some_and(|word| COMPOUND.contains(&word))
    };
    let cut = stack.is_empty()
        && !segments.iter().any(|segment| segment.is_empty())
        && !commands.iter().any(compound);
    cut.then_some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_cut_at_the_top_level_only() {
        for (text, segments) in [
            ("tsc", &["tsc"][..]),
            ("  a b&&c  &&\td ", &["a b", "c", "d"]),
            ("a | b && c", &["a | b", "c"]),
            ("a > out 2>&1 && b", &["a > out 2>&1", "b"]),
            ("a 'x && y' && b", &["a 'x && y'", "b"]),
            (
                "a \"x && $(y && \"z\")\" && b",
                &["a \"x && $(y && \"z\")\"", "b"],
            ),
            ("(a && b) && c", &["(a && b)", "c"]),
            ("a `b && c` && d", &["a `b && c`", "d"]),
            ("a ${b:-&&} && c", &["a ${b:-&&}", "c"]),
            ("a && echo done", &["a", "echo done"]),
            ("a '|{ ' && b", &["a '|{ '", "b"]),
            ("a#b && c", &["a#b", "c"]),
            ("a '#' && b", &["a '#'", "b"]),
        ] {
            assert_eq!(split(text).as_deref(), Some(segments), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_cut_safely_stays_whole() {
        for text in [
            "",
            "a && ",
            "&& a",
            "a; b",
            "a || b",
            "a & b",
            "a && b &",
            "a\nb",
            "a # && b",
            "a 'b",
            "a \"b",
            "a $(b",
            "a `b",
            "a)",
            "cat <<END",
            "a \\\n&& b",
            "a &&& b",
            "a \\&& && b",
            "if a && b",
            "a | { b && c",
            "{ a && b",
            "! [[ a && b ]]",
            "a \\",
        ] {
            assert_eq!(split(text), None, "{text:?}");
        }
    }
}
