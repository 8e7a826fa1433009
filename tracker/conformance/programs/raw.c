// Goes through the rows with nothing but the `syscall` instruction: no library, no start-up files,
// so that nothing can stand between the program and the kernel.
//
// Called with `list` it says its rows. Called with `run` and the path of the room it goes through
// each row in each form, every time in the directory that was prepared for it. Whether a call fails
// does not matter here: the same has to be seen of it twice.

#include "raw_calls.h"
#include "raw_looks.h"

static void truncate_zero(void) { CALL_2(TRUNCATE, alone("file"), 0); }
static void truncate_some(void) { CALL_2(TRUNCATE, alone("link"), 3); }
static void read_then_write(void) { done(open_at("file", RDONLY)); done(open_at("file", WRONLY | TRUNC)); done(open_at("file", RDONLY)); }
static void write_then_read(void) { done(open_at("file", WRONLY)); done(open_at("file", RDONLY)); done(open_at("file", WRONLY | APPEND)); }
static void chmod_then_read(void) { CALL_2(CHMOD, alone("file"), 0600); done(open_at("file", RDONLY)); done(open_at("file", WRONLY | TRUNC)); }
static void make_and_remove(void) { done(open_at("new", WRONLY | CREATE | EXCL)); CALL_3(UNLINKAT, at, in("new"), 0); done(open_at("new", RDONLY)); }
static void remove_and_make(void) { CALL_3(UNLINKAT, at, in("file"), 0); done(open_at("file", RDONLY)); done(open_at("file", WRONLY | CREATE)); }
static void remove_dir_make_file(void) { CALL_1(RMDIR, alone("empty")); done(open_at("empty", WRONLY | CREATE | EXCL)); }
static void miss_then_make(void) { CALL_2(STAT, alone("new"), buffer); done(open_at("new", WRONLY | CREATE | TRUNC)); CALL_2(STAT, alone("new"), buffer); }
static void list_then_make(void) { getdents64_(); done(open_at("dir/new", WRONLY | CREATE | TRUNC)); getdents64_(); }
static void make_then_list(void) { CALL_3(MKDIRAT, at, in("made"), 0755); done(open_at("made/x", WRONLY | CREATE | TRUNC)); int directory = open_at("made", RDONLY); CALL_3(GETDENTS64, directory, buffer, 4096); done(directory); }

static void fchmod_(void) { int file = open_at("file", RDONLY); CALL_2(FCHMOD, file, 0600); CALL_3(FCHOWN, file, -1, -1); done(file); }
static void fsetxattr_(void) { int file = open_at("file", RDONLY); CALL_5(FSETXATTR, file, "user.x", "1", 1, 0); CALL_2(FREMOVEXATTR, file, "user.x"); done(file); }
static void fchmod_path(void) { int file = open_at("file", PATH); CALL_2(FCHMOD, file, 0600); CALL_2(CHMOD, of_descriptor(file), 0600); done(file); }
static void fchmod_removed(void) { int file = open_at("file", RDONLY); CALL_3(UNLINKAT, at, in("file"), 0); CALL_2(FCHMOD, file, 0600); done(file); }
static void setxattr_(void) { CALL_5(SETXATTR, alone("link"), "user.x", "1", 1, 0); CALL_5(LSETXATTR, alone("other"), "user.x", "1", 1, 0); CALL_2(LREMOVEXATTR, alone("other"), "user.x"); }
static void fchownat_empty(void) { int file = open_at("file", PATH); CALL_5(FCHOWNAT, file, "", -1, -1, AT_EMPTY); done(file); }

