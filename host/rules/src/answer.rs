//! Turns what a component said into what is believed.
//!
//! Every text is hostile. Paths and globs come relative to the package and leave relative to the
//! workspace root; they may climb (a cache of the workspace may lie above the package) but not out,
//! and none may cover the directory of the package or one above it, since that would blind the
//! cache to the sources themselves. Only what is no output may lie in the home directory.

use std::collections::BTreeSet;

use globset::{Glob, GlobBuilder};
use vt_base::RelPath;

use crate::excuse::excuse;
use crate::{Answer, Component, Directive, RulesError, limits};

/// In bytes.
const MAX_PATH: usize = 1_024;
/// In bytes.
const MAX_NAME: usize = 256;
/// In bytes.
const MAX_REASON: usize = 512;

/// Names no tool uses. A glob that matches one of these in a directory matches whatever is there.
const STRANGERS: [&str; 4] = ["qzx0vt", "qzx0vt.qzx", "qzx0vt/qzx0vt", "qzx0vt/qzx0vt.qzx"];

/// Checks what a component answered, and makes its paths relative to the workspace root. The
/// result is sorted and free of repetition.
///
/// # Errors
/// The first statement a rule may not make.
pub fn validate(
    component: &Component,
    answer: &Answer,
    package_dir: &RelPath,
) -> Result<Vec<Directive>, RulesError> {
    believe(&answer.directives, package_dir).map_err(|(directive, reason)| RulesError::Refused {
        plugin: component.id().to_owned(),
        version: component.version().to_owned(),
        directive,
        reason,
    })
}

/// Checks statements, whoever makes them. An error is the first that may not be made, as it is
/// shown, and why.
pub(crate) fn believe(
    directives: &[Directive],
    package_dir: &RelPath,
) -> Result<Vec<Directive>, (String, String)> {
    let bytes = directives
        .iter()
        .flat_map(Directive::texts)
        .map(str::len)
        .sum::<usize>();
    if directives.len() > limits::DIRECTIVES || bytes > limits::DIRECTIVE_BYTES {
        return Err(("…".into(), "there are too many".into()));
    }
    let mut believed = BTreeSet::new();
    for directive in directives {
        let checked = check(directive, package_dir)
            .map_err(|reason| (shown(directive), reason.to_owned()))?;
        believed.insert(checked);
    }
    Ok(believed.into_iter().collect())
}

fn check(directive: &Directive, package: &RelPath) -> Result<Directive, &'static str> {
    Ok(match directive {
        Directive::IgnoreInput(text) => Directive::IgnoreInput(glob(text, package)?),
        Directive::IgnoreOutput(text) if text.starts_with("~/") => {
            plain(text, MAX_PATH)?;
            Directive::IgnoreOutput(excuse(text)?)
        }
        Directive::IgnoreOutput(text) => Directive::IgnoreOutput(glob(text, package)?),
        Directive::Output(text) => Directive::Output(glob(text, package)?),
        Directive::ExistenceOnly(text) => Directive::ExistenceOnly(glob(text, package)?),
        Directive::TrackEnv(text) => Directive::TrackEnv(env_pattern(text)?),
        Directive::PassEnv(text) => Directive::PassEnv(env_pattern(text)?),
        Directive::NarrowEnvQuery { prefix, patterns } => {
            if !prefix.is_empty() {
                env_name(prefix)?;
            }
            for pattern in patterns {
                env_pattern(pattern.strip_prefix('!').unwrap_or(pattern))?;
            }
            directive.clone()
        }
        Directive::EnvDefaultPrefixes(prefixes) => {
            prefixes.iter().try_for_each(|prefix| env_name(prefix))?;
            directive.clone()
        }
        Directive::Redact { path, pointers } => {
            if pointers.is_empty() {
                return Err("it names no part");
            }
            for pointer in pointers {
                json_pointer(pointer)?;
            }
            Directive::Redact {
                path: file(path, package)?,
                pointers: pointers.clone(),
            }
        }
        Directive::CacheOff { reason } | Directive::OptOutIsNoise { reason } => {
            plain(reason, MAX_REASON)?;
            directive.clone()
        }
    })
}

fn plain(text: &str, limit: usize) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty");
    }
    if text.len() > limit {
        return Err("it is too long");
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters in it");
    }
    Ok(())
}

