//! Where patterns lead, what they mean as globs, and which are refused.

use globset::GlobMatcher;
use proptest::prelude::*;

use super::*;

fn globs(text: &str, base: &str) -> Result<Vec<GlobRule>, String> {
    let base = RelPath::new(base).unwrap();
    rules(text, &base, List::Input).map_err(|error| error.to_string())
}

/// The globs of a pattern that is understood, with what their sign is.
fn pattern(text: &str, base: &str) -> String {
    let globs = match globs(text, base) {
        Ok(globs) => globs,
        Err(error) => return error,
    };
    let sign = match globs[0].sign {
        Sign::Positive => "",
        Sign::Negative => "not ",
    };
    let globs: Vec<String> = globs.into_iter().map(|glob| glob.pattern).collect();
    format!("{sign}{}", globs.join(" and "))
}

fn matchers(text: &str, base: &str) -> Vec<GlobMatcher> {
    let globs = globs(text, base).unwrap();
    let matcher = |glob: GlobRule| build(&glob.pattern).unwrap().compile_matcher();
    globs.into_iter().map(matcher).collect()
}

#[test]
fn patterns_become_relative_to_the_workspace_root() {
    for (text, base, wanted) in [
        ("src/**", "packages/a", "packages/a/src/**"),
        ("src/**", "", "src/**"),
        ("!dist/", "packages/a", "not packages/a/dist/**"),
        ("./dist/", "a", "a/dist/**"),
        (".", "a", "a/**"),
        ("..", "packages/a", "packages/**"),
        ("~x*", "a", "a/~x*"),
        ("./", "a", "a/**"),
        ("./", "", "**"),
        ("../b/*.ts", "packages/a", "packages/b/*.ts"),
        ("../../x*", "packages/a", "x*"),
        ("src/../x*", "a", "a/x*"),
        ("{a/b,c}/d*", "p", "p/{a/b,c}/d*"),
        ("x*", "a[1]/b*", r"a\[1\]/b\*/x*"),
    ] {
        assert_eq!(pattern(text, base), wanted, "{text} in {base}");
    }
}

#[test]
fn a_pattern_whose_last_part_has_no_wildcard_means_what_is_below_as_well() {
    for (text, wanted) in [
        ("dist", "p/dist and p/dist/**"),
        ("./dist", "p/dist and p/dist/**"),
        ("!dist/.meta", "not p/dist/.meta and p/dist/.meta/**"),
        ("*/dist", "p/*/dist and p/*/dist/**"),
        ("{src,test}", "p/{src,test} and p/{src,test}/**"),
        ("@(src|test)", "p/{src,test} and p/{src,test}/**"),
        ("dist/*", "p/dist/*"),
        ("dist/?", "p/dist/?"),
        ("{src,*.js}", "p/{src,*.js}"),
        ("dist/**", "p/dist/**"),
    ] {
        assert_eq!(pattern(text, "p"), wanted, "{text}");
    }
}

#[test]
fn brackets_blanks_and_extended_globs_are_told_in_alternatives() {
    for (text, wanted) in [
        ("[id].*", r"{\[id\],[id]}.*"),
        ("[...slug].*", r"{\[...slug\],[...slug]}.*"),
        ("[[...slug]].*", r"{\[\[...slug\],[[...slug]}\].*"),
        ("{[a,b],c}*", r"{{\[a\,b\],[a,b]},c}*"),
        // No class: its range runs backwards.
        ("[post-id].*", r"\[post-id\].*"),
        ("*.{txt, md}", "*.{txt, md,md}"),
        ("*.@(js|ts)", "*.{js,ts}"),
        ("*.test.[jt]s?(x)", r"*.test.{\[jt\],[jt]}s{x,}"),
        ("a/(group)/@slot/(.)photo/*", "a/(group)/@slot/(.)photo/*"),
        (r"\[id\]*", r"\[id\]*"),
    ] {
        assert_eq!(pattern(text, ""), wanted, "{text}");
    }
}

