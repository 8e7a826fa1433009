//! Goes through the rows by the standard library of Rust.
//!
//! Called with `list` it says its rows. Called with `run` and the path of the room it goes through
//! each row in each form, every time in the directory that was prepared for it. Whether a call
//! fails does not matter here: the same has to be seen of it twice.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What stands before each name.
struct Place(PathBuf);

impl Place {
    fn at(&self, name: &str) -> PathBuf {
        if name == "strange" {
            return self.0.join(OsString::from_vec(b"\xff\xfe \"<>\n".to_vec()));
        }
        self.0.join(name)
    }
}

const THINGS: &[&str] = &[
    "file",
    "dir",
    "link",
    "dirlink",
    "dangling",
    "loop",
    "chain",
    "none",
    "none/x",
    "file/x",
    "file/",
    "dir/",
    "link/",
    "dirlink/inside",
    "dir/../other",
    "dirlink/../file",
    "none/../file",
    ".",
    "dir//inside",
    "strange",
];

fn each(place: &Place, act: impl Fn(PathBuf)) {
    for thing in THINGS {
        act(place.at(thing));
    }
}

fn open(place: &Place) {
    each(place, |path| drop(File::open(path)));
}

fn read(place: &Place) {
    each(place, |path| drop(fs::read(path)));
}

fn metadata(place: &Place) {
    each(place, |path| drop(fs::metadata(path)));
}

fn symlink_metadata(place: &Place) {
    each(place, |path| drop(fs::symlink_metadata(path)));
}

fn exists(place: &Place) {
    each(place, |path| {
        drop((path.exists(), path.is_dir(), path.is_symlink()))
    });
}

fn read_link(place: &Place) {
    each(place, |path| drop(fs::read_link(path)));
}

fn canonicalize(place: &Place) {
    each(place, |path| drop(fs::canonicalize(path)));
}

fn read_dir(place: &Place) {
    each(place, |path| {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            drop((entry.file_type(), entry.metadata()));
        }
    });
}

fn write(place: &Place) {
    drop(fs::write(place.at("file"), "x"));
    drop(fs::write(place.at("new"), "x"));
    drop(fs::write(place.at("none/new"), "x"));
    drop(fs::write(place.at("dir"), "x"));
    drop(fs::read(place.at("new")));
}

fn open_options(place: &Place) {
    let options = || OpenOptions::new();
    drop(options().append(true).open(place.at("file")));
    drop(
        options()
            .append(true)
            .create(true)
            .open(place.at("appended")),
    );
    drop(options().read(true).write(true).open(place.at("other")));
    drop(options().write(true).create_new(true).open(place.at("new")));
    drop(options().write(true).create_new(true).open(place.at("new")));
    drop(
        options()
            .write(true)
            .create(true)
            .open(place.at("full/one")),
    );
    drop(
        options()
            .write(true)
            .truncate(true)
            .open(place.at("full/two")),
    );
    drop(options().read(true).mode(0o600).open(place.at("link")));
    drop(File::create(place.at("linked")));
}

fn set_len(place: &Place) {
    if let Ok(file) = OpenOptions::new().write(true).open(place.at("file")) {
        drop(file.set_len(1));
    }
}

fn copy(place: &Place) {
    drop(fs::copy(place.at("file"), place.at("copied")));
    drop(fs::copy(place.at("link"), place.at("other")));
    drop(fs::copy(place.at("none"), place.at("never")));
}

fn rename(place: &Place) {
    drop(fs::rename(place.at("file"), place.at("new")));
    drop(fs::rename(place.at("other"), place.at("linked")));
    drop(fs::rename(place.at("full"), place.at("moved")));
    drop(fs::read(place.at("moved/one")));
    drop(fs::rename(place.at("dir"), place.at("moved")));
}

fn links(place: &Place) {
    drop(fs::hard_link(place.at("file"), place.at("hard")));
    drop(symlink("file", place.at("soft")));
    drop(fs::read(place.at("soft")));
}

fn directories(place: &Place) {
    drop(fs::create_dir(place.at("new")));
    drop(fs::create_dir(place.at("dir")));
    drop(fs::create_dir_all(place.at("a/b/c")));
    drop(fs::DirBuilder::new().mode(0o700).create(place.at("own")));
    drop(fs::remove_dir(place.at("empty")));
    drop(fs::remove_dir(place.at("full")));
    drop(fs::remove_dir_all(place.at("dir")));
}

