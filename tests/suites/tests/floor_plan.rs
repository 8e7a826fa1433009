//! The architecture as a test: who may depend on whom, who alone may use which library, and where `unsafe` may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use vt_suites::repository;

/// Crate, folder, and the crates of ours it may depend on. An arrow that is not here does not exist.
const FLOORS: &[(&str, &str, &[&str])] = &[
    ("vt-base", "host/base", &[]),
    ("vt-config", "host/config", &["vt-base"]),
    ("vt-plan", "host/plan", &["vt-base", "vt-config"]),
    ("vt-fingerprint", "host/fingerprint", &["vt-base"]),
    ("vt-store", "host/store", &["vt-base"]),
    ("vt-precompiled", "host/precompiled", &["vt-base"]),
    ("vt-rules", "host/rules", &["vt-base", "vt-precompiled"]),
    ("vt-ipc", "host/ipc", &["vt-base", "vt-protocol"]),
    (
        "vt-run",
        "host/run",
        &[
            "vt-base",
            "vt-config",
            "vt-plan",
            "vt-fingerprint",
            "vt-store",
            "vt-rules",
            "vt-ipc",
            "vt-tracker",
        ],
    ),
    (
        "vt",
        "host/cli",
        &[
            "vt-base",
            "vt-config",
            "vt-plan",
            "vt-rules",
            "vt-run",
            "vt-store",
            "vt-client",
            "vt-plugin",
        ],
    ),
    ("vt-tracker-abi", "tracker/abi", &[]),
    ("vt-tracker-model", "tracker/model", &["vt-tracker-abi"]),
    ("vt-tracker-preload", "tracker/preload", &["vt-tracker-abi"]),
    (
        "vt-tracker-supervisor",
        "tracker/supervisor",
        &["vt-tracker-abi"],
    ),
    (
        "vt-tracker",
        "tracker/api",
        &[
            "vt-tracker-abi",
            "vt-tracker-model",
            "vt-tracker-supervisor",
        ],
    ),
    (
        "vt-tracker-conformance",
        "tracker/conformance",
        &["vt-tracker", "vt-tracker-supervisor"],
    ),
    ("vt-protocol", "sdk-rust/protocol", &[]),
    ("vt-client", "sdk-rust/client", &["vt-protocol"]),
    ("vt-plugin", "sdk-rust/plugin", &[]),
    ("vt-node-client", "sdk-js/native", &["vt-client"]),
    ("vt-harness", "tests/harness", &[]),
    ("vtt", "tests/vtt", &[]),
    ("vt-suites", "tests/suites", &[]),
];

/// What a crate of ours needs besides in its tests, where the table above does not allow it.
const FOR_TESTS: &[(&str, &[&str])] = &[
    ("vt-ipc", &["vt-client"]),
    ("vt-rules", &["vt-plugin"]),
    (
        "vt-suites",
        &[
            "vt-base",
            "vt-harness",
            "vt-store",
            "vt-tracker-conformance",
        ],
    ),
];

/// Libraries that only these crates may know.
const SOLE_USERS: &[(&str, &[&str])] = &[
    ("redb", &["vt-store"]),
    ("tar", &["vt-store"]),
    ("zstd", &["vt-store"]),
    ("wasmtime", &["vt-rules", "vt-precompiled"]),
    ("wasmtime-wasi", &["vt-rules"]),
    ("clap", &["vt"]),
    ("anstream", &["vt"]),
    // `vt-run` reads and writes colours of what steps said, never of its own.
    ("anstyle", &["vt", "vt-run"]),
    ("vte", &["vt-run"]),
    ("interprocess", &["vt-ipc", "vt-client"]),
    ("wit-bindgen", &["vt-plugin"]),
    ("napi-sys", &["vt-node-client"]),
    ("jsonc-parser", &["vt-config"]),
    ("serde_norway", &["vt-config"]),
];

