//! What `vt plugin` says.

use std::path::Path;

use vt_base::AbsPath;
use vt_config::{PluginSource, Position};
use vt_run::{Grant, Loaded, PLUGIN_FUEL, Pin, Pinning};

/// A plugin in the list.
pub(crate) fn in_a_line(loaded: &Loaded) -> String {
    format!(
        "{}  {}  {}  {}",
        loaded.name,
        loaded.component.version(),
        source(loaded),
        pinning(loaded.pinning)
    )
}

/// What is known of a plugin.
pub(crate) struct Facts<'f> {
    pub(crate) loaded: &'f Loaded,
    pub(crate) grants: &'f [Grant],
    /// What its last answer took.
    pub(crate) fuel: Option<u64>,
    /// Where policies say that nothing may be fetched.
    pub(crate) offline: &'f [(AbsPath, Position)],
}

/// All about a plugin: who it is, and what it asks for against what it is granted.
pub(crate) fn in_full(facts: &Facts<'_>) -> Vec<String> {
    let Facts { loaded, grants, .. } = facts;
    let component = &loaded.component;
    let any = |list: &[String], word: &str| match list {
        [] => format!("any {word}"),
        list => list.join(", "),
    };
    let mut lines = vec![
        format!(
            "{}: {} {}",
            loaded.name,
            component.id(),
            component.version()
        ),
        format!("  source: {}", source(loaded)),
        format!("  digest: {}", component.digest()),
        format!("  size: {} bytes", component.bytes().len()),
        format!("  interface: vt:rules {}", component.api()),
        format!(
            "  publisher: {}",
            loaded.publisher.as_deref().unwrap_or("nobody signed it")
        ),
        format!("  lock: {}", pinning(loaded.pinning)),
        format!(
            "  speaks for tools: {}",
            any(&component.matches().programs, "tool")
        ),
        format!(
            "  speaks for packages that depend on: {}",
            any(&component.matches().dependencies, "thing")
        ),
        format!("  code: {}", code(loaded)),
        match facts.fuel {
            Some(fuel) => format!("  fuel: {fuel} of {PLUGIN_FUEL} for its last answer"),
            None => format!("  fuel: nobody has asked it yet; it may use {PLUGIN_FUEL}"),
        },
        "  asks for:".to_owned(),
    ];
    lines.extend(grants.iter().map(|grant| match &grant.denied {
        None => format!("    {}: granted", grant.asked),
        Some(denied) => format!("    {}: denied ({denied})", grant.asked),
    }));
    lines.extend(
        facts
            .offline
            .iter()
            .map(|(file, Position { line, column })| {
                format!("  {file}:{line}:{column}: `offline` holds, as vt never fetches anything")
            }),
    );
    lines
}

/// When its code is compiled.
fn code(loaded: &Loaded) -> &'static str {
    if loaded.source == PluginSource::BuiltIn && vt_run::travels_compiled() {
        "compiled when vt was built"
    } else {
        "compiled at its first question, and kept in the cache"
    }
}

/// Compiled code was written.
pub(crate) fn precompiled(file: &Path, bytes: usize) -> String {
    format!(
        "{} has the code of all built-in plugins, {bytes} bytes: build vt with \
         VT_PRECOMPILED_BUILT_INS={}",
        file.display(),
        file.display()
    )
}

/// Nobody names it.
pub(crate) fn not_in_use(name: &str, known: &[&str]) -> String {
    match known {
        [] => format!("`{name}` is not in use, nor is any other plugin"),
        known => format!("`{name}` is not in use; there are {}", known.join(", ")),
    }
}

/// No plugin comes from outside.
pub(crate) fn nothing_to_pin() -> &'static str {
    "nothing to pin: all plugins in use travel with vt"
}

/// A plugin was pinned.
pub(crate) fn pinned(before: Option<&Pin>, after: &Loaded) -> String {
    let name = &after.name;
    let (version, digest) = (after.component.version(), after.component.digest());
    match before {
        None => format!("{name}: pinned {version} ({digest})"),
        Some(pin) if pin.sha256 == digest.to_hex() => {
            format!("{name}: {version} ({digest}) is as it was")
        }
        Some(pin) => {
            let (old, old_digest) = (&pin.version, &pin.sha256);
            format!("{name}: {old} ({old_digest}) is now {version} ({digest})")
        }
    }
}

fn source(loaded: &Loaded) -> String {
    match (&loaded.source, &loaded.package_version) {
        (PluginSource::BuiltIn, _) => "built in".to_owned(),
        (PluginSource::File(_), _) => format!("file {}", loaded.name),
        (PluginSource::Package(name), Some(version)) => format!("npm {name}@{version}"),
        (PluginSource::Package(name), None) => format!("npm {name}"),
    }
}

const fn pinning(pinning: Pinning) -> &'static str {
    match pinning {
        Pinning::BuiltIn => "comes with vt",
        Pinning::Locked => "pinned",
        Pinning::Unlocked => "not pinned",
        Pinning::Changed => "not as it is pinned",
    }
}
