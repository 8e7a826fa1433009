//! What the commands of Vite+ start: `vp test` is Vitest, `vp lint` is Oxlint.
//!
//! `vp run` is not here: the plan puts the tasks it runs in its place.

/// Sub-commands of Vitest. Anything else behind `vp test` is preceded by `run`.
const OF_VITEST: [&str; 8] = [
    "run", "watch", "dev", "related", "bench", "list", "init", "complete",
];

/// The tool behind a command of `vp`, and its arguments; `None` for what `vp` does itself.
pub(super) fn behind(args: &[String]) -> Option<(&'static str, Vec<String>)> {
    let (command, rest) = args.split_first()?;
    let found = match command.as_str() {
        "build" | "dev" | "preview" => ("vite", args.to_vec()),
        "test" => ("vitest", vitest(rest)),
        "lint" => ("oxlint", rest.to_vec()),
        "fmt" | "format" => ("oxfmt", rest.to_vec()),
        "pack" => ("tsdown", rest.to_vec()),
        _ => return None,
    };
    Some(found)
}

/// Unlike Vitest itself, `vp test` does not watch unless it is told to.
fn vitest(args: &[String]) -> Vec<String> {
    let says_itself = args
        .first()
        .is_some_and(|first| OF_VITEST.contains(&first.as_str()))
        || args.iter().any(|arg| arg == "--run" || arg == "--watch");
    let run = (!says_itself).then(|| "run".to_owned());
    run.into_iter().chain(args.iter().cloned()).collect()
}
