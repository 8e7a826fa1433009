//! Where rule plugins come from, how they are pinned, and what the lock refuses.

mod plugin_guest;

use std::os::unix::fs::symlink;

use plugin_guest::{Guest, configure, install_package, key_of, signature, workspace};
use serde_json::{Value, json};
use vt_harness::{Outcome, Sandbox, Status};

const TRACKS: Guest<'static> = Guest {
    id: "guest",
    version: "1.0.0",
    env: &[],
    says: &[("track-env", "GUEST_*")],
};
const TRACKS_MORE: Guest<'static> = Guest {
    version: "1.1.0",
    says: &[("track-env", "GUEST_*"), ("track-env", "MORE")],
    ..TRACKS
};

fn lock(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&sandbox.read("vt-plugins.lock")).unwrap()
}

#[track_caller]
fn refused(outcome: &Outcome, pieces: &[&str]) {
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    for piece in pieces {
        assert!(
            outcome.err().contains(piece),
            "no `{piece}` in {}",
            outcome.said()
        );
    }
    assert!(!outcome.out().contains("one"), "{}", outcome.said());
}

#[track_caller]
fn fine(outcome: &Outcome) {
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
}

#[test]
fn a_component_from_a_file_speaks_and_what_it_tracks_counts() {
    let sandbox = workspace(&["./tools/rules.wasm"]);
    sandbox.write("tools/rules.wasm", TRACKS.bytes());
    let outcome = sandbox.call("vt run go").env("GUEST_A", "1").run();
    let step = outcome.summary().only();
    assert!(step.stored, "{}", outcome.said());
    let said = step.directives[0].as_str().unwrap();
    let digest = TRACKS.digest();
    assert_eq!(
        said,
        format!("guest 1.0.0 ({}): track-env GUEST_*", &digest[..12])
    );
    let status = |value| {
        let outcome = sandbox.call("vt run go").env("GUEST_A", value).run();
        outcome.summary().only().status
    };
    assert_eq!(status("1"), Status::Hit);
    assert_eq!(status("2"), Status::Ran);
    let why = sandbox.call("vt why go").run();
    assert!(why.out().contains(said), "{}", why.said());
}

#[test]
fn a_component_from_a_package_is_found_by_the_key_of_its_manifest() {
    let sandbox = workspace(&["@acme/rules"]);
    install_package(&sandbox, "@acme/rules", "3.2.1", &TRACKS);
    let outcome = sandbox.call("vt run go").run();
    assert_eq!(
        outcome.summary().only().directives.len(),
        1,
        "{}",
        outcome.said()
    );
    let list = sandbox.call("vt plugin list").run();
    assert_eq!(
        list.out().trim(),
        "@acme/rules  1.0.0  npm @acme/rules@3.2.1  not pinned"
    );
    // As the package managers do it that keep one copy of everything.
    sandbox.write(
        "store/acme/package.json",
        sandbox.read("node_modules/@acme/rules/package.json"),
    );
    sandbox.write("store/acme/rules.wasm", TRACKS.bytes());
    sandbox.remove("node_modules/@acme/rules");
    symlink("../../store/acme", sandbox.path("node_modules/@acme/rules")).unwrap();
    fine(&sandbox.call("vt run go").run());
}

#[test]
fn what_cannot_be_read_is_named_with_its_place_and_nothing_runs() {
    let sandbox = workspace(&["./rules.wasm"]);
    let run = || sandbox.call("vt run go").run();
    refused(
        &run(),
        &["vite-task.json:3:5", "plugin `./rules.wasm`", "rules.wasm"],
    );
    sandbox.write("rules.wasm", "no component");
    refused(
        &run(),
        &["vite-task.json:3:5", "it is no WebAssembly component"],
    );
    let mut cut = TRACKS.bytes();
    cut.truncate(cut.len() / 2);
    sandbox.write("rules.wasm", cut);
    refused(&run(), &["vite-task.json:3:5", "cannot load plugin"]);
    // Ten times what is read of it: a file that large is never taken in whole.
    std::fs::File::create(sandbox.path("rules.wasm"))
        .and_then(|file| file.set_len(100 << 20))
        .unwrap();
    refused(&run(), &["rules.wasm is larger than"]);

    configure(&sandbox, &json!({ "plugins": ["@acme/rules"] }));
    refused(&run(), &["node_modules/@acme/rules", "is it installed?"]);
    sandbox.write("node_modules/@acme/rules/package.json", "{}");
    refused(&run(), &["has no `\"vt\": { \"plugin\""]);
    let out = json!({ "vt": { "plugin": "../../../tools/rules.wasm" } });
    sandbox.write("node_modules/@acme/rules/package.json", out.to_string());
    sandbox.write("tools/rules.wasm", TRACKS.bytes());
    refused(&run(), &["leads out of", "@acme/rules"]);
}

