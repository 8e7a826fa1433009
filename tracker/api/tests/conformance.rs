//! No access that `strace` saw is missing.
//!
//! Each command runs twice: under `strace`, then under the tracker. What the first saw, the second
//! must have seen, in the right coarse class. More than that is fine: the tracker also notes links
//! and interpreters.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use support::Room;
use vt_tracker::{PathHistory, State};

/// What an access amounts to, roughly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    Looked,
    Missed,
    Listed,
    Changed,
}

/// A line of the oracle.
struct Line<'l> {
    call: &'l str,
    arguments: &'l str,
    result: &'l str,
}

fn parse(line: &str) -> Option<Line<'_>> {
    let line = line
        .trim_start_matches(|letter: char| letter.is_ascii_digit())
        .trim_start();
    let (call, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let is_name = call
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| Line {
        call,
        arguments: arguments.trim_end().strip_suffix(')').unwrap_or(arguments),
        result,
    })
}

/// The names in the arguments with the directories they are relative to.
fn names(arguments: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut rest = arguments;
    let mut directory = "";
    while let Some(at) = rest.find(['"', '<']) {
        let (open, tail) = (rest.as_bytes()[at], &rest[at + 1..]);
        let close = if open == b'"' { '"' } else { '>' };
        let Some(end) = tail.find(close) else { break };
        if open == b'<' {
            directory = &tail[..end];
        } else if tail[..end].starts_with('/') || directory.starts_with('/') {
            found.push(Path::new(directory).join(&tail[..end]));
        }
        rest = &tail[end + 1..];
    }
    found
}

/// The real path of a name as far as that can be said afterwards.
fn real(name: &Path, keeps_link: bool) -> PathBuf {
    if !keeps_link && let Ok(real) = name.canonicalize() {
        return real;
    }
    let (Some(parent), Some(last)) = (name.parent(), name.file_name()) else {
        return name.to_owned();
    };
    real(parent, false).join(last)
}

/// What the line says of which paths.
fn claims(line: &Line<'_>) -> Vec<(PathBuf, Class)> {
    let is_missing = line.result.contains("ENOENT") || line.result.contains("ENOTDIR");
    // Asking where one is says nothing about that place.
    let has_failed =
        line.call == "getcwd" || line.result.starts_with('-') || line.result.starts_with('?');
    if has_failed && !is_missing {
        return Vec::new();
    }
    let names = names(line.arguments);
    let arguments = line.arguments;
    let keeps_link = matches!(
        line.call,
        "lstat"
            | "readlink"
            | "readlinkat"
            | "unlink"
            | "unlinkat"
            | "rename"
            | "renameat"
            | "renameat2"
            | "symlink"
            | "symlinkat"
            | "lchown"
    ) || arguments.contains("NOFOLLOW");
    let class = if is_missing {
        Class::Missed
    } else {
        match line.call {
            "open" | "openat" | "creat"
                if ["O_WRONLY", "O_RDWR", "O_TRUNC"]
                    .iter()
                    .any(|flag| arguments.contains(flag)) =>
            {
                Class::Changed
            }
            "unlink" | "unlinkat" | "rmdir" | "mkdir" | "mkdirat" | "rename" | "renameat"
            | "renameat2" | "chmod" | "fchmodat" | "truncate" | "symlink" | "symlinkat" => {
                Class::Changed
            }
            _ => Class::Looked,
        }
    };
    let of_symlink = usize::from(line.call.starts_with("symlink"));
    // Which of two names is missing can't be told.
    let names = if is_missing && names.len() > 1 {
        Vec::new()
    } else {
        names
    };
    names
        .into_iter()
        .skip(of_symlink)
        .filter(|name| !name.components().any(|part| part == Component::ParentDir))
        .map(|name| (real(&name, keeps_link), class))
        .collect()
}

fn listed(line: &Line<'_>) -> Option<(PathBuf, Class)> {
    let path = line.arguments.split_once('<')?.1.split_once('>')?.0;
    line.call
        .starts_with("getdents")
        .then(|| (PathBuf::from(path), Class::Listed))
}

fn oracle(room: &Room, program: &str, arguments: &[&str]) -> BTreeSet<(PathBuf, Class)> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let traced = "trace=%file,getdents,getdents64";
    let status = room
        .command(
            "strace",
            &[
                "-f",
                "-y",
                "-s",
                "4096",
                "-e",
                traced,
                "-e",
                "signal=none",
                "-o",
            ],
        )
        .arg(log.path())
        .arg(program)
        .args(arguments)
        .status()
        .unwrap();
    assert!(status.success(), "{program} {arguments:?} under strace");
    let text = std::fs::read(log.path()).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut claimed = BTreeSet::new();
    for line in text
        .lines()
        .filter(|line| !line.contains("unfinished") && !line.contains("resumed"))
    {
        let Some(line) = parse(line) else { continue };
        claimed.extend(listed(&line));
        if !line.call.starts_with("getdents") {
            claimed.extend(claims(&line));
        }
    }
    let is_ours = |path: &Path| {
        path.is_absolute()
            && !["/proc", "/sys", "/dev"].iter().any(|root| path.starts_with(root))
            && !path.to_str().is_some_and(|path| path.contains("(deleted)") || path.ends_with("..."))
            // Names that are made up anew each time.
            && (path.starts_with(&room.root) || !path.starts_with(std::env::temp_dir()))
    };
    claimed.retain(|(path, _)| is_ours(path));
    assert!(claimed.len() > 3, "strace saw nothing of {program}");
    claimed
}

