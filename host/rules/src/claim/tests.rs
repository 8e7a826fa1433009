//! Which tool is behind a command, and who speaks for it.

use vt_base::{CachePolicy, Declared, RelPath, StepId};

use super::*;
use crate::guest::{Guest, manifest};

fn direct(line: &str) -> (String, String) {
    let mut words = line.split(' ').map(str::to_owned);
    let program = Program::Direct(words.next().unwrap());
    let tool = Tool::of(&program, &words.collect::<Vec<_>>());
    (tool.name, tool.args.unwrap().join(" "))
}

#[test]
fn launchers_are_seen_through() {
    for (line, tool, args) in [
        ("vitest run", "vitest", "run"),
        ("npx vitest run", "vitest", "run"),
        ("npx -y vitest@4.1 run -y", "vitest", "run -y"),
        ("npx @scope/tool@1 a", "@scope/tool", "a"),
        ("npm exec -- vitest --run", "vitest", "--run"),
        ("pnpm exec vitest run", "vitest", "run"),
        ("bun x vitest", "vitest", ""),
        ("cross-env A=1 B= npx vitest run", "vitest", "run"),
        ("./node_modules/.bin/vitest run", "vitest", "run"),
        (
            "node_modules/.bin/cross-env A=1 vitest run",
            "vitest",
            "run",
        ),
    ] {
        assert_eq!(direct(line), (tool.into(), args.into()), "{line}");
    }
}

#[test]
fn commands_of_vite_plus_are_the_tools_they_start() {
    for (line, tool, args) in [
        ("vp build --mode x", "vite", "build --mode x"),
        ("vp dev", "vite", "dev"),
        ("vp preview --port 1", "vite", "preview --port 1"),
        ("vp test", "vitest", "run"),
        ("vp test src --coverage", "vitest", "run src --coverage"),
        ("vp test run src", "vitest", "run src"),
        ("vp test watch", "vitest", "watch"),
        ("vp test --watch", "vitest", "--watch"),
        ("vp lint src", "oxlint", "src"),
        ("vp fmt --check", "oxfmt", "--check"),
        ("vp pack src/lib.ts", "tsdown", "src/lib.ts"),
        ("vp exec vitest list", "vitest", "list"),
        ("vpx -y vitest@4 run", "vitest", "run"),
        ("npx vp test", "vitest", "run"),
        ("node_modules/.bin/vp test", "vitest", "run"),
        ("vp check", "vp", "check"),
        ("vp install", "vp", "install"),
        ("vp", "vp", ""),
    ] {
        assert_eq!(direct(line), (tool.into(), args.into()), "{line}");
    }
}

#[test]
fn what_is_not_followed_stays_the_tool() {
    for (line, tool) in [
        ("npx -p other vitest run", "npx"),
        ("npx -c vitest", "npx"),
        ("npx", "npx"),
        ("env -i vitest", "env"),
        ("pnpm vitest", "pnpm"),
        ("tools/vitest run", "tools/vitest"),
        ("my_node_modules/.bin/vitest", "my_node_modules/.bin/vitest"),
    ] {
        assert_eq!(direct(line).0, tool, "{line}");
    }
}

#[test]
fn of_a_shell_text_only_the_first_word_counts() {
    for (text, tool) in [
        ("vitest run > log.txt", "vitest"),
        ("A='b c' D=\"e\" vitest|cat", "vitest"),
        (" node_modules/.bin/vitest; true", "vitest"),
        ("'vitest' run", "vitest"),
        ("echo vitest", "echo"),
        ("A=$(x) vitest", ""),
        ("$RUNNER vitest", ""),
        ("(vitest)", ""),
        ("'vitest", ""),
        ("", ""),
    ] {
        let found = Tool::of(&Program::Shell(text.into()), &[]);
        assert_eq!(
            found,
            Tool {
                name: tool.into(),
                args: None
            },
            "{text}"
        );
    }
}

fn invocation(line: &str) -> Invocation {
    let mut words = line.split(' ').map(str::to_owned);
    Invocation {
        step: StepId {
            package: String::new(),
            task: "t".into(),
            index: 0,
        },
        command: line.to_owned(),
        program: Program::Direct(words.next().unwrap()),
        args: words.collect(),
        directory: RelPath::root(),
        package_dir: RelPath::root(),
        env_prefix: Vec::new(),
        cache: CachePolicy::Enabled,
        declared: Declared::default(),
    }
}

#[test]
fn who_speaks_for_a_step_and_who_does_not_is_explained() {
    let speaks = |program: Option<&str>, dependency: Option<&str>| Claim::Speaks {
        program: program.map(str::to_owned),
        dependency: dependency.map(str::to_owned),
    };
    let other = |tool: &str| Claim::OtherTool { tool: tool.into() };
    for (programs, dependencies, line, claim) in [
        ("\"a\"", "", "npx a b", speaks(Some("a"), None)),
        ("", "\"x\",\"y\"", "tsc", speaks(None, Some("y"))),
        ("\"a\"", "\"y\"", "a", speaks(Some("a"), Some("y"))),
        ("\"a\"", "\"x\"", "a", Claim::NoDependency),
        ("\"a\"", "\"y\"", "npx b", other("b")),
        ("\"a\"", "", "b a", other("b")),
    ] {
        let manifest = manifest("0.1.0")
            .replace(
                r#""programs":["guest"]"#,
                &format!(r#""programs":[{programs}]"#),
            )
            .replace(
                r#""dependencies":[]"#,
                &format!(r#""dependencies":[{dependencies}]"#),
            );
        let guest = Guest {
            manifest,
            ..Default::default()
        };
        let package = PackageFacts {
            dependencies: [("y".to_owned(), "*".to_owned())].into(),
            ..PackageFacts::default()
        };
        let found = guest.load().unwrap().claim(&invocation(line), &package);
        assert_eq!(found, claim, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,40}") {
        let _ = Tool::of(&Program::Shell(text), &[]);
    }
}
