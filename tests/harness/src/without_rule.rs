//! Takes built-in rules away from every workspace that `vt` is called in, to see which stories need them.
//!
//! `VT_WITHOUT_RULE` names them, with commas between. The configuration of the root then lists the others; one that
//! lists `plugins` itself stays as it is.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::{HarnessError, disk};

/// Does so, if rules are to be taken away.
pub(crate) fn apply(root: &Path) -> Result<(), HarnessError> {
    let Ok(names) = std::env::var("VT_WITHOUT_RULE") else {
        return Ok(());
    };
    if !root.join("package.json").is_file() {
        return Ok(());
    }
    let refuse = |reason: String| HarnessError::WithoutRule {
        names: names.clone(),
        reason,
    };
    if root.join("vite-task.jsonc").exists() {
        return Err(refuse("`vite-task.jsonc` is not read here".to_owned()));
    }
    let file = root.join("vite-task.json");
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(_) => b"{}".to_vec(),
    };
    let config = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("`{}`: {error}", file.display())))?;
    match changed(config, &names, &built_in()?).map_err(refuse)? {
        Some(config) => fs::write(&file, config.to_string()).map_err(disk("write", &file)),
        None => Ok(()),
    }
}

/// The configuration with all rules but these; none where it stays as it is.
fn changed(mut config: Value, names: &str, all: &[String]) -> Result<Option<Value>, String> {
    let without: Vec<&str> = names.split(',').collect();
    if let Some(unknown) = without
        .iter()
        .find(|name| !all.iter().any(|one| one == *name))
    {
        return Err(format!("there is no `{unknown}` among {all:?}"));
    }
    let keys = config
        .as_object_mut()
        .ok_or("the configuration is no object")?;
    if keys.contains_key("plugins") {
        return Ok(None);
    }
    let rest = all.iter().filter(|name| !without.contains(&name.as_str()));
    keys.insert("plugins".to_owned(), json!(rest.collect::<Vec<_>>()));
    Ok(Some(config))
}

/// The names of all built-in rules.
fn built_in() -> Result<Vec<String>, HarnessError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/components");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(disk("list", &folder))? {
        let path = entry.map_err(disk("list", &folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            names.extend(
                path.file_stem()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_rules_are_listed_unless_a_list_is_there() {
        let all = ["jest", "nuxt", "vite"].map(str::to_owned);
        let config = json!({ "tasks": {} });
        assert_eq!(
            changed(config, "jest,vite", &all),
            Ok(Some(json!({ "tasks": {}, "plugins": ["nuxt"] })))
        );
        assert_eq!(changed(json!({ "plugins": [] }), "jest", &all), Ok(None));
        let refused = changed(json!({}), "rest", &all).unwrap_err();
        assert!(refused.contains("`rest`"), "{refused}");
    }

    #[test]
    fn the_built_in_rules_are_found() {
        assert!(built_in().unwrap().contains(&"jest".to_owned()));
    }
}
