//! Names in a small room, and where they end.

use std::collections::HashMap;

use super::*;
use crate::process::OpenFile;
use crate::room::Room;

/// Resolves a name in a small room, and says where it ends and which links it crosses, relative to
/// the room.
fn ends(name: &str, end: End) -> (String, Vec<String>) {
    let room = Room::new();
    room.write("real/deep/file", "x")
        .write("open", "x")
        .link("real/deep", "short")
        .link("short/../..", "top")
        .link("loop", "loop")
        .link("gone", "dangling");
    let work = room.work();
    let mut tree = Tree::with_room(&room.base);
    let file = OpenFile {
        path: work.join("open").into_os_string().into_encoded_bytes(),
        is_closed_by_execution: false,
    };
    let files = HashMap::from([(3, file)]);
    let mut process = Process {
        number: 7,
        directory: ROOT,
        files: &files,
        program: None,
    };
    let path = work.into_os_string().into_encoded_bytes();
    let start = resolve(&mut tree, process, ROOT, &path, End::Kept);
    let Place::Found { id: start, .. } = start.place else {
        panic!("{start:?}")
    };
    process.directory = start;
    let resolved = resolve(&mut tree, process, start, name.as_bytes(), end);
    let short = |found: &[u8]| {
        let rest = found.strip_prefix(path.as_slice()).unwrap_or(found);
        String::from_utf8_lossy(rest).into_owned()
    };
    let place = match &resolved.place {
        Place::Found { path, .. } => format!("found {}", short(path)),
        Place::NoDirectory { path, .. } => format!("no directory {}", short(path)),
        Place::Missing { path, entry } => {
            let there = if entry.is_some() {
                ""
            } else {
                " and its directory"
            };
            format!("missing {}{there}", short(path))
        }
        Place::Loop { path } => format!("loop {}", short(path)),
        Place::Elsewhere => "elsewhere".to_owned(),
    };
    let crossed = resolved.crossed.iter().map(|(path, _)| short(path));
    (place, crossed.collect())
}

#[test]
fn names_end_where_the_kernel_would_take_them() {
    for (name, expected) in [
        ("real/deep/file", "found /real/deep/file"),
        ("real//./deep/../deep/file", "found /real/deep/file"),
        ("short/../deep/file", "found /real/deep/file"),
        ("short/..", "found /real"),
        ("top/open", "found /open"),
        ("dangling", "missing /gone"),
        ("dangling/x", "missing /gone/x and its directory"),
        ("none/x/y", "missing /none/x/y and its directory"),
        ("none/../open", "missing /none and its directory"),
        ("open/", "no directory /open"),
        ("open/x", "missing /open/x and its directory"),
        ("loop", "loop /loop"),
        ("/proc/self/fd/3", "found /open"),
        ("/proc/7/cwd/open", "found /open"),
        ("/proc/8/cwd/open", "elsewhere"),
        ("/proc/self/fd/4", "elsewhere"),
    ] {
        assert_eq!(ends(name, End::Followed).0, expected, "{name}");
    }
}

#[test]
fn a_link_at_the_end_is_meant_or_followed() {
    for (name, end, expected) in [
        ("short", End::Followed, "found /real/deep"),
        ("short", End::Kept, "found /short"),
        ("short/", End::Kept, "found /real/deep"),
        ("short/", End::Entry, "no directory /short"),
        ("/proc/self/fd/3", End::Kept, "elsewhere"),
    ] {
        assert_eq!(ends(name, end).0, expected, "{name} {end:?}");
    }
}

#[test]
fn every_link_on_the_way_is_crossed_and_every_directory_it_goes_up_from() {
    assert_eq!(
        ends("top/open", End::Followed).1,
        ["/top", "/short", "/real/deep"]
    );
    assert_eq!(ends("loop", End::Followed).1.len(), MOST_LINKS);
    assert_eq!(ends("short", End::Kept).1, [""; 0]);
}