#[test]
fn outputs_that_leave_the_workspace_are_refused() {
    let root = RelPath::root();
    for text in ["../x", "../../../x", "/etc/*", "~/x", "!../x"] {
        let refused = rules(text, &root, List::Output).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("`{text}` leaves the workspace")
        );
    }
    for (text, wanted) in [
        ("!~/.cache/tool/**", &["~/.cache/tool/**"][..]),
        ("!~/.cache/tool/", &["~/.cache/tool/**"]),
        ("!/var/tool", &["/var/tool", "/var/tool/**"]),
    ] {
        let excuse = rules(text, &root, List::Output).unwrap();
        let excuse: Vec<&str> = excuse.iter().map(|glob| glob.pattern.as_str()).collect();
        assert_eq!(excuse, wanted);
    }
    assert!(rules("~/.cache/tool/**", &root, List::Output).is_err());
}

#[test]
fn inputs_may_lie_outside_the_workspace() {
    for (text, base, wanted) in [
        ("../x", "", "../x and ../x/**"),
        ("../../../spec/", "packages/a", "../spec/**"),
        ("..", "", "../**"),
        ("a/../../x*", "", "../x*"),
        ("!../../../x*", "packages/a", "not ../x*"),
        ("/opt/x", "a", "/opt/x and /opt/x/**"),
        ("!~/x*", "a", "not ~/x*"),
    ] {
        assert_eq!(pattern(text, base), wanted, "{text} in {base}");
    }
}

#[test]
fn what_is_no_pattern_is_told() {
    for text in [
        "",
        "!",
        "a[",
        "a[b/c]",
        "{a,b",
        "a}",
        "@(a",
        "a\\",
        "*/../x",
        "{a,../b}/x",
        "@(..|b)/x",
    ] {
        let message = pattern(text, "p");
        assert!(message.contains("is not a glob"), "{text}: {message}");
    }
}

#[test]
fn an_extended_glob_that_no_glob_can_tell_is_refused_with_what_to_write() {
    for (text, cure) in [
        (
            "src/!(a|b).ts",
            "write two patterns, `src/*.ts` and `!src/{a,b}.ts`",
        ),
        (
            "src/!(a).ts",
            "write two patterns, `src/*.ts` and `!src/a.ts`",
        ),
        (
            "!(a|b).ts",
            "write two patterns, `*.ts` and `!{a,b}.ts`, or `!./(a|b).ts` to cut",
        ),
        (
            "src/+(a|b).ts",
            "write `src/{a,b}.ts` if it is there once, else `src/*.ts`",
        ),
        (
            "src/x*(a|b).ts",
            "write `src/x{,a,b}.ts` if it is there once at most, else `src/x*.ts`",
        ),
    ] {
        let message = pattern(text, "");
        assert!(message.contains(cure), "{text}: {message}");
    }
}

proptest! {
    #[test]
    fn a_name_of_a_package_is_never_a_wildcard(name in r"[a-z*?{}!,@()|\[\]\\]{1,8}") {
        prop_assume!(RelPath::new(&name).is_ok());
        let own = format!("{name}/x");
        let other = format!("other{name}/x");
        let matchers = matchers("x", &name);
        prop_assert!(matchers.iter().any(|matcher| matcher.is_match(&own)));
        prop_assert!(!matchers.iter().any(|matcher| matcher.is_match(&other)));
    }

    #[test]
    fn any_text_is_a_pattern_or_a_reason(
        text in r"[a.b/*?\[\]{},|@+!() \\^-]{0,16}|\PC{0,12}",
        path in "[ab.]{1,3}(/[ab.]{1,3}){0,2}",
    ) {
        if let Ok(globs) = globs(&text, "p") {
            for glob in globs {
                let matcher = build(&glob.pattern).unwrap().compile_matcher();
                let _ = matcher.is_match(format!("p/{path}"));
            }
        }
    }
}