fn agrees(history: &PathHistory, class: Class) -> bool {
    let changed = !history.changes.is_empty();
    match class {
        Class::Looked => changed || history.seen_before.any(),
        Class::Missed => history.seen_before.missed || history.first == State::Missing || changed,
        Class::Listed => history.seen_before.listed || changed,
        Class::Changed => changed,
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a comparison that was left out has to be seen"
)]
fn say_skipped() {
    eprintln!("SKIPPED: there is no strace to compare with");
}

/// Prepares a room twice, and compares. Says how many accesses were compared.
fn compare(prepare: &dyn Fn(&Room), program: &str, arguments: &[&str]) -> usize {
    if Command::new("strace").arg("--version").output().is_err() {
        say_skipped();
        return 0;
    }
    let room = Room::new();
    prepare(&room);
    let claimed = oracle(&room, program, arguments);
    for entry in std::fs::read_dir(&room.root).unwrap() {
        let path = entry.unwrap().path();
        let is_directory = path.symlink_metadata().unwrap().is_dir();
        if is_directory {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        }
        .unwrap();
    }
    prepare(&room);
    let seen = room.run(program, arguments);
    seen.assert_complete();
    let missing: Vec<String> = claimed
        .iter()
        .filter(|(path, class)| {
            !seen
                .history(path)
                .is_some_and(|history| agrees(history, *class))
        })
        .map(|(path, class)| format!("{class:?} {}: {}", path.display(), seen.story(path)))
        .collect();
    assert!(
        missing.is_empty(),
        "{} of {}: {missing:#?}",
        missing.len(),
        claimed.len()
    );
    claimed.len()
}

/// A tree with something of everything.
fn tree(room: &Room) {
    room.write("src/a.txt", "a")
        .write("src/b.txt", "b")
        .write("src/deep/c.txt", "c");
    std::os::unix::fs::symlink("src/deep", room.path("link")).unwrap();
}

#[test]
fn shells_and_file_tools() {
    for script in [
        "cat src/a.txt link/c.txt > out; test -e none || echo no >> out",
        "cp -a src copy; rm -r src/deep; mv copy moved; ls -lR . > listing",
        "mkdir -p x/y/z; touch x/y/z/f; chmod 600 x/y/z/f; ln -s f x/y/z/l; rmdir x 2> err || true",
        "find . -name '*.txt' | sort | xargs cat > all; sed s/a/b/ src/a.txt > b; mv b src/a.txt",
        "tar cf archive.tar src; mkdir t; cd t; tar xf ../archive.tar; diff -r src ../src",
        "cd src/deep; cat ../a.txt c.txt; cd ../../link; cat c.txt; pwd -P",
    ] {
        compare(&tree, "/bin/sh", &["-c", script]);
    }
}

#[test]
fn node() {
    let program = "const fs = require('fs'); const cp = require('child_process');
        fs.readFileSync('src/a.txt'); fs.existsSync('none'); fs.readdirSync('link');
        fs.mkdirSync('dist/x', { recursive: true }); fs.writeFileSync('dist/x/o', 'o');
        fs.promises.readFile('link/c.txt').then(() => fs.promises.writeFile('dist/p', 'p'))
          .then(() => fs.promises.rm('dist/x', { recursive: true }));
        cp.execFileSync('/bin/cat', ['src/b.txt']);";
    compare(&tree, "node", &["-e", program]);
}

#[test]
fn python_and_its_children() {
    let program = "import subprocess, os, shutil, pathlib\n\
        subprocess.run(['/bin/cat', 'src/a.txt'], check=True, stdout=subprocess.DEVNULL)\n\
        subprocess.run(['/bin/ls'], cwd='src', check=True, stdout=subprocess.DEVNULL)\n\
        shutil.copytree('src', 'copy', symlinks=True)\n\
        [p.read_text() for p in sorted(pathlib.Path('copy').rglob('*.txt'))]\n\
        os.replace('copy/a.txt', 'copy/z.txt'); shutil.rmtree('copy')";
    // With no byte code written, both runs do the same.
    compare(&tree, "python3", &["-B", "-c", program]);
}

#[test]
fn a_compiler() {
    let prepare = |room: &Room| {
        room.write(
            "main.c",
            "#include <stdio.h>\n#include \"own.h\"\nint main(void){puts(TEXT);}\n",
        );
        room.write("own.h", "#define TEXT \"x\"\n");
    };
    compare(&prepare, "gcc", &["-o", "main", "main.c"]);
}

#[test]
fn git() {
    let prepare = |room: &Room| {
        tree(room);
        // Times of long ago and always the same: what git trusts its index with depends on them.
        let script = "export GIT_AUTHOR_DATE=@1000000000+0000 GIT_COMMITTER_DATE=@1000000000+0000
            find . -type f | xargs touch -d @1000000000
            git init -q . && git add . && git -c user.name=x -c user.email=x@x commit -qm x
            touch -d @1000000001 src/a.txt && echo n > new";
        let status = room.command("/bin/sh", &["-c", script]).status().unwrap();
        assert!(status.success());
    };
    compare(&prepare, "git", &["status", "--porcelain=v2", "-uno"]);
}
