//! The `run` block of `vite.config.*`: read by the Vite of the application, and by no Node at all as long as nothing that
//! it was made from changes.

use vt_harness::{Outcome, Sandbox, Watched, install};
use vt_suites::example;

const CONFIG: &str = r#"import { defineConfig } from "vite";
import { word } from "./word";

console.log("a configuration may talk");

export default defineConfig(({ command }) => ({
  run: {
    tasks: {
      say: `vtt print ${word}`,
      both: ["vtt print one", "vtt print two"],
      last: { command: `vtt print ${command}`, dependsOn: ["say"], cache: false },
    },
  },
}));
"#;

/// An application with a real Vite and tasks in its configuration.
fn application() -> Sandbox {
    let sandbox = Sandbox::copy_of(&example("vite-app"));
    install(&sandbox);
    sandbox.remove("vite-task.json");
    sandbox.write("package.json", r#"{ "name": "app", "type": "module" }"#);
    sandbox.write("vite.config.ts", CONFIG);
    sandbox.write("word.ts", "export const word: string = \"fjord\";\n");
    sandbox
}

fn list(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt list").watched(Watched::ForProcesses).run()
}

#[test]
fn tasks_come_from_vite_config_and_a_second_look_starts_nothing() {
    let sandbox = application();
    let first = list(&sandbox);
    assert_eq!(first.exit_code, 0, "{}", first.said());
    let tasks =
        "both: vtt print one && vtt print two\nlast: vtt print build\nsay: vtt print fjord\n";
    assert_eq!(first.out(), tasks);
    assert_ne!(first.processes, Some(Vec::new()));
    let second = list(&sandbox);
    assert_eq!(second.out(), tasks);
    assert_eq!(second.processes, Some(Vec::new()));
    let run = sandbox.call("vt run last").run();
    assert_eq!(run.out(), "fjord\nbuild\n", "{}", run.said());
}

#[test]
fn what_the_configuration_imports_is_an_input_of_it() {
    let sandbox = application();
    assert!(list(&sandbox).out().contains("say: vtt print fjord"));
    sandbox.write("word.ts", "export const word: string = \"fell\";\n");
    let again = list(&sandbox);
    assert!(
        again.out().contains("say: vtt print fell"),
        "{}",
        again.said()
    );
    // What was there before is remembered as well.
    sandbox.write("word.ts", "export const word: string = \"fjord\";\n");
    let back = list(&sandbox);
    assert!(
        back.out().contains("say: vtt print fjord"),
        "{}",
        back.said()
    );
    assert_eq!(back.processes, Some(Vec::new()));
}

#[test]
fn a_json_file_comes_first_and_a_configuration_without_the_block_is_not_asked() {
    let sandbox = application();
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "other": "vtt print x" } }"#,
    );
    let first = list(&sandbox);
    assert_eq!(first.out(), "other: vtt print x\n", "{}", first.said());
    assert_eq!(first.processes, Some(Vec::new()));
    sandbox.remove("vite-task.json");
    sandbox.write("vite.config.ts", "throw new Error(\"not now\");\n");
    let second = list(&sandbox);
    assert_eq!(
        (second.exit_code, second.out()),
        (0, String::new()),
        "{}",
        second.said()
    );
    assert_eq!(second.processes, Some(Vec::new()));
}

#[test]
fn a_mistake_in_the_block_is_told_with_its_place() {
    let sandbox = application();
    let config = CONFIG.replace("cache: false", "cach: false");
    sandbox.write("vite.config.ts", config);
    let outcome = list(&sandbox);
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    let place = "vite.config.ts:11:";
    assert!(outcome.err().contains(place), "{}", outcome.said());
    let told = "unknown key `cach` in task `last`\nhint: did you mean `cache`?\n";
    assert!(outcome.err().ends_with(told), "{}", outcome.said());
}

#[test]
fn a_configuration_that_fails_is_an_error_with_its_file() {
    let sandbox = application();
    sandbox.write(
        "word.ts",
        "throw new Error(\"no word today\");\nexport const word = \"\";\n",
    );
    let outcome = sandbox.call("vt run say").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    let told = "vite.config.ts: its `run` block cannot be found out: no word today\n";
    assert!(outcome.err().ends_with(told), "{}", outcome.said());
}

#[test]
fn without_node_it_is_said_that_there_is_none() {
    let sandbox = application();
    let vtt = sandbox.binaries().vtt().parent().unwrap().to_owned();
    let outcome = sandbox.call("vt list").env("PATH", vtt).run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(
        outcome.err().contains("vite.config.ts"),
        "{}",
        outcome.said()
    );
    assert!(outcome.err().contains("`node`"), "{}", outcome.said());
}

#[test]
fn without_vite_node_itself_reads_the_file() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "plain" }"#);
    let config = "export default { run: { tasks: { say: \"vtt print plain\" } } };\n";
    sandbox.write("vite.config.mjs", config);
    assert_eq!(list(&sandbox).out(), "say: vtt print plain\n");
    assert_eq!(list(&sandbox).processes, Some(Vec::new()));
}
