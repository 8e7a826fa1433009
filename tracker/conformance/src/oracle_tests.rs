//! Short logs, and what is expected of the paths in them.

use std::fmt::Write as _;

use vt_tracker::Kind;

use super::*;
use crate::room::Room;
use crate::strace::read;

/// Bytes as the log has them.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

/// Replays a log in a room with a file, a directory and a link to it. Names in it stand between
/// `'`, and `@` stands for the room.
fn replay(log: &str) -> (Oracle, Vec<u8>) {
    let room = Room::new();
    room.write("file", "x")
        .write("dir/inside", "x")
        .link("dir", "link");
    let work = room.work();
    let root = work.to_str().unwrap();
    let text: String = log
        .split('\'')
        .enumerate()
        .map(|(index, part)| match index % 2 {
            0 => part.replace('@', &escaped(root.as_bytes())),
            _ => format!("\"{}\"", escaped(part.replace('@', root).as_bytes())),
        })
        .collect();
    let mut oracle = Oracle::new(&room.base, &work);
    oracle.replay(&read(&text));
    (oracle, work.into_os_string().into_encoded_bytes())
}

fn expected(log: &str, path: &str) -> Expected {
    let (oracle, work) = replay(log);
    assert_eq!(oracle.doubts, [""; 0]);
    let path = [&work[..], b"/", path.as_bytes()].concat();
    oracle.paths.get(&path).expect("it was touched").clone()
}

#[test]
fn looks_after_a_change_of_the_bytes_are_left_out() {
    let log = "1 stat('file', {st_mode=0100644, st_size=1, ...}) = 0\n\
        1 truncate('file', 0) = 0\n\
        1 open('file', 0) = 3<@>\n";
    let file = expected(log, "file");
    assert_eq!(file.first, There::Something(Kind::File));
    assert_eq!(file.looks, [Look::Probed]);
    assert_eq!(file.changes, [Change::Fresh]);
}

#[test]
fn a_moved_directory_takes_its_entries_along() {
    let log = "1 rename('dir', 'moved') = 0\n\
        1 stat('link/inside', 0x1) = -1 ENOENT (No such file or directory)\n\
        1 stat('moved/inside', {st_mode=0100644, st_size=1, ...}) = 0\n";
    assert_eq!(expected(log, "dir/inside").changes, [Change::Delete]);
    let moved = expected(log, "moved/inside");
    assert_eq!((moved.first, moved.looks.len()), (There::Nothing, 0));
    assert_eq!(expected(log, "link").looks, [Look::Link]);
}

#[test]
fn a_child_starts_where_its_maker_was() {
    let log = "1 chdir('dir') = 0\n\
        1 vfork( <unfinished ...>\n\
        2 chdir('..') = 0\n\
        2 stat('file', {st_mode=0100644, st_size=1, ...}) = 0\n\
        1 <... vfork resumed>) = 2\n\
        1 stat('inside', {st_mode=0100644, st_size=1, ...}) = 0\n";
    assert_eq!(expected(log, "file").looks, [Look::Probed]);
    assert_eq!(expected(log, "dir/inside").looks, [Look::Probed]);
}

#[test]
fn a_model_that_contradicts_the_log_is_in_doubt() {
    let (oracle, _) = replay("1 stat('none', {st_mode=0100644, st_size=1, ...}) = 0\n");
    assert_eq!(oracle.doubts.len(), 1);
    let (oracle, _) = replay("1 stat('file', 0x1) = -1 ENOENT (No such file or directory)\n");
    assert_eq!(oracle.doubts.len(), 1);
}
