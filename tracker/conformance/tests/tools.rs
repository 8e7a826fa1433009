//! Shells and everyday tools.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use vt_tracker_conformance::compare::MadeUp;
use vt_tracker_conformance::room::Room;
use vt_tracker_conformance::runtimes::installed;
use vt_tracker_conformance::trial::{Failures, Trial};

/// Options of git that make two runs the same, whoever runs them and when.
const GIT: &str = "export GIT_AUTHOR_DATE=@1000000000+0000 GIT_COMMITTER_DATE=@1000000000+0000 \
    GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null; git() { command git -c user.name=x \
    -c user.email=x@x -c gc.auto=0 -c maintenance.auto=false \"$@\"; };";

/// A tree with something of everything.
fn tree(room: &Room) {
    room.write("src/a.txt", "a\n")
        .write("src/b.txt", "b\n")
        .write("src/deep/c.txt", "c\n")
        .write("src/deep/script", "#!/bin/true\n")
        .mode("src/deep/script", 0o755)
        .link("src/deep", "link")
        .link("nowhere", "dangling");
}

/// Compares what a shell does for each script, each in a room of its own.
fn scripts(shell: &str, needed: &[&str], made_up: &[MadeUp], scripts: &[&str]) {
    for tool in needed {
        if installed(tool).is_none() {
            return;
        }
    }
    let Some(shell) = installed(shell) else {
        return;
    };
    let mut failures = Failures::default();
    for script in scripts {
        failures.check(&Trial {
            name: format!("{} -c {script:?}", shell.display()),
            prepare: &tree,
            command: &|room| room.command(&shell, &["-ec", script]),
            made_up,
            known: &[],
        });
    }
    failures.assert_none();
}

/// Tools are called from bash, and no child of dash ends while dash looks for a program: the signal
/// would make a call fail that waits to be noticed, and dash, unlike bash, does not ask for such
/// calls to be made again.
const SHELL: &[&str] = &[
    "cat src/a.txt link/c.txt > out; test -e none || echo no >> out",
    "for f in src/*.txt; do echo $f; done; cd none 2>/dev/null || true",
    "cd src/deep; read line < c.txt; cd ..; read line < a.txt; cd -P ../link/..; read line < a.txt",
    "(cd src && echo x > made); cat src/made; test -f src/made -a ! -d src/made; umask 077",
    "cat <<END > out\nhere\nEND\nexec 3< src/a.txt; read line <&3; exec 3<&-; exec 4> out4; echo >&4",
    "echo x > new; echo y >> new; : > src/a.txt; set -C; (echo z > new) 2>/dev/null || true",
    "test -L link; test -r src; test -w src; test -x src/deep/script; test dangling -nt src || true",
    "PATH=$PWD/none:$PWD/src/deep:$PATH; script; command -v script; ./src/deep/script; cat src/a.txt | true",
    "$(cat src/a.txt >/dev/null); x=$(cd link && pwd -P); env -i /bin/cat src/b.txt",
];

#[test]
fn dash() {
    scripts("dash", &[], &[], SHELL);
}

#[test]
fn bash() {
    let own = [
        "shopt -s globstar; for f in **/*.txt; do echo $f; done; mapfile -t lines < src/a.txt",
        "cat <(cat src/a.txt) <<< here > out; source /dev/stdin < src/empty || true; [[ -e none ]] || true",
        "cd -P link; cd -; pushd src/deep; popd; hash -r; type -a cat; exec -a name cat src/a.txt",
    ];
    scripts("bash", &[], &[], SHELL);
    scripts("bash", &[], &[], &own);
}

#[test]
fn coreutils() {
    let made_up = [MadeUp("Cu??????")];
    scripts(
        "bash",
        &[],
        &made_up,
        &[
            "cp src/a.txt copy; cp -a src whole; cp --reflink=auto src/a.txt again; cp -l src/a.txt hard",
            "cp -rs $PWD/src links; cp -u src/a.txt src/b.txt; cp -f src/a.txt copy; install -D src/a.txt x/y/z",
            "mv src/a.txt moved; mv src away; mv away/deep .; mv -n deep/c.txt away/b.txt; mv -T away other",
            "rm -r src; rm -f none; rm link dangling; mkdir -p a/b/c a/b; rmdir -p a/b/c; rmdir none || true",
            "ls -lR . > listing; ls -la src link; ls -d none || true; du -s src; stat src/a.txt; readlink -f link",
            "ln -s x l; ln -sf y l; ln src/a.txt h; ln -f src/b.txt h; unlink h; realpath -e link/c.txt; realpath none",
            "touch new; touch src/a.txt; touch -c none; chmod 600 src/a.txt; chmod -R u+x src; truncate -s 3 src/b.txt",
            "head -c1 src/a.txt; tail -c1 src/a.txt; wc src/*.txt; sort src/a.txt -o src/a.txt; tee copy < src/b.txt",
            "dd if=src/a.txt of=d bs=1; split -b1 src/a.txt; cmp src/a.txt src/b.txt || true; shred -n1 -u src/b.txt",
            "mkfifo pipe; cat pipe & echo x > pipe; wait; sha256sum src/*.txt > sums; sha256sum -c sums; test -p pipe",
        ],
    );
}

#[test]
fn archives() {
    scripts(
        "bash",
        &["tar", "gzip"],
        &[],
        &[
            "tar cf archive.tar src link; mkdir t; tar xf archive.tar -C t; tar tf archive.tar > list",
            "tar czf archive.tgz src; mkdir t; cd t; tar xzf ../archive.tgz; tar xzf ../archive.tgz",
            "tar cf archive.tar --exclude=deep src; tar rf archive.tar link; tar xf archive.tar --overwrite",
            "tar cf - src | (mkdir t; cd t; tar xf - --keep-old-files); tar df /dev/null src || true",
        ],
    );
}

