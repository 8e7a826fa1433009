//! Many looks in one directory: the supervisor lists it then, instead of asking about each name. A
//! link is still one, also if it was none when the directory was listed.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::os::unix::fs::symlink;

use support::Room;

/// Enough looks for the directory to be listed, and some after that.
const LOOK_AT_ALL: &str = "names = [os.stat('many/%d' % n) for n in range(40)]";

fn room_with_many() -> Room {
    let room = Room::new();
    for number in 0..40 {
        room.write(&format!("many/{number}"), "x");
    }
    room
}

#[test]
fn files_of_a_directory_that_is_listed_are_seen_as_all_are() {
    let room = room_with_many();
    let program = format!("{LOOK_AT_ALL}; open('many/39').read(); os.path.exists('many/no')");
    let seen = room.python(&program);
    seen.assert_complete();
    for number in 0..39 {
        assert_eq!(seen.story(format!("many/{number}")), "file: probe");
    }
    assert_eq!(seen.story("many/39"), "file: read probe");
    assert_eq!(seen.story("many/no"), "missing: miss");
}

#[test]
fn links_in_a_directory_that_is_listed_are_followed() {
    let room = Room::new();
    std::fs::create_dir(room.path("many")).unwrap();
    for number in 0..40 {
        room.write(&format!("targets/{number}"), "x");
        symlink(
            format!("../targets/{number}"),
            room.path(&format!("many/{number}")),
        )
        .unwrap();
    }
    symlink("../nowhere", room.path("many/dangling")).unwrap();
    let seen = room.python(&format!("{LOOK_AT_ALL}; os.path.exists('many/dangling')"));
    seen.assert_complete();
    for number in 0..40 {
        assert_eq!(seen.story(format!("targets/{number}")), "file: probe");
        assert_eq!(seen.story(format!("many/{number}")), "link: link");
    }
    assert_eq!(seen.story("nowhere"), "missing: miss");
}

#[test]
fn what_becomes_a_link_after_its_directory_was_listed_is_followed() {
    let room = room_with_many();
    room.write("other", "x")
        .write("twin", "x")
        .write("elsewhere/that", "x");
    // The same file by another name: its number does not tell that a link led there.
    std::fs::hard_link(room.path("twin"), room.path("many/twin")).unwrap();
    let program = format!(
        "{LOOK_AT_ALL}; os.stat('many/twin'); os.unlink('many/twin'); \
         os.symlink('../twin', 'many/twin'); os.stat('many/twin'); \
         os.symlink('../other', 'many/new'); open('many/new').read(); \
         os.path.exists('many/dangling'); os.symlink('../nowhere', 'many/dangling'); \
         os.path.exists('many/dangling'); os.path.exists('below/it'); \
         os.symlink('elsewhere', 'below'); os.path.exists('below/it')"
    );
    let seen = room.python(&program);
    seen.assert_complete();
    assert_eq!(seen.story("twin"), "file: probe");
    assert_eq!(seen.story("other"), "file: read");
    assert_eq!(seen.story("nowhere"), "missing: miss");
    assert_eq!(seen.story("elsewhere/it"), "missing: miss");
}

#[test]
fn a_directory_in_the_place_of_one_that_was_listed_is_another() {
    let room = room_with_many();
    room.write("other/7", "x");
    let program = format!(
        "{LOOK_AT_ALL}; os.rename('many', 'moved'); os.mkdir('many'); \
         os.symlink('../other/7', 'many/7'); open('many/7').read()"
    );
    let seen = room.python(&program);
    seen.assert_complete();
    assert_eq!(seen.story("other/7"), "file: read");
}

