//! What a pattern that a person wrote means, in the globs that the rest of `vt` understands.
//!
//! People write patterns for many tools. Where a text has two readings that both may be meant, the
//! pattern means both: `[id]` is a class of two letters and the name of a file, `{a, b}` is written
//! with a blank or for a name that begins with one. What could be meant in one way only, and is not
//! understood, is refused with what to write instead. Everything else is in the globs of rules as well,
//! which mean exactly what their interface says, and is passed on as it stands.

use globset::{Glob, GlobBuilder};

/// How deep alternatives may lie in each other.
const DEPTH: usize = 16;

/// A piece of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    /// What separates two components.
    Slash,
    /// A character that stands for itself.
    Literal(char),
    /// A star. Two of them that are a component cross components.
    Star,
    /// `?`.
    One,
    /// `[…]`, with what is between the brackets.
    Brackets(String),
    /// One of these.
    Choice(Vec<Vec<Self>>),
}

/// Why a text is no pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NoPattern(pub(crate) String);

/// Reads a pattern, without the `!` that may stand before it.
pub(crate) fn parse(text: &str) -> Result<Vec<Piece>, NoPattern> {
    let characters: Vec<char> = text.chars().collect();
    let mut parser = Parser {
        characters: &characters,
        at: 0,
    };
    let pieces = parser.sequence(Within::Nothing, 0)?;
    match parser.at == characters.len() {
        true => Ok(pieces),
        false => Err(NoPattern(
            "a `}` closes nothing; write `\\}` for the character".into(),
        )),
    }
}

/// What a part of a pattern stands in, which says where it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// `{…,…}`
    Braces,
    /// `@(…|…)`
    Parentheses,
}

struct Parser<'t> {
    characters: &'t [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    /// Reads up to what ends one alternative, which is left where it is.
    fn sequence(&mut self, within: Within, depth: usize) -> Result<Vec<Piece>, NoPattern> {
        if depth > DEPTH {
            return Err(NoPattern(
                "its alternatives lie too deep in each other".into(),
            ));
        }
        let mut pieces = Vec::new();
        // Parentheses that are a part of a name.
        let mut open = 0_usize;
        while let Some(character) = self.peek(0) {
            match (character, within) {
                (',' | '}', Within::Braces) | ('}', Within::Nothing) => break,
                ('|' | ')', Within::Parentheses) if open == 0 => break,
                _ => {}
            }
            if matches!(character, '@' | '?' | '+' | '*' | '!') && self.peek(1) == Some('(') {
                pieces.push(self.extended(character, depth)?);
                continue;
            }
            self.at += 1;
            pieces.push(match character {
                '/' => Piece::Slash,
                '*' => Piece::Star,
                '?' => Piece::One,
                '[' => self.brackets()?,
                '{' => {
                    let choice = self.alternatives(Within::Braces, depth)?;
                    Piece::Choice(
                        choice
                            .into_iter()
                            .flat_map(with_and_without_blanks)
                            .collect(),
                    )
                }
                '\\' => {
                    let escaped = self.peek(0);
                    self.at += 1;
                    let missing = || NoPattern("a `\\` stands at its end".into());
                    Piece::Literal(escaped.ok_or_else(missing)?)
                }
                _ => {
                    match character {
                        '(' => open += 1,
                        ')' => open = open.saturating_sub(1),
                        _ => {}
                    }
                    Piece::Literal(character)
                }
            });
        }
        Ok(pieces)
    }

    /// Reads alternatives behind what opens them, up to what closes them.
    fn alternatives(&mut self, within: Within, depth: usize) -> Result<Vec<Vec<Piece>>, NoPattern> {
        let (between, end, opened) = match within {
            Within::Parentheses => ('|', ')', '('),
            Within::Nothing | Within::Braces => (',', '}', '{'),
        };
        let mut all = Vec::new();
        loop {
            all.push(self.sequence(within, depth + 1)?);
            let ends = self.peek(0);
            self.at += 1;
            match ends {
                Some(found) if found == between => {}
                Some(found) if found == end => return Ok(all),
                _ => {
                    let reason =
                        format!("a `{opened}` is not closed; write `\\{opened}` for the character");
                    return Err(NoPattern(reason));
                }
            }
        }
    }

    /// Reads what stands behind a `[`. A slash ends a component, and so no class goes across one.
    fn brackets(&mut self) -> Result<Piece, NoPattern> {
        let start = self.at;
        let mut end = start;
        if matches!(self.characters.get(end), Some('!' | '^')) {
            end += 1;
        }
        // A bracket that stands first is one of the class.
        if self.characters.get(end) == Some(&']') {
            end += 1;
        }
        loop {
            match self.characters.get(end) {
                Some(']') => break,
                None | Some('/') => {
                    let reason = "a `[` is not closed; write `\\[` for the character";
                    return Err(NoPattern(reason.into()));
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        Ok(Piece::Brackets(
            self.characters[start..end].iter().collect(),
        ))
    }

    /// Reads an extended glob, or says what to write for one that can't be told by a glob.
    fn extended(&mut self, kind: char, depth: usize) -> Result<Piece, NoPattern> {
        let before: String = self.characters[..self.at].iter().collect();
        self.at += 2;
        let start = self.at;
        let mut alternatives = self.alternatives(Within::Parentheses, depth)?;
        let inside: String = self.characters[start..self.at - 1].iter().collect();
        let behind: String = self.characters[self.at..].iter().collect();
        let choice = match inside.contains('|') {
            true => format!("{{{}}}", inside.replace('|', ",")),
            false => inside.clone(),
        };
        let cure = match kind {
            '@' => return Ok(Piece::Choice(alternatives)),
            '?' => {
                alternatives.push(Vec::new());
                return Ok(Piece::Choice(alternatives));
            }
            '!' => {
                format!("write two patterns, `{before}*{behind}` and `!{before}{choice}{behind}`")
            }
            '+' => format!(
                "write `{before}{choice}{behind}` if it is there once, else `{before}*{behind}`"
            ),
            _ => format!(
                "write `{before}{{,{}}}{behind}` if it is there once at most, else `{before}*{behind}`",
                inside.replace('|', ",")
            ),
        };
        Err(NoPattern(format!("`{kind}(…)` is not understood; {cure}")))
    }
}

/// An alternative of braces as it stands, and without the blanks around it.
fn with_and_without_blanks(alternative: Vec<Piece>) -> Vec<Vec<Piece>> {
    let is_blank = |piece: &Piece| *piece == Piece::Literal(' ');
    let start = alternative
        .iter()
        .take_while(|piece| is_blank(piece))
        .count();
    let rest = &alternative[start..];
    let end = rest.len()
        - rest
            .iter()
            .rev()
            .take_while(|piece| is_blank(piece))
            .count();
    let bare = rest[..end].to_vec();
    match bare.is_empty() || bare == alternative {
        true => vec![alternative],
        false => vec![alternative, bare],
    }
}

/// Whether pieces are a name, or several: nothing in them stands for what is not written.
fn is_named(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Star | Piece::One => false,
        Piece::Slash | Piece::Literal(_) | Piece::Brackets(_) => true,
        Piece::Choice(alternatives) => alternatives.iter().all(|pieces| is_named(pieces)),
    })
}

