//! What threads are about to make, below one another perhaps: several threads that make the same
//! path each try its parts, or one makes a file in the directory that another makes, and whether one
//! of them succeeds depends on the others.

/// How many are remembered. Of more, some that were made are not noted as such.
const MOST: usize = 256;

/// Something that a thread is about to make.
struct Making {
    thread: u32,
    path: Box<[u8]>,
    /// Whether there can be something to make it in.
    is_possible: bool,
}

/// What threads are about to make.
#[derive(Default)]
pub(crate) struct Makings(Vec<Making>);

impl Makings {
    /// Notes that a thread makes its next call: what it was about to do is done.
    pub(crate) fn settle(&mut self, thread: u32) {
        self.0.retain(|making| making.thread != thread);
    }

    /// Adds a directory that goes into one that is there. Gives those that can succeed now.
    pub(crate) fn add(&mut self, thread: u32, path: &[u8]) -> Vec<Box<[u8]>> {
        let mut possible = Vec::new();
        self.push(thread, path, true);
        self.spread(path, &mut possible);
        possible
    }

    /// Adds something that goes into nothing. Gives it and others if they can succeed, since another
    /// thread is about to make what it goes into.
    pub(crate) fn add_below_nothing(&mut self, thread: u32, path: &[u8]) -> Vec<Box<[u8]>> {
        let is_possible = self
            .0
            .iter()
            .any(|making| making.is_possible && goes_into(path, &making.path));
        self.push(thread, path, is_possible);
        let mut possible = Vec::new();
        if is_possible {
            possible.push(path.into());
            self.spread(path, &mut possible);
        }
        possible
    }

    fn push(&mut self, thread: u32, path: &[u8], is_possible: bool) {
        if self.0.len() < MOST {
            let path = path.into();
            self.0.push(Making {
                thread,
                path,
                is_possible,
            });
        }
    }

    /// What goes into a directory can be made once that can.
    fn spread(&mut self, directory: &[u8], possible: &mut Vec<Box<[u8]>>) {
        let found = possible.len();
        for making in &mut self.0 {
            if !making.is_possible && goes_into(&making.path, directory) {
                making.is_possible = true;
                possible.push(making.path.clone());
            }
        }
        for at in found..possible.len() {
            let path = possible[at].clone();
            self.spread(&path, possible);
        }
    }
}

/// Whether a path is an entry of a directory.
fn goes_into(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.first() == Some(&b'/') && !rest[1..].contains(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(paths: Vec<Box<[u8]>>) -> Vec<String> {
        let text = |path: Box<[u8]>| String::from_utf8(path.into_vec()).unwrap();
        paths.into_iter().map(text).collect()
    }

    #[test]
    fn what_another_thread_makes_below_can_succeed_whichever_is_told_first() {
        let mut makings = Makings::default();
        assert!(makings.add_below_nothing(1, b"/a/b/c").is_empty());
        assert!(makings.add_below_nothing(2, b"/a/b").is_empty());
        assert!(makings.add_below_nothing(3, b"/ab/c").is_empty());
        assert_eq!(texts(makings.add(4, b"/a")), ["/a/b", "/a/b/c"]);
        assert_eq!(texts(makings.add_below_nothing(5, b"/a/d")), ["/a/d"]);
    }

    #[test]
    fn what_a_thread_tried_before_its_last_call_is_done() {
        let mut makings = Makings::default();
        makings.add(1, b"/a");
        makings.settle(1);
        assert!(makings.add_below_nothing(2, b"/a/b").is_empty());
        makings.settle(2);
        assert!(makings.add(1, b"/a").is_empty());
    }
}