/// Where `unsafe` may be: inside other people's processes, and where Node wants it.
/// Besides the tracker: what N-API needs, the bindings that a rule component is made with, and the
/// loading of compiled code whose seal was checked.
const UNSAFE: &[&str] = &[
    "tracker/",
    "sdk-js/native",
    "sdk-rust/plugin",
    "host/precompiled",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(repository().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

fn members(metadata: &Metadata) -> BTreeMap<String, &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| (package.name.to_string(), package))
        .collect()
}

/// Names of what a crate depends on, but for tests and benches.
fn dependencies(package: &Package, of_tests: DependenciesOf) -> BTreeSet<String> {
    let wanted = |kind: DependencyKind| {
        (kind == DependencyKind::Development) == (of_tests == DependenciesOf::Tests)
    };
    package
        .dependencies
        .iter()
        .filter(|edge| wanted(edge.kind))
        .map(|edge| edge.name.clone())
        .collect()
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum DependenciesOf {
    Code,
    Tests,
}

#[test]
fn every_crate_is_on_the_plan_at_its_place() {
    let metadata = metadata();
    let members = members(&metadata);
    let planned: BTreeSet<&str> = FLOORS.iter().map(|(name, _, _)| *name).collect();
    let present: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(
        present, planned,
        "present on the left, planned on the right"
    );
    for (name, folder, _) in FLOORS {
        let manifest = members[*name].manifest_path.as_std_path();
        assert_eq!(
            manifest,
            repository().join(folder).join("Cargo.toml"),
            "{name}"
        );
    }
}

#[test]
fn no_arrow_goes_where_the_plan_has_none() {
    let metadata = metadata();
    let members = members(&metadata);
    for (name, _, allowed) in FLOORS {
        let in_tests = FOR_TESTS
            .iter()
            .find(|(of, _)| of == name)
            .map_or(&[][..], |(_, more)| more);
        for of in [DependenciesOf::Code, DependenciesOf::Tests] {
            let ours = dependencies(members[*name], of)
                .into_iter()
                .filter(|edge| members.contains_key(edge));
            for edge in ours {
                let fine = allowed.contains(&edge.as_str())
                    || (of == DependenciesOf::Tests && in_tests.contains(&edge.as_str()));
                assert!(fine, "`{name}` must not depend on `{edge}`");
            }
        }
    }
}

#[test]
fn libraries_with_a_sole_user_have_no_other() {
    let metadata = metadata();
    for (library, users) in SOLE_USERS {
        for (name, package) in members(&metadata) {
            let uses = [DependenciesOf::Code, DependenciesOf::Tests]
                .iter()
                .any(|of| dependencies(package, *of).contains(*library));
            assert!(
                !uses || users.contains(&name.as_str()),
                "`{name}` must not use `{library}`"
            );
        }
    }
}

#[test]
fn unsafe_is_forbidden_in_every_crate_but_the_few_that_need_it() {
    for (name, folder, _) in FLOORS {
        if UNSAFE.iter().any(|place| folder.starts_with(place)) {
            continue;
        }
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| repository().join(folder).join(root));
        let texts: Vec<String> = roots
            .iter()
            .filter_map(|root| fs::read_to_string(root).ok())
            .collect();
        assert!(!texts.is_empty(), "{name}: no crate root in {folder}");
        for text in texts {
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "`{name}` does not forbid unsafe code"
            );
        }
    }
}

#[test]
fn the_tracker_has_never_heard_of_the_host() {
    let metadata = metadata();
    let members = members(&metadata);
    for (name, _, _) in FLOORS
        .iter()
        .filter(|(_, folder, _)| folder.starts_with("tracker/"))
    {
        for of in [DependenciesOf::Code, DependenciesOf::Tests] {
            for edge in dependencies(members[*name], of) {
                let host = FLOORS
                    .iter()
                    .any(|(other, folder, _)| *other == edge && folder.starts_with("host/"));
                assert!(!host, "`{name}` depends on `{edge}`");
            }
        }
    }
}
