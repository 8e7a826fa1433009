//! Lists of names, one a line, with `#` before what is said about them.
//!
//! A name may be a pattern, with one `*` for any text. Where several patterns fit a name the
//! longest counts; a name that is written out goes before all of them.

use std::collections::{BTreeMap, BTreeSet};

/// A list of names.
#[derive(Clone, Copy)]
pub(crate) struct List {
    name: &'static str,
    text: &'static str,
}

impl List {
    pub(crate) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// Each name, pattern or alias, with what is said about it.
    pub(crate) fn lines(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.text
            .lines()
            .map(|line| {
                let (name, comment) = line.split_once('#').unwrap_or((line, ""));
                (name.trim(), comment.trim())
            })
            .filter(|(name, _)| !name.is_empty())
    }

    /// The names and patterns.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.lines()
            .map(|(name, _)| name)
            .filter(|name| !name.contains('='))
    }

    /// The lines `alias = name`.
    pub(crate) fn aliases(self) -> BTreeMap<&'static str, &'static str> {
        self.lines()
            .filter_map(|(line, _)| line.split_once('='))
            .map(|(alias, name)| (alias.trim(), name.trim()))
            .collect()
    }
}

struct Pattern {
    start: &'static str,
    end: &'static str,
    list: &'static str,
}

impl Pattern {
    fn fits(&self, name: &str) -> bool {
        name.len() >= self.length() && name.starts_with(self.start) && name.ends_with(self.end)
    }

    const fn length(&self) -> usize {
        self.start.len() + self.end.len()
    }
}

/// Some lists, on exactly one of which each name has to be.
pub(crate) struct Census {
    named: BTreeMap<&'static str, Vec<&'static str>>,
    patterns: Vec<Pattern>,
}

impl Census {
    pub(crate) fn new(lists: &[List]) -> Self {
        let mut census = Self {
            named: BTreeMap::new(),
            patterns: Vec::new(),
        };
        for list in lists {
            for name in list.names() {
                match name.split_once('*') {
                    Some((start, end)) => {
                        assert!(!end.contains('*'), "{name}: one `*` has to do");
                        census.patterns.push(Pattern {
                            start,
                            end,
                            list: list.name,
                        });
                    }
                    None => census.named.entry(name).or_default().push(list.name),
                }
            }
        }
        census
    }

    /// What is written out more than once, with where.
    pub(crate) fn repeated(&self) -> Vec<String> {
        self.named
            .iter()
            .filter(|(_, lists)| lists.len() > 1)
            .map(|(name, lists)| format!("{name}: {}", lists.join(", ")))
            .collect()
    }

    /// Whether a name is written out.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The list that a name is on.
    pub(crate) fn list_of(&self, name: &str) -> Result<&'static str, String> {
        if let Some(lists) = self.named.get(name) {
            return Ok(lists[0]);
        }
        let fitting = || self.patterns.iter().filter(|pattern| pattern.fits(name));
        let longest = fitting().map(Pattern::length).max();
        let lists: BTreeSet<&str> = fitting()
            .filter(|pattern| Some(pattern.length()) == longest)
            .map(|pattern| pattern.list)
            .collect();
        match lists.len() {
            0 => Err("on no list".to_owned()),
            1 => Ok(lists.first().expect("there is one")),
            _ => Err(format!("patterns of several lists fit: {lists:?}")),
        }
    }
}

#[test]
fn a_name_goes_before_a_pattern_and_a_long_pattern_before_a_short_one() {
    let one = List::new("one", "str*\nstrange # a reason\n");
    let two = List::new("two", "*_chk\n__str*_chk\nopen = close\n");
    let census = Census::new(&[one, two]);
    assert_eq!(census.list_of("strcat"), Ok("one"));
    assert_eq!(census.list_of("strange"), Ok("one"));
    assert_eq!(census.list_of("__strcat_chk"), Ok("two"));
    assert!(census.list_of("__str_chk").is_ok_and(|list| list == "two"));
    assert!(census.list_of("str").is_ok() && census.list_of("st").is_err());
    assert!(census.list_of("open").is_err());
    assert_eq!(two.aliases().get("open"), Some(&"close"));
    assert_eq!(one.lines().nth(1), Some(("strange", "a reason")));
    let both = Census::new(&[one, one]);
    assert_eq!(both.repeated(), ["strange: one, one"]);
    let tie = Census::new(&[one, List::new("three", "*cat\n")]);
    assert!(tie.list_of("strcat").is_err());
}
