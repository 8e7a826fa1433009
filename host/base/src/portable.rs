//! Values that name places on this disk, as they count: two clones, or two accounts, have the same.
//!
//! What a program does with the place itself is not seen here: a result that mentions it has to be
//! found by whoever stores it.

use crate::AbsPath;

/// Directories that stand for the same wherever they lie.
#[derive(Clone, Default, Debug)]
pub struct Portable {
    /// The directories with what stands for them, the longest path first.
    places: Vec<(Vec<u8>, &'static [u8])>,
}

impl Portable {
    /// Takes directories, each with what stands for it. The directory `/` and one that is given twice
    /// stand for nothing.
    pub fn new<'p>(places: impl IntoIterator<Item = (&'p AbsPath, &'static str)>) -> Self {
        let mut places: Vec<(Vec<u8>, &'static [u8])> = places
            .into_iter()
            .map(|(path, token)| (path.as_bytes().to_vec(), token.as_bytes()))
            .filter(|(path, _)| path.len() > 1)
            .collect();
        // The first that was named for a path stands.
        places.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
        places.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self { places }
    }

    /// A value with these directories replaced where a path begins with one of them.
    #[must_use]
    pub fn of(&self, value: &[u8]) -> Vec<u8> {
        let mut made = Vec::with_capacity(value.len());
        let mut at = 0;
        while at < value.len() {
            let here = &value[at..];
            let place = (here[0] == b'/' && begins_a_path(&value[..at]))
                .then(|| {
                    self.places.iter().find(|(path, _)| {
                        here.starts_with(path) && ends_a_part(here.get(path.len()).copied())
                    })
                })
                .flatten();
            if let Some((path, token)) = place {
                // No variable can hold this byte, so that nothing else looks like it.
                made.push(0);
                made.extend_from_slice(token);
                made.push(0);
                at += path.len();
            } else {
                made.push(here[0]);
                at += 1;
            }
        }
        made
    }
}

/// Whether an absolute path may begin behind these bytes.
fn begins_a_path(before: &[u8]) -> bool {
    before.ends_with(b"://")
        || before
            .last()
            .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"/._-~@+".contains(byte))
}

/// Whether the last part of a path ends before this byte.
fn ends_a_part(next: Option<u8>) -> bool {
    next.is_none_or(|byte| {
        !byte.is_ascii_alphanumeric() && !b"._-~@+".contains(&byte) && byte.is_ascii()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portable() -> Portable {
        let path = |text| AbsPath::new(text).unwrap();
        let (root, home, slash) = (path("/home/ann/app"), path("/home/ann"), path("/"));
        Portable::new([
            (&root, "root"),
            (&home, "home"),
            (&home, "late"),
            (&slash, "all"),
        ])
    }

    #[test]
    fn places_are_replaced_at_the_borders_of_paths() {
        for (value, expected) in [
            ("/home/ann/app", "\0root\0"),
            ("--require /home/ann/app/x.cjs", "--require \0root\0/x.cjs"),
            ("--require=/home/ann/app/x.cjs", "--require=\0root\0/x.cjs"),
            (
                "/home/ann/lib:/home/ann/app/lib",
                "\0home\0/lib:\0root\0/lib",
            ),
            ("file:///home/ann/app/x", "file://\0root\0/x"),
            ("/home/ann/app2:/home/ann-b", "\0home\0/app2:/home/ann-b"),
            ("/mnt/home/ann/app", "/mnt/home/ann/app"),
            ("x/home/ann", "x/home/ann"),
            ("/home/ann.bak", "/home/ann.bak"),
            ("/", "/"),
            ("", ""),
        ] {
            let made = portable().of(value.as_bytes());
            assert_eq!(String::from_utf8(made).unwrap(), expected, "{value}");
        }
    }
}
