//! Patterns against a reference that knows nothing of globs: every text that a pattern may stand for
//! is written out, and only then matched, character by character.

use proptest::prelude::*;

use super::*;

/// A piece of a pattern as it is made up, with its text and its meaning.
#[derive(Clone, Debug)]
enum Made {
    Name(char),
    Star,
    One,
    /// `**/`, as a component.
    Deep,
    Slash,
    Class(Vec<char>),
    Braces(Vec<(bool, Vec<Self>)>),
    OneOf(Vec<Vec<Self>>),
    Perhaps(Vec<Vec<Self>>),
}

/// One unit of a pattern that the reference matcher consumes at a time.
#[derive(Clone, Debug)]
enum Token {
    Is(char),
    In(Vec<char>),
    Any,
    Run,
    /// Nothing, or components with their slashes.
    Deep,
}

fn text(made: &[Made]) -> String {
    let join = |all: &[Vec<Made>], between: &str| {
        let all: Vec<String> = all.iter().map(|made| text(made)).collect();
        all.join(between)
    };
    let one = |made: &Made| match made {
        Made::Name(character) => character.to_string(),
        Made::Star => "*".to_owned(),
        Made::One => "?".to_owned(),
        Made::Deep => "**/".to_owned(),
        Made::Slash => "/".to_owned(),
        Made::Class(letters) => format!("[{}]", letters.iter().collect::<String>()),
        Made::Braces(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|(blank, made)| format!("{}{}", if *blank { " " } else { "" }, text(made)))
                .collect();
            format!("{{{}}}", all.join(","))
        }
        Made::OneOf(all) => format!("@({})", join(all, "|")),
        Made::Perhaps(all) => format!("?({})", join(all, "|")),
    };
    made.iter().map(one).collect()
}

/// All that pieces may stand for.
fn readings(made: &[Made]) -> Vec<Vec<Token>> {
    let Some((first, rest)) = made.split_first() else {
        return vec![Vec::new()];
    };
    let of_all = |all: &[Vec<Made>]| {
        all.iter()
            .flat_map(|made| readings(made))
            .collect::<Vec<_>>()
    };
    let firsts: Vec<Vec<Token>> = match first {
        Made::Name(character) => vec![vec![Token::Is(*character)]],
        Made::Star => vec![vec![Token::Run]],
        Made::One => vec![vec![Token::Any]],
        Made::Deep => vec![vec![Token::Deep]],
        Made::Slash => vec![vec![Token::Is('/')]],
        Made::Class(letters) => {
            let name = ['['].iter().chain(letters).chain(&[']']);
            vec![
                vec![Token::In(letters.clone())],
                name.copied().map(Token::Is).collect(),
            ]
        }
        Made::Braces(all) => all
            .iter()
            .flat_map(|(blank, made)| {
                let bare = readings(made);
                let with = |reading: &Vec<Token>| [vec![Token::Is(' ')], reading.clone()].concat();
                match (blank, made.is_empty()) {
                    (false, _) => bare,
                    (true, true) => bare.iter().map(with).collect(),
                    (true, false) => bare.iter().map(with).chain(bare.clone()).collect(),
                }
            })
            .collect(),
        Made::OneOf(all) => of_all(all),
        Made::Perhaps(all) => [of_all(all), vec![Vec::new()]].concat(),
    };
    let rests = readings(rest);
    let join = |first: &Vec<Token>| {
        let first = first.clone();
        rests
            .iter()
            .map(move |rest| [first.clone(), rest.clone()].concat())
    };
    firsts.iter().flat_map(join).collect()
}

fn fits(tokens: &[Token], path: &[char]) -> bool {
    let Some((first, rest)) = tokens.split_first() else {
        return path.is_empty();
    };
    let next = |is: &dyn Fn(char) -> bool| {
        path.first().is_some_and(|character| is(*character)) && fits(rest, &path[1..])
    };
    match first {
        Token::Is(wanted) => next(&|character| character == *wanted),
        Token::In(letters) => next(&|character| letters.contains(&character)),
        Token::Any => next(&|character| character != '/'),
        Token::Run => {
            let run = path
                .iter()
                .take_while(|character| **character != '/')
                .count();
            (0..=run).any(|taken| fits(rest, &path[taken..]))
        }
        Token::Deep => {
            let ends = (0..path.len())
                .filter(|at| path[*at] == '/')
                .map(|at| at + 1);
            [0].into_iter()
                .chain(ends)
                .any(|taken| fits(rest, &path[taken..]))
        }
    }
}

fn simple() -> impl Strategy<Value = Made> {
    prop_oneof![
        4 => prop::sample::select(vec!['a', 'b', '.']).prop_map(Made::Name),
        1 => Just(Made::Star),
        1 => Just(Made::One),
        1 => prop::collection::vec(prop::sample::select(vec!['a', 'b', 'x']), 1..3).prop_map(Made::Class),
    ]
}

fn component() -> impl Strategy<Value = Vec<Made>> {
    let leaf = || prop::collection::vec(simple(), 1..3);
    let piece = prop_oneof![
        4 => simple(),
        1 => prop::collection::vec((any::<bool>(), prop::collection::vec(simple(), 0..3)), 1..3)
            .prop_map(Made::Braces),
        1 => prop::collection::vec(leaf(), 1..3).prop_map(Made::OneOf),
        1 => prop::collection::vec(leaf(), 1..3).prop_map(Made::Perhaps),
    ];
    prop::collection::vec(piece, 1..4)
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let components = prop::collection::vec((component(), any::<bool>()), 1..3);
    components.prop_map(|components| {
        let mut all = Vec::new();
        for (at, (component, deep)) in components.into_iter().enumerate() {
            if at > 0 {
                all.push(Made::Slash);
            }
            if deep {
                all.push(Made::Deep);
            }
            all.extend(component);
        }
        all
    })
}

/// A path that has a chance: pieces of what the patterns are made of.
fn path() -> impl Strategy<Value = String> {
    let name = r"[abx. ]{1,2}|\[[abx]{1,2}\]|[ab]\[[ab]\]|[ab]{1,3}";
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_pattern_matches_what_the_reference_matches(made in made(), paths in prop::collection::vec(path(), 8)) {
        let text = text(&made);
        // A star that stands beside another one is another pattern.
        let shallow: Vec<Made> = made.iter().filter(|one| !matches!(one, Made::Deep)).cloned().collect();
        prop_assume!(!self::text(&shallow).contains("**"));
        prop_assume!(!text.contains("***"));
        let readings = readings(&made);
        let glob = glob(&parse(&text).unwrap());
        let matcher = build(&glob).unwrap().compile_matcher();
        for path in paths {
            let characters: Vec<char> = path.chars().collect();
            let wanted = readings.iter().any(|tokens| fits(tokens, &characters));
            prop_assert_eq!(matcher.is_match(&path), wanted, "{} as {} and {}", text, glob, path);
        }
    }
}
