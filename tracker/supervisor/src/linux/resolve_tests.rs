//! The walk against small trees on disk.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

struct Tree {
    directory: tempfile::TempDir,
    resolver: Resolver,
}

impl Tree {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("real/deep")).unwrap();
        fs::write(root.join("real/deep/file"), "x").unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink(root.join("link/deep"), root.join("absolute")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        Self {
            directory,
            resolver: Resolver::default(),
        }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// The place, relative to the tree, with the links crossed.
    fn resolve(&mut self, name: &str, last: Last) -> (String, Vec<String>) {
        let root = self.directory.path().canonicalize().unwrap();
        let full = root.join(name);
        let mut crossed = Vec::new();
        let name = full.as_os_str().as_bytes();
        let place = self
            .resolver
            .resolve(name, 0, last, std::process::id(), &mut crossed);
        let short = |path: &[u8]| {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            path.strip_prefix(&root)
                .unwrap_or(path)
                .display()
                .to_string()
        };
        let text = match place {
            Place::Present { path, kind, .. } => format!("{kind:?} {}", short(&path)),
            Place::Missing { path, parent } => format!("missing {} {parent:?}", short(&path)),
            Place::NotADirectory { path, .. } => format!("not a directory {}", short(&path)),
            Place::Refused { path } => format!("refused {}", short(&path)),
            Place::Elsewhere => "elsewhere".to_owned(),
        };
        (text, crossed.iter().map(|link| short(&link.path)).collect())
    }

    fn place(&mut self, name: &str) -> String {
        self.resolve(name, Last::Follow).0
    }
}

#[test]
fn links_are_crossed_and_named() {
    let mut tree = Tree::new();
    let (place, crossed) = tree.resolve("absolute/file", Last::Follow);
    assert_eq!(place, "File real/deep/file");
    assert_eq!(crossed, ["absolute", "link"]);
    // Met before, and named again: it may be somebody else who asks.
    assert_eq!(tree.resolve("link/deep/file", Last::Follow).1, ["link"]);
}

#[test]
fn the_last_link_is_followed_only_when_asked() {
    let mut tree = Tree::new();
    assert_eq!(tree.resolve("link", Last::Keep).0, "Link link");
    assert_eq!(tree.resolve("link", Last::Follow).0, "Directory real");
    assert_eq!(tree.resolve("link/", Last::Keep).0, "Directory real");
    assert_eq!(
        tree.resolve("dangling", Last::Follow).0,
        "missing nowhere Exists"
    );
    assert_eq!(tree.resolve("loop", Last::Follow).0, "refused loop");
}

#[test]
fn dots_go_through_the_real_parent() {
    let mut tree = Tree::new();
    assert_eq!(tree.place("absolute/../deep/./file"), "File real/deep/file");
    assert_eq!(tree.place("absolute/.."), "Directory real");
    assert_eq!(tree.place("real//deep///file"), "File real/deep/file");
}

#[test]
fn a_directory_that_a_name_goes_up_from_is_named() {
    let mut tree = Tree::new();
    let mut passed = |name: &str| tree.resolve(name, Last::Follow).1;
    assert_eq!(passed("real/deep/../deep/file"), ["real/deep"]);
    assert_eq!(passed("real/deep/./.././.."), ["real/deep"]);
    assert_eq!(passed("absolute/.."), ["absolute", "link", "real/deep"]);
    // That a link is there says that its directory is.
    symlink("../real", tree.path("real/up")).unwrap();
    assert_eq!(
        tree.resolve("real/up/deep/file", Last::Follow).1,
        ["real/up"]
    );
}

#[test]
fn a_miss_is_the_whole_name_unless_it_goes_up() {
    let mut tree = Tree::new();
    assert_eq!(tree.place("real/no/such"), "missing real/no/such Missing");
    assert_eq!(tree.place("real/no"), "missing real/no Exists");
    assert_eq!(tree.place("link/no/../deep"), "missing real/no Missing");
    assert_eq!(
        tree.place("real/deep/file/below"),
        "missing real/deep/file/below Missing"
    );
    assert_eq!(
        tree.place("real/deep/file/"),
        "not a directory real/deep/file"
    );
}

#[test]
fn what_was_created_later_is_found() {
    let mut tree = Tree::new();
    assert_eq!(tree.place("real/new/file"), "missing real/new/file Missing");
    fs::create_dir(tree.path("real/new")).unwrap();
    fs::write(tree.path("real/new/file"), "").unwrap();
    assert_eq!(tree.place("real/new/file"), "File real/new/file");
}

#[test]
fn nothing_is_remembered_while_a_rename_is_under_way() {
    let mut tree = Tree::new();
    let me = std::process::id();
    assert_eq!(tree.place("link/deep/file"), "File real/deep/file");
    tree.resolver.forget(me);
    assert_eq!(tree.place("link/deep/file"), "File real/deep/file");
    fs::rename(tree.path("real"), tree.path("other")).unwrap();
    fs::remove_file(tree.path("link")).unwrap();
    symlink("other", tree.path("link")).unwrap();
    assert_eq!(tree.place("link/deep/file"), "File other/deep/file");
    tree.resolver.settle(me);
    assert_eq!(tree.place("link/deep/file"), "File other/deep/file");
    assert!(!tree.resolver.facts.is_empty());
}

#[test]
fn the_process_itself_and_its_descriptors_are_the_tracees() {
    let tree = Tree::new();
    let file = fs::File::open(tree.path("real/deep/file")).unwrap();
    let mut resolver = Resolver::default();
    let mut found = |name: String| {
        resolver.resolve(
            name.as_bytes(),
            0,
            Last::Follow,
            std::process::id(),
            &mut Vec::new(),
        )
    };
    use std::os::fd::AsRawFd as _;
    let expected = tree.path("real/deep/file").canonicalize().unwrap();
    for name in ["/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"] {
        let place = found(format!("{name}/{}", file.as_raw_fd()));
        let Place::Present { path, .. } = place else {
            panic!("{name}: {place:?}")
        };
        assert_eq!(path, expected.as_os_str().as_bytes());
    }
    let (reader, _writer) = std::io::pipe().unwrap();
    assert_eq!(
        found(format!("/proc/self/fd/{}", reader.as_raw_fd())),
        Place::Elsewhere
    );
    fs::remove_file(tree.path("real/deep/file")).unwrap();
    assert_eq!(
        found(format!("/dev/fd/{}", file.as_raw_fd())),
        Place::Elsewhere
    );
}