/// The glob that pieces mean, in which each character that is special stands for what it does in the
/// globs of rules.
pub(crate) fn glob(pieces: &[Piece]) -> String {
    let mut text = String::new();
    write(pieces, Within::Nothing, &mut text);
    text
}

/// The globs that together mean pieces: where the last part is a name, what lies below is meant as well.
pub(crate) fn globs(pieces: &[Piece]) -> Vec<String> {
    let whole = glob(pieces);
    let last = pieces.rsplit(|piece| *piece == Piece::Slash).next();
    let is_name = last.is_some_and(|last| !last.is_empty() && is_named(last));
    let below = is_name.then(|| format!("{whole}/**"));
    [whole].into_iter().chain(below).collect()
}

fn write(pieces: &[Piece], within: Within, text: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Slash => text.push('/'),
            Piece::Literal(character) => literal(*character, within, text),
            Piece::Star => text.push('*'),
            Piece::One => text.push('?'),
            Piece::Brackets(inside) => brackets(inside, within, text),
            Piece::Choice(alternatives) => {
                text.push('{');
                for (at, alternative) in alternatives.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    write(alternative, Within::Braces, text);
                }
                text.push('}');
            }
        }
    }
}

/// The name, and the class where there is one: `[z-a]` is none.
fn brackets(inside: &str, within: Within, text: &mut String) {
    let class = format!("[{inside}]");
    let is_class = build(&class).is_ok();
    let within = match is_class {
        true => Within::Braces,
        false => within,
    };
    if is_class {
        text.push('{');
    }
    for character in class.chars() {
        literal(character, within, text);
    }
    if is_class {
        text.push(',');
        text.push_str(&class);
        text.push('}');
    }
}

fn literal(character: char, within: Within, text: &mut String) {
    let is_special = matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
    if is_special || (character == ',' && within == Within::Braces) {
        text.push('\\');
    }
    text.push(character);
}

/// Builds a glob of the kind that paths are matched against.
pub(crate) fn build(glob: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
}

#[cfg(test)]
mod tests;