#[test]
fn a_child_that_shares_memory_has_a_current_directory_of_its_own() {
    let room = Room::new();
    room.write("inner/file", "x").write("file", "x").write(
        "main.c",
        "#include <sys/stat.h>\n\
         #include <sys/wait.h>\n\
         #include <unistd.h>\n\
         int main(void) {\n\
           struct stat found;\n\
           if (stat(\"main.c\", &found)) return 1;\n\
           pid_t child = vfork();\n\
           if (child == 0) _exit(chdir(\"inner\") || stat(\"file\", &found));\n\
           int status = 1;\n\
           waitpid(child, &status, 0);\n\
           return status || stat(\"no\", &found) == 0;\n\
         }\n",
    );
    let compiled = room.command("gcc", &["-o", "main", "main.c"]).status();
    assert!(compiled.expect("this test needs gcc").success());
    let seen = room.run(room.path("main").to_str().unwrap(), &[]);
    seen.assert_complete();
    assert_eq!(seen.story("inner/file"), "file: probe");
    assert_eq!(seen.story("file"), "nothing");
    assert_eq!(seen.story("no"), "missing: miss");
}

/// One thread makes a directory between another's call and its execution, which succeeds then.
#[test]
fn directories_that_threads_make_below_one_another_at_once_are_seen_to_be_made() {
    let room = Room::new();
    let seen = room.python(
        "import threading\n  \
         def make(barrier, n, m):\n    \
           barrier.wait()\n    \
           for _ in range(9):\n      \
             for name in (f'{n}/{m}', f'{n}'):\n        \
               try: os.mkdir(name)\n        \
               except OSError: pass\n  \
         for n in range(200):\n    \
           barrier = threading.Barrier(4)\n    \
           ts = [threading.Thread(target=make, args=(barrier, n, m)) for m in (0, 0, 1, 1)]\n    \
           [t.start() for t in ts]; [t.join() for t in ts]",
    );
    seen.assert_complete();
    for number in 0..200 {
        for name in [0, 1] {
            let story = seen.story(format!("{number}/{name}"));
            assert!(story.contains("FRESH"), "{number}/{name} {story}");
        }
    }
}

#[test]
fn files_that_threads_make_in_a_directory_that_another_makes_at_once_are_seen_to_be_made() {
    const ROUNDS: usize = 2000;
    let room = Room::new();
    room.write(
        "main.c",
        "#include <fcntl.h>\n\
         #include <pthread.h>\n\
         #include <stdio.h>\n\
         #include <sys/stat.h>\n\
         #include <unistd.h>\n\
         static pthread_barrier_t barrier;\n\
         static void *work(void *which) {\n\
           char name[32];\n\
           for (int n = 0; n < 2000; n++) {\n\
             pthread_barrier_wait(&barrier);\n\
             sprintf(name, which == (void *)0 ? \"%d\" : which == (void *)1 ? \"%d/file\" : \"%d/link\", n);\n\
             if (which == (void *)0) mkdir(name, 0777);\n\
             else if (which == (void *)1) close(open(name, O_CREAT | O_WRONLY, 0666));\n\
             else if (symlink(\"x\", name)) continue;\n\
           }\n\
           return 0;\n\
         }\n\
         int main(void) {\n\
           pthread_t threads[3];\n\
           pthread_barrier_init(&barrier, 0, 3);\n\
           for (long t = 0; t < 3; t++) pthread_create(&threads[t], 0, work, (void *)t);\n\
           for (int t = 0; t < 3; t++) pthread_join(threads[t], 0);\n\
           return 0;\n\
         }\n",
    );
    let compiled = room.command("gcc", &["-pthread", "-o", "main", "main.c"]);
    assert!(
        { compiled }
            .status()
            .expect("this test needs gcc")
            .success()
    );
    let seen = room.run(room.path("main").to_str().unwrap(), &[]);
    seen.assert_complete();
    for number in 0..ROUNDS {
        for name in ["file", "link"] {
            let path = format!("{number}/{name}");
            let is_made = room.path(&path).symlink_metadata().is_ok();
            let story = seen.story(&path);
            assert!(!is_made || story.contains("FRESH"), "{path} {story}");
        }
    }
}