#[test]
fn sed_in_place() {
    let made_up = [MadeUp("sed??????")];
    scripts(
        "bash",
        &["sed"],
        &made_up,
        &[
            "sed s/a/b/ src/a.txt > out; sed -i s/a/b/ src/a.txt; sed -i.old s/b/c/ src/b.txt; sed -n p none || true",
            "ln -s src/a.txt l; sed -i s/a/b/ l; sed -i --follow-symlinks s/b/a/ link/c.txt; sed -i s/x/y/ none || true",
        ],
    );
}

#[test]
fn finding() {
    scripts(
        "bash",
        &["find", "grep", "xargs"],
        &[],
        &[
            "find . -name '*.txt' | sort > list; find -L . -type f > list2 || true; find src -empty -delete",
            "find src -type f -newer src/a.txt -exec cat {} +; find . -maxdepth 1 -perm -u+x; find none || true",
            "find src -depth -name '*.txt' -exec rm {} ';'; find src -type d -empty -delete; find . -xtype l; find . -samefile .",
            "grep -r a src; grep -R c . > /dev/null || true; find src -print0 | xargs -0 ls -d; diff -r src link || true",
        ],
    );
}

#[test]
fn rsync() {
    let made_up = [
        MadeUp(".a.txt.??????"),
        MadeUp(".b.txt.??????"),
        MadeUp(".c.txt.??????"),
        MadeUp(".script.??????"),
    ];
    scripts(
        "bash",
        &["rsync"],
        &made_up,
        &[
            "rsync -a src/ copy/; rsync -a src/ copy/; rsync -a --delete src/deep/ copy/",
            "rsync -a --inplace src/ copy/; rsync -rL src ../tmp/all; rsync -a --link-dest=$PWD/copy src/ hard/",
        ],
    );
}

/// A small project in C.
fn project(room: &Room) {
    room.write("main.c", "#include <stdio.h>\n#include \"own.h\"\nint main(void){puts(TEXT);return part();}\n")
        .write("part.c", "#include \"own.h\"\nint part(void){return 0;}\n")
        .write("include/own.h", "#define TEXT \"x\"\nint part(void);\n")
        .write("Makefile", "all: main libpart.a\nmain: main.o part.o\n\tgcc -o $@ $^\nlibpart.a: part.o\n\tar rcs $@ $^\n%.o: %.c include/own.h\n\tgcc -Iinclude -MMD -c -o $@ $<\n");
}

#[test]
fn a_compiler() {
    for tool in ["gcc", "make", "ar"] {
        if installed(tool).is_none() {
            return;
        }
    }
    let Some(shell) = installed("bash") else {
        return;
    };
    let made_up = [MadeUp("cc??????*"), MadeUp("st??????")];
    let mut failures = Failures::default();
    for script in [
        "gcc -Iinclude -o main main.c part.c; ./main; gcc -E -Iinclude main.c > main.i; gcc -Inone -c main.c || true",
        "make; make; touch -d @2000000000 part.c; make; make none || true; rm main.o; make",
        "make -j2; nm libpart.a > names; strip main; gcc -static -Iinclude -O2 -flto -o other main.c part.c",
    ] {
        failures.check(&Trial {
            name: script.to_owned(),
            prepare: &project,
            command: &|room| room.command(&shell, &["-ec", script]),
            made_up: &made_up,
            known: &[],
        });
    }
    failures.assert_none();
}

#[test]
fn git() {
    if installed("git").is_none() {
        return;
    }
    let Some(shell) = installed("bash") else {
        return;
    };
    let prepare = |room: &Room| {
        tree(room);
        // Times of long ago and always the same: what git trusts its index with depends on them.
        let script = format!(
            "{GIT} find . ! -type d -exec touch -h -d @1000000000 {{}} +; git init -q . && git add . && \
             git commit -qm x && echo n > new && touch -d @1000000001 src/a.txt new"
        );
        let status = room.command(&shell, &["-ec", &script]).status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    let made_up = [
        MadeUp("t??????"),
        MadeUp("tmp_obj_??????"),
        MadeUp("tmp_idx_??????"),
        MadeUp("tmp_pack_??????"),
        MadeUp("tmp_rev_??????"),
        MadeUp("tmp_mtimes_??????"),
        MadeUp("refs_??????"),
        MadeUp("packs_??????"),
        MadeUp("index.stash.#*"),
        MadeUp(".tmp-#-pack*"),
    ];
    let mut failures = Failures::default();
    for script in [
        "git status --porcelain=v2; git diff; git log -p; git ls-files -s; git rev-parse HEAD",
        "git add new; git commit -qm y; git mv src/a.txt src/z.txt; git rm -q src/b.txt; git reset -q",
        "git branch b; git checkout -q b; git stash -q -u; git stash pop -q; git tag t; git gc -q || true",
        "git clone -q . ../tmp/other; git worktree add -q ../tmp/tree; git clean -fdq; git checkout -q -- src",
    ] {
        let script = format!("{GIT} {script}");
        failures.check(&Trial {
            name: script.clone(),
            prepare: &prepare,
            command: &|room| room.command(&shell, &["-ec", &script]),
            made_up: &made_up,
            known: &[],
        });
    }
    failures.assert_none();
}
