//! Holds `schema.json`, which editors read, to what the validator knows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{DependencyKind, keys, policy};

fn schema() -> Value {
    serde_json::from_str(include_str!("../schema.json")).unwrap()
}

/// The keys of `properties` below a JSON pointer.
fn keys_at(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let properties = schema.pointer(&format!("{pointer}/properties")).unwrap();
    properties.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_and_the_validator_know_the_same_keys() {
    let schema = schema();
    for (pointer, known) in [
        ("", &keys::FILE[..]),
        ("/definitions/cache", &keys::CACHE),
        ("/definitions/task/oneOf/1", &keys::TASK),
        (
            "/definitions/task/oneOf/1/properties/cache",
            &keys::TASK_CACHE,
        ),
        ("/definitions/dependency/oneOf/1", &keys::DEPENDENCY),
        ("/definitions/glob/oneOf/1", &keys::GLOB),
        ("/definitions/rule", &keys::RULE),
        ("/definitions/rule/properties/match", &keys::RULE_MATCH),
        (
            "/definitions/rule/properties/directives",
            &crate::DIRECTIVES,
        ),
    ] {
        let known: BTreeSet<String> = known.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys_at(&schema, pointer), known, "{pointer}");
    }
    let kinds = DependencyKind::ALL.map(|kind| Value::from(kind.key()));
    assert_eq!(
        schema["definitions"]["dependencyList"]["enum"],
        Value::from(kinds.to_vec())
    );
}

#[test]
fn keys_in_the_cache_of_a_task_are_keys_of_the_task() {
    assert!(keys::TASK_CACHE.iter().all(|key| keys::TASK.contains(key)));
}

#[test]
fn keys_of_the_root_are_described_as_such() {
    let schema = schema();
    for key in keys_at(&schema, "") {
        let description = schema["properties"][&key]["description"]
            .as_str()
            .unwrap_or_default();
        let says = description.starts_with("Workspace root only.");
        assert_eq!(says, keys::ROOT_ONLY.contains(&key.as_str()), "{key}");
    }
}

#[test]
fn the_schema_of_policies_and_their_reader_know_the_same() {
    let schema: Value = serde_json::from_str(include_str!("../policy.schema.json")).unwrap();
    let known: BTreeSet<String> = policy::FILE.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(keys_at(&schema, ""), known);
    assert_eq!(
        schema["properties"]["directives"]["items"]["enum"],
        Value::from(crate::DIRECTIVES.to_vec())
    );
    let forms = schema["definitions"]["who"]["oneOf"].as_array().unwrap();
    let forms = forms
        .iter()
        .map(|form| form["required"][0].as_str().unwrap());
    assert_eq!(Vec::from_iter(forms), policy::WHO);
}
