//! Policy files: what rule plugins may say, decided by whoever answers for the workspace or for
//! the machine. Each rule keeps its place in the file, so that whoever is denied can be told why.

use std::path::Path;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use vt_base::{AbsPath, Digest};

use crate::reader::{Reader, Spanned};
use crate::source::{Dialect, Source};
use crate::{ConfigError, ConfigErrors, Position, Problem};

/// Keys of the file.
pub(crate) const FILE: [&str; 12] = [
    "$schema",
    "allow",
    "deny",
    "builtIn",
    "directives",
    "paths",
    "env",
    "rules",
    "requireLock",
    "requireSignature",
    "offline",
    "audit",
];
/// Keys of an element of `allow` and `deny`.
pub(crate) const WHO: [&str; 3] = ["digest", "scope", "publisher"];

/// What every directive is called.
pub const DIRECTIVES: [&str; 11] = [
    "ignore-input",
    "ignore-output",
    "output",
    "track-env",
    "pass-env",
    "narrow-env-query",
    "env-default-prefixes",
    "redact",
    "existence-only",
    "cache-off",
    "opt-out-is-noise",
];

/// A rule of a policy file, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruled<T> {
    /// What it says.
    pub value: T,
    /// Where it says so.
    pub position: Position,
}

/// Whom a rule means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// The component with this digest.
    Digest(Digest),
    /// Every component from an npm package of this scope, written with its `@`.
    Scope(String),
    /// Every component that carries a valid signature of this key, in hexadecimal digits.
    Publisher(String),
}

/// A policy file. What it leaves out it permits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The file.
    pub file: AbsPath,
    /// The components besides the built-in ones that may be used.
    pub allow: Option<Ruled<Vec<Who>>>,
    /// The components that may not be used, even if they are allowed.
    pub deny: Vec<Ruled<Who>>,
    /// The built-in components that may be used.
    pub built_in: Option<Ruled<Vec<String>>>,
    /// The directives that may be used.
    pub directives: Option<Ruled<Vec<String>>>,
    /// Globs, from the workspace root, that every path of a directive has to lie in.
    pub paths: Option<Ruled<Vec<String>>>,
    /// Patterns that every environment variable has to fit which is shown to a component or named
    /// by a directive.
    pub env: Option<Ruled<Vec<String>>>,
    /// Whether the configuration may have rules of its own.
    pub rules: Option<Ruled<bool>>,
    /// Whether each component has to be pinned.
    pub require_lock: Option<Ruled<bool>>,
    /// Whether each component has to be signed by a publisher that `allow` names.
    pub require_signature: Option<Ruled<bool>>,
    /// Whether nothing may be fetched. Nothing ever is: components come from `vt` itself, from files,
    /// and from packages that somebody installed. It is read so that a policy can say so.
    pub offline: Option<Ruled<bool>>,
    /// A file that gets a line for each directive that is applied.
    pub audit: Option<Ruled<AbsPath>>,
}

/// Reads a policy file; `Ok(None)` when there is none. A link that leads nowhere is none that can be
/// read.
///
/// # Errors
/// Everything that is wrong with it: a policy that is understood in part protects nobody.
pub fn load_policy(file: &AbsPath) -> Result<Option<Policy>, ConfigErrors> {
    let source = match Source::read(file.clone()) {
        Ok(Some(source)) => source,
        Ok(None) => {
            return match dangles(file.as_path()) {
                true => Err(ConfigErrors(vec![Problem {
                    file: file.clone(),
                    position: None,
                    error: ConfigError::Unreadable(std::io::ErrorKind::NotFound.into()),
                }])),
                false => Ok(None),
            };
        }
        Err(problem) => return Err(ConfigErrors(vec![*problem])),
    };
    let mut problems = Vec::new();
    let policy = match source.parse(Dialect::Comments) {
        Ok(value) => {
            let mut reader = Reader {
                source: &source,
                problems: &mut problems,
            };
            read(&mut reader, &value)
        }
        Err(problem) => return Err(ConfigErrors(vec![*problem])),
    };
    if problems.is_empty() {
        Ok(Some(policy))
    } else {
        Err(ConfigErrors(problems))
    }
}

