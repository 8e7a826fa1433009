//! What stays on a terminal of output that draws over itself.
//!
//! A progress line, a spinner, a list of what runs now: of those a run leaves its last state, and
//! that is what is stored. So a hit shows the same on a terminal of another size, between the lines
//! of other steps, and in a file. Output that only has colours is none of this, and stays as it is.

use std::collections::VecDeque;

use anstyle::{Ansi256Color, AnsiColor, Color, Effects, RgbColor, Style};
use unicode_width::UnicodeWidthChar as _;

use crate::event::Stream;
use crate::output::Frame;
use crate::world::{Screens, TerminalSize};

const ESCAPE: u8 = 0x1b;
/// A terminal goes to the next multiple of this on a tab.
const TAB: usize = 8;
/// In a cell: the one before it is wider than a cell.
const COVERED: char = '\0';

/// What is left of the output of a step whose streams were shown on these terminals.
pub(crate) fn settle(frames: Vec<Frame>, screens: Screens) -> Vec<Frame> {
    let is_drawn = |frame: &Frame| screens.of(frame.stream).is_some() && redraws(&frame.bytes);
    let Some(size) = screens.out.or(screens.err) else {
        return frames;
    };
    if !frames.iter().any(is_drawn) {
        return frames;
    }
    let mut picture = Picture::new(size);
    let mut parsers = [vte::Parser::new(), vte::Parser::new()];
    for frame in frames {
        if screens.of(frame.stream).is_none() {
            picture.left.add(frame.stream, &frame.bytes);
            continue;
        }
        picture.stream = frame.stream;
        let parser = match frame.stream {
            Stream::Out => &mut parsers[0],
            Stream::Err => &mut parsers[1],
        };
        parser.advance(&mut picture, &frame.bytes);
    }
    picture.finish()
}

/// Whether output does more to a terminal than to write lines in colours.
fn redraws(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr3(b'\r', ESCAPE, 0x08, rest) {
        let found = &rest[at..];
        rest = &found[1..];
        match found {
            [b'\r', b'\n', ..] | [ESCAPE, b']', ..] => {}
            [ESCAPE, b'[', parameters @ ..] => {
                let end = parameters.iter().find(|byte| matches!(byte, 0x40..=0x7e));
                if end != Some(&b'm') {
                    return true;
                }
            }
            _ => return true,
        }
    }
    false
}

#[derive(Clone)]
struct Cell {
    stream: Stream,
    style: Style,
    text: char,
    /// What has no width of its own and goes on top.
    marks: String,
}

#[derive(Default)]
struct Row {
    cells: Vec<Cell>,
    /// Who ended the line; the next row goes on with it if nobody did.
    ended_by: Option<Stream>,
}

/// A place of the cursor. Rows count from the first one that can still change.
#[derive(Clone, Copy, Default)]
struct Place {
    row: usize,
    column: usize,
}

/// The part of a terminal that can still change, and what has left it.
struct Picture {
    width: usize,
    height: usize,
    rows: VecDeque<Row>,
    cursor: Place,
    kept_cursor: Place,
    style: Style,
    /// Who writes now.
    stream: Stream,
    /// What was there before a program took the whole screen for itself.
    behind: Option<(VecDeque<Row>, Place)>,
    left: Left,
}

impl Picture {
    fn new(size: TerminalSize) -> Self {
        Self {
            width: usize::from(size.columns).max(1),
            height: usize::from(size.rows).max(1),
            rows: VecDeque::from([Row::default()]),
            cursor: Place::default(),
            kept_cursor: Place::default(),
            style: Style::new(),
            stream: Stream::Out,
            behind: None,
            left: Left::default(),
        }
    }

    fn row(&mut self) -> &mut Row {
        &mut self.rows[self.cursor.row]
    }

    fn blank(&self) -> Cell {
        Cell {
            stream: self.stream,
            style: Style::new(),
            text: ' ',
            marks: String::new(),
        }
    }

    /// Goes to the start of the next row; what leaves the terminal above does not change any more.
    fn next_row(&mut self) {
        self.cursor = Place {
            row: self.cursor.row + 1,
            column: 0,
        };
        if self.cursor.row == self.rows.len() {
            self.rows.push_back(Row::default());
        }
        if self.rows.len() > self.height {
            let row = self.rows.pop_front().expect("there are some");
            // The other screen has nothing above it.
            if self.behind.is_none() {
                self.left.add_row(&row, true);
            }
            self.cursor.row -= 1;
            self.kept_cursor.row = self.kept_cursor.row.saturating_sub(1);
        }
    }

