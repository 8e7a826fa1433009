//! Rule components made for a test, and workspaces that use them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::json;
use vt_harness::Sandbox;

/// A component that says the same about every `vtt`.
pub(crate) struct Guest<'a> {
    pub(crate) id: &'a str,
    pub(crate) version: &'a str,
    /// Variables it asks to be shown.
    pub(crate) env: &'a [&'a str],
    /// Methods of the session that take one text, each with its text; `redact` with a path and
    /// pointers, a space between each.
    pub(crate) says: &'a [(&'a str, &'a str)],
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self {
            id: "guest",
            version: "1.0.0",
            env: &[],
            says: &[],
        }
    }
}

/// How much of the memory of a component a statement has, in bytes, and its text of that.
const PLACE: usize = 256;
const TEXT: usize = 128;

/// The name of the parameter of a method.
fn parameter(method: &str) -> &'static str {
    match method {
        "track-env" | "pass-env" => "pattern",
        "cache-off" | "opt-out-is-noise" => "reason",
        _ => "glob",
    }
}

impl Guest<'_> {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut methods, mut lowered, mut imports) = (BTreeSet::new(), Vec::new(), Vec::new());
        let (mut given, mut calls, mut data) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (method, text)) in self.says.iter().enumerate() {
            let (at, length) = (index * PLACE, text.len());
            assert!(length <= TEXT, "a text is too long for its place");
            data.push(format!("(data (i32.const {at}) {text:?})"));
            let (shape, core, words) = if *method == "redact" {
                let (path, pointers) = text.split_once(' ').unwrap();
                let mut from = at + path.len() + 1;
                let mut list = String::new();
                for pointer in pointers.split(' ') {
                    for number in [from, pointer.len()] {
                        for byte in u32::try_from(number).unwrap().to_le_bytes() {
                            write!(list, "\\{byte:02x}").unwrap();
                        }
                    }
                    from += pointer.len() + 1;
                }
                let (list_at, count) = (at + TEXT, pointers.split(' ').count());
                data.push(format!("(data (i32.const {list_at}) \"{list}\")"));
                (
                    r#"(param "path" string) (param "pointers" (list string))"#.to_owned(),
                    "i32 i32 i32 i32 i32",
                    vec![at, path.len(), list_at, count],
                )
            } else {
                let name = parameter(method);
                let shape = format!(r#"(param "{name}" string)"#);
                (shape, "i32 i32 i32", vec![at, length])
            };
            // The same method may be called twice, but is imported once.
            methods.insert(format!(
                r#"(export "[method]session.{method}" (func (param "self" (borrow $session)) {shape}))"#
            ));
            lowered.push(format!(
                r#"(core func $m{index} (canon lower (func $types "[method]session.{method}") (memory $memory)))"#
            ));
            imports.push(format!(
                r#"(import "" "m{index}" (func $m{index} (param {core})))"#
            ));
            given.push(format!(r#"(export "m{index}" (func $m{index}))"#));
            let words = words.iter().map(|word| format!("(i32.const {word})"));
            let words = String::from_iter(words);
            calls.push(format!("(call $m{index} (local.get $s) {words})"));
        }
        let methods = String::from_iter(methods);
        let [lowered, imports, given, calls, data] =
            [lowered, imports, given, calls, data].map(|parts| parts.concat());
        let manifest = json!({
            "id": self.id, "version": self.version, "api": "0.1.0",
            "matches": { "programs": ["vtt"], "dependencies": [] },
            "needs": { "files": [], "env": self.env },
        })
        .to_string();
        let text = format!(
            r#"(component
    (import "vt:rules/types@0.1.0" (instance $types
        (export "session" (type $session (sub resource)))
        {methods}))
    (alias export $types "session" (type $session))
    (core module $base (memory (export "memory") 1) {data})
    (core instance $base (instantiate $base))
    (alias core export $base "memory" (core memory $memory))
    {lowered}
    (core func $drop (canon resource.drop $session))
    (core module $main
        {imports}
        (import "" "drop" (func $drop (param i32)))
        (func (export "judge") (param $s i32) {calls} (call $drop (local.get $s))))
    (core instance $main (instantiate $main (with "" (instance
        {given}
        (export "drop" (func $drop))))))
    (alias core export $main "judge" (core func $lifted))
    (func $judge (param "session" (borrow $session)) (canon lift (core func $lifted)))
    (export "judge" (func $judge))
    (@custom "vt:manifest" {manifest:?}))"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Its digest, as policies and locks write it.
    pub(crate) fn digest(&self) -> String {
        hex(&sha256(&self.bytes()))
    }
}

/// A workspace whose configuration names these plugins, with one task `go` that reads `a.txt`.
pub(crate) fn workspace(plugins: &[&str]) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    configure(&sandbox, &json!({ "plugins": plugins }));
    sandbox
}

/// Writes the configuration: these settings, and the task.
pub(crate) fn configure(sandbox: &Sandbox, settings: &serde_json::Value) {
    let mut config = settings.clone();
    config["tasks"] = json!({ "go": "vtt cat a.txt" });
    let text = serde_json::to_string_pretty(&config).unwrap();
    sandbox.write("vite-task.json", text);
}

/// Installs a component as an npm package.
pub(crate) fn install_package(sandbox: &Sandbox, name: &str, version: &str, guest: &Guest<'_>) {
    let manifest = json!({ "name": name, "version": version, "vt": { "plugin": "./rules.wasm" } });
    sandbox.write(
        &format!("node_modules/{name}/package.json"),
        manifest.to_string(),
    );
    sandbox.write(&format!("node_modules/{name}/rules.wasm"), guest.bytes());
}

/// The key of publisher number `seed`, as policies and locks write it.
pub(crate) fn key_of(seed: u8) -> String {
    hex(SigningKey::from_bytes(&[seed; 32])
        .verifying_key()
        .as_bytes())
}

/// What publisher number `seed` puts beside a component.
pub(crate) fn signature(seed: u8, component: &[u8]) -> String {
    let message = format!("vt rule component 1 {}\n", hex(&sha256(component)));
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(message.as_bytes());
    format!("{} {}\n", key_of(seed), hex(&signature.to_bytes()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
