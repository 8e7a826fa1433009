//! Cutting a command into steps must not change what it does: plans are held to a real shell.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use proptest::prelude::*;
use tempfile::TempDir;
use vt_base::{AbsPath, Program, RelPath};
use vt_config::load;
use vt_plan::{Plan, Request, Scope, TaskTarget, plan};

/// Where the package lies in its temporary directory: so deep that no `cd ..` leads out of it.
const PACKAGE: &str = "1/2/3/4/5/6/7/8";

/// A package whose only script is a command, and the plan for running it.
fn planned(command: &str, args: &[String]) -> (TempDir, Plan) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join(PACKAGE);
    fs::create_dir_all(root.join("sub")).unwrap();
    let manifest = serde_json::json!({ "scripts": { "task": command } });
    fs::write(root.join("package.json"), manifest.to_string()).unwrap();
    let project = load(&AbsPath::new(root).unwrap(), &[]).unwrap();
    let request = Request {
        args: args.to_vec(),
        ..Request::new(TaskTarget::parse("task"), Scope::Package(RelPath::root()))
    };
    let plan = plan(&project, &request).unwrap();
    (directory, plan)
}

fn run(command: &mut Command, directory: &Path) -> std::io::Result<Output> {
    command
        .env_remove("A")
        .env_remove("B")
        .env("PWD", directory);
    command.current_dir(directory).output()
}

fn shell(text: &str, directory: &Path) -> std::io::Result<Output> {
    run(Command::new("sh").arg("-c").arg(text), directory)
}

/// What a run has printed, whether it succeeded and which files it left.
type Outcome = (String, bool, Vec<String>);

fn outcome(printed: &[u8], success: bool, base: &Path) -> Outcome {
    let (mut files, mut open) = (Vec::new(), vec![base.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            files.push(path.strip_prefix(base).unwrap().display().to_string());
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    files.sort();
    // Two runs are compared that have a directory each.
    let printed = String::from_utf8_lossy(printed).replace(&base.display().to_string(), "BASE");
    (printed, success, files)
}

/// Runs a plan step by step, as far as the steps succeed.
fn run_plan(plan: &Plan, base: &Path) -> Outcome {
    let root = AbsPath::new(base.join(PACKAGE)).unwrap();
    let (mut printed, mut success) = (Vec::new(), true);
    for step in &plan.steps {
        let invocation = &step.invocation;
        let directory = root.join_rel(&invocation.directory);
        let directory = directory.as_path();
        let output = match &invocation.program {
            Program::Shell(text) => shell(text, directory),
            Program::Direct(program) => {
                // The variables are removed first, so prefixes come by way of `env`.
                let mut command = Command::new("env");
                let prefix = invocation.env_prefix.iter();
                command.args(prefix.map(|(name, value)| format!("{name}={value}")));
                run(command.arg(program).args(&invocation.args), directory)
            }
        };
        success = output.as_ref().is_ok_and(|output| output.status.success());
        printed.extend(output.map(|output| output.stdout).unwrap_or_default());
        if !success {
            break;
        }
    }
    outcome(&printed, success, base)
}

const COMMANDS: [&str; 30] = [
    "/bin/echo 'a  b' c",
    "A=1 printenv A",
    "A='x y' B= /usr/bin/printenv A",
    "printenv A",
    "/bin/pwd",
    "cd sub",
    "cd ..",
    "cd nowhere",
    "cd .. && cd sub",
    "export A=2",
    "A=3",
    "/bin/echo $A \"$PWD\"",
    "/bin/echo *",
    "(cd sub && /bin/pwd)",
    "{ /bin/echo x; }",
    "if test -f x; then echo yes; fi",
    "! test -f x",
    "false",
    "true",
    "touch x",
    "rm -f x",
    "cp x y",
    "/bin/echo a | tr a b",
    "exit 0",
    "A=$(/bin/echo 4)",
    "A=`/bin/echo 5`",
    "A=$((2 + 4))",
    ": ${A:=7}",
    "export A && printenv A",
    "command cd sub",
];

fn command() -> impl Strategy<Value = String> {
    let joints = prop::sample::select(vec![" && ", " && ", " && ", "&&", " ; ", " || "]);
    let piece = (prop::sample::select(COMMANDS.to_vec()), joints);
    prop::collection::vec(piece, 1..6).prop_map(|pieces| {
        let mut text = String::new();
        for (index, (command, joint)) in pieces.iter().enumerate() {
            if index > 0 {
                text.push_str(joint);
            }
            text.push_str(command);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_does_what_the_shell_does(command in command()) {
        let (whole, plan) = planned(&command, &[]);
        let (cut, _) = planned(&command, &[]);
        let base = |directory: &TempDir| fs::canonicalize(directory.path()).unwrap();
        let (whole_base, cut_base) = (base(&whole), base(&cut));
        let output = shell(&command, &whole_base.join(PACKAGE)).unwrap();
        let wanted = outcome(&output.stdout, output.status.success(), &whole_base);
        let found = run_plan(&plan, &cut_base);
        prop_assert_eq!(found, wanted, "{:#?}", plan);
    }

    #[test]
    fn direct_words_are_those_of_the_shell(text in "[a-c \"'\\\\$~=#!*?\\[\\]{}:é|&;<>()]{0,12}") {
        let (directory, plan) = planned(&format!("tool x{text}"), &[]);
        if let [step] = &plan.steps[..]
            && step.invocation.program == Program::Direct("tool".to_owned())
        {
            let script = format!("tool() {{ printf '%s\\0' \"$@\"; }}; tool x{text}");
            let output = shell(&script, directory.path()).unwrap();
            let mut wanted = step.invocation.args.join("\0");
            wanted.push('\0');
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted);
        }
    }

    #[test]
    fn arguments_survive_the_shell(args in prop::collection::vec("[ -~é\n]{0,12}", 1..4)) {
        let (_directory, plan) = planned("tool", &args);
        prop_assert_eq!(&plan.steps[0].invocation.args, &args);
        let (directory, plan) = planned("true | printf '%s\\0'", &args);
        let Program::Shell(text) = &plan.steps[0].invocation.program else { panic!() };
        let output = shell(text, directory.path()).unwrap();
        let wanted = args.join("\0") + "\0";
        prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted);
    }
}