    fn put(&mut self, text: char, width: usize) {
        if self.cursor.column + width > self.width {
            self.row().ended_by = None;
            self.next_row();
        }
        let blank = self.blank();
        let column = self.cursor.column;
        let cell = Cell {
            text,
            style: self.style,
            ..blank.clone()
        };
        let cells = &mut self.row().cells;
        if cells.len() < column + width {
            cells.resize(column + width, blank.clone());
        }
        // Of a wide one that is half overwritten nothing is left.
        let is_covered = |cell: &&mut Cell| cell.text == COVERED;
        if cells[column].text == COVERED {
            let before = cells[..column]
                .iter()
                .rposition(|cell| cell.text != COVERED);
            cells[before.unwrap_or_default()..column].fill(blank.clone());
        }
        for rest in cells[column + width..].iter_mut().take_while(is_covered) {
            *rest = blank.clone();
        }
        cells[column + 1..column + width].fill(Cell {
            text: COVERED,
            ..cell.clone()
        });
        cells[column] = cell;
        self.cursor.column += width;
    }

    fn tab(&mut self) {
        let width = TAB - self.cursor.column % TAB;
        let is_new = self.row().cells.len() <= self.cursor.column;
        if is_new && self.cursor.column + width <= self.width {
            self.put('\t', width);
        } else {
            self.cursor.column = (self.cursor.column + width).min(self.width - 1);
        }
    }

    /// Rows further down than any yet are made.
    fn go(&mut self, row: usize, column: usize) {
        let row = row.min(self.height - 1);
        while self.rows.len() <= row {
            let stream = self.stream;
            let last = self.rows.back_mut().expect("there is always one");
            last.ended_by.get_or_insert(stream);
            self.rows.push_back(Row::default());
        }
        self.cursor = Place {
            row,
            column: column.min(self.width - 1),
        };
    }

    fn erase_line(&mut self, part: u16) {
        let column = self.cursor.column;
        let blank = self.blank();
        let row = self.row();
        match part {
            0 => row.cells.truncate(column),
            1 => {
                let end = row.cells.len().min(column + 1);
                row.cells[..end].fill(blank);
            }
            2 => row.cells.clear(),
            _ => {}
        }
    }

    fn erase_screen(&mut self, part: u16) {
        let row = self.cursor.row;
        match part {
            0 => {
                self.erase_line(0);
                self.rows.truncate(row + 1);
                self.row().ended_by = None;
            }
            1 => {
                self.erase_line(1);
                for above in self.rows.iter_mut().take(row) {
                    above.cells.clear();
                }
            }
            2 => {
                self.rows.truncate(row + 1);
                for any in &mut self.rows {
                    any.cells.clear();
                }
            }
            // What has left the screen stays in what is stored.
            _ => {}
        }
    }

    /// A program takes the whole screen for itself, or gives it back.
    fn switch(&mut self, takes: bool) {
        match (takes, self.behind.take()) {
            (true, None) => {
                let rows = VecDeque::from([Row::default()]);
                let behind = std::mem::replace(&mut self.rows, rows);
                self.behind = Some((behind, self.cursor));
                self.cursor = Place::default();
            }
            (false, Some((rows, cursor))) => {
                self.rows = rows;
                self.cursor = cursor;
            }
            (_, behind) => self.behind = behind,
        }
    }

    /// What is left.
    fn finish(mut self) -> Vec<Frame> {
        self.switch(false);
        let is_blank = |row: &Row| row.cells.is_empty();
        while self.rows.len() > self.cursor.row + 1 && self.rows.back().is_some_and(is_blank) {
            self.rows.pop_back();
        }
        let last = self.rows.len() - 1;
        for (index, row) in self.rows.iter().enumerate() {
            self.left.add_row(row, index < last);
        }
        self.left.frames
    }
}