#[test]
fn a_link_to_a_file_outside_is_no_plugin() {
    let sandbox = workspace(&["./rules.wasm"]);
    std::fs::write(sandbox.home().join("rules.wasm"), TRACKS.bytes()).unwrap();
    symlink(
        sandbox.home().join("rules.wasm"),
        sandbox.path("rules.wasm"),
    )
    .unwrap();
    refused(&sandbox.call("vt run go").run(), &["leads out of"]);
}

#[test]
fn two_components_of_one_id_are_refused() {
    let sandbox = workspace(&["./a.wasm", "./b.wasm"]);
    sandbox.write("a.wasm", TRACKS.bytes());
    sandbox.write("b.wasm", TRACKS_MORE.bytes());
    refused(
        &sandbox.call("vt run go").run(),
        &[
            "vite-task.json:4:5",
            "`./a.wasm` and `./b.wasm` both call themselves `guest`",
        ],
    );
}

#[test]
fn the_lock_says_all_about_a_component_in_the_order_of_names() {
    let sandbox = workspace(&["vitest", "./z.wasm", "@acme/rules"]);
    let other = Guest {
        id: "other",
        env: &["B", "A"],
        ..TRACKS
    };
    sandbox.write("z.wasm", other.bytes());
    install_package(&sandbox, "@acme/rules", "3.2.1", &TRACKS);
    let component = TRACKS.bytes();
    sandbox.write(
        "node_modules/@acme/rules/rules.wasm.sig",
        signature(1, &component),
    );
    let added = sandbox.call("vt plugin add").run();
    fine(&added);
    let text = String::from_utf8(sandbox.read("vt-plugins.lock")).unwrap();
    let expected = json!({
        "lockVersion": 1,
        "plugins": {
            "./z.wasm": {
                "source": "file", "id": "other", "version": "1.0.0", "sha256": other.digest(),
                "capabilities": { "programs": ["vtt"], "dependencies": [], "files": [], "env": ["A", "B"] },
            },
            "@acme/rules": {
                "source": "npm", "id": "guest", "version": "1.0.0", "packageVersion": "3.2.1",
                "sha256": TRACKS.digest(), "publisher": key_of(1),
                "capabilities": { "programs": ["vtt"], "dependencies": [], "files": [], "env": [] },
            },
        },
    });
    assert_eq!(lock(&sandbox), expected);
    assert!(text.find("./z.wasm") < text.find("@acme/rules"), "{text}");
    // Nothing changed, nothing is written differently.
    fine(&sandbox.call("vt plugin update").run());
    assert_eq!(
        String::from_utf8(sandbox.read("vt-plugins.lock")).unwrap(),
        text
    );
    fine(&sandbox.call("vt run go").run());
}

#[test]
fn a_swapped_component_is_refused_until_it_is_accepted() {
    let sandbox = workspace(&["./rules.wasm"]);
    sandbox.write("rules.wasm", TRACKS.bytes());
    fine(&sandbox.call("vt plugin add ./rules.wasm").run());
    fine(&sandbox.call("vt run go").run());
    sandbox.write("rules.wasm", TRACKS_MORE.bytes());
    let (old, new) = (TRACKS.digest(), TRACKS_MORE.digest());
    refused(
        &sandbox.call("vt run go").run(),
        &[
            "`./rules.wasm` has changed",
            &old,
            &new,
            "vt plugin update ./rules.wasm",
        ],
    );
    refused(&sandbox.call("vt run --dry-run go").run(), &["has changed"]);
    // `add` is for what is new: it would accept a change by the way.
    let again = sandbox.call("vt plugin add ./rules.wasm").run();
    refused(&again, &["has changed", "vt plugin update ./rules.wasm"]);
    let inspected = sandbox.call("vt plugin inspect ./rules.wasm").run();
    assert!(
        inspected.out().contains("lock: not as it is pinned"),
        "{}",
        inspected.said()
    );
    let updated = sandbox.call("vt plugin update ./rules.wasm").run();
    fine(&updated);
    for piece in [&old, &new] {
        assert!(updated.out().contains(piece.as_str()), "{}", updated.said());
    }
    fine(&sandbox.call("vt run go").run());
}