static void rename_file(void) { CALL_2(RENAME, alone("file"), alone("new")); CALL_2(STAT, alone("file"), buffer); done(open_at("new", RDONLY)); }
static void rename_onto(void) { CALL_2(RENAME, alone("file"), alone("other")); }
static void rename_at(void) { CALL_4(RENAMEAT, at, in("file"), at, in("dir/new")); }
static void rename_link(void) { CALL_2(RENAME, alone("link"), alone("new")); CALL_2(STAT, alone("new"), buffer); }
static void rename_dangling(void) { CALL_2(RENAME, alone("dangling"), alone("link")); CALL_2(STAT, alone("link"), buffer); }
static void rename_dir(void) { CALL_4(RENAMEAT, at, in("dir"), at, in("moved")); done(open_at("moved/sub/leaf", RDONLY)); done(open_at("dir/inside", RDONLY)); done(open_at("dirlink/inside", RDONLY)); }
static void rename_dir_written(void) { done(open_at("dir/made", WRONLY | CREATE)); CALL_4(RENAMEAT, at, in("dir"), at, in("moved")); done(open_at("moved/made", RDONLY)); }
static void rename_dir_onto_empty(void) { CALL_2(RENAME, alone("dir"), alone("empty")); }
static void rename_dir_onto_full(void) { CALL_2(RENAME, alone("dir"), alone("full")); }
static void rename_dir_onto_file(void) { CALL_2(RENAME, alone("dir"), alone("file")); CALL_2(RENAME, alone("file"), alone("dir")); }
static void rename_dir_inside(void) { CALL_2(RENAME, alone("dir"), alone("dir/sub/new")); }
static void rename_dir_above(void) { CALL_2(RENAME, alone("dir/sub"), alone("dir")); }
static void rename_self(void) { CALL_2(RENAME, alone("file"), alone("file")); CALL_2(RENAME, alone("dir"), alone("dir")); }
static void rename_same(void) { CALL_2(LINK, alone("file"), alone("hard")); CALL_2(RENAME, alone("file"), alone("hard")); CALL_2(STAT, alone("file"), buffer); }
static void rename_slash(void) { CALL_2(RENAME, alone("dir/"), alone("moved/")); CALL_2(RENAME, alone("file/"), alone("new")); }
static void rename_to_slash(void) { CALL_2(RENAME, alone("file"), alone("new/")); }
static void rename_dots(void) { CALL_2(RENAME, alone("dir/."), alone("new")); CALL_2(RENAME, alone("dir/sub/.."), alone("new")); CALL_2(RENAME, alone("file"), alone("dir/..")); CALL_2(RENAME, alone("file"), alone(".")); }
static void rename_swap(void) { CALL_4(RENAMEAT, at, in("dir"), at, in("old")); CALL_4(RENAMEAT, at, in("full"), at, in("dir")); done(open_at("dir/one", RDONLY)); done(open_at("old/inside", RDONLY)); done(open_at("dirlink/one", RDONLY)); }
static void exchange_files(void) { CALL_5(RENAMEAT2, at, in("file"), at, in("other"), 2); done(open_at("file", RDONLY)); }
static void exchange_dirs(void) { CALL_5(RENAMEAT2, at, in("dir"), at, in("full"), 2); done(open_at("dir/one", RDONLY)); CALL_2(STAT, alone("dir/inside"), buffer); }
static void exchange_mixed(void) { CALL_5(RENAMEAT2, at, in("dir"), at, in("file"), 2); done(open_at("file/inside", RDONLY)); done(open_at("dirlink", RDONLY)); }
static void exchange_missing(void) { CALL_5(RENAMEAT2, at, in("file"), at, in("none"), 2); CALL_5(RENAMEAT2, at, in("none"), at, in("file"), 2); }
static void exchange_inside(void) { CALL_5(RENAMEAT2, at, in("dir"), at, in("dir/inside"), 2); }
static void noreplace_free(void) { CALL_5(RENAMEAT2, at, in("file"), at, in("new"), 1); }
static void noreplace_taken(void) { CALL_5(RENAMEAT2, at, in("file"), at, in("other"), 1); CALL_5(RENAMEAT2, at, in("dir"), at, in("empty"), 1); }
static void noreplace_dir(void) { CALL_5(RENAMEAT2, at, in("dir"), at, in("new"), 1); }
static void rename_bad_flags(void) { CALL_5(RENAMEAT2, at, in("file"), at, in("new"), 3); CALL_5(RENAMEAT2, at, in("file"), at, in("new"), 64); }

