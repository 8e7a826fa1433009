//! Every mode of Vite: ways to read its configuration, several environments and folders of output, servers, and the
//! folder of optimized dependencies, also where it was moved to.

use crate::six_steps::{
    Script, append, by_hand, contents, hit, package, ran, run, run_with, six_steps,
};

/// Takes a script that builds through the six steps.
#[track_caller]
fn builds(name: &str, outputs: &[&str]) {
    six_steps(
        &package("vite"),
        &Script {
            name,
            outputs,
            edit: ("src/greeting.js", "globalThis.more = 1;\n"),
            says: "built in",
        },
    );
}

#[test]
fn a_build() {
    builds("build", &["dist"]);
}

#[test]
fn a_build_whose_configuration_node_itself_loads() {
    builds("native", &["dist"]);
}

#[test]
fn a_build_whose_configuration_the_module_runner_loads() {
    builds("runner", &["dist"]);
}

#[test]
fn a_build_of_several_environments() {
    builds("app", &["out/client", "out/server"]);
}

#[test]
fn a_build_with_several_folders_of_output() {
    builds("twice", &["out/modules", "out/common"]);
}

/// The configuration that a mode names is an input in each way to load it, and so is what it imports.
#[test]
fn a_configuration_is_an_input_however_it_is_loaded() {
    for name in ["build", "native", "runner"] {
        let sandbox = package("vite");
        sandbox.write("configs/shared.js", "export const flavour = \"sweet\";\n");
        sandbox.write(
            "vite.config.js",
            "import { flavour } from \"./configs/shared.js\";\n\
             export default { define: { __FLAVOUR__: JSON.stringify(flavour) } };\n",
        );
        ran(&run(&sandbox, name), &["first-run"]);
        assert!(contents(&sandbox, &["dist"])[0].mentions("sweet"));
        sandbox.write("configs/shared.js", "export const flavour = \"bitter\";\n");
        ran(&run(&sandbox, name), &["input-modified configs/shared.js"]);
        assert!(contents(&sandbox, &["dist"])[0].mentions("bitter"));
        hit(&run(&sandbox, name));
    }
}

/// A build of one environment less clears the directories of those that are left, and no other one.
#[test]
fn outputs_of_an_environment_that_is_gone_stay_where_vite_leaves_them() {
    let sandbox = package("vite");
    let config = String::from_utf8(sandbox.read("configs/environments.js")).unwrap();
    let server = "    ssr: { build: { outDir: \"out/server\", ssr: \"src/server.js\" } },\n";
    sandbox.write("configs/environments.js", config.replace(server, ""));
    ran(&run(&sandbox, "app"), &["first-run"]);
    assert!(!sandbox.path("out/server").exists());
    sandbox.write("configs/environments.js", &config);
    ran(
        &run(&sandbox, "app"),
        &["input-modified configs/environments.js"],
    );
    assert!(sandbox.path("out/server").is_dir());
    sandbox.write("configs/environments.js", config.replace(server, ""));
    // Nothing shows yet whether it would.
    ran(
        &run(&sandbox, "app"),
        &[
            "output-differs out/server/robots.txt",
            "output-differs out/server/server.js",
        ],
    );
    assert!(sandbox.path("out/server").is_dir());
    assert!(sandbox.path("out/client").is_dir());
    hit(&run(&sandbox, "app"));
    sandbox.write("configs/environments.js", &config);
    hit(&run(&sandbox, "app"));
    assert!(sandbox.path("out/server").is_dir());
}

#[test]
fn a_server_is_never_stored() {
    let sandbox = package("vite");
    ran(&run(&sandbox, "build"), &["first-run"]);
    for name in ["serve", "dev", "preview"] {
        for _ in ["first", "second"] {
            let outcome = run(&sandbox, name);
            assert_eq!(outcome.exit_code, 0, "{name}: {}", outcome.said());
            assert!(outcome.out().contains("it listens"), "{}", outcome.said());
            assert_eq!(
                outcome.not_stored(),
                ["opted-out"],
                "{name}: {}",
                outcome.said()
            );
        }
    }
    // What the servers wrote is nothing to the build.
    hit(&run(&sandbox, "build"));
}

/// Vite says that the folder is no output of any step: a hit neither needs it nor brings it back, and whoever needs it
/// makes it again.
#[track_caller]
fn optimizes(name: &str, folder: &str, config: &str) {
    let sandbox = package("vite");
    six_steps(
        &sandbox,
        &Script {
            name,
            outputs: &[],
            edit: (config, "// More.\n"),
            says: "",
        },
    );
    assert!(sandbox.path(folder).join("_metadata.json").is_file());
    sandbox.remove(folder);
    hit(&run(&sandbox, name));
    by_hand(&sandbox, "vite optimize --force");
    hit(&run(&sandbox, name));
}

#[test]
fn optimized_dependencies_are_nobody_s_output() {
    optimizes("optimize", "node_modules/.vite/deps", "vite.config.js");
}

#[test]
fn optimized_dependencies_that_were_moved_are_nobody_s_output_either() {
    optimizes("moved", "state/vite/deps", "configs/moved.js");
}

/// They list the folder in which each of them makes one, so it takes a second round until all of it is there.
#[test]
fn a_build_does_not_mind_what_was_optimized() {
    let sandbox = package("vite");
    for name in ["build", "optimize", "moved"] {
        ran(&run(&sandbox, name), &["first-run"]);
    }
    for name in ["build", "optimize", "moved"] {
        assert_eq!(run(&sandbox, name).exit_code, 0);
    }
    for name in ["build", "optimize", "moved"] {
        hit(&run(&sandbox, name));
    }
    append(&sandbox, "src/greeting.js", "globalThis.more = 1;\n");
    ran(&run(&sandbox, "build"), &["input-modified src/greeting.js"]);
    hit(&run(&sandbox, "optimize"));
    ran(
        &run_with(&sandbox, "optimize", &[("VITE_NEW", "x")]),
        &["env-added VITE_NEW"],
    );
    hit(&run(&sandbox, "build"));
}