impl vte::Perform for Picture {
    fn print(&mut self, text: char) {
        match text.width() {
            Some(width @ 1..) => self.put(text, width.min(self.width)),
            _ => {
                let column = self.cursor.column;
                let cells = self.row().cells.iter_mut().take(column);
                if let Some(cell) = cells.rev().find(|cell| cell.text != COVERED) {
                    cell.marks.push(text);
                }
            }
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                let stream = self.stream;
                self.row().ended_by = Some(stream);
                self.next_row();
            }
            b'\r' => self.cursor.column = 0,
            b'\t' => self.tab(),
            0x08 => self.cursor.column = self.cursor.column.saturating_sub(1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &vte::Params, private: &[u8], _: bool, action: char) {
        let number = |index: usize| params.iter().nth(index).map_or(0, |param| param[0]);
        let Place { row, column } = self.cursor;
        let count = usize::from(number(0).max(1));
        let place = |index: usize| usize::from(number(index).max(1)) - 1;
        match (private, action) {
            ([], 'A') => self.go(row.saturating_sub(count), column),
            ([], 'B' | 'e') => self.go(row + count, column),
            ([], 'C' | 'a') => self.go(row, column + count),
            ([], 'D') => self.go(row, column.saturating_sub(count)),
            ([], 'E') => self.go(row + count, 0),
            ([], 'F') => self.go(row.saturating_sub(count), 0),
            ([], 'G' | '`') => self.go(row, place(0)),
            ([], 'H' | 'f') => self.go(place(0), place(1)),
            ([], 'd') => self.go(place(0), column),
            ([], 'J') => self.erase_screen(number(0)),
            ([], 'K') => self.erase_line(number(0)),
            ([], 'm') => self.style = styled(self.style, params),
            ([], 's') => self.kept_cursor = self.cursor,
            ([], 'u') => self.go(self.kept_cursor.row, self.kept_cursor.column),
            ([b'?'], 'h' | 'l') if matches!(number(0), 47 | 1047 | 1049) => {
                self.switch(action == 'h');
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        match (intermediates, byte) {
            ([], b'7') => self.kept_cursor = self.cursor,
            ([], b'8') => self.go(self.kept_cursor.row, self.kept_cursor.column),
            ([], b'M') => self.go(self.cursor.row.saturating_sub(1), self.cursor.column),
            _ => {}
        }
    }
}

/// A style after a sequence that changes it.
fn styled(mut style: Style, params: &vte::Params) -> Style {
    const COLOURS: [AnsiColor; 16] = [
        AnsiColor::Black,
        AnsiColor::Red,
        AnsiColor::Green,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::Magenta,
        AnsiColor::Cyan,
        AnsiColor::White,
        AnsiColor::BrightBlack,
        AnsiColor::BrightRed,
        AnsiColor::BrightGreen,
        AnsiColor::BrightYellow,
        AnsiColor::BrightBlue,
        AnsiColor::BrightMagenta,
        AnsiColor::BrightCyan,
        AnsiColor::BrightWhite,
    ];
    let named = |number: u16| Some(COLOURS[usize::from(number)].into());
    let weight = Effects::BOLD | Effects::DIMMED;
    let underlines = Effects::UNDERLINE
        | Effects::DOUBLE_UNDERLINE
        | Effects::CURLY_UNDERLINE
        | Effects::DOTTED_UNDERLINE
        | Effects::DASHED_UNDERLINE;
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let effects = style.get_effects();
        style = match param[0] {
            0 => Style::new(),
            1 => style.effects(effects | Effects::BOLD),
            2 => style.effects(effects | Effects::DIMMED),
            3 => style.effects(effects | Effects::ITALIC),
            4 => style.effects(match param.get(1) {
                Some(0) => effects.remove(underlines),
                Some(2) => effects | Effects::DOUBLE_UNDERLINE,
                Some(3) => effects | Effects::CURLY_UNDERLINE,
                Some(4) => effects | Effects::DOTTED_UNDERLINE,
                Some(5) => effects | Effects::DASHED_UNDERLINE,
                _ => effects | Effects::UNDERLINE,
            }),
            5 => style.effects(effects | Effects::BLINK),
            7 => style.effects(effects | Effects::INVERT),
            8 => style.effects(effects | Effects::HIDDEN),
            9 => style.effects(effects | Effects::STRIKETHROUGH),
            22 => style.effects(effects.remove(weight)),
            23 => style.effects(effects.remove(Effects::ITALIC)),
            24 => style.effects(effects.remove(underlines)),
            25 => style.effects(effects.remove(Effects::BLINK)),
            27 => style.effects(effects.remove(Effects::INVERT)),
            28 => style.effects(effects.remove(Effects::HIDDEN)),
            29 => style.effects(effects.remove(Effects::STRIKETHROUGH)),
            number @ 30..=37 => style.fg_color(named(number - 30)),
            number @ 90..=97 => style.fg_color(named(number - 90 + 8)),
            38 => style.fg_color(colour(param, &mut params)),
            39 => style.fg_color(None),
            number @ 40..=47 => style.bg_color(named(number - 40)),
            number @ 100..=107 => style.bg_color(named(number - 100 + 8)),
            48 => style.bg_color(colour(param, &mut params)),
            49 => style.bg_color(None),
            58 => style.underline_color(colour(param, &mut params)),
            59 => style.underline_color(None),
            _ => style,
        };
    }
    style
}

/// A colour by number or by its three parts, which follow with colons or with semicolons.
fn colour(param: &[u16], params: &mut vte::ParamsIter<'_>) -> Option<Color> {
    let mut parts: Vec<u8> = Vec::new();
    let narrow = |part: u16| u8::try_from(part).unwrap_or(u8::MAX);
    if param.len() > 1 {
        // Some leave a place for the colour space between the kind and the three parts.
        let is_spaced = param.len() > 5;
        parts.push(narrow(param[1]));
        parts.extend(
            param[2 + usize::from(is_spaced)..]
                .iter()
                .copied()
                .map(narrow),
        );
    } else {
        let kind = params.next()?;
        let more = if kind[0] == 2 { 3 } else { 1 };
        parts.push(narrow(kind[0]));
        parts.extend(params.take(more).map(|part| narrow(part[0])));
    }
    match parts[..] {
        [5, number, ..] => Some(Ansi256Color(number).into()),
        [2, red, green, blue, ..] => Some(RgbColor(red, green, blue).into()),
        _ => None,
    }
}

/// What can't change any more.
#[derive(Default)]
struct Left {
    frames: Vec<Frame>,
}

impl Left {
    fn add(&mut self, stream: Stream, bytes: &[u8]) {
        match self.frames.last_mut() {
            Some(last) if last.stream == stream => last.bytes.extend_from_slice(bytes),
            _ => self.frames.push(Frame {
                stream,
                bytes: bytes.to_vec(),
            }),
        }
    }

    /// Adds a row; one that is not the last has its end, unless its line goes on below.
    fn add_row(&mut self, row: &Row, has_more: bool) {
        let mut worn = None;
        for cell in row.cells.iter().filter(|cell| cell.text != COVERED) {
            let is_as_before =
                worn.is_some_and(|(stream, style)| stream == cell.stream && style == cell.style);
            if !is_as_before {
                self.undress(worn.take());
                self.add(cell.stream, cell.style.render().to_string().as_bytes());
                worn = Some((cell.stream, cell.style));
            }
            let mut text = String::from(cell.text);
            text.push_str(&cell.marks);
            self.add(cell.stream, text.as_bytes());
        }
        self.undress(worn);
        if let Some(stream) = row.ended_by.filter(|_| has_more) {
            self.add(stream, b"\n");
        }
    }

    fn undress(&mut self, worn: Option<(Stream, Style)>) {
        if let Some((stream, style)) = worn {
            self.add(stream, style.render_reset().to_string().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;

    use super::*;

    const SIZE: TerminalSize = TerminalSize {
        columns: 10,
        rows: 4,
    };
    const BOTH: Screens = Screens {
        out: Some(SIZE),
        err: Some(SIZE),
    };

    fn frame(stream: Stream, text: &str) -> Frame {
        Frame {
            stream,
            bytes: text.as_bytes().to_vec(),
        }
    }

    fn left_of(text: &str) -> String {
        left_on(SIZE, text)
    }

    fn left_on(size: TerminalSize, text: &str) -> String {
        let screens = Screens {
            out: Some(size),
            err: None,
        };
        let frames = settle(vec![frame(Stream::Out, text)], screens);
        let bytes = frames.into_iter().flat_map(|frame| frame.bytes).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_in_colours_stay_as_they_are() {
        for text in [
            "",
            "a\tb  \n\n\x1b[31mred\x1b[39m\r\nno end",
            "\x1b]8;;http://x\x07link\x1b]8;;\x07 \x07\n",
            "much longer than the screen is wide\n",
        ] {
            assert_eq!(left_of(text), text);
        }
    }

    #[test]
    fn of_a_line_that_is_drawn_again_the_last_state_stays() {
        assert_eq!(left_of("10%\r20%\rdone\n"), "done\n");
        assert_eq!(left_of("longer\rab\n"), "abnger\n");
        assert_eq!(left_of("longer\r\x1b[Kab\n"), "ab\n");
        assert_eq!(left_of("one\x1b[2K\x1b[1Gtwo\n"), "two\n");
        assert_eq!(left_of("|\x08/\x08-\x08 \n"), " \n");
        assert_eq!(left_of("\x1b[?25lgone\r\x1b[2K\x1b[?25h"), "");
    }

    #[test]
    fn of_lines_that_are_drawn_again_the_last_state_stays() {
        let block = "\x1b[2A\x1b[J";
        assert_eq!(
            left_of(&format!("x\na 1\nb 1\n{block}a 2\nb 2\n")),
            "x\na 2\nb 2\n"
        );
        assert_eq!(left_of(&format!("x\na\nb\n{block}")), "x\n");
        assert_eq!(left_of("a\nb\x1b[1A\x1b[1GA\x1b[1B\n"), "A\nb\n");
        assert_eq!(left_of("a\x1b[s\nb\x1b[u!\n\n"), "a!\nb\n");
    }

    #[test]
    fn what_has_left_the_screen_stays() {
        assert_eq!(left_of("1\n2\n3\n4\n5\n\x1b[99A\x1b[Jend\n"), "1\n2\nend\n");
        let long = "12345678901234567890\n".repeat(3);
        assert_eq!(left_of(&format!("{long}\r")), long);
    }

    #[test]
    fn a_screen_that_was_taken_whole_leaves_nothing() {
        let taken = format!("\x1b[?1049h{}\x1b[Hmenu\x1b[?1049l", "row\n".repeat(9));
        assert_eq!(
            left_of(&format!("before\n{taken}after\n")),
            "before\nafter\n"
        );
    }

    #[test]
    fn colours_are_those_that_were_seen() {
        assert_eq!(
            left_of("\x1b[1;31mone\rt\x1b[0mwo \x1b[38;5;7mx\x1b[48;2;1;2;3my\n"),
            "\x1b[1m\x1b[31mt\x1b[0mwo \x1b[38;5;7mx\x1b[0m\x1b[38;5;7m\x1b[48;2;1;2;3my\x1b[0m\n"
        );
        assert_eq!(
            left_of("\r\x1b[4:3m\x1b[38:2::1:2:3mw\n"),
            "\x1b[4:3m\x1b[38;2;1;2;3mw\x1b[0m\n"
        );
    }

    #[test]
    fn streams_stay_apart_on_one_screen() {
        let frames = vec![
            frame(Stream::Out, "out\n"),
            frame(Stream::Err, "1%\r\x1b[2"),
            frame(Stream::Out, ""),
            frame(Stream::Err, "K"),
            frame(Stream::Out, "more\n"),
        ];
        assert_eq!(
            settle(frames.clone(), BOTH),
            [frame(Stream::Out, "out\nmore\n")]
        );
        let screens = Screens { err: None, ..BOTH };
        // What goes elsewhere passes as it is.
        assert_eq!(settle(frames, screens).len(), 5);
    }

    #[test]
    fn wide_characters_and_marks_on_top_of_others() {
        assert_eq!(left_of("日本\x1b[1G本\n"), "本本\n");
        assert_eq!(left_of("日本\x1b[2Gx\n"), " x本\n");
        assert_eq!(left_of("e\u{301}a\rxy\u{301}\n"), "xy\u{301}\n");
        assert_eq!(left_of("e\u{301}a\x1b[2Gb\n"), "e\u{301}b\n");
    }

    /// What a terminal shows in the end, with what has left it above.
    fn shown(size: TerminalSize, text: &str) -> String {
        let number = |number| NonZeroU16::new(number).unwrap();
        let mut terminal = vt100::Parser::new(number(size.rows), number(size.columns), 1000);
        terminal.process(text.replace('\n', "\r\n").as_bytes());
        let screen = terminal.screen_mut();
        screen.set_scrollback(usize::MAX);
        let above = screen.scrollback();
        let mut rows = Vec::new();
        for back in (1..=above).rev() {
            screen.set_scrollback(back);
            rows.extend(screen.rows(0, size.columns).next());
        }
        screen.set_scrollback(0);
        rows.extend(screen.rows(0, size.columns));
        let rows: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    fn part() -> impl Strategy<Value = String> {
        let sequence = |numbers: std::ops::Range<u16>, last: &str| {
            let last = prop::sample::select(last.chars().collect::<Vec<_>>());
            (numbers, last).prop_map(|(number, last)| format!("\x1b[{number}{last}"))
        };
        prop_oneof![
            "[a-c ]{1,12}",
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            sequence(0..6, "ABCDEFGHd"),
            sequence(0..3, "JK"),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn it_is_what_a_terminal_shows(parts in prop::collection::vec(part(), 1..40)) {
            let text = parts.concat();
            // What comes after a full line differs between terminals: no line gets full here.
            let size = TerminalSize { columns: 1000, ..SIZE };
            prop_assert_eq!(shown(size, &left_on(size, &text)), shown(size, &text), "{:?}", text);
        }

        #[test]
        fn long_lines_are_what_a_terminal_shows(text in "[a-c \n\r]{0,100}") {
            prop_assert_eq!(shown(SIZE, &left_of(&text)), shown(SIZE, &text), "{:?}", text);
        }

        #[test]
        fn anything_may_be_written(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [b"\r\x1b[", &bytes[..]].concat();
            let _ = settle(vec![Frame { stream: Stream::Err, bytes }], BOTH);
        }
    }
}
