//! Small components for tests, as text: what no honest toolchain would produce.

use crate::{Component, PackageFacts, Question, RulesError};
use vt_base::{Program, RelPath};

/// The parts of a component that differ from test to test.
pub(crate) struct Guest<'a> {
    /// The version of `vt:rules` it imports.
    pub(crate) api: &'static str,
    /// The manifest; no section when it is empty.
    pub(crate) manifest: String,
    /// More methods of the session, as members of the imported interface.
    pub(crate) methods: &'static str,
    /// More items of the component, before its main module.
    pub(crate) items: &'static str,
    /// More functions its main module imports, and where they come from.
    pub(crate) core_imports: &'static str,
    pub(crate) core_exports: &'static str,
    /// Pages of memory it starts with.
    pub(crate) pages: usize,
    /// More functions of its main module.
    pub(crate) functions: &'static str,
    /// What `judge` does; `$s` is the session, which it has to drop with `$drop`.
    pub(crate) body: &'a str,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self {
            api: "0.1.0",
            manifest: manifest("0.1.0"),
            methods: "",
            items: "",
            core_imports: "",
            core_exports: "",
            pages: 1,
            functions: "",
            body: "(call $drop (local.get $s))",
        }
    }
}

pub(crate) fn manifest(api: &str) -> String {
    format!(
        r#"{{"id":"guest","version":"1.2.3","api":"{api}","matches":{{"programs":["guest"],"dependencies":[]}},"needs":{{"files":["guest.json"],"env":["GUEST"]}}}}"#
    )
}

impl<'a> Guest<'a> {
    /// A guest that does something else.
    pub(crate) fn that(body: &'a str) -> Self {
        Self {
            body,
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self {
            api,
            methods,
            items,
            core_imports,
            core_exports,
            pages,
            functions,
            body,
            ..
        } = self;
        let section = match &self.manifest[..] {
            "" => String::new(),
            text => format!("(@custom \"vt:manifest\" {text:?})"),
        };
        let text = format!(
            r#"(component
    (import "vt:rules/types@{api}" (instance $types
        (export "session" (type $session (sub resource)))
        (export "[method]session.log"
            (func (param "self" (borrow $session)) (param "line" string)))
        (export "[method]session.ignore-input"
            (func (param "self" (borrow $session)) (param "glob" string)))
        (export "[method]session.file" (func
            (param "self" (borrow $session)) (param "path" string) (result (option string))))
        (export "[method]session.env-default-prefixes" (func
            (param "self" (borrow $session)) (param "prefixes" (list string))))
        {methods}))
    (alias export $types "session" (type $session))
    (core module $base
        (memory (export "memory") {pages})
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
        (data (i32.const 0) "dist/**guest.json")
        (data (i32.const 64) "\ff\fe"))
    (core instance $base (instantiate $base))
    (alias core export $base "memory" (core memory $memory))
    (alias core export $base "realloc" (core func $realloc))
    (core func $log (canon lower (func $types "[method]session.log")
        (memory $memory)))
    (core func $ignore (canon lower (func $types "[method]session.ignore-input")
        (memory $memory)))
    (core func $file (canon lower (func $types "[method]session.file")
        (memory $memory) (realloc (core func $realloc))))
    (core func $prefixes (canon lower (func $types "[method]session.env-default-prefixes")
        (memory $memory)))
    (core func $drop (canon resource.drop $session))
    {items}
    (core module $main
        (import "" "memory" (memory {pages}))
        (import "" "log" (func $log (param i32 i32 i32)))
        (import "" "ignore" (func $ignore (param i32 i32 i32)))
        (import "" "file" (func $file (param i32 i32 i32 i32)))
        (import "" "prefixes" (func $prefixes (param i32 i32 i32)))
        (import "" "drop" (func $drop (param i32)))
        {core_imports}
        {functions}
        (func (export "judge") (param $s i32) (local $i i32) {body}))
    (core instance $main (instantiate $main (with "" (instance
        (export "memory" (memory $memory))
        (export "log" (func $log))
        (export "ignore" (func $ignore))
        (export "file" (func $file))
        (export "prefixes" (func $prefixes))
        (export "drop" (func $drop))
        {core_exports}))))
    (alias core export $main "judge" (core func $lifted))
    (func $judge (param "session" (borrow $session)) (canon lift (core func $lifted)))
    (export "judge" (func $judge))
    {section})"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn load(&self) -> Result<Component, RulesError> {
        Component::from_bytes("guest.wasm", self.bytes())
    }
}

/// A question about `guest`, with nothing in the files and variables it may ask for.
pub(crate) fn question() -> Question {
    Question {
        program: Program::Direct("guest".into()),
        args: Vec::new(),
        directory: RelPath::root(),
        package: PackageFacts::default(),
        files: [("guest.json".to_owned(), None)].into(),
        env: [("GUEST".to_owned(), None)].into(),
    }
}
