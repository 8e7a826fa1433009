//! What of a value counts, where it is not all of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Options of Node about how much memory it may take. What a program does is the same with another size.
const HEAP: [&str; 7] = [
    "max-old-space-size",
    "max-old-space-size-percentage",
    "initial-old-space-size",
    "max-semi-space-size",
    "min-semi-space-size",
    "max-heap-size",
    "initial-heap-size",
];

/// The value of a variable as it counts; `None` where nothing of it does, so that it is as good as unset.
#[must_use]
pub fn counted(name: &str, value: &OsStr) -> Option<OsString> {
    match name {
        "NODE_OPTIONS" => without_heap_sizes(value),
        // How the package manager is called, not which version of it, or where it lies.
        "npm_config_user_agent" => Some(first_part(value, b'/')),
        "NODE" | "npm_execpath" | "npm_node_execpath" => {
            let bytes = value.as_bytes();
            let name = bytes.rsplit(|byte| *byte == b'/').next().unwrap_or(bytes);
            Some(OsStr::from_bytes(name).to_owned())
        }
        _ => Some(value.to_owned()),
    }
}

fn first_part(value: &OsStr, end: u8) -> OsString {
    let part = value.as_bytes().split(|byte| *byte == end).next();
    OsStr::from_bytes(part.unwrap_or_default()).to_owned()
}

fn without_heap_sizes(value: &OsStr) -> Option<OsString> {
    let words = value.as_bytes().split(|byte| *byte == b' ');
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    let mut left: Vec<&[u8]> = Vec::new();
    while let Some(word) = words.next() {
        let (option, has_value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (&word[..at], true),
            None => (word, false),
        };
        if !is_heap_size(option) {
            left.push(word);
        } else if !has_value {
            words.next_if(|next| next.iter().all(u8::is_ascii_digit));
        }
    }
    (!left.is_empty()).then(|| OsString::from_vec(left.join(&b' ')))
}

fn is_heap_size(option: &[u8]) -> bool {
    let Some(name) = option.strip_prefix(b"--") else {
        return false;
    };
    // Node takes both.
    let name: Vec<u8> = name
        .iter()
        .map(|byte| if *byte == b'_' { b'-' } else { *byte })
        .collect();
    HEAP.iter().any(|heap| heap.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heap_sizes_are_cut_and_nothing_else() {
        for (value, expected) in [
            ("--max-old-space-size=4096", None),
            ("", None),
            (
                "--max_old_space_size=8192 --enable-source-maps",
                Some("--enable-source-maps"),
            ),
            (
                "--max-old-space-size 4096  --conditions=x",
                Some("--conditions=x"),
            ),
            ("--stack-size=900", Some("--stack-size=900")),
            (
                "--require ./max-old-space-size=1",
                Some("--require ./max-old-space-size=1"),
            ),
        ] {
            let made = counted("NODE_OPTIONS", OsStr::new(value));
            assert_eq!(made.as_deref(), expected.map(OsStr::new), "{value}");
        }
    }

    #[test]
    fn of_a_package_manager_its_name_counts() {
        for (name, value, expected) in [
            (
                "npm_config_user_agent",
                "pnpm/10.2.0 npm/? node/v22.1.0 linux x64",
                "pnpm",
            ),
            (
                "npm_execpath",
                "/home/ann/.nvm/npm/bin/npm-cli.js",
                "npm-cli.js",
            ),
            ("NODE", "/usr/bin/node", "node"),
            ("OTHER", "a/b", "a/b"),
        ] {
            assert_eq!(
                counted(name, OsStr::new(value)),
                Some(expected.into()),
                "{name}"
            );
        }
    }
}
