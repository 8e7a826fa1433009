//! The black-box suites live in `tests/`; here is only what several of them share.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// Root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("suites lie two folders deep")
        .to_path_buf()
}

/// A folder of `examples/`.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

/// A text in which each duration reads `N ms` or `N s`, since they differ from run to run.
#[must_use]
pub fn without_durations(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        let unit = words[index].trim_end_matches(|character: char| !character.is_alphanumeric());
        let is_unit = matches!(unit.split('\n').next(), Some("ms" | "s" | "ms," | "s,"));
        let before = &mut words[index - 1];
        if is_unit && before.ends_with(|character: char| character.is_ascii_digit()) {
            let kept = before
                .trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
            *before = format!("{kept}N");
        }
    }
    words.join(" ")
}
