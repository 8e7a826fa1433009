//! What vt knows about the command line of Tailwind CSS: it reads the style sheet it made before,
//! only to leave it alone if nothing would change.

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `tailwindcss`.
#[derive(Debug)]
pub struct Tailwind;

rule_plugin! {
    plugin: Tailwind,
    id: "tailwindcss",
    programs: ["tailwindcss"],
    dependencies: [],
    files: [],
    env: [],
}

impl RulePlugin for Tailwind {
    fn judge(session: &Session) {
        let Some(args) = session.tool_args() else {
            return;
        };
        let Some(file) = output(&args).filter(|file| is_plain(file)) else {
            return;
        };
        if let Some(below) = below_package(&session.directory(), &session.package_directory()) {
            session.output(&format!("{below}{file}"));
        }
    }
}

/// The file that `-o` or `--output` names. The last one counts.
fn output(args: &[String]) -> Option<&str> {
    let mut found = None;
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "-o" | "--output" => found = args.next(),
            _ => found = arg.strip_prefix("--output=").or(found),
        }
    }
    found
}

/// Whether it is the name of a file below the current directory, and means the same as a glob.
fn is_plain(file: &str) -> bool {
    !file.is_empty()
        && !file.starts_with(['/', '~', '!', '-'])
        && !file.contains(['*', '?', '[', ']', '{', '}', '\\'])
        && file.split('/').all(|part| part != "..")
        && file.ends_with(".css")
}

/// What leads from the directory of the package down to another one, with a slash; none if that
/// is not below it.
fn below_package(directory: &str, package: &str) -> Option<String> {
    let rest = match directory.strip_prefix(package)? {
        rest if package.is_empty() || rest.is_empty() => rest,
        rest => rest.strip_prefix('/')?,
    };
    let is_plain = !rest.contains(['*', '?', '[', ']', '{', '}', '!', '\\']);
    is_plain.then(|| match rest {
        "" => String::new(),
        rest => format!("{rest}/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_last_option_names() {
        for (line, file) in [
            ("-i a.css -o dist/b.css", Some("dist/b.css")),
            ("--output b.css --watch", Some("b.css")),
            ("--output=b.css -o c.css", Some("c.css")),
            ("-i a.css", None),
            ("-o", None),
        ] {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(output(&args), file, "tailwindcss {line}");
        }
    }

    #[test]
    fn names_that_are_no_file_below_are_left_alone() {
        for file in [
            "-",
            "/dev/stdout",
            "../b.css",
            "a/../../b.css",
            "*.css",
            "dist",
        ] {
            assert!(!is_plain(file), "{file}");
        }
        assert!(is_plain("./dist/b.css"));
    }

    #[test]
    fn the_directory_is_told_from_the_package() {
        assert_eq!(below_package("", "").as_deref(), Some(""));
        assert_eq!(below_package("a", "").as_deref(), Some("a/"));
        assert_eq!(below_package("p/a", "p/a").as_deref(), Some(""));
        assert_eq!(below_package("p/a/b", "p/a").as_deref(), Some("b/"));
        assert_eq!(below_package("p/ab", "p/a"), None);
        assert_eq!(below_package("", "p/a"), None);
    }
}
