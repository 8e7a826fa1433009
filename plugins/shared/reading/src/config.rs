//! Finds what a configuration written in JavaScript, TypeScript or JSON says under a key, as far as
//! it is written out.

/// What a configuration says under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// The key does not occur.
    Nothing,
    /// These texts, and nothing else.
    Texts(Vec<String>),
    /// The key occurs with a value that only running the configuration would tell.
    Computed,
}

/// What the text says under a key, at any depth. Where it says something several times, all of it
/// counts.
#[must_use]
pub fn said(text: &str, key: &str) -> Said {
    let tokens = tokens(text);
    let mut texts: Vec<String> = Vec::new();
    let mut found = Said::Nothing;
    for at in 0..tokens.len() {
        let is_key = match &tokens[at] {
            Token::Word(word) => *word == key && !follows_a_dot(&tokens, at),
            Token::Text(text) => text == key,
            Token::Other(_) | Token::Computed => false,
        };
        let is_text = matches!(tokens[at], Token::Text(_));
        if !is_key {
            continue;
        }
        match tokens.get(at + 1) {
            Some(Token::Other(':')) => match value(&tokens[at + 2..]) {
                Some(more) => texts.extend(more),
                None => return Said::Computed,
            },
            // A text that is no key, or a word that is the name of something else.
            _ if is_text => continue,
            // `{ key }`, or `key = …` to be used so: told elsewhere.
            Some(Token::Other(',' | '}' | '=')) => return Said::Computed,
            _ => continue,
        }
        found = Said::Texts(Vec::new());
    }
    match found {
        Said::Texts(_) => Said::Texts(texts),
        other => other,
    }
}

fn follows_a_dot(tokens: &[Token<'_>], at: usize) -> bool {
    at > 0 && tokens[at - 1] == Token::Other('.')
}

/// A text, or a list of texts, and nothing done with it.
fn value(tokens: &[Token<'_>]) -> Option<Vec<String>> {
    let (texts, length) = match tokens.first()? {
        Token::Text(text) => (vec![text.clone()], 1),
        Token::Other('[') => {
            let end = tokens
                .iter()
                .position(|token| *token == Token::Other(']'))?;
            let texts = tokens[1..end]
                .iter()
                .filter(|token| **token != Token::Other(','))
                .map(|token| match token {
                    Token::Text(text) => Some(text.clone()),
                    _ => None,
                });
            (texts.collect::<Option<Vec<_>>>()?, end + 1)
        }
        _ => return None,
    };
    match tokens.get(length) {
        None | Some(Token::Other(',' | '}' | ')' | ';') | Token::Word("as" | "satisfies")) => {
            Some(texts)
        }
        _ => None,
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token<'a> {
    Word(&'a str),
    Text(String),
    Other(char),
    /// A template with something in it.
    Computed,
}

/// Words, texts and everything else, without comments. A regular expression with a quote in it
/// spoils the rest of its line.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("//") {
            2 + comment.find('\n').unwrap_or(comment.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            2 + comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else if is_of_word(char) {
            let end = rest.find(|char| !is_of_word(char)).unwrap_or(rest.len());
            tokens.push(Token::Word(&rest[..end]));
            end
        } else if matches!(char, '"' | '\'' | '`') {
            let (token, length) = quoted(rest, char);
            tokens.extend(token);
            length
        } else {
            if !char.is_whitespace() {
                tokens.push(Token::Other(char));
            }
            char.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_of_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$')
}

/// A quoted text and its length in bytes. None for one that does not end where it should.
fn quoted(text: &str, quote: char) -> (Option<Token<'_>>, usize) {
    let mut content = String::new();
    let mut is_computed = false;
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => content.extend(chars.next().map(|(_, escaped)| escaped)),
            '\n' if quote != '`' => return (None, at),
            '$' if quote == '`' && text[at + 1..].starts_with('{') => is_computed = true,
            end if end == quote => {
                let token = if is_computed {
                    Token::Computed
                } else {
                    Token::Text(content)
                };
                return (Some(token), at + 1);
            }
            other => content.push(other),
        }
    }
    (None, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Said {
        Said::Texts(list.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn what_is_written_out_is_read() {
        for (text, expected) in [
            (r#"export default { key: "A_" };"#, texts(&["A_"])),
            ("export default { key: 'A_' }", texts(&["A_"])),
            ("({ key: `A_`, other: 1 })", texts(&["A_"])),
            (r#"{ "key": ["A_", 'B_',], }"#, texts(&["A_", "B_"])),
            (r#"{ key: ["A_"] as const }"#, texts(&["A_"])),
            (
                r#"f({ kit: { key: "A_" } }, { key: "B_" })"#,
                texts(&["A_", "B_"]),
            ),
            ("{ // key: 'X'\n /* key: 'Y' */ key: 'A_' }", texts(&["A_"])),
            ("{ key: [] }", texts(&[])),
        ] {
            assert_eq!(said(text, "key"), expected, "{text}");
        }
    }

    #[test]
    fn what_only_running_would_tell_is_not_guessed() {
        for text in [
            "{ key: prefix }",
            "{ key: ['A_', prefix] }",
            "{ key: 'A' + suffix }",
            "{ key: `A_${suffix}` }",
            "{ key: process.env.X ?? 'A_' }",
            "{ key: () => 'A_' }",
            "{ key }",
            "const key = 'A_'; export default { key };",
        ] {
            assert_eq!(said(text, "key"), Said::Computed, "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_key_says_nothing() {
        for text in [
            "",
            "{ other: 'key' }",
            "f('key', 1)",
            "{ keys: 'A_' }",
            "config.key",
            "// { key: 'A_' }",
            "{ at: 'a key: b' }",
        ] {
            assert_eq!(said(text, "key"), Said::Nothing, "{text}");
        }
    }

    #[test]
    fn texts_that_do_not_end_do_no_harm() {
        for text in [
            "'",
            "\"\\",
            "`${",
            "/*",
            "{ key: 'A\n}",
            "{ key: ['A'",
            "/'/\n{}",
        ] {
            let _ = said(text, "key");
        }
        assert_eq!(said("a = /'/;\n({ key: 'A_' })", "key"), texts(&["A_"]));
    }
}
