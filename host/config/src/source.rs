//! A file as it was read: its text, and where in it a byte stands.

use std::fs::File;
use std::io::Read as _;

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions};
use vt_base::AbsPath;

use crate::folder::{self, Room};
use crate::{ConfigError, Position, Problem, script};

/// No configuration written by a person is larger, in bytes.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// What may stand in a JSON file besides JSON.
#[derive(Clone, Copy)]
pub(crate) enum Dialect {
    /// Nothing, as npm wants it.
    Strict,
    /// Comments and trailing commas.
    Comments,
}

/// The text of a file.
pub(crate) struct Source {
    pub(crate) file: AbsPath,
    /// Without a byte order mark.
    pub(crate) text: String,
    /// What a person wrote, where the text is what a program made of it.
    pub(crate) written: Option<String>,
}

impl Source {
    /// Reads a file; `Ok(None)` when there is none.
    pub(crate) fn read(file: AbsPath) -> Result<Option<Self>, Box<Problem>> {
        let bytes = File::open(file.as_path()).and_then(|opened| {
            let mut bytes = Vec::new();
            opened.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        Self::of(file, bytes)
    }

    /// Reads a file that was opened, or was not; `Ok(None)` when there is none.
    pub(crate) fn read_opened(
        file: AbsPath,
        opened: std::io::Result<File>,
        room: &mut Room,
    ) -> Result<Option<Self>, Box<Problem>> {
        let bytes = opened.and_then(|opened| folder::bytes(opened, SIZE_LIMIT, room));
        Self::of(file, bytes)
    }

    fn of(file: AbsPath, bytes: std::io::Result<Vec<u8>>) -> Result<Option<Self>, Box<Problem>> {
        let problem = |position, error| {
            Err(Box::new(Problem {
                file: file.clone(),
                position,
                error,
            }))
        };
        let bytes = match bytes {
            // One byte more than allowed tells that there is more.
            Ok(bytes) if bytes.len() as u64 > SIZE_LIMIT => {
                return problem(None, ConfigError::TooLarge { limit: SIZE_LIMIT });
            }
            Ok(bytes) => bytes,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return problem(None, ConfigError::Unreadable(error)),
        };
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                Ok(Some(Self {
                    file,
                    text,
                    written: None,
                }))
            }
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let before = String::from_utf8_lossy(valid);
                problem(
                    Some(end_of(before.trim_start_matches('\u{feff}'))),
                    ConfigError::NotUtf8,
                )
            }
        }
    }

    /// Where the byte with this index stands.
    ///
    /// Of what a program made it is a guess: the first place after `run` with the same word.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let Some(written) = &self.written else {
            return end_of(self.text.get(..offset).unwrap_or(&self.text));
        };
        let start = script::find_word(written, "run").unwrap_or_default();
        let rest = self
            .text
            .get(offset..)
            .and_then(|rest| rest.strip_prefix('"'));
        let word = rest.and_then(|rest| rest.split('"').next());
        let word = word.filter(|word| !word.is_empty());
        let found = word.and_then(|word| script::find_word(&written[start..], word));
        end_of(&written[..start + found.unwrap_or_default()])
    }

    /// A mistake at the byte with this index.
    pub(crate) fn problem(&self, offset: usize, error: ConfigError) -> Problem {
        Problem {
            file: self.file.clone(),
            position: Some(self.position(offset)),
            error,
        }
    }

    /// Parses the text as JSON.
    pub(crate) fn parse(&self, dialect: Dialect) -> Result<Value<'_>, Box<Problem>> {
        let extras = matches!(dialect, Dialect::Comments);
        let options = ParseOptions {
            allow_comments: extras,
            allow_trailing_commas: extras,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let syntax =
            |offset, text: String| Box::new(self.problem(offset, ConfigError::Syntax(text)));
        match jsonc_parser::parse_to_ast(&self.text, &CollectOptions::default(), &options) {
            Ok(parsed) => parsed
                .value
                .ok_or_else(|| syntax(0, "the file is empty".to_owned())),
            Err(error) => {
                let mut text = error.kind().to_string();
                text.get_mut(..1).unwrap_or_default().make_ascii_lowercase();
                Err(syntax(error.range().start, text))
            }
        }
    }
}

/// Whether an error says that there is no such file.
pub(crate) fn is_absence(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

/// Where a text ends.
fn end_of(text: &str) -> Position {
    let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: text.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: text[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Source>, Box<Problem>> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file.json");
        std::fs::write(&file, bytes).unwrap();
        Source::read(AbsPath::new(file).unwrap())
    }

    #[test]
    fn a_byte_order_mark_and_crlf_do_not_shift_positions() {
        let source = read("\u{feff}{\r\n  \"ä\": x}".as_bytes())
            .unwrap()
            .unwrap();
        let problem = source.parse(Dialect::Comments).unwrap_err();
        assert_eq!(problem.position, Some(Position { line: 2, column: 8 }));
    }

    #[test]
    fn what_is_not_text_is_told_with_its_place() {
        let problem = read(b"{\n \xff}").err().unwrap();
        assert!(matches!(problem.error, ConfigError::NotUtf8));
        assert_eq!(problem.position, Some(Position { line: 2, column: 2 }));
    }

    #[test]
    fn a_huge_file_is_refused_and_a_missing_one_is_no_mistake() {
        let problem = read(&vec![b' '; 16 * 1024 * 1024 + 1]).err().unwrap();
        assert!(matches!(problem.error, ConfigError::TooLarge { .. }));
        let nowhere = AbsPath::new("/nonexistent/package.json").unwrap();
        assert!(Source::read(nowhere).unwrap().is_none());
    }

    #[test]
    fn comments_belong_to_one_dialect() {
        let source = read(b"{ /* why */ \"a\": 1, }").unwrap().unwrap();
        assert!(source.parse(Dialect::Comments).is_ok());
        assert!(source.parse(Dialect::Strict).is_err());
        let empty = read(b" // nothing").unwrap().unwrap();
        assert_eq!(
            empty
                .parse(Dialect::Comments)
                .unwrap_err()
                .error
                .to_string(),
            "the file is empty"
        );
    }
}
