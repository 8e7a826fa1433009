//! Cuts the output of a step into lines that can stand between the lines of others.
//!
//! A line is what would be left of it on a terminal: of what a carriage return overwrote only the
//! last is shown, colours stay, and sequences that move the cursor go, since the cursor is
//! somewhere else by now.

/// A line longer than this is shown in pieces.
const LONGEST: usize = 64 * 1024;

/// The end of the output so far that is no whole line yet.
#[derive(Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// Adds a piece of output and hands over each line that is complete now, with its end.
    pub(crate) fn add(&mut self, mut bytes: &[u8], line: &mut dyn FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = bytes.split_at(end);
            self.0.extend_from_slice(head);
            self.finish_line(line);
            bytes = &tail[1..];
        }
        self.0.extend_from_slice(bytes);
        if self.0.len() > LONGEST {
            self.finish_line(line);
        }
    }

    /// Hands over what is left, as a line.
    pub(crate) fn finish(&mut self, line: &mut dyn FnMut(&[u8])) {
        if !self.0.is_empty() {
            self.finish_line(line);
        }
    }

    fn finish_line(&mut self, line: &mut dyn FnMut(&[u8])) {
        let mut settled = settle(&self.0);
        settled.push(b'\n');
        line(&settled);
        self.0.clear();
    }
}

/// What is left of a line.
fn settle(line: &[u8]) -> Vec<u8> {
    const ESCAPE: u8 = 0x1b;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line
        .iter()
        .rposition(|byte| *byte == b'\r')
        .map_or(0, |place| place + 1);
    let mut rest = &line[start..];
    let mut settled = Vec::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        let (text, sequence) = rest.split_at(at);
        settled.extend_from_slice(text);
        let length = length(sequence);
        let (sequence, after) = sequence.split_at(length);
        if matches!(sequence, [_, b'[', .., b'm'] | [_, b']', ..]) {
            settled.extend_from_slice(sequence);
        }
        rest = after;
    }
    settled.extend_from_slice(rest);
    settled
}

/// The length of the escape sequence at the start.
fn length(bytes: &[u8]) -> usize {
    let end = match bytes.get(1) {
        Some(b'[') => bytes[2..]
            .iter()
            .position(|byte| matches!(byte, 0x40..=0x7e))
            .map(|place| place + 3),
        Some(b']') => bytes[2..]
            .iter()
            .position(|byte| matches!(byte, 0x07 | b'\\'))
            .map(|place| place + 3),
        Some(_) => Some(2),
        None => Some(1),
    };
    end.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut shown = Vec::new();
        let mut take = |line: &[u8]| shown.push(String::from_utf8(line.to_vec()).unwrap());
        for piece in pieces {
            lines.add(piece.as_bytes(), &mut take);
        }
        lines.finish(&mut take);
        shown
    }

    #[test]
    fn lines_are_put_together_and_the_last_one_is_ended() {
        assert_eq!(lines(&["a", "b\nc\n\nd"]), ["ab\n", "c\n", "\n", "d\n"]);
        assert_eq!(lines(&[]), [""; 0]);
    }

    #[test]
    fn only_the_last_state_of_a_progress_line_is_shown() {
        assert_eq!(lines(&["10%\r20%\r30%\n"]), ["30%\n"]);
        assert_eq!(lines(&["dos\r\n"]), ["dos\n"]);
    }

    #[test]
    fn colours_stay_and_movements_go() {
        assert_eq!(
            lines(&["\u{1b}[2K\u{1b}[1A\u{1b}[31mred\u{1b}[0m\u{1b}[?25l\n"]),
            ["\u{1b}[31mred\u{1b}[0m\n"]
        );
    }

    #[test]
    fn a_line_without_end_is_not_kept_for_ever() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(lines(&[&long, "y\n"]), [format!("{long}\n"), "y\n".into()]);
    }
}
