//! Directories that many threads make at once, and one that nobody can make.

use vt_harness::{Sandbox, Status};

/// From the inside out, as Node does it: whoever comes first to a directory makes it, and may be in between when
/// somebody else has found the one above missing.
const MANY: &str = r#"
import { mkdir, writeFile } from "node:fs/promises";

const folders = Array.from({ length: 40 }, (_, at) => `out/a${at % 4}/b/c${at % 8}/d/e${at}`);
await Promise.all(folders.map(async (folder) => {
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/f.txt`, folder);
}));
"#;

#[test]
fn directories_that_threads_make_at_once_are_results_like_others() {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({ "make": "node make.mjs" }));
    for round in 0..10 {
        sandbox.write("make.mjs", format!("// {round}\n{MANY}"));
        let outcome = sandbox.call("vt run make").run();
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Ran, "{}", outcome.said());
        assert!(step.stored, "round {round}: {:?}", step.not_stored);
        sandbox.remove("out");
        sandbox.call("vt run make").run().expect(Status::Hit);
        assert!(sandbox.path("out/a3/b/c7/d/e39/f.txt").is_file());
        sandbox.remove("out");
    }
}

#[test]
fn a_directory_that_could_not_be_made_counts_by_the_one_above() {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({
        "make": "mkdir a/b 2>/dev/null; cat a.txt; true",
    }));
    sandbox.call("vt run make").run().expect(Status::Ran);
    sandbox.call("vt run make").run().expect(Status::Hit);
    std::fs::create_dir(sandbox.path("a")).unwrap();
    let outcome = sandbox.call("vt run make").run();
    outcome.expect(Status::Ran);
    assert!(sandbox.path("a/b").is_dir(), "{}", outcome.said());
}
