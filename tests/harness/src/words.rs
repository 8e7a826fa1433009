//! Splits the command of a story into words: blanks separate, quotes of both kinds keep together. Nothing is expanded.

use crate::error::HarnessError;

pub(crate) fn split(text: &str) -> Result<Vec<String>, HarnessError> {
    let mut words = Vec::new();
    let mut current: Option<String> = None;
    let mut quote: Option<char> = None;
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => current.get_or_insert_default().push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                current.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(current.take()),
            None => current.get_or_insert_default().push(letter),
        }
    }
    words.extend(current);
    if quote.is_some() || words.is_empty() {
        return Err(HarnessError::BadWords(text.to_owned()));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn quotes_keep_blanks_and_make_empty_words() {
        assert_eq!(
            split("vtt write  a.txt 'two words'").unwrap(),
            ["vtt", "write", "a.txt", "two words"]
        );
        assert_eq!(
            split(r#"vtt write a "" it"'"s"#).unwrap(),
            ["vtt", "write", "a", "", "it's"]
        );
    }

    #[test]
    fn an_open_quote_and_an_empty_command_are_refused() {
        assert!(split("vtt print 'open").is_err());
        assert!(split("   ").is_err());
    }
}
