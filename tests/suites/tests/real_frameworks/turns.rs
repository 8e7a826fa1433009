//! Whose turn it is.

use std::time::SystemTime;

/// Every folder of `tests/fixtures/frameworks`, in the order of their turns.
pub(crate) const FRAMEWORKS: [&str; 10] = [
    "astro-7",
    "next-16",
    "nitro-2",
    "nuxt-4",
    "react-router-8",
    "storybook-10",
    "sveltekit-2",
    "sveltekit-3",
    "vite-7",
    "vitepress-1",
];

/// Whether a framework has its turn; says so where it has not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn has_its_turn(framework: &str) -> bool {
    let asked = std::env::var("VT_TOOLS").unwrap_or_default();
    let day = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_secs() / 86_400);
    let runs = is_asked_for(&asked, day, framework);
    if !runs {
        eprintln!("SKIPPED: {framework} has its turn another day (VT_TOOLS=all runs all of them)");
    }
    runs
}

fn is_asked_for(asked: &str, day: u64, framework: &str) -> bool {
    match asked {
        "all" => true,
        "" => {
            let at = usize::try_from(day % FRAMEWORKS.len() as u64).expect("a small number");
            FRAMEWORKS[at] == framework
        }
        names => names.split(',').any(|name| name == framework),
    }
}

#[test]
fn each_day_one_framework_has_its_turn_and_each_has_one() {
    for day in 0..FRAMEWORKS.len() as u64 {
        let turns = FRAMEWORKS.iter().filter(|name| is_asked_for("", day, name));
        assert_eq!(turns.count(), 1);
    }
    for name in FRAMEWORKS {
        assert!((0..FRAMEWORKS.len() as u64).any(|day| is_asked_for("", day, name)));
        assert!(is_asked_for("all", 0, name));
        assert!(is_asked_for("next-16,vite-7", 0, name) == ["next-16", "vite-7"].contains(&name));
    }
}

#[test]
fn every_fixture_has_its_turn() {
    let folder = vt_suites::repository().join("tests/fixtures/frameworks");
    let mut present: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    present.sort();
    assert_eq!(present, FRAMEWORKS);
}
