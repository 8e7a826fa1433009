//! What patterns find in real trees, links among it.

use std::os::unix::fs::symlink;

use super::*;

struct Tree {
    _directory: tempfile::TempDir,
    root: AbsPath,
}

impl Tree {
    fn new(files: &[&str], links: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let root = AbsPath::new(real.join("w")).unwrap();
        let place = |path: &str| {
            let path = root.join(path).as_path().to_owned();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        for path in files {
            fs::write(place(path), "").unwrap();
        }
        for (path, target) in links {
            symlink(target, place(path)).unwrap();
        }
        Self {
            _directory: directory,
            root,
        }
    }

    fn find(&self, pattern: &str, links: Links) -> Vec<String> {
        let found = expand(&self.root, pattern, &[], links).unwrap();
        let text = |found: Match| match found.outside {
            Some(outside) => {
                let from = self.root.parent().unwrap();
                format!("{} > {}", found.path, outside.relative_to(&from).unwrap())
            }
            None => found.path.to_string(),
        };
        let mut found: Vec<String> = found.into_iter().map(text).collect();
        found.dedup();
        found
    }

    #[track_caller]
    fn finds(&self, pattern: &str, wanted: &[&str]) {
        assert_eq!(self.find(pattern, Links::All), wanted, "{pattern}");
    }
}

#[test]
fn expansion_finds_files_and_stays_out_of_modules() {
    let tree = Tree::new(
        &["src/a.ts", "src/b/c.ts", "node_modules/m/x.ts", ".git/x.ts"],
        &[],
    );
    tree.finds("**/*.ts", &["src/a.ts", "src/b/c.ts"]);
    tree.finds("src/*", &["src/a.ts"]);
    tree.finds("src/**", &["src/a.ts", "src/b/c.ts"]);
    tree.finds("**", &["src/a.ts", "src/b/c.ts"]);
    tree.finds("src/a.ts", &["src/a.ts"]);
    tree.finds("src/a.ts/**", &[]);
    tree.finds("src", &[]);
    tree.finds("nothing/**", &[]);
    tree.finds("node_modules/*/*.ts", &["node_modules/m/x.ts"]);
    let hidden = [RelPath::new("src/b").unwrap()];
    let found = expand(&tree.root, "**/*.ts", &hidden, Links::All).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn what_lies_behind_links_is_found_by_its_real_path() {
    let tree = Tree::new(
        &["shared/s.txt", "shared/deep/t.txt", "shared/u.md"],
        &[
            ("src/shared", "../shared"),
            ("src/one.txt", "../shared/s.txt"),
            ("src/gone", "../nothing"),
        ],
    );
    let behind = ["shared/deep/t.txt", "shared/s.txt", "shared/u.md"];
    let links = ["src/gone", "src/one.txt", "src/shared"];
    tree.finds("src/**", &[&behind[..], &links].concat());
    tree.finds(
        "src/**/*.txt",
        &["shared/deep/t.txt", "shared/s.txt", "src/one.txt"],
    );
    tree.finds("src/shared/*.md", &["shared/u.md"]);
    tree.finds("src/shared", &["src/shared"]);
    tree.finds("src/shared/**", &behind);
    tree.finds("src/one.txt", &["shared/s.txt", "src/one.txt"]);
    // A result is what was written; another name for it is a result of its own.
    assert_eq!(tree.find("src/**", Links::OfBase), links);
    assert_eq!(tree.find("src/shared/**", Links::OfBase), behind);
    assert_eq!(tree.find("src/one.txt", Links::OfBase), ["src/one.txt"]);
}

#[test]
fn links_that_lead_back_come_to_an_end() {
    let tree = Tree::new(
        &["a/x.txt", "b/y.txt"],
        &[
            ("a/self", "."),
            ("a/up", ".."),
            ("a/other", "../b"),
            ("b/other", "../a"),
            ("c/first", "../b"),
            ("c/second", "../b"),
        ],
    );
    tree.finds("a/**/*.txt", &["a/x.txt", "b/y.txt"]);
    tree.finds("**/*.txt", &["a/x.txt", "b/y.txt"]);
    // By either of its names.
    tree.finds("c/second/*.txt", &["b/y.txt"]);
    tree.finds("c/**/second/*.txt", &["b/y.txt"]);
}

#[test]
fn links_lead_out_but_not_everywhere() {
    let tree = Tree::new(
        &[
            "../out/a.txt",
            "../.cache/b.txt",
            "x.txt",
            "node_modules/m/z.txt",
            "p/q.txt",
        ],
        &[
            ("src/out", "../../out"),
            ("src/file.txt", "../../out/a.txt"),
            ("src/cache", "../../.cache"),
            ("src/run", "/proc/self"),
            ("node_modules/p", "../p"),
        ],
    );
    tree.finds(
        "src/**/*.txt",
        &["src/file.txt", "src/file.txt > out/a.txt", "src/out/a.txt"],
    );
    tree.finds("node_modules/**/*.txt", &["node_modules/m/z.txt"]);
    tree.finds("node_modules/p/*.txt", &["p/q.txt"]);
    tree.finds("src/cache/**", &["src/cache/b.txt"]);
}

#[test]
fn whether_anything_matches_is_told_without_looking_at_all() {
    let tree = Tree::new(&["a/b.txt", "c/d/e.txt"], &[("l", "c")]);
    fs::create_dir(tree.root.join("empty")).unwrap();
    for (pattern, wanted) in [
        ("a", true),
        ("empty", true),
        ("empty/**", false),
        ("gone", false),
        ("a/*.md", false),
        ("**/e.txt", true),
        ("l/**", true),
        ("l/d/x", false),
    ] {
        assert_eq!(
            matches_anything(&tree.root, pattern, &[]),
            wanted,
            "{pattern}"
        );
    }
}

#[test]
fn a_repository_is_not_entered_through_a_link_either() {
    let tree = Tree::new(
        &[".git/HEAD", ".git/refs/x"],
        &[("src/git", "../.git"), ("src/refs", "../.git/refs")],
    );
    tree.finds("src/**", &["src/git", "src/refs"]);
}
