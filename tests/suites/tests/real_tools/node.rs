//! Node's cache of compiled modules, which a script reads and then adds to.

use crate::six_steps::{
    Script, append, by_hand_with, counts, hit, ran, rarer, run, run_with, six_steps,
    six_steps_of_remembering,
};

fn script(name: &str) -> Script<'_> {
    Script {
        name,
        outputs: &["dist"],
        edit: ("src/size.js", "// Compiled again.\n"),
        says: "of 8 bytes",
    }
}

#[test]
fn node_with_its_cache_of_compiled_modules() {
    let Some(sandbox) = rarer("node-24") else {
        return;
    };
    six_steps_of_remembering(&sandbox, &script("beside"));
    sandbox.remove("dist");
    for name in ["private", "enabled"] {
        six_steps(&sandbox, &script(name));
        counts(
            &sandbox,
            name,
            "NODE_OPTIONS",
            ["--no-warnings", "--no-deprecation"],
        );
        sandbox.remove("dist");
    }
    assert!(sandbox.path("node_modules/.cache/node").is_dir());
}

/// A hit does not mind who used the cache. What a run reads that somebody else left in it is an input until it is removed
/// once, unless it lies where caches of tools lie.
#[test]
fn node_with_a_cache_of_compiled_modules_that_others_use_too() {
    let Some(sandbox) = rarer("node-24") else {
        return;
    };
    for (name, cache, is_stored) in [
        ("private", "node_modules/.cache/node", true),
        ("beside", ".compiled", false),
    ] {
        by_hand_with(
            &sandbox,
            "node src/size.js",
            &[("NODE_COMPILE_CACHE", cache)],
        );
        sandbox.remove("dist");
        ran(&run(&sandbox, name), &["first-run"]);
        append(&sandbox, "src/size.js", "// Compiled again.\n");
        let outcome = run(&sandbox, name);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert_eq!(
            outcome.summary().only().stored,
            is_stored,
            "{}",
            outcome.said()
        );
        sandbox.remove(cache);
        sandbox.remove("dist");
        if is_stored {
            hit(&run(&sandbox, name));
        } else {
            assert!(run(&sandbox, name).summary().only().stored);
        }
        append(&sandbox, "src/size.js", "// And again.\n");
        ran(&run(&sandbox, name), &["input-modified src/size.js"]);
        hit(&run(&sandbox, name));
        by_hand_with(
            &sandbox,
            "node src/size.js",
            &[("NODE_COMPILE_CACHE", cache)],
        );
        hit(&run(&sandbox, name));
        sandbox.remove("dist");
    }
}

/// A cached step sees no `NODE_COMPILE_CACHE` that is not declared; one that is declared counts, and may lead anywhere.
#[test]
fn node_with_a_cache_of_compiled_modules_where_a_variable_says() {
    let Some(sandbox) = rarer("node-24") else {
        return;
    };
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "placed": { "command": "node src/size.js", "env": ["NODE_COMPILE_CACHE"] } } }"#,
    );
    let placed = |place: &str| run_with(&sandbox, "placed", &[("NODE_COMPILE_CACHE", place)]);
    ran(&run(&sandbox, "placed"), &["first-run"]);
    ran(&placed(".one"), &["env-added NODE_COMPILE_CACHE"]);
    assert!(sandbox.path(".one").is_dir());
    ran(&placed(".two"), &["env-changed NODE_COMPILE_CACHE"]);
    hit(&placed(".one"));
    append(&sandbox, "src/size.js", "// Compiled again.\n");
    ran(&placed(".one"), &["input-modified src/size.js"]);
    hit(&placed(".one"));
}