static void link_file(void) { CALL_2(LINK, alone("file"), alone("new")); done(open_at("new", RDONLY)); done(open_at("new", WRONLY)); done(open_at("file", RDONLY)); }
static void link_link(void) { CALL_2(LINK, alone("link"), alone("new")); CALL_5(LINKAT, at, in("link"), at, in("new2"), AT_FOLLOW); }
static void link_descriptor(void) { int file = open_at("file", PATH); CALL_5(LINKAT, file, "", at, in("new"), AT_EMPTY); CALL_5(LINKAT, AT_FDCWD, of_descriptor(file), at, in("new2"), AT_FOLLOW); done(file); }
static void tmpfile_(void) { int file = open_at(".", TMPFILE | RDWR); CALL_3(WRITE, file, "x", 1); CALL_5(LINKAT, AT_FDCWD, of_descriptor(file), at, in("new"), AT_FOLLOW); done(file); done(open_at("new", RDONLY)); }
static void tmpfile_empty(void) { int file = open_at("dir", TMPFILE | WRONLY); CALL_5(LINKAT, file, "", at, in("new"), AT_EMPTY); done(file); }
static void tmpfile_unlinked(void) { done(open_at("dir", TMPFILE | WRONLY | EXCL)); done(open_at("file", TMPFILE | WRONLY)); done(open_at("none", TMPFILE | WRONLY)); done(open_at("dir", TMPFILE | RDONLY)); }
static void symlink_new(void) { CALL_2(SYMLINK, "file", alone("new")); CALL_3(SYMLINKAT, "dir", at, in("new2")); done(open_at("new", RDONLY)); done(open_at("new2/inside", RDONLY)); }
static void mkdir_new(void) { CALL_2(MKDIR, alone("new"), 0755); CALL_3(MKDIRAT, at, in("new/deeper/"), 0755); done(open_at("new/deeper/f", WRONLY | CREATE)); }
static void mknod_new(void) { CALL_3(MKNOD, alone("pipe"), 0010644, 0); CALL_4(MKNODAT, at, in("new"), 0100644, 0); CALL_4(MKNODAT, at, in("pipe"), 0010644, 0); done(open_at("pipe", RDONLY | 04000)); done(open_at("pipe", WRONLY | 04000)); }

struct address { unsigned short family; char path[108]; };
static void socket_(void) {
    struct address address = {1, {0}};
    const char *name = alone("socket");
    int length = 0;
    while (name[length]) length++;
    if (length > 100) return;
    append(address.path, name);
    int one = CALL_3(SOCKET, 1, 1, 0);
    CALL_3(CONNECT, one, &address, sizeof address);
    CALL_3(BIND, one, &address, sizeof address);
    CALL_3(BIND, one, &address, 3 + length);
    int two = CALL_3(SOCKET, 1, 1, 0);
    CALL_3(BIND, two, &address, sizeof address);
    CALL_3(CONNECT, two, &address, sizeof address);
    done(one);
    done(two);
}

