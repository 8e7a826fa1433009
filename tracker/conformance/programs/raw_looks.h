// The rows of `raw.c` that do one thing to something of everything.

// One set of flags on something of everything, by the call with a directory and the one without.
static void open_everything(int flags) {
    done(CALL_3(OPEN, alone("file"), flags, 0644));
    done(open_at("other", flags));
    done(CALL_3(OPEN, alone("new"), flags, 0644));
    done(open_at("newer", flags));
    done(open_at("link", flags));
    done(open_at("dangling", flags));
    done(open_at("loop", flags));
    done(open_at("dirlink", flags));
    done(open_at("full", flags));
    done(open_at("full/one/", flags));
    done(open_at("full/one/x", flags));
    done(open_at("none/x", flags));
    done(open_at("secret", flags));
    done(open_at("locked/inside", flags));
    done(open_at("sealed/inside", flags));
    done(open_at("sealed/new", flags));
    done(open_at("dir/../full/two", flags));
    done(open_at("dirlink/sub/../inside", flags));
}

#define OPENS(name, flags) static void open_##name(void) { open_everything(flags); }

#define EACH_OPEN(DO)                                     \
    DO(read, RDONLY)                                      \
    DO(read_create, RDONLY | CREATE)                      \
    DO(read_truncate, RDONLY | TRUNC)                     \
    DO(write, WRONLY)                                     \
    DO(write_create, WRONLY | CREATE)                     \
    DO(write_truncate, WRONLY | CREATE | TRUNC)           \
    DO(write_exclusive, WRONLY | CREATE | EXCL)           \
    DO(write_exclusive_cut, WRONLY | CREATE | EXCL | TRUNC) \
    DO(append, WRONLY | APPEND)                           \
    DO(append_create, WRONLY | CREATE | APPEND)           \
    DO(append_truncate, WRONLY | APPEND | TRUNC)          \
    DO(both, RDWR)                                        \
    DO(both_create, RDWR | CREATE)                        \
    DO(both_append, RDWR | APPEND)                        \
    DO(both_truncate, RDWR | TRUNC)                       \
    DO(path, PATH)                                        \
    DO(path_kept, PATH | NOFOLLOW)                        \
    DO(path_create, PATH | CREATE | EXCL)                 \
    DO(directory, RDONLY | DIRECTORY)                     \
    DO(kept, RDONLY | NOFOLLOW)                           \
    DO(write_kept, WRONLY | CREATE | NOFOLLOW)            \
    DO(control, CONTROL)

EACH_OPEN(OPENS)

static void open_new_slash(void) {
    done(open_at("new/", WRONLY | CREATE));
    done(open_at("newer/", WRONLY | CREATE | TRUNC));
    done(open_at("newest/", WRONLY | CREATE | EXCL));
}

struct how { word flags, mode, resolve; };

// Kernels differ in what they make of this.
static void open_directory_create(void) { done(open_at("file", RDONLY | DIRECTORY | CREATE)); }

static void openat2_with(const char *name, word flags, word resolve) {
    struct how how = {flags, flags & CREATE ? 0644 : 0, resolve};
    done(CALL_4(OPENAT2, at, in(name), &how, sizeof how));
}
static void openat2_read(void) { openat2_with("file", RDONLY, 0); openat2_with("none", RDONLY, 0); }
static void openat2_new(void) { openat2_with("new", WRONLY | CREATE, 0); }
static void openat2_beneath(void) { openat2_with("link", RDONLY, 8); openat2_with("dir/../../x", RDONLY, 8); }
static void openat2_no_links(void) { openat2_with("link", RDONLY, 4); openat2_with("file", RDONLY, 4); }
static void creat_old(void) { done(CALL_2(CREAT, alone("file"), 0644)); }
static void creat_new(void) { done(CALL_2(CREAT, alone("new"), 0644)); }

// Looks: each at what there is of every sort.
static const char *const things[] = {
    "file", "dir", "link", "dirlink", "dangling", "loop", "chain", "none", "none/x", "file/x",
    "file/", "dir/", "link/", "dirlink/", "dangling/", "dirlink/inside", "dir/../file", "dirlink/../file",
    "none/../file", "file/../other", ".", "./file", "dir//inside", "\xff\xfe \"<>\n", "",
    "secret", "locked", "locked/inside", "locked/none", "sealed", "sealed/inside", "sealed/new",
};

#define EACH_THING(call) \
    for (unsigned i = 0; i < sizeof things / sizeof *things; i++) { const char *thing = things[i]; call; }

#define LOOK(name, ...) static void name(void) { EACH_THING(__VA_ARGS__) }

