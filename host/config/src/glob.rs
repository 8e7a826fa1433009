//! Globs as people write them, made relative to the workspace root.
//!
//! `*` stays inside one component. A bare name matches a file of that name and nothing below a
//! directory; with a trailing slash it stands for everything below.

use globset::GlobBuilder;
use vt_base::{GlobRule, RelPath, Sign};

use crate::ConfigError;

/// Which list a glob stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    Input,
    Output,
}

/// Makes one element of a list relative to the workspace root. `base` is the directory it was
/// written for.
pub(crate) fn rule(text: &str, base: &RelPath, list: List) -> Result<GlobRule, ConfigError> {
    let (sign, pattern) = match text.strip_prefix('!') {
        Some(pattern) => (Sign::Negative, pattern),
        None => (Sign::Positive, text),
    };
    let pattern = if !pattern.starts_with('/') && !pattern.starts_with("~/") {
        inside(text, pattern, base, list)?
    } else if list == List::Input || sign == Sign::Negative {
        // Names inputs outside the workspace, or excuses writes there; the home directory is known
        // to the caller alone.
        pattern.to_owned()
    } else {
        return Err(ConfigError::Outside {
            path: text.to_owned(),
        });
    };
    let built = GlobBuilder::new(&pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    match built {
        Ok(_) => Ok(GlobRule { pattern, sign }),
        Err(error) => Err(invalid(text, &error.kind().to_string())),
    }
}

/// Resolves `.` and `..` of a relative pattern against the directory it was written for. One of an
/// input may lead out of the workspace, and begins with `../` then.
fn inside(text: &str, pattern: &str, base: &RelPath, list: List) -> Result<String, ConfigError> {
    let Some(base) = base.as_str() else {
        return Err(ConfigError::PathNotUtf8);
    };
    let mut parts: Vec<String> = base
        .split('/')
        .filter(|part| !part.is_empty())
        .map(escape)
        .collect();
    // Components that `..` may take away again: they stand for exactly one directory.
    let mut plain = parts.len();
    let mut out = 0;
    if pattern.is_empty() {
        return Err(invalid(text, "it is empty"));
    }
    let written = components(pattern);
    // Only a directory can be called any of these.
    let subtree = matches!(written.last(), Some(&("" | "." | "..")));
    for part in written {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() && list == List::Input => out += 1,
            ".." if parts.is_empty() => {
                return Err(ConfigError::Outside {
                    path: text.to_owned(),
                });
            }
            ".." if plain < parts.len() => {
                return Err(invalid(text, "`..` stands behind a wildcard"));
            }
            ".." => {
                parts.pop();
                plain = parts.len();
            }
            part if part.contains('{')
                && part.split(['{', ',', '/', '}']).any(|word| word == "..") =>
            {
                return Err(invalid(text, "`..` stands in an alternative"));
            }
            part => {
                if plain == parts.len() && !part.contains(['*', '?', '[', '{', '\\']) {
                    plain += 1;
                }
                parts.push(part.to_owned());
            }
        }
    }
    if subtree {
        parts.push("**".to_owned());
    }
    Ok("../".repeat(out) + &parts.join("/"))
}

/// Splits a pattern at the slashes that separate components, which those in `{}` and `[]` and
/// those behind a backslash do not.
pub(crate) fn components(pattern: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut braces, mut class, mut escaped) = (0_usize, false, false);
    for (at, character) in pattern.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match character {
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '{' if !class => braces += 1,
            '}' if !class => braces = braces.saturating_sub(1),
            '/' if braces == 0 && !class => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

/// A pattern that matches a name and nothing else.
fn escape(name: &str) -> String {
    globset::escape(&name.replace('\\', "\\\\"))
}

fn invalid(text: &str, reason: &str) -> ConfigError {
    ConfigError::InvalidGlob {
        glob: text.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str, base: &str) -> String {
        match rule(text, &RelPath::new(base).unwrap(), List::Input) {
            Ok(GlobRule {
                pattern,
                sign: Sign::Positive,
            }) => pattern,
            Ok(GlobRule {
                pattern,
                sign: Sign::Negative,
            }) => format!("not {pattern}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn globs_become_relative_to_the_workspace_root() {
        for (text, base, wanted) in [
            ("src/**", "packages/a", "packages/a/src/**"),
            ("src/**", "", "src/**"),
            ("!dist/", "packages/a", "not packages/a/dist/**"),
            ("./dist/", "a", "a/dist/**"),
            (".", "a", "a/**"),
            ("..", "packages/a", "packages/**"),
            ("~x", "a", "a/~x"),
            ("./", "a", "a/**"),
            ("./", "", "**"),
            ("../b/*.ts", "packages/a", "packages/b/*.ts"),
            ("../../x", "packages/a", "x"),
            ("src/../x", "a", "a/x"),
            ("{a/b,c}/d", "p", "p/{a/b,c}/d"),
            ("x", "a[1]/b*", "a[[]1[]]/b[*]/x"),
        ] {
            assert_eq!(pattern(text, base), wanted, "{text} in {base}");
        }
    }

    #[test]
    fn outputs_that_leave_the_workspace_are_refused() {
        let root = RelPath::root();
        for text in ["../x", "../../../x", "/etc/*", "~/x", "!../x"] {
            let refused = rule(text, &root, List::Output).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("`{text}` leaves the workspace")
            );
        }
        let excuse = rule("!~/.cache/tool/**", &root, List::Output).unwrap();
        assert_eq!(excuse.pattern, "~/.cache/tool/**");
        assert!(rule("~/.cache/tool/**", &root, List::Output).is_err());
    }

    #[test]
    fn inputs_may_lie_outside_the_workspace() {
        for (text, base, wanted) in [
            ("../x", "", "../x"),
            ("../../../spec/", "packages/a", "../spec/**"),
            ("..", "", "../**"),
            ("a/../../x", "", "../x"),
            ("!../../../x", "packages/a", "not ../x"),
            ("/opt/x", "a", "/opt/x"),
            ("!~/x", "a", "not ~/x"),
        ] {
            assert_eq!(pattern(text, base), wanted, "{text} in {base}");
        }
    }

    #[test]
    fn what_is_no_glob_is_told() {
        for text in ["", "!", "a[", "{a,b", "*/../x", "{a,../b}/x"] {
            let message = pattern(text, "p");
            assert!(message.contains("is not a glob"), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn a_name_of_a_package_is_never_a_wildcard(name in "[a-z*?{}!,\\[\\]\\\\]{1,8}") {
            prop_assume!(RelPath::new(&name).is_ok());
            let base = RelPath::new(&name).unwrap();
            let rule = rule("x", &base, List::Input).unwrap();
            let glob = GlobBuilder::new(&rule.pattern).literal_separator(true).build().unwrap();
            let matcher = glob.compile_matcher();
            let own = format!("{name}/x");
            prop_assert!(matcher.is_match(own));
            let other = format!("other{name}/x");
            prop_assert!(!matcher.is_match(other));
        }
    }
}
