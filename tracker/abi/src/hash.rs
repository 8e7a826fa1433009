//! How tables by path are hashed, and how paths are ordered: both are done for every path of a
//! trace, which may be a hundred thousand.

use core::cmp::Ordering;
use core::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hashes paths. Not for keys that an enemy chooses: a command that picks names which collide slows
/// down its own tracking.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathHasher(u64);

/// Makes a [`PathHasher`] for each key of a table.
pub type PathHashing = BuildHasherDefault<PathHasher>;

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // Lengths and numbers of threads, which differ in few bits.
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Compares clean absolute paths, those with neither `.` nor `..` nor a slash too many, as
/// `std::path::Path` does: by their components.
#[must_use]
pub fn in_path_order(one: &[u8], other: &[u8]) -> Ordering {
    // Paths have long beginnings in common.
    let (words, against) = (one.chunks_exact(8), other.chunks_exact(8));
    let same = words.zip(against).take_while(|(word, other)| word == other);
    let start = 8 * same.count();
    let rest = one[start..].iter().zip(&other[start..]);
    match rest.into_iter().find(|(byte, against)| byte != against) {
        // What ends first, the path or a component of it, comes first. No name has a zero byte.
        None => one.len().cmp(&other.len()),
        Some((byte, against)) => {
            let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
            rank(*byte).cmp(&rank(*against))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher as _;
    use std::path::Path;

    use super::*;

    #[test]
    fn paths_are_in_the_order_of_their_components() {
        let paths = [
            "/",
            "/a",
            "/a!",
            "/a!/b",
            "/a/",
            "/a/b",
            "/a/b/c",
            "/a-b",
            "/a.b",
            "/a0",
            "/ab",
            "/b",
            "/a/b-c",
            "/a/bc",
            "/a/\u{1}",
            "/a\u{1}/b",
            "/\u{e9}/x",
            "/z/x",
            "/a/long/beginning/x",
            "/a/long/beginning",
            "/a/long/beginning-x",
            "/a/long/begin/x",
        ];
        let clean = |path: &&&str| path.len() == 1 || !path.ends_with('/');
        for one in paths.iter().filter(clean) {
            for other in paths.iter().filter(clean) {
                assert_eq!(
                    in_path_order(one.as_bytes(), other.as_bytes()),
                    Path::new(one).cmp(Path::new(other)),
                    "{one} {other}"
                );
            }
        }
    }

    #[test]
    fn keys_that_differ_little_have_hashes_that_differ() {
        let hashing = PathHashing::default();
        let mut hashes = HashSet::new();
        for number in 0..10_000_u32 {
            assert!(hashes.insert(hashing.hash_one(number) & 0xff_ffff_ffff));
            let path = format!("/work/src/module{number}.ts");
            assert!(hashes.insert(hashing.hash_one(path.as_bytes()) & 0xff_ffff_ffff));
        }
    }
}