LOOK(stat_, CALL_2(STAT, alone(thing), buffer))
LOOK(lstat_, CALL_2(LSTAT, alone(thing), buffer))
LOOK(newfstatat_, CALL_4(NEWFSTATAT, at, in(thing), buffer, 0))
LOOK(newfstatat_kept, CALL_4(NEWFSTATAT, at, in(thing), buffer, AT_NOFOLLOW))
LOOK(newfstatat_empty, CALL_4(NEWFSTATAT, at, in(thing), buffer, AT_EMPTY))
LOOK(statx_, CALL_5(STATX, at, in(thing), 0, 0xfff, buffer))
LOOK(statx_kept, CALL_5(STATX, at, in(thing), AT_NOFOLLOW, 0xfff, buffer))
LOOK(access_, CALL_2(ACCESS, alone(thing), 0))
LOOK(access_execute, CALL_2(ACCESS, alone(thing), 1))
LOOK(faccessat_, CALL_3(FACCESSAT, at, in(thing), 4))
LOOK(faccessat2_, CALL_4(FACCESSAT2, at, in(thing), 4, AT_NOFOLLOW))
LOOK(readlink_, CALL_3(READLINK, alone(thing), buffer, 999))
LOOK(readlinkat_, CALL_4(READLINKAT, at, in(thing), buffer, 999))
LOOK(statfs_, CALL_2(STATFS, alone(thing), buffer))
LOOK(getxattr_, CALL_4(GETXATTR, alone(thing), "user.x", buffer, 99))
LOOK(lgetxattr_, CALL_4(LGETXATTR, alone(thing), "user.x", buffer, 99))
LOOK(listxattr_, CALL_3(LISTXATTR, alone(thing), buffer, 99))
LOOK(llistxattr_, CALL_3(LLISTXATTR, alone(thing), buffer, 99))
LOOK(utime_, CALL_2(UTIME, alone(thing), 0))
LOOK(utimes_, CALL_2(UTIMES, alone(thing), 0))
LOOK(futimesat_, CALL_3(FUTIMESAT, at, in(thing), 0))
LOOK(utimensat_, CALL_4(UTIMENSAT, at, in(thing), 0, 0))
LOOK(utimensat_kept, CALL_4(UTIMENSAT, at, in(thing), 0, AT_NOFOLLOW))
LOOK(handle_, { *(unsigned *)buffer = 128; CALL_5(NAME_TO_HANDLE_AT, at, in(thing), buffer, buffer + 512, 0); })
LOOK(handle_followed, { *(unsigned *)buffer = 128; CALL_5(NAME_TO_HANDLE_AT, at, in(thing), buffer, buffer + 512, AT_FOLLOW); })
LOOK(read_all, done(open_at(thing, RDONLY)))
LOOK(open_all, done(CALL_2(OPEN, alone(thing), RDONLY)))
LOOK(truncate_none, CALL_2(TRUNCATE, alone(thing), -1))
LOOK(unlink_all, CALL_1(UNLINK, alone(thing)))
LOOK(unlinkat_all, CALL_3(UNLINKAT, at, in(thing), 0))
LOOK(rmdir_all, CALL_1(RMDIR, alone(thing)))
LOOK(unlinkat_dir_all, CALL_3(UNLINKAT, at, in(thing), AT_REMOVEDIR))
LOOK(mkdir_all, CALL_2(MKDIR, alone(thing), 0755))
LOOK(mkdirat_all, CALL_3(MKDIRAT, at, in(thing), 0755))
LOOK(symlink_all, CALL_2(SYMLINK, "target", alone(thing)))
LOOK(symlinkat_all, CALL_3(SYMLINKAT, "target", at, in(thing)))
LOOK(mknod_all, CALL_3(MKNOD, alone(thing), 0100644, 0))
LOOK(link_all, CALL_2(LINK, alone("file"), alone(thing)))
LOOK(link_from_all, { CALL_2(LINK, alone(thing), alone("made")); CALL_1(UNLINK, alone("made")); })
LOOK(rename_to_none, CALL_2(RENAME, alone(thing), alone("none/x")))
LOOK(rename_from_none, CALL_2(RENAME, alone("none"), alone(thing)))
LOOK(truncate_all, CALL_2(TRUNCATE, alone(thing), 0))
LOOK(chmod_all, CALL_2(CHMOD, alone(thing), 0755))
LOOK(fchmodat_all, CALL_3(FCHMODAT, at, in(thing), 0755))
LOOK(chown_all, CALL_3(CHOWN, alone(thing), -1, -1))
LOOK(lchown_all, CALL_3(LCHOWN, alone(thing), -1, -1))
LOOK(fchownat_all, CALL_5(FCHOWNAT, at, in(thing), -1, -1, AT_NOFOLLOW))
LOOK(removexattr_all, CALL_2(REMOVEXATTR, alone(thing), "user.x"))
LOOK(execve_none, IN_CHILD(CALL_3(EXECVE, alone(thing), no_words, 0)))

static void inotify_(void) {
    int queue = CALL_1(INOTIFY_INIT, 0);
    EACH_THING(CALL_3(INOTIFY_ADD_WATCH, queue, alone(thing), 2))
    EACH_THING(CALL_3(INOTIFY_ADD_WATCH, queue, alone(thing), 2 | 0x2000000))
    done(queue);
}

static void list_with(long number) {
    int directory = open_at("dir", RDONLY | DIRECTORY);
    while (CALL_3(number, directory, buffer, 4096) > 0) {}
    done(directory);
    int file = open_at("file", RDONLY);
    CALL_3(number, file, buffer, 4096);
    done(file);
    directory = open_at("dirlink", RDONLY);
    CALL_3(number, directory, buffer, 4096);
    done(directory);
}
static void getdents_(void) { list_with(GETDENTS); }
static void getdents64_(void) { list_with(GETDENTS64); }
static void list_removed(void) {
    int directory = open_at("empty", RDONLY | DIRECTORY);
    CALL_3(UNLINKAT, at, in("empty"), AT_REMOVEDIR);
    CALL_3(GETDENTS64, directory, buffer, 4096);
    done(directory);
}
