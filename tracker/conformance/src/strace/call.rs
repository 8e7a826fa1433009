//! One call of a log: its arguments and its result.

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// With this value.
    Value(i64),
    /// With an error, by its name.
    Error(String),
    /// It never came back, or not in the log.
    Unknown,
}

/// An open file as the log describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// Where it is: none for pipes and the like, and for what has been deleted.
    pub path: Option<Vec<u8>>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The thread that made it.
    pub thread: u32,
    /// Its name.
    pub name: String,
    arguments: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    result: String,
}

/// Splits at the commas that stand outside of brackets.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim().to_owned());
                start = at + 1;
            }
            _ => {}
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// Decodes `\x61\x62`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    for part in text.as_bytes().chunks(4) {
        let digits = part.strip_prefix(b"\\x")?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
    }
    Some(bytes)
}

/// The text between quotes; what follows them says that it was cut, or nothing.
fn quoted(text: &str) -> Option<Vec<u8>> {
    let (inside, _) = text.strip_prefix('"')?.split_once('"')?;
    unescape(inside)
}

/// Reads a number; flags may stand side by side, of which one may be left out.
fn number(text: &str) -> Option<i64> {
    let text = text.split([' ', '<', '=']).next()?;
    if text.contains('|') {
        let parts = text.split('|').filter(|part| !part.is_empty());
        return parts.map(number).try_fold(0, |all, part| Some(all | part?));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = if let Some(digits) = digits.strip_prefix("0x") {
        u64::from_str_radix(digits, 16).ok()?.cast_signed()
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else if digits == "NULL" {
        0
    } else {
        digits.parse().ok()?
    };
    Some(sign * value)
}

/// Reads `3<\x2f\x61>` and `3<\x2f\x61>(deleted)`.
fn descriptor(text: &str) -> Option<Descriptor> {
    let number = i32::try_from(number(text)?).ok()?;
    let path = text.split_once('<').and_then(|(_, rest)| {
        let (inside, tail) = rest.split_once('>')?;
        let path = unescape(inside)?;
        (path.starts_with(b"/") && !tail.starts_with("(deleted)")).then_some(path)
    });
    Some(Descriptor { number, path })
}

/// Where the arguments end: at the bracket that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

impl Call {
    /// Reads `name(arguments) = result`.
    pub(super) fn parse(thread: u32, text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        let end = closing(rest)?;
        let result = rest[end + 1..].trim_start().strip_prefix('=')?.trim();
        let outcome = match result.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["?", ..] => Outcome::Unknown,
            ["-1", error, ..] => Outcome::Error((*error).to_owned()),
            [value, ..] => Outcome::Value(number(value)?),
            [] => return None,
        };
        Some(Self {
            thread,
            name: name.to_owned(),
            arguments: split(&rest[..end]),
            outcome,
            result: result.to_owned(),
        })
    }

    /// Reads the head of a call that has not come back yet.
    pub(super) fn parse_unfinished(thread: u32, text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        Some(Self {
            thread,
            name: name.to_owned(),
            arguments: split(rest),
            outcome: Outcome::Unknown,
            result: String::new(),
        })
    }

    /// Whether it did what it was made for.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Value(_))
    }

    /// The name of the error, if it ended with one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Error(name) => Some(name),
            _ => None,
        }
    }

    /// An argument that is text.
    #[must_use]
    pub fn text(&self, index: usize) -> Option<Vec<u8>> {
        quoted(self.arguments.get(index)?)
    }

    /// An argument that is a number.
    #[must_use]
    pub fn number(&self, index: usize) -> Option<i64> {
        number(self.arguments.get(index)?)
    }

    /// An argument that is a descriptor; `AT_FDCWD` is one too.
    #[must_use]
    pub fn descriptor(&self, index: usize) -> Option<Descriptor> {
        descriptor(self.arguments.get(index)?)
    }

    /// The descriptor that it gave back.
    #[must_use]
    pub fn opened(&self) -> Option<Descriptor> {
        self.succeeded().then(|| descriptor(&self.result)).flatten()
    }

    /// What stands behind a name and `=` in an argument that is a structure.
    fn field(&self, index: usize, name: &str) -> Option<&str> {
        let argument = self.arguments.get(index)?;
        let (_, rest) = argument.split_once(&format!("{name}="))?;
        rest.split([',', '}']).next()
    }

    /// A number in a structure.
    #[must_use]
    pub fn number_in(&self, index: usize, name: &str) -> Option<i64> {
        number(self.field(index, name)?)
    }

    /// A number that is written with its name, in whatever argument.
    #[must_use]
    pub fn named_number(&self, name: &str) -> Option<i64> {
        (0..self.arguments.len()).find_map(|index| self.number_in(index, name))
    }

    /// Text in a structure.
    #[must_use]
    pub fn text_in(&self, index: usize, name: &str) -> Option<Vec<u8>> {
        quoted(self.field(index, name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Call {
        Call::parse(1, text).unwrap()
    }

    #[test]
    fn numbers_are_read_in_every_base() {
        for (text, expected) in [
            ("-100<\\x2f>", -100),
            ("0x241", 0x241),
            ("0600", 0o600),
            ("0", 0),
            ("12", 12),
            ("|0x900", 0x900),
            ("0x1|0x10", 0x11),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        assert_eq!(number("{st_mode=0"), None);
    }

    #[test]
    fn names_are_read_byte_for_byte() {
        let call = call(r#"unlink("\xff\x22\x29\x20\x3d\x20\x0a") = -1 ENOENT (No such file)"#);
        assert_eq!(call.text(0), Some(b"\xff\") = \n".to_vec()));
        assert_eq!(call.error(), Some("ENOENT"));
    }

    #[test]
    fn deleted_files_and_pipes_have_no_path() {
        let call = call(r"fchmod(8<\x2f\x61>(deleted), 0600) = 0");
        let expected = Descriptor {
            number: 8,
            path: None,
        };
        assert_eq!(call.descriptor(0), Some(expected));
        assert_eq!(descriptor(r"4<\x70\x69>").unwrap().path, None);
    }

    #[test]
    fn fields_of_structures_are_found() {
        let call = call(
            r#"openat2(-100<\x2f>, "\x66", {flags=0x40, mode=0600, resolve=0}, 24) = 3<\x2f\x66>"#,
        );
        assert_eq!(call.number_in(2, "flags"), Some(0x40));
        assert_eq!(call.number_in(2, "resolve"), Some(0));
        assert_eq!(call.number(3), Some(24));
    }
}