static void reopen_(void) { int file = open_at("file", RDONLY); done(CALL_2(OPEN, of_descriptor(file), WRONLY)); done(file); }
static void reopen_path(void) { int file = open_at("file", PATH); done(CALL_2(OPEN, of_descriptor(file), RDONLY)); CALL_2(STAT, of_descriptor(file), buffer); CALL_2(LSTAT, of_descriptor(file), buffer); done(file); }
static void reopen_directory(void) { int directory = open_at("dir", PATH | DIRECTORY); done(CALL_3(OPENAT, directory, "inside", RDONLY)); done(CALL_3(OPENAT, directory, "../file", RDONLY)); int again = CALL_3(OPENAT, directory, ".", RDONLY | DIRECTORY); CALL_3(GETDENTS64, again, buffer, 4096); done(again); done(directory); }
static void reopen_removed(void) { int file = open_at("file", RDONLY); CALL_3(UNLINKAT, at, in("file"), 0); done(CALL_2(OPEN, of_descriptor(file), RDONLY)); done(file); }
static void reopen_renamed(void) { int file = open_at("file", PATH); CALL_4(RENAMEAT, at, in("file"), at, in("new")); CALL_4(NEWFSTATAT, file, "", buffer, AT_EMPTY); done(CALL_2(OPEN, of_descriptor(file), RDONLY)); done(file); }
static void renamed_directory(void) { int directory = open_at("dir", RDONLY | DIRECTORY); CALL_4(RENAMEAT, at, in("dir"), at, in("moved")); done(CALL_3(OPENAT, directory, "inside", RDONLY)); done(CALL_4(OPENAT, directory, "new", WRONLY | CREATE, 0644)); done(directory); }
static void removed_directory(void) { int directory = open_at("empty", RDONLY | DIRECTORY); CALL_3(UNLINKAT, at, in("empty"), AT_REMOVEDIR); done(CALL_3(OPENAT, directory, "x", RDONLY)); done(CALL_4(OPENAT, directory, "x", WRONLY | CREATE, 0644)); done(directory); }
static void bad_descriptor(void) { CALL_4(NEWFSTATAT, 999, "file", buffer, 0); int file = open_at("file", RDONLY); CALL_4(NEWFSTATAT, file, "x", buffer, 0); done(CALL_3(OPENAT, file, "x", RDONLY)); done(file); }
static void bad_pointers(void) { CALL_2(STAT, 0, buffer); CALL_2(STAT, 8, buffer); done(CALL_3(OPENAT, at, -1L, RDONLY)); CALL_2(RENAME, alone("file"), 0); CALL_2(LINK, 8, alone("new")); }
static void bad_flags(void) { CALL_4(NEWFSTATAT, at, in("file"), buffer, 0x10); CALL_3(UNLINKAT, at, in("file"), 0x10); CALL_5(LINKAT, at, in("file"), at, in("new"), 0x1); CALL_2(ACCESS, alone("file"), 64); }

static void long_component(void) {
    static char name[300];
    for (int i = 0; i < 256; i++) name[i] = 'n';
    CALL_2(STAT, alone(name), buffer);
    done(open_at(name, WRONLY | CREATE));
    CALL_2(MKDIR, alone(name), 0755);
    name[255] = 0;
    CALL_2(STAT, alone(name), buffer);
    done(open_at(name, WRONLY | CREATE));
}
// The longest name there is has 4095 letters; one more is too many.
static void long_name(void) {
    static char name[5000];
    for (int wanted = 4094; wanted <= 4096; wanted++) {
        int length = 0;
        const char *start = in("");
        while (start[length]) length++;
        append(name, start);
        for (; length < wanted - 4; length++) name[length] = length % 2 ? '/' : '.';
        while (length % 2) name[length++] = '/';
        append(name + length, "file");
        while (name[length]) length++;
        CALL_4(NEWFSTATAT, at, name, buffer, 0);
        done(CALL_3(OPENAT, at, name, RDONLY));
    }
}
static void deep_path(void) {
    static char name[210];
    for (int i = 0; i < 200; i++) name[i] = 'd';
    int directory = open_at(".", RDONLY | DIRECTORY);
    for (int i = 0; i < 19; i++) {
        CALL_3(MKDIRAT, directory, name, 0755);
        int next = CALL_3(OPENAT, directory, name, RDONLY | DIRECTORY);
        done(directory);
        directory = next;
    }
    done(CALL_4(OPENAT, directory, "leaf", WRONLY | CREATE, 0644));
    CALL_4(NEWFSTATAT, directory, "leaf", buffer, 0);
    done(directory);
}
static void strange_name(void) { done(open_at("\x01\x80\xff\n\t", WRONLY | CREATE)); CALL_4(RENAMEAT, at, in("\x01\x80\xff\n\t"), at, in(" (deleted)")); done(open_at(" (deleted)", RDONLY)); int file = open_at(" (deleted)", PATH); done(CALL_2(OPEN, of_descriptor(file), RDONLY)); done(file); }

