//! Compares the reasons of a step with what a story expects of them.
//!
//! A reason is written as words, its kind first: `input-modified src/a.ts`. An expected reason holds if its words are
//! the first words of an actual one, so `trace-incomplete` leaves the detail open while a full line pins all of it.

use crate::summary::Reason;

/// Says how `actual` is not exactly `expected`, in any order, or nothing.
pub(crate) fn difference(expected: &[String], actual: &[Reason]) -> Option<String> {
    let (missing, unexpected) = pair(expected, actual);
    (!missing.is_empty() || !unexpected.is_empty()).then(|| say(expected, actual))
}

/// Says which of `expected` are not among `actual`, or nothing.
pub(crate) fn missing(expected: &[String], actual: &[Reason]) -> Option<String> {
    let (missing, _) = pair(expected, actual);
    (!missing.is_empty()).then(|| say(expected, actual))
}

fn pair<'a>(expected: &'a [String], actual: &[Reason]) -> (Vec<&'a String>, Vec<String>) {
    let mut left: Vec<String> = actual.iter().map(ToString::to_string).collect();
    let mut missing = Vec::new();
    // The longest first, so that a vague expectation does not take the reason a precise one is about.
    let mut wanted: Vec<&String> = expected.iter().collect();
    wanted.sort_by_key(|text| std::cmp::Reverse(text.len()));
    for text in wanted {
        match left.iter().position(|reason| holds(text, reason)) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(text),
        }
    }
    (missing, left)
}

fn holds(expected: &str, actual: &str) -> bool {
    actual
        .strip_prefix(expected)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn say(expected: &[String], actual: &[Reason]) -> String {
    let actual: Vec<String> = actual.iter().map(ToString::to_string).collect();
    format!("expected {expected:?}, got {actual:?}")
}

#[cfg(test)]
mod tests {
    use super::{difference, missing};
    use crate::summary::Reason;

    fn reasons(text: &str) -> Vec<Reason> {
        serde_json::from_str(text).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_kind_alone_leaves_the_rest_open_but_a_longer_path_is_another() {
        let actual = reasons(r#"[{"kind":"input-modified","path":"src/a.ts"}]"#);
        assert_eq!(difference(&texts(&["input-modified"]), &actual), None);
        assert_eq!(
            difference(&texts(&["input-modified src/a.ts"]), &actual),
            None
        );
        assert!(difference(&texts(&["input-modified src/a"]), &actual).is_some());
    }

    #[test]
    fn each_reason_is_used_once() {
        let actual =
            reasons(r#"[{"kind":"input-added","path":"b"},{"kind":"input-added","path":"a"}]"#);
        assert_eq!(
            difference(&texts(&["input-added", "input-added b"]), &actual),
            None
        );
        assert!(difference(&texts(&["input-added a", "input-added a"]), &actual).is_some());
        assert!(difference(&texts(&["input-added a"]), &actual).is_some());
        assert_eq!(missing(&texts(&["input-added a"]), &actual), None);
        assert!(missing(&texts(&["input-added c"]), &actual).is_some());
    }
}
