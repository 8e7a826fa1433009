use std::collections::BTreeMap;

use super::*;

/// Files that are not there.
struct Table {
    /// Text of links; of what is none, nothing.
    entries: BTreeMap<&'static str, Option<&'static str>>,
    /// What was read, with how much of it was said to be real.
    read: Vec<(String, String)>,
}

impl Table {
    fn new<const N: usize>(entries: [(&'static str, Option<&'static str>); N]) -> Self {
        Self {
            entries: BTreeMap::from(entries),
            read: Vec::new(),
        }
    }

    fn resolve(&mut self, name: &str, room: usize) -> (Result<(), Stop>, String) {
        let mut room = vec![0; room];
        let mut path = Path::new();
        let result = match Rest::new(&mut room, name.as_bytes()) {
            Some(mut rest) => walk(self, &mut rest, &mut path),
            None => Err(Stop::Room),
        };
        let text = path.with_end().unwrap();
        let text = String::from_utf8(text[..text.len() - 1].to_vec()).unwrap();
        (result, text)
    }
}

fn string(path: &[u8]) -> String {
    String::from_utf8(path.strip_suffix(b"\0").unwrap().to_vec()).unwrap()
}

impl Files for Table {
    fn read_link(&mut self, path: &[u8], real: usize, into: &mut [u8]) -> Result<usize, i32> {
        let path = string(path);
        self.read.push((path.clone(), path[..real].to_owned()));
        let entry = self.entries.get(path.as_str()).ok_or(errno::ENOENT)?;
        let text = entry.ok_or(errno::EINVAL)?;
        let length = text.len().min(into.len());
        into[..length].copy_from_slice(&text.as_bytes()[..length]);
        Ok(length)
    }

    fn search(&mut self, path: &[u8]) -> Result<(), i32> {
        let path = string(path);
        let path = path.strip_suffix('/').unwrap();
        self.entries.get(path).map(|_| ()).ok_or(errno::ENOENT)
    }

    fn current(&mut self, into: &mut [u8]) -> Result<usize, i32> {
        into[..5].copy_from_slice(b"/here");
        Ok(5)
    }
}

const ROOM: usize = 256;

fn found(path: &str) -> (Result<(), Stop>, String) {
    (Ok(()), path.to_owned())
}

fn stopped(number: i32, path: &str) -> (Result<(), Stop>, String) {
    (Err(Stop::Error(number)), path.to_owned())
}

#[test]
fn dots_and_slashes_are_dropped_and_links_are_followed() {
    let mut table = Table::new([
        ("/a", None),
        ("/a/b", None),
        ("/l", Some("a")),
        ("/m", Some("/l/b/.")),
        ("/here/up", Some("../a//b")),
    ]);
    assert_eq!(table.resolve("/", ROOM), found("/"));
    assert_eq!(table.resolve("///", ROOM), found("/"));
    assert_eq!(table.resolve("/../.././a/", ROOM), found("/a"));
    assert_eq!(table.resolve("/l/b", ROOM), found("/a/b"));
    assert_eq!(table.resolve("/m", ROOM), found("/a/b"));
    assert_eq!(table.resolve("/m/..", ROOM), found("/a"));
    assert_eq!(table.resolve("up", ROOM), found("/a/b"));
    assert_eq!(table.resolve(".", ROOM), found("/here"));
    assert_eq!(table.resolve("..", ROOM), found("/"));
}

#[test]
fn the_path_shows_how_far_it_led() {
    let mut table = Table::new([("/a", None), ("/l", Some("a/x")), ("/o", Some("o"))]);
    assert_eq!(table.resolve("", ROOM), stopped(errno::ENOENT, ""));
    assert_eq!(
        table.resolve("/a/x/y", ROOM),
        stopped(errno::ENOENT, "/a/x")
    );
    assert_eq!(table.resolve("/l/y", ROOM), stopped(errno::ENOENT, "/a/x"));
    assert_eq!(table.resolve("/n/", ROOM), stopped(errno::ENOENT, "/n"));
    assert_eq!(table.resolve("/o", ROOM).0, Err(Stop::Error(errno::ELOOP)));
}

#[test]
fn a_directory_is_said_to_be_real_without_a_slash_at_its_end() {
    let mut table = Table::new([("/a", None), ("/a/l", Some("b")), ("/a/b", None)]);
    table.resolve("/a/l", ROOM).0.unwrap();
    let read: Vec<(&str, &str)> = table
        .read
        .iter()
        .map(|(path, real)| (path.as_str(), real.as_str()))
        .collect();
    assert_eq!(read, [("/a", ""), ("/a/l", "/a"), ("/a/b", "/a")]);
}

#[test]
fn what_does_not_fit_is_told_from_what_is_not_there() {
    let mut table = Table::new([("/a", None), ("/l", Some("a/../a/../a/../a"))]);
    assert_eq!(table.resolve("/l/..", 24), found("/"));
    assert_eq!(table.resolve("/l/..", 18).0, Err(Stop::Room));
    assert_eq!(table.resolve("/l/..", 5).0, Err(Stop::Room));
    assert_eq!(table.resolve("/l/..", 4).0, Err(Stop::Room));
    let long = format!("/{}", "x".repeat(PATH_MAX - 1));
    assert_eq!(
        table.resolve(&long, 2 * PATH_MAX).0,
        Err(Stop::Error(errno::ENAMETOOLONG))
    );
    let long = &long[..PATH_MAX - 1];
    assert_eq!(
        table.resolve(long, 2 * PATH_MAX),
        stopped(errno::ENOENT, long)
    );
}

#[test]
fn a_slash_behind_a_component_wants_a_directory_if_nothing_else_would_tell() {
    for rest in [
        "/",
        "//",
        "/.",
        "/./",
        "/..",
        "/../x",
        "/.//..",
        "//./../..",
    ] {
        assert!(wants_directory(rest.as_bytes()), "{rest}");
    }
    for rest in ["", "/x", "/.x", "/..x", "//./x/", "/.../"] {
        assert!(!wants_directory(rest.as_bytes()), "{rest}");
    }
}
