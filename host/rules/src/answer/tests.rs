//! What is believed, what is refused, and that nothing gets past both.

use super::*;
use proptest::prelude::*;

fn glob_in(package: &str, text: &str) -> Result<String, &'static str> {
    glob(text, &RelPath::new(package).unwrap())
}

#[test]
fn globs_become_relative_to_the_workspace() {
    for (package, text, whole) in [
        ("", "dist/**", "dist/**"),
        ("packages/a", "dist/**", "packages/a/dist/**"),
        ("packages/a", "./dist//**", "packages/a/dist/**"),
        (
            "packages/a",
            "../../node_modules/.x/**",
            "node_modules/.x/**",
        ),
        (
            "packages/a",
            "**/node_modules/.x/**",
            "packages/a/**/node_modules/.x/**",
        ),
        ("packages/[id]", "dist", "packages/[[]id[]]/dist"),
    ] {
        assert_eq!(
            glob_in(package, text).as_deref(),
            Ok(whole),
            "{package}: {text}"
        );
    }
}

#[test]
fn globs_that_lead_out_or_cover_the_package_are_refused() {
    let cover = "it covers the directory of the package";
    let out = "it leads out of the workspace";
    for (package, text, reason) in [
        ("", "**", cover),
        ("", ".", cover),
        ("", "*", cover),
        ("", "**/*", cover),
        ("", "**/*.*", cover),
        ("", "{dist,**}", cover),
        ("packages/a", "**", cover),
        ("packages/a", ".", cover),
        ("packages/a", "[!x]*", cover),
        ("packages/a", "../a", cover),
        ("packages/a", "../*", cover),
        ("packages/a", "../*/**", cover),
        ("packages/a", "..", cover),
        ("packages/a", "../..", cover),
        ("packages/a", "../../packages", cover),
        ("packages/a", "../../**", cover),
        ("", "..", out),
        ("packages/a", "../../../x", out),
        (
            "packages/a",
            "dist/../../../../x",
            "it has a `..` behind a name",
        ),
        ("packages/a", "*/../..", "it has a `..` behind a name"),
        ("packages/a", "/etc/**", "it is no relative glob"),
        ("packages/a", "~/x", "it is no relative glob"),
        ("packages/a", "!dist", "it is no relative glob"),
        ("packages/a", "", "it is empty"),
        ("packages/a", "a\nb", "it has control characters in it"),
        ("packages/a", "a[", "it is no glob"),
    ] {
        assert_eq!(
            glob_in(package, text).unwrap_err(),
            reason,
            "{package}: {text}"
        );
    }
}

#[test]
fn a_name_of_another_directory_tells_without_a_match() {
    let package = RelPath::new("packages/a").unwrap();
    for glob in [
        "dist/**",
        "**/node_modules/.x/**",
        "packages/b/*",
        "packages/*/dist",
    ] {
        assert!(names_another(glob, &package), "{glob}");
    }
    for glob in [
        "**",
        "packages/*",
        "packages/a/**",
        "*/a",
        "{dist,**}",
        "dis[t]/**",
        "qzx0vt",
    ] {
        assert!(!names_another(glob, &package), "{glob}");
    }
}

#[test]
fn names_of_variables_are_checked() {
    for good in ["VITE_*", "*_TOKEN", "CI", "_X", "A*B", "*2"] {
        assert!(env_pattern(good).is_ok(), "{good}");
    }
    for bad in ["*", "**", "", "2A", "A B", "A=B", "!A", "Ä"] {
        assert!(env_pattern(bad).is_err(), "{bad}");
    }
    assert!(env_name("VITE_").is_ok() && env_name("VITE_*").is_err());
}

#[test]
fn redacted_files_and_pointers_are_checked() {
    let package = RelPath::new("packages/a").unwrap();
    let redact = |path: &str, pointer: &str| {
        let pointers = vec![pointer.to_owned()];
        check(
            &Directive::Redact {
                path: path.into(),
                pointers,
            },
            &package,
        )
    };
    assert_eq!(
        redact("../../node_modules/.modules.yaml", "/prunedAt")
            .unwrap()
            .texts()[0],
        "node_modules/.modules.yaml"
    );
    assert!(redact("x.json", "prunedAt").is_err());
    assert!(redact("x.json", "/a~2").is_err());
    assert!(redact("../../../x.json", "/a").is_err());
    assert!(redact("..", "/a").is_err());
    assert!(redact("/x.json", "/a").is_err());
}

proptest! {
    #[test]
    fn a_glob_that_is_believed_matches_nothing_above_the_package(
        text in r"[a.*/?{},\[\]!~\\-]{1,16}",
    ) {
        let package = RelPath::new("packages/a").unwrap();
        if let Ok(whole) = glob(&text, &package) {
            let matcher = GlobBuilder::new(&whole)
                .literal_separator(true).build().unwrap().compile_matcher();
            for above in ["packages/a", "packages", "packages/a/surprise", "surprise"] {
                let fine = !matcher.is_match(above) || whole.contains(above);
                prop_assert!(fine, "`{}` became `{}`, which matches `{}`", text, whole, above);
            }
        }
    }

    #[test]
    fn a_glob_that_names_another_directory_matches_nothing_it_must_not(
        parts in prop::collection::vec(
            r"a|b|c|packages|qzx0vt|qzx0vt\.qzx|\*|\*\*|a\*\*|\?|\{a,b\}|\{a,b/c\}|[ab]\*|c\*|!a|a,|\]|\}|", 1..6),
        package in "(packages/)?(a|b|qzx0vt)(/c\\*)?|",
    ) {
        let package = RelPath::new(package).unwrap();
        let text = parts.join("/");
        let built = GlobBuilder::new(&text).literal_separator(true).backslash_escape(true).build();
        if names_another(&text, &package) {
            prop_assert!(built.is_ok_and(|built| !takes_in(&built, &package)), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_check_panic(text in ".{0,30}") {
        let package = RelPath::new("packages/a").unwrap();
        let _ = glob(&text, &package);
        let _ = file(&text, &package);
        let _ = env_pattern(&text);
        let _ = json_pointer(&text);
    }
}