/// Whether a link that leads nowhere is on the way to a file. Whoever made it meant a policy to hold.
fn dangles(file: &Path) -> bool {
    let there = |path: &&Path| path.symlink_metadata().is_ok();
    let highest = file.ancestors().find(there);
    highest.is_some_and(|path| path.is_symlink() && !path.exists())
}

fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Policy {
    let mut policy = Policy {
        file: reader.source.file.clone(),
        allow: None,
        deny: Vec::new(),
        built_in: None,
        directives: None,
        paths: None,
        env: None,
        rules: None,
        require_lock: None,
        require_signature: None,
        offline: None,
        audit: None,
    };
    let Value::Object(object) = value else {
        reader.wrong_type(value, "the policy", "an object");
        return policy;
    };
    for (key, value) in reader.known_members(object, "the policy", &FILE) {
        let place = format!("`{}`", key.value);
        let position = reader.source.position(key.offset);
        match key.value {
            "$schema" => {
                reader.text(value, &place);
            }
            "allow" => {
                let value = people(reader, value, &place);
                let value = value.into_iter().map(|who| who.value).collect();
                policy.allow = Some(Ruled { value, position });
            }
            "deny" => policy.deny = people(reader, value, &place),
            "builtIn" => policy.built_in = texts(reader, value, &place, position),
            "directives" => policy.directives = directives(reader, value, &place, position),
            "paths" => policy.paths = paths(reader, value, &place, position),
            "env" => policy.env = texts(reader, value, &place, position),
            "audit" => policy.audit = audit(reader, value, &place, position),
            switch => {
                let on = reader.boolean(value, &place);
                let on = on.map(|value| Ruled { value, position });
                match switch {
                    "rules" => policy.rules = on,
                    "requireLock" => policy.require_lock = on,
                    "offline" => policy.offline = on,
                    _ => policy.require_signature = on,
                }
            }
        }
    }
    policy
}

fn texts(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
    position: Position,
) -> Option<Ruled<Vec<String>>> {
    let texts = reader.texts(value, place)?;
    let value = texts.into_iter().map(|text| text.value).collect();
    Some(Ruled { value, position })
}

fn wrong(reader: &mut Reader<'_>, place: &str, wanted: &'static str, found: Spanned<String>) {
    let error = ConfigError::WrongValue {
        place: format!("every element of {place}"),
        wanted,
        found: found.value,
    };
    reader.report(found.offset, error);
}

fn directives(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
    position: Position,
) -> Option<Ruled<Vec<String>>> {
    let mut known = Vec::new();
    for text in reader.texts(value, place)? {
        if DIRECTIVES.contains(&text.value.as_str()) {
            known.push(text.value);
        } else {
            wrong(reader, place, "the name of a directive", text);
        }
    }
    let value = known;
    Some(Ruled { value, position })
}

fn paths(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
    position: Position,
) -> Option<Ruled<Vec<String>>> {
    let mut globs = Vec::new();
    for text in reader.texts(value, place)? {
        let is_clean = text
            .value
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."));
        // Whether one glob lies in another can be told for these only.
        if is_clean && !text.value.contains(['{', '}', '[', ']', '\\', '!']) {
            globs.push(text.value);
        } else {
            let wanted = "a glob from the workspace root, of names, `*` and `**`";
            wrong(reader, place, wanted, text);
        }
    }
    let value = globs;
    Some(Ruled { value, position })
}

fn audit(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
    position: Position,
) -> Option<Ruled<AbsPath>> {
    let text = reader.text(value, place)?;
    if let Ok(value) = AbsPath::new(&text.value) {
        return Some(Ruled { value, position });
    }
    let error = ConfigError::WrongValue {
        place: place.to_owned(),
        wanted: "an absolute path",
        found: text.value,
    };
    reader.report(text.offset, error);
    None
}

