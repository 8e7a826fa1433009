//! Reads the words of one segment as the shell would.

/// One word of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// Its text without quotes; meaningless where `literal` is not.
    pub(crate) text: String,
    /// Whether the shell would take it as it is, without expanding anything.
    pub(crate) literal: bool,
    /// The length of the name in front of `=`, when the shell may take it as an assignment.
    name: Option<usize>,
}

/// The words of a segment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Words {
    /// Assignments in front, as name and value.
    pub(crate) assignments: Vec<Word>,
    /// The command and its arguments. Of a segment with operators, the words of all of it that
    /// do not stand in parentheses.
    pub(crate) command: Vec<Word>,
    /// Whether there are pipes, redirections, parentheses or the like.
    pub(crate) operators: bool,
}

impl Words {
    /// Reads a segment.
    pub(crate) fn read(segment: &str) -> Self {
        let mut reader = Reader::default();
        reader.read(segment);
        let mut command = reader.words;
        let first = command
            .iter()
            .position(|word| word.name.is_none())
            .unwrap_or(command.len());
        let assignments = command.drain(..first).collect();
        Self {
            assignments,
            command,
            operators: reader.operators,
        }
    }

    /// Whether every word is literal and nothing else is there, so that no shell is needed.
    pub(crate) fn is_literal(&self) -> bool {
        let words = || self.assignments.iter().chain(&self.command);
        !self.operators && words().all(|word| word.literal)
    }

    /// The assignments as pairs.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let pair = |word: &Word| {
            let (name, value) = word.text.split_at(word.name?);
            Some((name.to_owned(), value[1..].to_owned()))
        };
        self.assignments.iter().filter_map(pair).collect()
    }
}

#[derive(Default)]
struct Reader {
    words: Vec<Word>,
    operators: bool,
    /// The word being read.
    current: Option<Word>,
    /// Whether a part of it was quoted before its `=`.
    quoted: bool,
    parentheses: usize,
}

impl Reader {
    fn read(&mut self, segment: &str) {
        let mut characters = segment.chars();
        while let Some(character) = characters.next() {
            match character {
                ' ' | '\t' | '\n' => self.end(),
                '|' | '&' | ';' | '<' | '>' => {
                    self.operators = true;
                    self.end();
                }
                '(' | ')' => {
                    self.operators = true;
                    self.end();
                    let opens = usize::from(character == '(');
                    self.parentheses =
                        (self.parentheses + opens).saturating_sub(usize::from(character == ')'));
                }
                '\'' => {
                    let word = self.quoted_word();
                    word.text
                        .extend(characters.by_ref().take_while(|next| *next != '\''));
                }
                '"' => self.double(&mut characters),
                '\\' => match characters.next() {
                    Some(next) if next != '\n' => self.quoted_word().text.push(next),
                    _ => self.word().literal = false,
                },
                _ => self.bare(character),
            }
        }
        self.end();
    }

    /// Reads up to the closing quote.
    fn double(&mut self, characters: &mut std::str::Chars<'_>) {
        let word = self.quoted_word();
        while let Some(character) = characters.next() {
            match character {
                '"' => return,
                '$' | '`' => word.literal = false,
                '\\' => match characters.next() {
                    Some(next @ ('$' | '`' | '"' | '\\')) => word.text.push(next),
                    Some('\n') => {}
                    Some(next) => word.text.extend(['\\', next]),
                    None => word.literal = false,
                },
                _ => word.text.push(character),
            }
        }
    }

    /// Takes a character outside quotes.
    fn bare(&mut self, character: char) {
        let quoted = self.quoted;
        let word = self.word();
        let home = character == '~'
            && (word.text.is_empty() || word.name.is_some() && word.text.ends_with(['=', ':']));
        if home || matches!(character, '$' | '`' | '*' | '?' | '[' | '{' | '}') {
            word.literal = false;
        }
        if character == '=' && word.name.is_none() && !quoted && is_name(&word.text) {
            word.name = Some(word.text.len());
        }
        word.text.push(character);
    }

    fn word(&mut self) -> &mut Word {
        self.current.get_or_insert_with(|| Word {
            text: String::new(),
            literal: true,
            name: None,
        })
    }

    fn quoted_word(&mut self) -> &mut Word {
        self.quoted = true;
        self.word()
    }

    fn end(&mut self) {
        self.quoted = false;
        let word = self.current.take();
        if self.parentheses == 0 {
            self.words.extend(word);
        }
    }
}

/// Whether a text can be the name of a variable.
fn is_name(text: &str) -> bool {
    let head = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(head)
        && text.bytes().all(|byte| head(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_the_shell_reads_them() {
        let words = Words::read(r#"A=1 B="x y" cmd 'a b' "c\"d" e\ f "" g'h'"i" K=v"#);
        assert!(words.is_literal());
        assert_eq!(
            words.pairs(),
            [("A".into(), "1".into()), ("B".into(), "x y".into())]
        );
        let texts: Vec<_> = words
            .command
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        assert_eq!(texts, ["cmd", "a b", "c\"d", "e f", "", "ghi", "K=v"]);
    }

    #[test]
    fn expansions_and_operators_need_a_shell() {
        for text in [
            "a $B", "a \"$B\"", "a `b`", "a *.ts", "a x?", "a [b]", "a ~/b", "A=~/x b", "A=x:~ b",
            "a {b,c}", "a > b", "a | b", "(a)", "a 2>&1", "a \\",
        ] {
            assert!(!Words::read(text).is_literal(), "{text}");
        }
        for text in [
            "a b~c", "a '$B'", "a \\$B", "a '*'", "a \"~\"", "a !b", "a b#c", "a x=~/y",
        ] {
            let literal = Words::read(text).is_literal();
            // An argument that looks like an assignment is expanded by some shells.
            assert_eq!(literal, !text.contains("=~"), "{text}");
        }
    }

    #[test]
    fn quoting_takes_away_the_meaning_of_an_assignment() {
        assert_eq!(Words::read("'A'=1 b").assignments, []);
        assert_eq!(Words::read("1A=1 b").assignments, []);
        assert_eq!(Words::read("A'B'=1 b").assignments, []);
        assert_eq!(Words::read("A='1' b").assignments.len(), 1);
    }
}
