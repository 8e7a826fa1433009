//! What a component may excuse outside the workspace: notes a tool keeps in the home directory.
//!
//! No result is there, since nothing outside the workspace is ever brought back; what is excused
//! must be nobody's but a program's. So a pattern begins in a hidden directory and names it.

use globset::GlobBuilder;

/// Hidden directories that many programs share; what is theirs lies one level below.
const SHARED: [&str; 2] = [".config", ".local"];

/// Checks a pattern that begins with `~/`, and gives it back as it is.
pub(crate) fn excuse(text: &str) -> Result<String, &'static str> {
    let path = text.strip_prefix("~/").ok_or("it is no relative glob")?;
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err("it is not written plainly");
    }
    let own = 1 + usize::from(SHARED.contains(&parts[0]));
    let is_named = parts.len() > own && parts[..own].iter().all(|part| is_literal(part));
    if !parts[0].starts_with('.') || !is_named {
        return Err("it names no hidden directory of a program in the home directory");
    }
    let built = GlobBuilder::new(text).literal_separator(true).build();
    built.map(|_| text.to_owned()).map_err(|_| "it is no glob")
}

fn is_literal(part: &str) -> bool {
    !part.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_a_program_are_excused() {
        for text in ["~/.storybook/**", "~/.config/astro/*.json", "~/.tool/a"] {
            assert_eq!(excuse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn whatever_might_be_somebodys_is_not() {
        for text in [
            "~/",
            "~/**",
            "~/*/x",
            "~/.*/x",
            "~/.tool",
            "~/Documents/**",
            "~/.config/**",
            "~/.config/*/x",
            "~/.local/x",
            "~/.{ssh,tool}/**",
            "~/.tool/../Documents/x",
            "~/./.tool/x",
            "~/.tool//x",
            "~/.tool/[",
            "~other/.tool/**",
            "/etc/**",
        ] {
            assert!(excuse(text).is_err(), "{text}");
        }
    }
}