/// A glob below the package, made relative to the workspace root.
fn glob(text: &str, package: &RelPath) -> Result<String, &'static str> {
    plain(text, MAX_PATH)?;
    if text.starts_with(['/', '~', '!']) {
        return Err("it is no relative glob");
    }
    let mut base = package.clone();
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() => {
                base = base.parent().ok_or("it leads out of the workspace")?;
            }
            // Behind a wildcard nobody knows where `..` leads.
            ".." => return Err("it has a `..` behind a name"),
            part => parts.push(part),
        }
    }
    let text = base.as_str().ok_or("the path of the package is no text")?;
    let mut whole: Vec<String> = Vec::new();
    if !text.is_empty() {
        whole.push(globset::escape(text));
    }
    whole.extend(parts.into_iter().map(str::to_owned));
    let whole = whole.join("/");
    if covers(&whole, package)? {
        return Err("it covers the directory of the package");
    }
    Ok(whole)
}

/// Whether a glob takes in the directory of the package, one above it, or whatever lies in one.
fn covers(glob: &str, package: &RelPath) -> Result<bool, &'static str> {
    // To look at it as a glob takes longer than all the other checks.
    if names_another(glob, package) {
        return Ok(false);
    }
    let built = GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|_| "it is no glob")?;
    Ok(takes_in(&built, package))
}

/// Whether a part of the glob is a name that none of the paths has which it must not match. Most globs
/// name a private directory. Nothing in such a one could be wrong.
fn names_another(glob: &str, package: &RelPath) -> bool {
    // What these make may have a slash in it.
    if glob.contains(['{', '}', '[', ']', '\\']) {
        return false;
    }
    let is_known = |part: &str| {
        let mut names = package.as_bytes().split(|byte| *byte == b'/');
        let mut strangers = STRANGERS.iter().flat_map(|path| path.split('/'));
        names.any(|name| name == part.as_bytes()) || strangers.any(|name| name == part)
    };
    let is_name = |part: &&str| !part.is_empty() && !part.contains(['*', '?']);
    glob.split('/').filter(is_name).any(|part| !is_known(part))
}

fn takes_in(glob: &Glob, package: &RelPath) -> bool {
    let matcher = glob.compile_matcher();
    let is_taken_in = |directory: &RelPath| {
        matcher.is_match(directory.as_path())
            || STRANGERS.iter().any(|name| {
                directory
                    .join(name)
                    .is_ok_and(|stranger| matcher.is_match(stranger.as_path()))
            })
    };
    is_taken_in(package) || package.ancestors().any(|above| is_taken_in(&above))
}

/// A file below the package, made relative to the workspace root.
fn file(path: &str, package: &RelPath) -> Result<String, &'static str> {
    plain(path, MAX_PATH)?;
    let whole = package
        .join(path)
        .map_err(|_| "it leads out of the workspace")?;
    if package.starts_with(&whole) {
        return Err("it covers the directory of the package");
    }
    whole
        .as_str()
        .map(str::to_owned)
        .ok_or("the path of the package is no text")
}

fn env_name(text: &str) -> Result<(), &'static str> {
    plain(text, MAX_NAME)?;
    let first = text.as_bytes()[0];
    if first.is_ascii_digit()
        || text
            .bytes()
            .any(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
    {
        return Err("it is no name of a variable");
    }
    Ok(())
}

fn env_pattern(text: &str) -> Result<String, &'static str> {
    let letters = text.replace('*', "");
    if letters.is_empty() && !text.is_empty() {
        return Err("it covers the whole environment");
    }
    if text.len() > MAX_NAME {
        return Err("it is too long");
    }
    // Behind a star a name may go on with a digit.
    match text.strip_prefix('*') {
        Some(_) => env_name(&format!("_{letters}"))?,
        None => env_name(&letters)?,
    }
    Ok(text.to_owned())
}

fn json_pointer(text: &str) -> Result<(), &'static str> {
    plain(text, MAX_NAME)?;
    let escapes_are_sound = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with('0') || rest.starts_with('1'));
    if !text.starts_with('/') || !escapes_are_sound {
        return Err("it is no JSON Pointer");
    }
    Ok(())
}

/// A directive that is not believed yet, fit for a message.
fn shown(directive: &Directive) -> String {
    let text = directive.to_string();
    let text = text
        .chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char });
    text.take(200).collect()
}

#[cfg(test)]
mod tests;