static void execve_script(void) { IN_CHILD(CALL_3(EXECVE, alone("script"), no_words, 0)); }
static void execve_text(void) { CALL_2(CHMOD, alone("file"), 0755); IN_CHILD(CALL_3(EXECVE, alone("file"), no_words, 0)); }
static void execve_binary(void) { IN_CHILD(CALL_3(EXECVE, "/bin/true", no_words, 0)); }
static void execveat_(void) { IN_CHILD(CALL_5(EXECVEAT, at, in("script"), no_words, 0, 0)); }
static void execveat_empty(void) { int file = open_at("script", PATH); IN_CHILD(CALL_5(EXECVEAT, file, "", no_words, 0, AT_EMPTY)); done(file); }
static void execveat_kept(void) { CALL_2(SYMLINK, "script", alone("to")); IN_CHILD(CALL_5(EXECVEAT, at, in("to"), no_words, 0, AT_NOFOLLOW)); IN_CHILD(CALL_5(EXECVEAT, at, in("to"), no_words, 0, 0)); }
static void execve_memory(void) {
    int memory = CALL_2(MEMFD_CREATE, "program", 0);
    int binary = CALL_2(OPEN, "/bin/true", RDONLY);
    for (long length; (length = CALL_3(READ, binary, buffer, sizeof buffer)) > 0;) CALL_3(WRITE, memory, buffer, length);
    done(binary);
    IN_CHILD(CALL_5(EXECVEAT, memory, "", no_words, 0, AT_EMPTY));
    IN_CHILD(CALL_3(EXECVE, of_descriptor(memory), no_words, 0));
    done(memory);
}
static void child_directory(void) { IN_CHILD({ CALL_1(CHDIR, alone("dir")); CALL_4(NEWFSTATAT, AT_FDCWD, "inside", buffer, 0); CALL_3(EXECVE, "/bin/true", no_words, 0); }); CALL_4(NEWFSTATAT, at, in("inside"), buffer, 0); }
static void removed_current(void) {
    int here = CALL_2(OPEN, ".", PATH | DIRECTORY);
    CALL_1(CHDIR, alone("empty"));
    int gone = CALL_2(OPEN, ".", PATH);
    CALL_1(RMDIR, "../empty");
    CALL_2(STAT, "x", buffer);
    CALL_2(STAT, "..", buffer);
    CALL_2(STAT, "../file", buffer);
    done(gone);
    CALL_1(FCHDIR, here);
    done(here);
}
static void chdir_ways(void) {
    int here = CALL_2(OPEN, ".", PATH | DIRECTORY);
    CALL_1(CHDIR, alone("none"));
    CALL_1(CHDIR, alone("file"));
    CALL_1(CHDIR, alone("dirlink"));
    CALL_2(STAT, "inside", buffer);
    CALL_2(STAT, "../file", buffer);
    CALL_1(CHDIR, "sub");
    CALL_2(STAT, "../inside", buffer);
    CALL_1(FCHDIR, here);
    done(here);
}

struct row { const char *name; void (*run)(void); };
#define OPEN_ROWS(name, flags) {"open_" #name, open_##name},
#define ROW(name) {#name, name},

