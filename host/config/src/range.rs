//! Whether a version is in a range, as npm understands ranges.
//!
//! Asked only to tell whether a dependency is the package of the workspace or another version of
//! it from the registry. What is no range, such as a tag, admits everything: an order too many
//! does no harm, one too few does.

use std::cmp::Ordering;

/// A version: its numbers, and the words behind the dash.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Version {
    numbers: [u64; 3],
    words: Vec<String>,
}

/// A version of which numbers may be left out or be `x`.
struct Partial {
    numbers: [Option<u64>; 3],
    words: Vec<String>,
}

/// Whether a version is in a range.
pub(crate) fn admits(range: &str, version: &str) -> bool {
    let Some(version) = Partial::read(version).map(|partial| partial.lowest()) else {
        return true;
    };
    let verdicts: Option<Vec<bool>> = range
        .split("||")
        .map(|all| in_all(all.trim(), &version))
        .collect();
    verdicts.is_none_or(|verdicts| verdicts.contains(&true))
}

/// Whether a version is in every one of the ranges that spaces join; `None` if they are no ranges.
fn in_all(text: &str, version: &Version) -> Option<bool> {
    if let Some((low, high)) = text.split_once(" - ") {
        let (low, high) = (Partial::read(low.trim())?, Partial::read(high.trim())?);
        let above = *version >= low.lowest();
        return Some(above && compare("<=", &high, version)?);
    }
    // A comparator may stand apart from its version.
    let mut joined = String::new();
    for word in text.split_whitespace() {
        if !joined.is_empty() && !joined.ends_with(['<', '>', '=', '~', '^']) {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    let mut inside = true;
    for word in joined.split(' ').filter(|word| !word.is_empty()) {
        let start = word
            .find(|first: char| !"<>=~^".contains(first))
            .unwrap_or(word.len());
        let (operator, rest) = word.split_at(start);
        inside &= compare(operator, &Partial::read(rest)?, version)?;
    }
    Some(inside)
}

/// Whether a version is on the right side of another; `None` for an operator nobody has.
fn compare(operator: &str, other: &Partial, version: &Version) -> Option<bool> {
    let below = |end: Option<Version>| end.is_none_or(|end| *version < end);
    let above = *version >= other.lowest();
    Some(match operator {
        "" | "=" => above && below(other.end(other.known())),
        ">=" => above,
        "<" => *version < other.lowest() && other.known() > 0,
        // Everything that starts with `1.2` counts as equal to `1.2`.
        "<=" => below(other.end(other.known())),
        ">" => other.known() > 0 && !below(other.end(other.known())),
        "~" | "~>" => above && below(other.end(other.known().min(2))),
        "^" => {
            let first = other.numbers.iter().position(|one| *one != Some(0));
            let kept = first.map_or(3, |first| first + 1);
            above && below(other.end(kept.min(other.known()).max(1)))
        }
        _ => return None,
    })
}

impl Partial {
    fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split('+').next().unwrap_or_default();
        let (numbers, words) = match text.split_once('-') {
            Some((numbers, words)) => (numbers, words.split('.').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let mut read = [None; 3];
        let mut open = false;
        for (at, part) in numbers.split('.').enumerate() {
            let slot = read.get_mut(at)?;
            if matches!(part, "" | "*" | "x" | "X") {
                open = true;
            } else if !open {
                *slot = Some(part.parse().ok()?);
            }
        }
        Some(Self {
            numbers: read,
            words,
        })
    }

    /// How many numbers are said.
    fn known(&self) -> usize {
        self.numbers.iter().flatten().count()
    }

    /// The lowest version it stands for.
    fn lowest(&self) -> Version {
        Version {
            numbers: self.numbers.map(Option::unwrap_or_default),
            words: self.words.clone(),
        }
    }

    /// The lowest version behind all that start with the first of its numbers; `None` if there is
    /// none. All three numbers with words behind them stand for one version alone.
    fn end(&self, kept: usize) -> Option<Version> {
        let mut end = self.lowest();
        let last = kept.checked_sub(1)?;
        if kept == 3 && !end.words.is_empty() {
            // Nothing lies between a version and the same with one word more.
            end.words.push(String::new());
            return Some(end);
        }
        end.numbers[last] = end.numbers[last].saturating_add(1);
        end.numbers[kept..].fill(0);
        // Before `2.0.0` come its own early versions, and they are no longer in `^1.0.0`.
        end.words = vec![String::new()];
        Some(end)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let words = || match (self.words.is_empty(), other.words.is_empty()) {
            (true, true) => Ordering::Equal,
            // With words behind it a version comes before the same without.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => by_words(&self.words, &other.words),
        };
        self.numbers.cmp(&other.numbers).then_with(words)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers come before words and are compared as numbers.
fn by_words(one: &[String], other: &[String]) -> Ordering {
    for (left, right) in one.iter().zip(other) {
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            // Nothing comes before anything.
            (Ok(_), Err(_)) if !right.is_empty() => Ordering::Less,
            (Err(_), Ok(_)) if !left.is_empty() => Ordering::Greater,
            _ => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_they_mean_to_npm() {
        for (range, inside, outside) in [
            ("*", &["0.0.0", "1.2.3", "2.0.0-beta.1"][..], &[][..]),
            ("", &["1.2.3"], &[]),
            (
                "1.2.3",
                &["1.2.3", "v1.2.3", "1.2.3+build"],
                &["1.2.4", "1.2.3-beta", "1.2.2"],
            ),
            ("=1.2.3", &["1.2.3"], &["1.2.4"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
            ("1.x", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.9"]),
            (
                "^1.2.3",
                &["1.2.3", "1.9.0"],
                &["1.2.2", "2.0.0", "2.0.0-beta"],
            ),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4", "0.0.2"]),
            ("^0", &["0.0.1", "0.9.9"], &["1.0.0"]),
            ("^0.0", &["0.0.1", "0.0.9"], &["0.1.0"]),
            ("^1", &["1.0.0", "1.9.9"], &["2.0.0"]),
            (
                "^1.0.0-beta.2",
                &["1.0.0-beta.2", "1.0.0-beta.10", "1.4.0"],
                &["1.0.0-beta.1", "2.0.0"],
            ),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~1", &["1.0.0", "1.9.9"], &["2.0.0"]),
            (">=1.2.3", &["1.2.3", "9.0.0"], &["1.2.2"]),
            (">1.2", &["1.3.0"], &["1.2.9"]),
            (">1.2.3", &["1.2.4"], &["1.2.3"]),
            ("<1.2", &["1.1.9"], &["1.2.0", "1.3.0"]),
            ("<=1.2", &["1.2.9"], &["1.3.0"]),
            (">= 1.0.0 < 2.0.0", &["1.5.0"], &["2.0.0", "0.9.0"]),
            (
                ">=1.0.0 <1.5.0 || ^3",
                &["1.4.0", "3.1.0"],
                &["1.5.0", "2.0.0", "4.0.0"],
            ),
            ("1.2.3 - 2.3.4", &["1.2.3", "2.3.4"], &["1.2.2", "2.3.5"]),
            ("1.2.3 - 2", &["2.9.9"], &["3.0.0"]),
            (
                "1.0.0-alpha",
                &["1.0.0-alpha"],
                &["1.0.0", "1.0.0-alpha.1", "1.0.0-beta"],
            ),
            ("latest", &["1.0.0"], &[]),
            ("next || ^1", &["2.0.0"], &[]),
            ("1.2.3.4", &["9.9.9"], &[]),
        ] {
            for version in inside {
                assert!(admits(range, version), "`{version}` in `{range}`");
            }
            for version in outside {
                assert!(!admits(range, version), "`{version}` not in `{range}`");
            }
        }
        assert!(admits("^1.0.0", "not a version"));
    }
}
