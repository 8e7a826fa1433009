//! Command lines.

/// The first word of a command line that is no option: the sub-command, where a tool has some. An
/// option in front of it may take a value, which only the tool knows, so that nothing behind an
/// option counts.
#[must_use]
pub fn first_word(args: &[String]) -> Option<&str> {
    args.first()
        .map(String::as_str)
        .filter(|first| !first.starts_with('-'))
}

/// Whether one of these options is given, with or without a value of its own (`--watch=true`).
#[must_use]
pub fn asks_for(args: &[String], options: &[&str]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .map(|arg| arg.split_once('=').map_or(arg.as_str(), |(name, _)| name))
        .any(|arg| options.contains(&arg))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_sub_command_comes_first_or_is_not_known() {
        assert_eq!(first_word(&args("build --x")), Some("build"));
        assert_eq!(first_word(&args("--config x build")), None);
        assert_eq!(first_word(&[]), None);
    }

    #[test]
    fn options_are_found_before_the_end_of_options() {
        let watch = ["--watch", "-w"];
        for line in ["build --watch", "-w", "--watch=true"] {
            assert!(asks_for(&args(line), &watch), "{line}");
        }
        for line in ["build --watcher", "watch", "-- --watch", ""] {
            assert!(!asks_for(&args(line), &watch), "{line}");
        }
    }
}
