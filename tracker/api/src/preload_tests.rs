use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;

use super::*;

/// A folder for temporary files.
struct Temporary(tempfile::TempDir);

impl Temporary {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn own(&self) -> PathBuf {
        self.0.path().join(format!("vt-tracker-{}", own_user()))
    }

    fn library(&self) -> io::Result<PathBuf> {
        library_in(self.0.path(), own_user())
    }
}

fn assert_is_library(path: &Path) {
    assert!(fs::symlink_metadata(path).unwrap().is_file());
    assert!(fs::read(path).unwrap() == LIBRARY);
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn it_is_written_once_and_found_again() {
    let temporary = Temporary::new();
    let first = temporary.library().unwrap();
    assert_is_library(&first);
    let written = fs::metadata(&first).unwrap();
    assert_eq!(temporary.library().unwrap(), first);
    assert_eq!(fs::metadata(&first).unwrap().ino(), written.ino());
    assert!(library().unwrap().is_absolute());
}

#[test]
fn whatever_else_stands_in_its_place_is_replaced() {
    let temporary = Temporary::new();
    let path = temporary.library().unwrap();
    let mut wrong = LIBRARY.to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    fs::write(&path, &wrong).unwrap();
    assert_is_library(&temporary.library().unwrap());
    fs::write(&path, &LIBRARY[..LIBRARY.len() / 2]).unwrap();
    assert_is_library(&temporary.library().unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_is_library(&temporary.library().unwrap());
    let elsewhere = temporary.0.path().join("elsewhere");
    fs::write(&elsewhere, LIBRARY).unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_is_library(&temporary.library().unwrap());
    fs::remove_file(&path).unwrap();
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert_is_library(&temporary.library().unwrap());
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let temporary = Temporary::new();
    let own = temporary.own();
    fs::create_dir(&own).unwrap();
    for mode in [0o777, 0o775, 0o757] {
        fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            temporary.library().unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let temporary = Temporary::new();
    let other = own_user() + 1;
    // To somebody else this one is somebody else's.
    fs::create_dir(temporary.0.path().join(format!("vt-tracker-{other}"))).unwrap();
    let error = library_in(temporary.0.path(), other).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_link_or_a_file_instead_of_the_folder_is_refused() {
    let temporary = Temporary::new();
    let elsewhere = temporary.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, temporary.own()).unwrap();
    assert!(temporary.library().is_err());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    fs::remove_file(temporary.own()).unwrap();
    fs::write(temporary.own(), "").unwrap();
    assert!(temporary.library().is_err());
}

#[test]
fn a_name_that_the_loader_would_split_is_refused() {
    let temporary = Temporary::new();
    for name in ["with space", "with:colon", "with$ORIGIN"] {
        let folder = temporary.0.path().join(name);
        fs::create_dir(&folder).unwrap();
        assert!(library_in(&folder, own_user()).is_err(), "{name}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}

#[test]
fn many_at_once_leave_one_whole_library() {
    let temporary = Temporary::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let path = temporary.library().unwrap();
                assert!(fs::read(path).unwrap() == LIBRARY);
            });
        }
    });
    assert_is_library(&temporary.library().unwrap());
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_program_that_wants_to_have_its_own_library_first_runs() {
    let temporary = Temporary::new();
    let source = temporary.0.path().join("main.c");
    let program = temporary.0.path().join("main");
    let text = "#include <stdlib.h>\n#include <sys/stat.h>\n\
                int main(void) { struct stat s; free(realpath(\".\", 0)); return stat(\"/\", &s); }\n";
    fs::write(&source, text).unwrap();
    let compiled = Command::new("gcc")
        .args(["-fsanitize=address", "-o"])
        .arg(&program)
        .arg(&source)
        .output();
    if !compiled.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no compiler that checks memory");
        return;
    }
    let output = Command::new(&program)
        .env("LD_PRELOAD", temporary.library().unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}
