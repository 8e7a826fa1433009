//! `plugins` of the workspace root: which rule components are in use, and where each comes from.

use std::collections::BTreeSet;

use vt_base::AbsPath;

use crate::reader::{Reader, Spanned};
use crate::{ConfigError, Position, suggest};

/// One rule plugin, as the configuration names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PluginEntry {
    /// The text that names it.
    pub name: String,
    /// Where it comes from.
    pub source: PluginSource,
    /// The file that names it.
    pub file: AbsPath,
    /// Where in that file.
    pub position: Position,
}

/// Where a rule plugin comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PluginSource {
    /// It travels with `vt`.
    BuiltIn,
    /// It is this file.
    File(AbsPath),
    /// It is in the npm package of this name, below `node_modules` of the workspace root.
    Package(String),
}

/// Judges the list. What makes no sense is reported and left out.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    root: &AbsPath,
    written: &[Spanned<String>],
    built_in: &[&str],
) -> Vec<PluginEntry> {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for Spanned {
        value: name,
        offset,
    } in written
    {
        let source = if seen.insert(name) {
            source_of(name, root, built_in)
        } else {
            Err(ConfigError::RepeatedPlugin {
                plugin: name.clone(),
            })
        };
        match source {
            Ok(source) => entries.push(PluginEntry {
                name: name.clone(),
                source,
                file: reader.source.file.clone(),
                position: reader.source.position(*offset),
            }),
            Err(error) => reader.report(*offset, error),
        }
    }
    entries
}

/// A name of `vt` comes before a package of that name: no package can put itself in its place.
fn source_of(name: &str, root: &AbsPath, built_in: &[&str]) -> Result<PluginSource, ConfigError> {
    if built_in.contains(&name) {
        return Ok(PluginSource::BuiltIn);
    }
    let extension = std::path::Path::new(name).extension();
    if name.starts_with(['.', '/', '~']) || extension.is_some_and(|found| found == "wasm") {
        let file = root.join(name);
        if name.starts_with(['/', '~']) || !file.starts_with(root) {
            return Err(ConfigError::Outside {
                path: name.to_owned(),
            });
        }
        return Ok(PluginSource::File(file));
    }
    // A plain word may be a slip of the pen; it means a package only where there is one.
    let installed = || root.join(format!("node_modules/{name}")).as_path().is_dir();
    if is_package_name(name) && (name.starts_with('@') || installed()) {
        return Ok(PluginSource::Package(name.to_owned()));
    }
    Err(ConfigError::UnknownPlugin {
        plugin: name.to_owned(),
        suggestion: suggest(name, built_in.iter().copied()).map(str::to_owned),
    })
}

/// Whether a text is `name` or `@scope/name` and so can't lead anywhere but into `node_modules`.
fn is_package_name(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    match text.strip_prefix('@') {
        Some(rest) => rest
            .split_once('/')
            .is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
        None => is_part(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> Result<PluginSource, String> {
        let root = AbsPath::new("/nonexistent/workspace").unwrap();
        source_of(name, &root, &["vitest"]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_names_one_source_or_none() {
        assert_eq!(source("vitest"), Ok(PluginSource::BuiltIn));
        for file in [
            "./tools/rules.wasm",
            "tools/rules.wasm",
            "./a/../rules.wasm",
        ] {
            assert!(
                matches!(source(file), Ok(PluginSource::File(_))),
                "{file}: {:?}",
                source(file)
            );
        }
        assert_eq!(
            source("@acme/vt-rules"),
            Ok(PluginSource::Package("@acme/vt-rules".into()))
        );
        for bad in ["../rules.wasm", "/etc/rules.wasm", "~/rules.wasm"] {
            assert!(
                source(bad).unwrap_err().contains("leaves the workspace"),
                "{bad}"
            );
        }
        for bad in [
            "vitst",
            "@acme/../x",
            "@acme",
            "@acme/a/b",
            "a b",
            "@acme/.",
        ] {
            assert!(source(bad).unwrap_err().contains("unknown plugin"), "{bad}");
        }
    }
}