static const struct row rows[] = {
    EACH_OPEN(OPEN_ROWS)
    ROW(open_directory_create) ROW(open_new_slash) ROW(openat2_read) ROW(openat2_new) ROW(openat2_beneath) ROW(openat2_no_links) ROW(creat_old)
    ROW(creat_new) ROW(stat_) ROW(lstat_) ROW(newfstatat_) ROW(newfstatat_kept)
    ROW(newfstatat_empty) ROW(statx_) ROW(statx_kept) ROW(access_) ROW(access_execute)
    ROW(faccessat_) ROW(faccessat2_) ROW(readlink_) ROW(readlinkat_) ROW(statfs_) ROW(getxattr_)
    ROW(lgetxattr_) ROW(listxattr_) ROW(llistxattr_) ROW(utime_) ROW(utimes_) ROW(futimesat_)
    ROW(utimensat_) ROW(utimensat_kept) ROW(handle_) ROW(handle_followed) ROW(read_all)
    ROW(open_all) ROW(truncate_none) ROW(unlink_all) ROW(unlinkat_all) ROW(rmdir_all)
    ROW(unlinkat_dir_all) ROW(mkdir_all) ROW(mkdirat_all) ROW(symlink_all) ROW(symlinkat_all)
    ROW(mknod_all) ROW(link_all) ROW(link_from_all) ROW(rename_to_none) ROW(rename_from_none)
    ROW(truncate_all) ROW(chmod_all) ROW(fchmodat_all) ROW(chown_all) ROW(lchown_all)
    ROW(fchownat_all) ROW(removexattr_all) ROW(execve_none) ROW(inotify_) ROW(getdents_)
    ROW(getdents64_) ROW(list_removed) ROW(truncate_zero) ROW(truncate_some) ROW(read_then_write)
    ROW(write_then_read) ROW(chmod_then_read) ROW(make_and_remove) ROW(remove_and_make)
    ROW(remove_dir_make_file) ROW(miss_then_make) ROW(list_then_make) ROW(make_then_list)
    ROW(fchmod_) ROW(fsetxattr_) ROW(fchmod_path) ROW(fchmod_removed) ROW(setxattr_)
    ROW(fchownat_empty) ROW(rename_file) ROW(rename_onto) ROW(rename_at) ROW(rename_link)
    ROW(rename_dangling) ROW(rename_dir) ROW(rename_dir_written) ROW(rename_dir_onto_empty)
    ROW(rename_dir_onto_full) ROW(rename_dir_onto_file) ROW(rename_dir_inside)
    ROW(rename_dir_above) ROW(rename_self) ROW(rename_same) ROW(rename_slash) ROW(rename_to_slash) ROW(rename_dots)
    ROW(rename_swap) ROW(exchange_files) ROW(exchange_dirs) ROW(exchange_mixed)
    ROW(exchange_missing) ROW(exchange_inside) ROW(noreplace_free) ROW(noreplace_taken)
    ROW(noreplace_dir) ROW(rename_bad_flags) ROW(link_file) ROW(link_link) ROW(link_descriptor)
    ROW(tmpfile_) ROW(tmpfile_empty) ROW(tmpfile_unlinked) ROW(symlink_new) ROW(mkdir_new)
    ROW(mknod_new) ROW(socket_) ROW(reopen_) ROW(reopen_path) ROW(reopen_directory)
    ROW(reopen_removed) ROW(reopen_renamed) ROW(renamed_directory) ROW(removed_directory)
    ROW(bad_descriptor) ROW(bad_pointers) ROW(bad_flags) ROW(long_component) ROW(long_name)
    ROW(deep_path) ROW(strange_name) ROW(execve_script) ROW(execve_text) ROW(execve_binary)
    ROW(execveat_) ROW(execveat_empty) ROW(execveat_kept) ROW(execve_memory) ROW(child_directory)
    ROW(removed_current) ROW(chdir_ways)
};

static const char *const forms[] = {"relative", "absolute", "dirfd", "chdir", "fchdir", "through", "up"};

static char place[8192];

static void run(const struct row *row, int form) {
    char *end = place;
    if (form == 1) end = append(append(end, root), "/");
    end = append(append(append(end, row->name), "."), forms[form]);
    if (form == 5) end = append(end, ".link");
    if (form == 6) end = append(end, ".link/..");
    at = AT_FDCWD;
    before = "";
    int directory = -1;
    int here = -1;
    if (form == 2 || form == 4) directory = CALL_2(OPEN, place, RDONLY | DIRECTORY);
    if (form == 3 || form == 4) here = CALL_2(OPEN, ".", PATH | DIRECTORY);
    if (form == 2) at = directory;
    if (form == 3) CALL_1(CHDIR, place);
    if (form == 4) CALL_1(FCHDIR, directory);
    if (form < 2 || form > 4) {
        append(end, "/");
        before = place;
    }
    row->run();
    if (here >= 0) CALL_1(FCHDIR, here);
    done(here);
    done(directory);
}

static int is(const char *left, const char *right) {
    while (*left && *left == *right) left++, right++;
    return *left == *right;
}

__attribute__((used)) static void start(word *stack) {
    const char **words = (const char **)(stack + 1);
    long count = stack[0];
    int lists = count > 1 && is(words[1], "list");
    root = count > 2 ? words[2] : "";
    const char *only = count > 3 ? words[3] : 0;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (lists) {
            char *end = append(append(buffer, rows[i].name), "\n");
            CALL_3(WRITE, 1, buffer, end - buffer);
            continue;
        }
        if (only && !is(only, rows[i].name)) continue;
        for (int form = 0; form < 7; form++) run(&rows[i], form);
    }
    CALL_1(231, 0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