fn people(reader: &mut Reader<'_>, value: &Value<'_>, place: &str) -> Vec<Ruled<Who>> {
    let Value::Array(list) = value else {
        reader.wrong_type(value, place, "a list");
        return Vec::new();
    };
    let mut all = Vec::new();
    for element in &list.elements {
        let place = format!("every element of {place}");
        let wanted = "an object with one of `digest`, `scope` and `publisher`";
        let Value::Object(object) = element else {
            reader.wrong_type(element, &place, wanted);
            continue;
        };
        let members = reader.known_members(object, &place, &WHO);
        let [(key, value)] = &members[..] else {
            reader.wrong_type(element, &place, wanted);
            continue;
        };
        let of = format!("`{}` of {place}", key.value);
        let Some(text) = reader.text(value, &of) else {
            continue;
        };
        match who(key.value, &text.value) {
            Ok(value) => all.push(Ruled {
                value,
                position: reader.source.position(element.start()),
            }),
            Err(wanted) => {
                let error = ConfigError::WrongValue {
                    place: of,
                    wanted,
                    found: text.value,
                };
                reader.report(text.offset, error);
            }
        }
    }
    all
}

fn who(key: &str, text: &str) -> Result<Who, &'static str> {
    match key {
        "digest" => Digest::from_hex(text)
            .map(Who::Digest)
            .ok_or("64 hexadecimal digits in lower case"),
        "scope" if text.len() > 1 && text.starts_with('@') && !text.contains('/') => {
            Ok(Who::Scope(text.to_owned()))
        }
        "scope" => Err("a scope such as `@acme`"),
        _ => Digest::from_hex(text)
            .map(|key| Who::Publisher(key.to_hex()))
            .ok_or("a key of 64 hexadecimal digits in lower case"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Option<Policy>, Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vt-policy.json");
        std::fs::write(&file, text).unwrap();
        load_policy(&AbsPath::new(&file).unwrap()).map_err(|errors| {
            let place = |problem: &crate::Problem| {
                problem.position.unwrap_or(Position { line: 0, column: 0 })
            };
            let text = |problem| format!("{}: {}", place(problem).line, problem.error);
            errors.0.iter().map(text).collect()
        })
    }

    #[test]
    fn a_rule_keeps_its_line() {
        let policy = load(
            "{\n  // ours\n  \"allow\": [{ \"scope\": \"@acme\" }],\n  \"requireLock\": true\n}",
        )
        .unwrap()
        .unwrap();
        let allow = policy.allow.unwrap();
        assert_eq!((allow.position.line, allow.value.len()), (3, 1));
        assert_eq!(policy.require_lock.unwrap().position.line, 4);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_absence() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vt/policy.json");
        let load = || load_policy(&AbsPath::new(&file).unwrap());
        assert!(load().unwrap().is_none());
        std::os::unix::fs::symlink("nowhere", directory.path().join("vt")).unwrap();
        assert!(load().is_err());
        std::fs::create_dir(directory.path().join("nowhere")).unwrap();
        assert!(load().unwrap().is_none());
        std::os::unix::fs::symlink("gone.json", &file).unwrap();
        assert!(load().is_err());
        std::fs::write(directory.path().join("nowhere/gone.json"), "{}").unwrap();
        assert!(load().unwrap().is_some());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (text, says) in [
            ("{ \"alow\": [] }", "unknown key `alow`"),
            ("{ \"allow\": [{}] }", "an object with one of"),
            (
                "{ \"allow\": [{ \"scope\": \"acme\" }] }",
                "a scope such as",
            ),
            ("{ \"allow\": [{ \"digest\": \"12\" }] }", "64 hexadecimal"),
            (
                "{ \"directives\": [\"ignore\"] }",
                "the name of a directive",
            ),
            (
                "{ \"paths\": [\"../x\"] }",
                "a glob from the workspace root",
            ),
            ("{ \"audit\": \"x.log\" }", "an absolute path"),
            ("{ \"requireLock\": 1 }", "`true` or `false`"),
            ("[]", "the policy must be an object"),
            ("{", "1: "),
        ] {
            let errors = load(text).unwrap_err();
            assert!(
                errors.iter().any(|error| error.contains(says)),
                "{text}: {errors:?}"
            );
        }
    }
}
