//! Which paths globs match, and that what tells it sooner tells the same.

use vt_base::GlobRule;

use super::*;

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn policy(auto: bool, globs: &[(&str, Sign)]) -> FilePolicy {
    let globs = globs
        .iter()
        .map(|(pattern, sign)| GlobRule {
            pattern: (*pattern).to_owned(),
            sign: *sign,
        })
        .collect();
    FilePolicy { auto, globs }
}

#[test]
fn a_declared_path_stays_whatever_a_tool_ignores() {
    let policy = policy(
        true,
        &[("src/**", Sign::Positive), ("src/x/**", Sign::Negative)],
    );
    let filter = Filter::new(&policy, vec![], vec![rel("src")], &["lib/**".into()], &[]);
    assert!(filter.counts(&rel("src/a")));
    assert!(!filter.counts(&rel("src/x/a")));
    assert!(!filter.counts(&rel("lib/a")));
    assert!(filter.counts(&rel("other")));
}

proptest::proptest! {
    #[test]
    fn what_a_path_lacks_tells_the_same_as_a_match(
        patterns in proptest::collection::vec(r"[ab/.*?\[\]{},\\]{0,8}|\*\*/a[*?]b/\*\*", 0..3),
        path in "[ab.,*]{1,3}(/[ab.]{1,3}){0,2}",
    ) {
        let Ok(path) = RelPath::new(path) else { return Ok(()) };
        let globs = Globs::new(patterns.iter().map(String::as_str));
        let quick = globs.matches(&path);
        if globs.compile().is_ok() {
            proptest::prop_assert_eq!(quick, globs.matches(&path), "{:?}", patterns);
        } else {
            proptest::prop_assert!(!globs.matches(&path));
        }
    }
}

#[test]
fn a_set_is_compiled_when_a_path_has_something_of_a_glob() {
    let globs = Globs::new(["**/node_modules/.x/**", "dist/*.js"]);
    assert!(!globs.matches(&rel("src/a.ts")));
    assert!(globs.set.get().is_none());
    assert!(globs.matches(&rel("a/node_modules/.x/b")));
    assert!(globs.set.get().is_some());
    assert!(!globs.matches(&rel("src/a.ts")));
}

#[test]
fn an_alternative_may_be_nothing() {
    let globs = Globs::new(["src/a{,.b}"]);
    for (path, wanted) in [("src/a", true), ("src/a.b", true), ("src/ab", false)] {
        assert_eq!(globs.matches(&rel(path)), wanted, "{path}");
    }
}

#[test]
fn private_caches_count_only_when_declared() {
    let auto = Filter::new(&policy(true, &[]), vec![], vec![], &[], &[]);
    assert!(!auto.counts(&rel("node_modules/.cache/x")));
    assert!(auto.counts(&rel("node_modules/x/.cache/x")));
    let declared = policy(true, &[("node_modules/.cache/x", Sign::Positive)]);
    let declared = Filter::new(&declared, vec![], vec![], &[], &[]);
    assert!(declared.counts(&rel("node_modules/.cache/x")));
}
