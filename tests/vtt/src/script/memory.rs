//! Tools that remember what they did: of each source they have done already, or of each result they once made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{results, source};
use crate::action::{Error, doing};
use crate::digest;

/// Writes a result for each source that is not as it was when the memory was written.
pub(crate) fn incremental(
    memory: &Path,
    out: &Path,
    from: &Path,
    manner: &str,
) -> Result<(), Error> {
    let is = |flag: &str| manner.split(',').any(|word| word == flag);
    let before = fs::read_to_string(memory).unwrap_or_default();
    let known: BTreeMap<&str, &str> = before
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let mut after = String::new();
    let names = source::list(from).map_err(doing("list", from))?;
    for name in &names {
        let path = from.join(name);
        let bytes = fs::read(&path).map_err(doing("read", &path))?;
        let digest = digest::of(&bytes);
        let result = out.join(name);
        let is_missing = is("checks") && !result.exists();
        if is_missing || known.get(name.as_str()) != Some(&digest.as_str()) {
            let text = format!("made of {:?}\n", String::from_utf8_lossy(&bytes));
            results::emit(&result, &text)?;
        }
        writeln!(after, "{name} {digest}").expect("text takes it");
    }
    if is("prunes") {
        for name in known.keys() {
            if !names.iter().any(|there| there == name) {
                let result = out.join(name);
                results::remove(&result).map_err(doing("remove", &result))?;
            }
        }
    }
    if is("always") || before != after {
        results::emit(memory, &after)?;
    }
    Ok(())
}

/// Writes a result, and keeps it under a digest of what it is made of.
pub(crate) fn memo(directory: &Path, file: &Path, text: &str) -> Result<(), Error> {
    let kept = directory.join(digest::of(text.as_bytes()));
    let made = match fs::read_to_string(&kept) {
        Ok(made) => made,
        Err(_) => {
            results::emit(&kept, text)?;
            text.to_owned()
        }
    };
    results::emit(file, &made)
}

/// Says that a directory is a cache, as <https://bford.info/cachedir/> has it.
pub(crate) fn tag(directory: &Path) -> Result<(), Error> {
    let text = "Signature: 8a477f597d28d172789f06886806bc55\n";
    results::missing(&directory.join("CACHEDIR.TAG"), text)
}