#[test]
fn a_changed_lock_is_no_way_around_it() {
    let sandbox = workspace(&["./rules.wasm"]);
    sandbox.write("rules.wasm", TRACKS.bytes());
    fine(&sandbox.call("vt plugin add").run());
    let good = lock(&sandbox);
    let run_with = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        sandbox.write("vt-plugins.lock", changed.to_string());
        sandbox.call("vt run go").run()
    };
    let pin = "/plugins/.~1rules.wasm";
    let with = |key: &'static str, value: Value| {
        move |lock: &mut Value| lock.pointer_mut(pin).unwrap()[key] = value.clone()
    };
    refused(
        &run_with(&with("sha256", json!("00".repeat(32)))),
        &["has changed"],
    );
    refused(
        &run_with(&with("sha256", json!("x"))),
        &["vt-plugins.lock", "is no digest"],
    );
    refused(
        &run_with(&with("version", json!("9.9.9"))),
        &["something else", "`version`"],
    );
    refused(
        &run_with(&with("source", json!("npm"))),
        &["something else", "`source`"],
    );
    let more = json!({ "programs": [], "dependencies": [], "files": [], "env": ["SECRET"] });
    refused(
        &run_with(&with("capabilities", more)),
        &["something else", "`capabilities`"],
    );
    refused(
        &run_with(&with("publisher", json!(key_of(1)))),
        &["signed by", "nobody"],
    );
    refused(
        &run_with(&with("trusted", json!(true))),
        &["vt-plugins.lock", "unknown field"],
    );
    refused(
        &run_with(&|lock| lock["lockVersion"] = json!(2)),
        &["lockVersion"],
    );
    sandbox.write("vt-plugins.lock", "<<<<<<< HEAD\n");
    refused(
        &sandbox.call("vt run go").run(),
        &["vt-plugins.lock", "vt plugin add"],
    );
    // What is broken is not overwritten in passing.
    refused(
        &sandbox.call("vt plugin update").run(),
        &["vt-plugins.lock"],
    );
    assert_eq!(sandbox.read("vt-plugins.lock"), b"<<<<<<< HEAD\n");
}

#[test]
fn a_ci_service_uses_pinned_components_only_and_writes_no_lock() {
    let sandbox = workspace(&["vitest", "./rules.wasm"]);
    sandbox.write("rules.wasm", TRACKS.bytes());
    let on_ci = |line| sandbox.call(line).env("CI", "true").run();
    refused(
        &on_ci("vt run go"),
        &["`./rules.wasm` is not pinned", "vt plugin add ./rules.wasm"],
    );
    refused(&on_ci("vt plugin add"), &["frozen"]);
    assert!(!sandbox.path("vt-plugins.lock").exists());
    fine(&sandbox.call("vt plugin add").run());
    fine(&on_ci("vt run go"));
}

#[test]
fn a_signature_once_pinned_cannot_be_dropped_or_replaced_in_passing() {
    let sandbox = workspace(&["./rules.wasm"]);
    let component = TRACKS.bytes();
    sandbox.write("rules.wasm", &component);
    sandbox.write("rules.wasm.sig", signature(1, &component));
    fine(&sandbox.call("vt plugin add").run());
    let run = || sandbox.call("vt run go").run();
    fine(&run());

    // The signature of another component, and one that is none.
    sandbox.write("rules.wasm.sig", signature(1, &TRACKS_MORE.bytes()));
    refused(
        &run(),
        &[
            "a signature that proves nothing",
            "it does not fit the component",
        ],
    );
    sandbox.write("rules.wasm.sig", "signed, the publisher");
    refused(&run(), &["a signature that proves nothing"]);

    sandbox.remove("rules.wasm.sig");
    for signature in [None, Some(signature(2, &component))] {
        if let Some(text) = signature {
            sandbox.write("rules.wasm.sig", text);
        }
        refused(&run(), &[&key_of(1), "--new-publisher"]);
        let updated = sandbox.call("vt plugin update ./rules.wasm").run();
        refused(&updated, &["--new-publisher"]);
    }
    let accepted = sandbox
        .call("vt plugin update --new-publisher ./rules.wasm")
        .run();
    fine(&accepted);
    assert_eq!(
        lock(&sandbox)["plugins"]["./rules.wasm"]["publisher"],
        json!(key_of(2))
    );
    fine(&run());
}

#[test]
fn a_component_that_is_no_longer_named_leaves_the_lock() {
    let sandbox = workspace(&["./rules.wasm"]);
    sandbox.write("rules.wasm", TRACKS.bytes());
    fine(&sandbox.call("vt plugin add").run());
    configure(&sandbox, &json!({ "plugins": ["vitest"] }));
    let updated = sandbox.call("vt plugin update").run();
    fine(&updated);
    assert_eq!(lock(&sandbox)["plugins"], json!({}), "{}", updated.said());
    refused(
        &sandbox.call("vt plugin add vitest").run(),
        &["vitest", "travels with vt"],
    );
    refused(
        &sandbox.call("vt plugin update ./rules.wasm").run(),
        &["`./rules.wasm`", "`plugins`"],
    );
}