fn remove(place: &Place) {
    drop(fs::remove_file(place.at("file")));
    drop(fs::remove_file(place.at("link")));
    drop(fs::remove_file(place.at("none")));
    drop(fs::remove_file(place.at("dir")));
}

fn permissions(place: &Place) {
    drop(fs::set_permissions(
        place.at("file"),
        Permissions::from_mode(0o600),
    ));
    if let Ok(file) = File::open(place.at("other")) {
        drop(file.set_permissions(Permissions::from_mode(0o600)));
        drop(file.set_modified(std::time::SystemTime::UNIX_EPOCH));
    }
}

fn replace(place: &Place) {
    drop(fs::read(place.at("file")));
    drop(fs::write(place.at("file.new"), "x"));
    drop(fs::rename(place.at("file.new"), place.at("file")));
    drop(fs::read(place.at("file")));
}

fn sockets(place: &Place) {
    drop(UnixStream::connect(place.at("socket")));
    let listener = UnixListener::bind(place.at("socket"));
    drop(UnixStream::connect(place.at("socket")));
    drop(listener);
}

fn spawn(place: &Place) {
    let quiet = |command: &mut Command| drop(command.stdout(Stdio::null()).status());
    quiet(&mut Command::new("true"));
    quiet(&mut Command::new(place.at("script")));
    quiet(&mut Command::new(place.at("none")));
    quiet(
        Command::new("cat")
            .arg("inside")
            .current_dir(place.at("dir")),
    );
    quiet(
        Command::new("/bin/cat")
            .env_clear()
            .arg("inside")
            .current_dir(place.at("dirlink")),
    );
    // Something done between fork and exec keeps it from being spawned the short way.
    let mut command = Command::new("/bin/true");
    // SAFETY: nothing is done.
    unsafe { command.pre_exec(|| Ok(())) };
    quiet(&mut command);
}

fn threads(place: &Place) {
    std::thread::scope(|scope| {
        for name in ["file", "other", "none"] {
            let path = place.at(name);
            scope
                .spawn(move || fs::read(path))
                .join()
                .expect("it does not panic")
                .ok();
        }
    });
}

fn current_dir(place: &Place) {
    let Ok(here) = File::open(".") else { return };
    if env::set_current_dir(place.at("dirlink")).is_ok() {
        drop(fs::read("inside"));
        drop(fs::read("../file"));
        drop(env::current_dir());
    }
    env::set_current_dir(format!("/proc/self/fd/{}", here.as_raw_fd())).expect("it was here");
}

macro_rules! rows {
    ($($name:ident)*) => { &[$((stringify!($name), $name as fn(&Place)),)*] };
}

const ROWS: &[(&str, fn(&Place))] = rows! {
    open read metadata symlink_metadata exists read_link canonicalize read_dir write open_options
    set_len copy rename links directories remove permissions replace sockets spawn threads
    current_dir
};

fn run(name: &str, row: fn(&Place), form: &str, root: &str) {
    let directory = format!("{name}.{form}");
    match form {
        "relative" => row(&Place(directory.into())),
        "absolute" => row(&Place(Path::new(root).join(directory))),
        "through" => row(&Place(format!("{directory}.link").into())),
        "up" => row(&Place(format!("{directory}.link/..").into())),
        _ => {
            let open = File::open(&directory).expect("it was prepared");
            let there = format!("/proc/self/fd/{}", open.as_raw_fd());
            if form == "dirfd" {
                return row(&Place(there.into()));
            }
            let to = if form == "chdir" { &directory } else { &there };
            env::set_current_dir(to).expect("it was prepared");
            row(&Place(PathBuf::new()));
            env::set_current_dir(root).expect("it was here");
        }
    }
}

fn main() {
    let words: Vec<String> = env::args().collect();
    let only = words.get(3);
    for (name, row) in ROWS {
        if words[1] == "list" {
            println!("{name}");
        } else if only.is_none_or(|only| only == name) {
            for form in [
                "relative", "absolute", "dirfd", "chdir", "fchdir", "through", "up",
            ] {
                run(name, *row, form, &words[2]);
            }
        }
    }
}
