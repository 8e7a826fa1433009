//! Patterns as people write them, made relative to the workspace root.
//!
//! `*` stays inside one component. A pattern whose last part has no wildcard means what has that name
//! and what lies below; with a trailing slash, only the latter.

use vt_base::{GlobRule, RelPath, Sign};

use crate::ConfigError;
use crate::pattern::{NoPattern, Piece, build, globs, parse};

/// Which list a pattern stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    Input,
    Output,
}

impl List {
    /// The key of a task that it is the value of.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// Makes one element of a list relative to the workspace root, as the globs that together mean it.
/// `base` is the directory it was written for.
pub(crate) fn rules(text: &str, base: &RelPath, list: List) -> Result<Vec<GlobRule>, ConfigError> {
    let (sign, pattern) = match text.strip_prefix('!') {
        Some(pattern) if closes(pattern) => return Err(invalid(text, &taken_for_a_cut(pattern))),
        Some(pattern) => (Sign::Negative, pattern),
        None => (Sign::Positive, text),
    };
    let pieces = parse(pattern).map_err(|NoPattern(reason)| invalid(text, &reason))?;
    let is_outside = pattern.starts_with('/') || pattern.starts_with("~/");
    let pieces = if !is_outside {
        inside(text, pieces, base, list)?
    } else if list == List::Input || sign == Sign::Negative {
        // Names inputs outside the workspace, or excuses writes there; the home directory is known
        // to the caller alone.
        let mut pieces = pieces;
        if pieces.last() == Some(&Piece::Slash) {
            pieces.extend([Piece::Star, Piece::Star]);
        }
        pieces
    } else {
        return Err(ConfigError::Outside {
            path: text.to_owned(),
        });
    };
    let rule = |pattern: String| match build(&pattern) {
        Ok(_) => Ok(GlobRule { pattern, sign }),
        Err(error) => Err(invalid(text, &error.kind().to_string())),
    };
    globs(&pieces).into_iter().map(rule).collect()
}

/// Whether what stands behind a `!` begins with parentheses, as the extended glob does that means
/// everything else.
fn closes(pattern: &str) -> bool {
    pattern.starts_with('(') && pattern.contains(')')
}

fn taken_for_a_cut(pattern: &str) -> String {
    let (inside, behind) = pattern[1..].split_once(')').unwrap_or_default();
    let choice = match inside.contains('|') {
        true => format!("{{{}}}", inside.replace('|', ",")),
        false => inside.to_owned(),
    };
    format!(
        "`!(…)` is not understood; write two patterns, `*{behind}` and `!{choice}{behind}`, or \
         `!./{pattern}` to cut what has parentheses in its name"
    )
}

/// Resolves `.` and `..` of a relative pattern against the directory it was written for. One of an
/// input may lead out of the workspace, and begins with `../` then.
fn inside(
    text: &str,
    pieces: Vec<Piece>,
    base: &RelPath,
    list: List,
) -> Result<Vec<Piece>, ConfigError> {
    let Some(base) = base.as_str() else {
        return Err(ConfigError::PathNotUtf8);
    };
    let name = |name: &str| name.chars().map(Piece::Literal).collect::<Vec<_>>();
    let mut parts: Vec<Vec<Piece>> = base
        .split('/')
        .filter(|part| !part.is_empty())
        .map(name)
        .collect();
    // Components that `..` may take away again: they stand for exactly one directory.
    let mut plain = parts.len();
    let mut out = 0;
    if pieces.is_empty() {
        return Err(invalid(text, "it is empty"));
    }
    let (here, up) = (name("."), name(".."));
    let mut subtree = false;
    for part in pieces.split(|piece| *piece == Piece::Slash) {
        // Only a directory can be called any of these.
        subtree = part.is_empty() || part == here || part == up;
        if part.is_empty() || part == here {
            continue;
        }
        if part == up {
            if parts.is_empty() && list == List::Input {
                out += 1;
                continue;
            }
            if parts.is_empty() {
                return Err(ConfigError::Outside {
                    path: text.to_owned(),
                });
            }
            if plain < parts.len() {
                return Err(invalid(text, "`..` stands behind a wildcard"));
            }
            parts.pop();
            plain = parts.len();
            continue;
        }
        if climbs(part) {
            return Err(invalid(text, "`..` stands in an alternative"));
        }
        let is_literal = part.iter().all(|piece| matches!(piece, Piece::Literal(_)));
        if plain == parts.len() && is_literal {
            plain += 1;
        }
        parts.push(part.to_vec());
    }
    if subtree {
        parts.push(vec![Piece::Star, Piece::Star]);
    }
    parts.splice(..0, std::iter::repeat_n(up, out));
    Ok(parts.join(&Piece::Slash))
}

/// Whether an alternative has a component that goes up.
fn climbs(pieces: &[Piece]) -> bool {
    let up = [Piece::Literal('.'), Piece::Literal('.')];
    pieces.iter().any(|piece| match piece {
        Piece::Choice(alternatives) => alternatives.iter().any(|pieces| {
            let mut parts = pieces.split(|piece| *piece == Piece::Slash);
            parts.any(|part| part == up) || climbs(pieces)
        }),
        _ => false,
    })
}

fn invalid(text: &str, reason: &str) -> ConfigError {
    ConfigError::InvalidGlob {
        glob: text.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
