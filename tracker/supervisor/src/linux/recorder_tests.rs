//! What is told, and in which order.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::system::Survivors;
use crate::system::place::look_at;

struct Told(Sender<String>);

impl Sink for Told {
    fn access(&mut self, access: &Access<'_>) {
        let text = match access.event {
            Event::Looked {
                look,
                order: Order::InSequence,
            } => format!("{look:?}"),
            Event::Looked {
                look,
                order: Order::BeforeFirstChange,
            } => format!("{look:?} before"),
            Event::Replaced => "Replaced".to_owned(),
            Event::Changed { change, start, .. } => {
                let digest = if matches!(start, StartDigest::Sha256(_)) {
                    " digest"
                } else {
                    ""
                };
                format!("{change:?}{digest}")
            }
        };
        self.0.send(text).unwrap();
    }

    fn program(&mut self, _given: &[u8], _real: &[u8]) {}

    fn variable(&mut self, _name: &[u8], _asked: Asked) {}

    fn blind(&mut self, _reason: Blindness) {}

    fn finish(self: Box<Self>, _calls: u64, _survivors: Option<Survivors>) {}
}

struct Scene {
    recorder: Recorder,
    told: Receiver<String>,
    file: Vec<u8>,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let file = root.join("file");
        std::fs::write(&file, "old").unwrap();
        let (sender, told) = channel();
        let options = Options {
            roots: vec![root],
            grace: Duration::ZERO,
            library: None,
            demand: std::collections::BTreeMap::new(),
            tiers: vt_tracker_abi::Tiers::ALL,
        };
        Self {
            recorder: Recorder::new(Box::new(Told(sender)), &options),
            told,
            file: file.as_os_str().as_bytes().to_vec(),
            _directory: directory,
        }
    }

    fn look(&mut self, thread: u32, look: Look) {
        self.recorder.begin(thread);
        let state = look_at(&self.file).unwrap_or(State::Missing);
        self.recorder.look(&self.file, look, state);
    }

    fn change(&mut self, thread: u32, change: Change) {
        self.recorder.begin(thread);
        let state = look_at(&self.file).unwrap_or(State::Missing);
        self.recorder
            .change(&self.file, change, state, Creation::Any, Digesting::Wanted);
    }

    fn write(&self) {
        std::fs::write(std::ffi::OsStr::from_bytes(&self.file), "newer").unwrap();
    }

    fn told(&self) -> Vec<String> {
        self.told.try_iter().collect()
    }
}

#[test]
fn what_others_put_in_the_place_of_a_file_is_told_once_even_if_they_took_it_back() {
    let mut scene = Scene::new();
    let file = std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&scene.file));
    let away = file.with_extension("away");
    let swapped = |scene: &mut Scene, other: &dyn Fn(), look: Look| {
        std::fs::rename(&file, &away).unwrap();
        other();
        scene.look(1, look);
        let _ = std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file));
        std::fs::rename(&away, &file).unwrap();
        scene.told()
    };
    scene.look(1, Look::Read);
    scene.look(1, Look::Denied);
    assert_eq!(scene.told(), ["Read", "Denied"]);
    let another = || std::fs::write(&file, "other").unwrap();
    assert_eq!(swapped(&mut scene, &another, Look::Read), ["Replaced"]);
    assert_eq!(swapped(&mut scene, &another, Look::Read), [""; 0]);
    let nothing = || ();
    assert_eq!(swapped(&mut scene, &nothing, Look::Miss), ["Miss"]);

    let mut scene = Scene::new();
    let file = std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&scene.file));
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    scene.look(1, Look::Probe);
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    std::fs::create_dir(&file).unwrap();
    scene.look(1, Look::Probe);
    assert_eq!(scene.told(), ["Probe"], "a directory is a directory");
    scene.look(1, Look::List);
    assert_eq!(scene.told(), ["Replaced", "List"]);
}

#[test]
fn what_the_tree_puts_in_the_place_of_a_file_is_no_replacement() {
    let mut scene = Scene::new();
    scene.look(1, Look::Read);
    scene.change(1, Change::Delete);
    std::fs::remove_file(std::ffi::OsStr::from_bytes(&scene.file)).unwrap();
    scene.look(1, Look::Miss);
    scene.change(1, Change::Fresh);
    scene.write();
    scene.look(1, Look::Probe);
    assert_eq!(scene.told(), ["Read", "Delete digest", "Fresh"]);
}

#[test]
fn a_look_is_told_once() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.look(1, Look::Probe);
        scene.look(2, Look::Read);
    }
    assert_eq!(scene.told(), ["Probe", "Read"]);
}

#[test]
fn a_look_during_a_change_counts_as_before_it() {
    let mut scene = Scene::new();
    scene.change(1, Change::Fresh);
    scene.look(2, Look::Read);
    assert_eq!(scene.told(), ["Fresh", "Read before"]);
}

#[test]
fn a_look_after_the_disk_changed_is_not_told() {
    let mut scene = Scene::new();
    scene.change(1, Change::Fresh);
    scene.write();
    scene.look(2, Look::Read);
    assert_eq!(scene.told(), ["Fresh"]);
}

#[test]
fn a_look_after_the_next_call_of_the_writer_is_not_told() {
    let mut scene = Scene::new();
    scene.change(1, Change::Keeps);
    scene.recorder.begin(1);
    scene.look(2, Look::Read);
    scene.change(1, Change::Keeps);
    assert_eq!(scene.told(), ["Keeps digest"]);
}

#[test]
fn a_writer_that_looks_at_its_own_work_is_not_told() {
    let mut scene = Scene::new();
    scene.change(1, Change::Fresh);
    scene.look(1, Look::Read);
    assert_eq!(scene.told(), ["Fresh"]);
}

#[test]
fn bytes_are_digested_if_they_were_read_and_are_still_the_old_ones() {
    let mut scene = Scene::new();
    scene.look(1, Look::Read);
    scene.change(1, Change::Metadata);
    scene.change(1, Change::Fresh);
    scene.change(1, Change::Delete);
    assert_eq!(scene.told(), ["Read", "Metadata", "Fresh digest", "Delete"]);
}

#[test]
fn bytes_that_nobody_could_have_seen_are_not_digested() {
    let mut scene = Scene::new();
    scene.change(1, Change::Fresh);
    scene.look(2, Look::Probe);
    scene.change(2, Change::Delete);
    assert_eq!(scene.told(), ["Fresh", "Probe before", "Delete"]);
}

#[test]
fn kernel_paths_are_dropped() {
    let mut scene = Scene::new();
    scene.recorder.begin(1);
    for path in ["/proc/1/maps", "/dev/null", "/sys", "/dev"] {
        scene
            .recorder
            .look(path.as_bytes(), Look::Read, State::Missing);
    }
    scene.recorder.look(b"/devices", Look::Miss, State::Missing);
    assert_eq!(scene.told(), ["Miss"]);
}
