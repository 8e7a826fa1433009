//! Which `vite.config.*` files are asked for their `run` block, and what becomes of the answers.

use std::fs;

use tempfile::TempDir;
use vt_base::AbsPath;
use vt_config::{Answer, ConfigErrors, Project, Scripts, load_with};

/// A workspace of these files.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Loads it, giving every file the same answer; also says which files were asked.
fn load(folder: &TempDir, answer: &Answer) -> (Result<Project, ConfigErrors>, Vec<String>) {
    let mut asked = Vec::new();
    let start = AbsPath::new(folder.path()).unwrap();
    let project = load_with(&start, &[], &mut |scripts: &Scripts| {
        let name = |script: &vt_config::Script| format!("{}:{}", script.directory, script.name);
        asked.extend(scripts.files.iter().map(name));
        vec![answer.clone(); scripts.files.len()]
    });
    (project, asked)
}

#[test]
fn only_files_that_may_have_a_block_and_come_first_are_asked() {
    let config = "export default { run: {} }";
    let folder = workspace(&[
        (
            "package.json",
            r#"{ "name": "root", "workspaces": ["p/*"] }"#,
        ),
        ("p/with/package.json", "{}"),
        ("p/with/vite.config.ts", config),
        ("p/json/package.json", "{}"),
        ("p/json/vite-task.json", "{}"),
        ("p/json/vite.config.ts", config),
        ("p/without/package.json", "{}"),
        (
            "p/without/vite.config.ts",
            "export default { rerun: runner }",
        ),
        (
            "p/plus/package.json",
            r#"{ "devDependencies": { "vite-plus": "1" } }"#,
        ),
        (
            "p/plus/vite.config.mts",
            "export { default } from \"../base\"",
        ),
        ("p/several/package.json", "{}"),
        ("p/several/vite.config.ts", config),
        ("p/several/vite.config.js", config),
    ]);
    let (project, asked) = load(&folder, &Ok("null".to_owned()));
    assert!(project.is_ok());
    let wanted = [
        "p/plus:vite.config.mts",
        "p/several:vite.config.js",
        "p/with:vite.config.ts",
    ];
    assert_eq!(asked, wanted);
}

#[test]
fn an_answer_is_a_configuration_and_its_mistakes_have_the_place_of_their_words() {
    let config = "// the run block\nexport default {\n  run: {\n    tasks: { build: command, lnit: {} },\n  },\n}";
    let folder = workspace(&[("package.json", "{}"), ("vite.config.ts", config)]);
    let answer = r#"{"tasks":{"build":"vite build"}}"#;
    let (project, _) = load(&folder, &Ok(answer.to_owned()));
    let project = project.unwrap();
    let task = &project.packages[0].tasks["build"];
    assert_eq!(task.command, ["vite build"]);
    assert_eq!(task.origin.file.to_string(), "vite.config.ts");
    assert_eq!(task.origin.position.line, 4);
    let answer = r#"{"tasks":{"build":"vite build","lnit":{}}}"#;
    let (project, _) = load(&folder, &Ok(answer.to_owned()));
    let errors = project.unwrap_err().to_string();
    assert!(
        errors.ends_with("vite.config.ts:4:30: task `lnit` has no `command`"),
        "{errors}"
    );
}

#[test]
fn what_cannot_be_asked_is_a_mistake_of_its_file_among_all_others() {
    let folder = workspace(&[
        ("package.json", r#"{ "workspaces": ["p/*"] }"#),
        ("vite.config.ts", "export default { run: {} }"),
        ("p/a/package.json", "{}"),
        ("p/a/vite-task.json", r#"{ "taks": {} }"#),
    ]);
    let (project, _) = load(&folder, &Err("no".to_owned()));
    let errors = project.unwrap_err();
    assert_eq!(errors.0.len(), 2, "{errors}");
    assert!(
        errors
            .to_string()
            .contains("vite.config.ts: its `run` block cannot be found out: no")
    );
}
