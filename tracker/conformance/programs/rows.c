// Goes through the rows by the functions of the C library: those that a library preloaded into the
// program could stand before, and those that reach the kernel from inside of the library.
//
// Called with `list` it says its rows. Called with `run` and the path of the room it goes through
// each row in each form, every time in the directory that was prepared for it. Whether a call fails
// does not matter here: the same has to be seen of it twice.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

extern char **environ;

static int at = AT_FDCWD;
static const char *before = "";
static const char *root;

static char names[16][PATH_MAX * 2];
static unsigned next_name;

// The name of something in the row's directory, for functions that take a directory.
static const char *in(const char *name) {
    char *buffer = names[next_name++ % 16];
    snprintf(buffer, sizeof names[0], "%s%s", before, name);
    return buffer;
}

// The name for functions that take none.
static const char *alone(const char *name) {
    if (at == AT_FDCWD) return in(name);
    char *buffer = names[next_name++ % 16];
    snprintf(buffer, sizeof names[0], "/proc/self/fd/%d/%s%s", at, before, name);
    return buffer;
}

static const char *of_descriptor(int descriptor) {
    char *buffer = names[next_name++ % 16];
    snprintf(buffer, sizeof names[0], "/proc/self/fd/%d", descriptor);
    return buffer;
}

static void done(int descriptor) { if (descriptor >= 0) close(descriptor); }
static void closed(FILE *stream) { if (stream) fclose(stream); }
static void finish(pid_t child) { if (child > 0) waitpid(child, NULL, 0); }
static struct stat status;
static char buffer[8192];
// What is not known when this is compiled, so that checked functions stay checked.
static volatile int zero = 0;

static const char *const things[] = {
    "file", "dir", "link", "dirlink", "dangling", "loop", "chain", "none", "none/x", "file/x",
    "file/", "dir/", "link/", "dirlink/inside", "dir/../other", "dirlink/../file", "none/../file",
    ".", "dir//inside", "\xff\xfe \"<>\n", "secret", "locked", "locked/inside", "locked/none", "sealed",
    "sealed/inside", "sealed/new",
};

#define EACH_THING(name, ...)                                             \
    static void name(void) {                                              \
        for (unsigned i = 0; i < sizeof things / sizeof *things; i++) {   \
            const char *thing = things[i];                                \
            __VA_ARGS__;                                                  \
        }                                                                 \
    }

// Opening.
EACH_THING(open_, done(open(alone(thing), O_RDONLY)))
EACH_THING(open_checked, done(open(alone(thing), O_RDONLY | zero)))
EACH_THING(openat_, done(openat(at, in(thing), O_RDONLY)))
EACH_THING(openat_checked, done(openat(at, in(thing), O_RDONLY | zero)))
EACH_THING(fopen_, closed(fopen(alone(thing), "r")))
static void open_new(void) { done(open(alone("new"), O_WRONLY | O_CREAT | O_TRUNC, 0644)); done(openat(at, in("newer"), O_RDWR | O_CREAT | O_EXCL, 0644)); done(openat(at, in("newer"), O_RDWR | O_CREAT | O_EXCL, 0644)); done(creat(alone("newest"), 0644)); }
static void open_flags(void) { done(open(alone("file"), O_RDWR)); done(open(alone("other"), O_WRONLY | O_APPEND)); done(openat(at, in("link"), O_WRONLY)); done(open(alone("full/one"), O_WRONLY | O_TRUNC)); done(open(alone("full/two"), O_RDONLY | O_NOFOLLOW)); done(open(alone("dir"), O_PATH)); }
static void fopen_modes(void) { closed(fopen(alone("new"), "w")); closed(fopen(alone("newer"), "a")); closed(fopen(alone("newest"), "w+x")); closed(fopen(alone("file"), "r+")); closed(fopen(alone("other"), "a+")); closed(fopen(alone("linked"), "w+")); closed(fopen(alone("full/one"), "rbe")); }
static void freopen_(void) { FILE *stream = fopen(alone("file"), "r"); if (stream) stream = freopen(alone("other"), "r", stream); if (stream) stream = freopen(alone("new"), "w", stream); if (stream) stream = freopen(alone("none"), "r", stream); closed(stream); }
static void fdopen_(void) { closed(fdopen(openat(at, in("file"), O_RDONLY), "r")); }
static void mkstemp_(void) { for (int i = 0; i < 3; i++) { const char *name = alone("made.XXXXXX"); done(mkstemp((char *)name)); } const char *name = alone("made.XXXXXX"); if (mkdtemp((char *)name)) rmdir(name); }
static void tmpfile_(void) { closed(tmpfile()); }

// Looking.
EACH_THING(stat_, stat(alone(thing), &status))
EACH_THING(lstat_, lstat(alone(thing), &status))
EACH_THING(fstatat_, fstatat(at, in(thing), &status, 0))
EACH_THING(fstatat_kept, fstatat(at, in(thing), &status, AT_SYMLINK_NOFOLLOW))
EACH_THING(access_, access(alone(thing), R_OK))
EACH_THING(access_execute, access(alone(thing), X_OK))
EACH_THING(faccessat_, faccessat(at, in(thing), R_OK, 0))
EACH_THING(faccessat_own, faccessat(at, in(thing), R_OK, AT_EACCESS))
EACH_THING(readlink_, if (readlink(alone(thing), buffer, sizeof buffer) < 0) errno = 0)
EACH_THING(readlinkat_, if (readlinkat(at, in(thing), buffer, 100 + zero) < 0) errno = 0)
EACH_THING(realpath_, free(realpath(alone(thing), NULL)))
EACH_THING(realpath_into, if (!realpath(alone(thing), buffer)) errno = 0)
EACH_THING(statvfs_, { struct statvfs system; statvfs(alone(thing), &system); })
EACH_THING(getxattr_, getxattr(alone(thing), "user.x", buffer, 99))
EACH_THING(opendir_, DIR *directory = opendir(alone(thing)); if (directory) { while (readdir(directory)) {} closedir(directory); })
EACH_THING(pathconf_, pathconf(alone(thing), _PC_NAME_MAX))
static void fstat_(void) { int file = openat(at, in("file"), O_RDONLY); fstat(file, &status); fstatat(file, "", &status, AT_EMPTY_PATH); done(file); }
static void opendir_not_read(void) { DIR *directory = opendir(alone("dir")); if (directory) closedir(directory); }
static void fdopendir_(void) { int descriptor = openat(at, in("dir"), O_RDONLY | O_DIRECTORY); DIR *directory = fdopendir(descriptor); if (directory) { while (readdir(directory)) {} fstatat(dirfd(directory), "inside", &status, 0); closedir(directory); } }
static void scandir_(void) { struct dirent **entries; int count = scandir(alone("full"), &entries, NULL, alphasort); while (count-- > 0) free(entries[count]); scandir(alone("none"), &entries, NULL, NULL); scandir(alone("file"), &entries, NULL, NULL); }
static int seen(const char *name, const struct stat *of, int flag) { (void)name, (void)of, (void)flag; return 0; }
static int seen_more(const char *name, const struct stat *of, int flag, struct FTW *walk) { (void)walk; return seen(name, of, flag); }
static void ftw_(void) { ftw(alone("dir"), seen, 10); }
static void nftw_(void) { nftw(alone("dir"), seen_more, 10, FTW_PHYS | FTW_DEPTH); nftw(alone("dirlink"), seen_more, 10, 0); }
static void nftw_chdir(void) { int here = open(".", O_PATH | O_DIRECTORY); nftw(alone("dir"), seen_more, 10, FTW_PHYS | FTW_CHDIR); if (fchdir(here)) errno = 0; done(here); }
static void glob_(void) { glob_t found; if (!glob(alone("*/on*"), 0, NULL, &found)) globfree(&found); if (!glob(alone("no*/x"), 0, NULL, &found)) globfree(&found); if (!glob(alone("d?r/sub/leaf"), GLOB_MARK, NULL, &found)) globfree(&found); }
static void getcwd_(void) { char *here = getcwd(NULL, 0); free(here); here = get_current_dir_name(); free(here); }

// Changing.
static void remove_(void) { remove(alone("file")); remove(alone("empty")); remove(alone("full")); remove(alone("link")); remove(alone("none")); unlink(alone("other")); unlinkat(at, in("dirlink"), 0); unlinkat(at, in("full/one"), 0); rmdir(alone("dir")); }
static void rename_(void) { rename(alone("file"), alone("new")); renameat(at, in("other"), at, in("dir/inside")); rename(alone("full"), alone("moved")); stat(alone("moved/one"), &status); rename(alone("none"), alone("x")); }
static void link_(void) { if (link(alone("file"), alone("hard"))) errno = 0; if (linkat(at, in("link"), at, in("hard2"), AT_SYMLINK_FOLLOW)) errno = 0; if (symlink("file", alone("soft"))) errno = 0; if (symlinkat("dir", at, in("soft2"))) errno = 0; done(openat(at, in("soft2/inside"), O_RDONLY)); if (link(alone("file"), alone("other"))) errno = 0; }
static void mkdir_(void) { mkdir(alone("new"), 0755); mkdirat(at, in("new/deep"), 0755); mkdir(alone("dir"), 0755); mkdir(alone("none/x"), 0755); mkfifo(alone("pipe"), 0644); mkfifoat(at, in("pipe2"), 0644); mknod(alone("plain"), S_IFREG | 0644, 0); }
static void truncate_(void) { if (truncate(alone("file"), 0)) errno = 0; if (truncate(alone("other"), 3)) errno = 0; if (truncate(alone("none"), 3)) errno = 0; int file = openat(at, in("linked"), O_RDWR); if (ftruncate(file, 1)) errno = 0; done(file); }
static void chmod_(void) { chmod(alone("file"), 0600); fchmodat(at, in("link"), 0600, 0); if (chown(alone("other"), -1, -1)) errno = 0; if (lchown(alone("dirlink"), -1, -1)) errno = 0; if (fchownat(at, in("dir"), -1, -1, 0)) errno = 0; int file = openat(at, in("full/one"), O_RDONLY); fchmod(file, 0600); if (fchown(file, -1, -1)) errno = 0; done(file); chmod(alone("none"), 0600); }
static void times_(void) { struct timeval times[2] = {{1, 0}, {1, 0}}; struct utimbuf old = {1, 1}; utimes(alone("file"), times); utime(alone("other"), &old); lutimes(alone("link"), times); utimensat(at, in("dir"), NULL, 0); utimensat(at, in("none"), NULL, 0); int file = openat(at, in("linked"), O_RDONLY); futimens(file, NULL); done(file); }
static void xattr_(void) { setxattr(alone("file"), "user.x", "1", 1, 0); getxattr(alone("file"), "user.x", buffer, 99); listxattr(alone("file"), buffer, 99); lgetxattr(alone("link"), "user.x", buffer, 99); }
static void write_then_read(void) { closed(fopen(alone("file"), "w")); closed(fopen(alone("file"), "r")); stat(alone("file"), &status); }
static void read_then_write(void) { closed(fopen(alone("file"), "r")); closed(fopen(alone("file"), "w")); closed(fopen(alone("file"), "a")); }
static void replace_(void) { FILE *stream = fopen(alone("file.new"), "wx"); closed(stream); rename(alone("file.new"), alone("file")); closed(fopen(alone("file"), "r")); }
static void lock_file(void) { int lock = open(alone("lock"), O_WRONLY | O_CREAT | O_EXCL, 0644); if (open(alone("lock"), O_WRONLY | O_CREAT | O_EXCL, 0644) < 0) unlink(alone("lock")); done(lock); }
static void socket_(void) { struct sockaddr_un address = {.sun_family = AF_UNIX}; const char *name = alone("socket"); if (strlen(name) >= sizeof address.sun_path) return; strcpy(address.sun_path, name); int one = socket(AF_UNIX, SOCK_STREAM, 0); connect(one, (struct sockaddr *)&address, sizeof address); bind(one, (struct sockaddr *)&address, sizeof address); listen(one, 1); int two = socket(AF_UNIX, SOCK_STREAM, 0); connect(two, (struct sockaddr *)&address, sizeof address); done(two); done(one); }
static void tmpfile_link(void) { int file = openat(at, in("."), O_TMPFILE | O_RDWR, 0644); if (linkat(AT_FDCWD, of_descriptor(file), at, in("new"), AT_SYMLINK_FOLLOW)) errno = 0; done(file); }
static void reopen_(void) { int file = openat(at, in("file"), O_PATH); closed(fopen(of_descriptor(file), "r")); stat(of_descriptor(file), &status); done(file); if (stat("/dev/fd/0", &status)) errno = 0; }

// For one who is not allowed everything.
static void refused_writes(void) { done(open(alone("secret"), O_WRONLY)); done(open(alone("secret"), O_RDWR | O_CREAT, 0644)); done(open(alone("sealed/new"), O_WRONLY | O_CREAT, 0644)); done(open(alone("sealed/new"), O_WRONLY | O_CREAT | O_EXCL, 0644)); closed(fopen(alone("locked/new"), "w")); if (truncate(alone("secret"), 0)) errno = 0; }
static void refused_changes(void) { unlink(alone("sealed/inside")); rmdir(alone("sealed")); mkdir(alone("sealed/new"), 0755); if (symlink("x", alone("sealed/new2"))) errno = 0; if (link(alone("file"), alone("sealed/new3"))) errno = 0; mknod(alone("sealed/new4"), S_IFREG | 0644, 0); }
static void refused_moves(void) { rename(alone("sealed/inside"), alone("new")); rename(alone("file"), alone("sealed/new")); rename(alone("other"), alone("sealed/inside")); rename(alone("locked/inside"), alone("new")); }
static void refused_programs(void) { pid_t child = fork(); char *const words[] = {"row", NULL}; if (child == 0) { execv(alone("secret"), words); execv(alone("locked/inside"), words); _exit(1); } finish(child); }
static void refused_attributes(void) { if (chown(alone("file"), 0, 0)) errno = 0; if (chdir(alone("locked"))) errno = 0; else if (chdir(root)) abort(); setxattr(alone("file"), "trusted.x", "1", 1, 0); setxattr(alone("secret"), "user.x", "1", 1, 0); }

// Going elsewhere.
static void chdir_(void) { int here = open(".", O_PATH | O_DIRECTORY); if (!chdir(alone("dirlink"))) { stat("inside", &status); closed(fopen("../file", "r")); closed(fopen("sub/leaf", "r")); } if (fchdir(here)) errno = 0; int there = open(alone("dir"), O_RDONLY); if (!fchdir(there)) { stat("inside", &status); free(realpath("../other", NULL)); } done(there); if (fchdir(here)) errno = 0; done(here); if (chdir(alone("none"))) errno = 0; if (chdir(alone("file"))) errno = 0; }
static void vfork_(void) { const char *dir = alone("dir"); pid_t child = vfork(); if (child == 0) { if (chdir(dir)) _exit(1); stat("inside", &status); execl("/bin/true", "true", (char *)0); _exit(1); } finish(child); stat(alone("inside"), &status); stat(alone("file"), &status); }
static void vfork_open(void) { const char *name = alone("file"); pid_t child = vfork(); if (child == 0) { int file = open(name, O_RDONLY); close(file); _exit(0); } finish(child); }
static void fork_(void) { const char *dir = alone("dir"); pid_t child = fork(); if (child == 0) { if (chdir(dir)) _exit(1); closed(fopen("inside", "r")); closed(fopen("new", "w")); pid_t deeper = fork(); if (deeper == 0) { closed(fopen("../file", "r")); _exit(0); } finish(deeper); _exit(0); } finish(child); closed(fopen(alone("dir/new"), "r")); }
static const char *thread_dir;
static void *own_directory(void *ignored) { if (!unshare(CLONE_FS) && !chdir(thread_dir)) { closed(fopen("inside", "r")); stat("none", &status); free(realpath("sub", NULL)); } return ignored; }
static void thread_directory(void) { pthread_t thread; thread_dir = alone("dir"); if (!pthread_create(&thread, NULL, own_directory, NULL)) pthread_join(thread, NULL); stat(alone("file"), &status); }
static const char *thread_file;
static void *read_file(void *ignored) { closed(fopen(thread_file, "r")); return ignored; }
static void thread_read(void) { pthread_t thread; thread_file = alone("file"); if (!pthread_create(&thread, NULL, read_file, NULL)) pthread_join(thread, NULL); closed(fopen(alone("other"), "r")); }
static const char *signal_file;
static void on_signal(int number) { (void)number; int kept = errno; done(open(signal_file, O_RDONLY)); struct stat of; stat(signal_file, &of); errno = kept; }
// The timer fires again and again, also in the middle of the calls below.
static void signal_(void) { struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old; signal_file = strdup(alone("file")); sigaction(SIGALRM, &action, &old); struct itimerval timer = {{0, 500}, {0, 500}}, none = {{0, 0}, {0, 0}}; setitimer(ITIMER_REAL, &timer, NULL); raise(SIGALRM); for (int i = 0; i < 50; i++) { closed(fopen(alone("other"), "r")); stat(alone("dir"), &status); access(alone("none"), R_OK); } setitimer(ITIMER_REAL, &none, NULL); sigaction(SIGALRM, &old, NULL); free((char *)signal_file); }

// Executing.
static char *const words[] = {"row", NULL};
static void spawn_(void) { pid_t child; if (!posix_spawn(&child, "/bin/true", NULL, NULL, words, environ)) finish(child); if (!posix_spawn(&child, alone("script"), NULL, NULL, words, environ)) finish(child); if (!posix_spawn(&child, alone("none"), NULL, NULL, words, environ)) finish(child); }
static void spawn_actions(void) { pid_t child; posix_spawn_file_actions_t actions; posix_spawn_file_actions_init(&actions); posix_spawn_file_actions_addopen(&actions, 1, alone("new"), O_WRONLY | O_CREAT | O_TRUNC, 0644); posix_spawn_file_actions_addchdir_np(&actions, alone("dir")); posix_spawn_file_actions_addopen(&actions, 0, "inside", O_RDONLY, 0); if (!posix_spawn(&child, "/bin/cat", &actions, NULL, words, environ)) finish(child); posix_spawn_file_actions_destroy(&actions); stat(alone("file"), &status); }
static void spawn_path(void) { pid_t child; char *old = strdup(getenv("PATH")); char path[PATH_MAX * 3]; snprintf(path, sizeof path, "%s:%s:%s", alone("none"), alone("dir"), alone(".")); setenv("PATH", path, 1); if (!posix_spawnp(&child, "script", NULL, NULL, words, environ)) finish(child); if (!posix_spawnp(&child, "nothing", NULL, NULL, words, environ)) finish(child); child = fork(); if (child == 0) { execvp("script", words); _exit(1); } finish(child); setenv("PATH", old, 1); free(old); }
static void exec_(void) { pid_t child = fork(); if (child == 0) { execv(alone("script"), words); _exit(1); } finish(child); child = fork(); if (child == 0) { execv(alone("file"), words); execv(alone("dir"), words); execv(alone("none"), words); execv(alone("outer"), words); _exit(1); } finish(child); }
static void exec_empty_environment(void) { char *none[] = {NULL}; pid_t child = fork(); if (child == 0) { int file = open(alone("file"), O_RDONLY); dup2(file, 0); execve("/bin/cat", words, none); _exit(1); } finish(child); }
static void exec_closed(void) { pid_t child = fork(); if (child == 0) { for (int i = 3; i < 100; i++) if (i != at) close(i); stat(alone("file"), &status); execve("/bin/true", words, environ); _exit(1); } finish(child); }
static void fexecve_(void) { int file = openat(at, in("script"), O_RDONLY); pid_t child = fork(); if (child == 0) { fexecve(file, words, environ); _exit(1); } finish(child); done(file); }
static void popen_(void) { char command[PATH_MAX * 2 + 20]; snprintf(command, sizeof command, "cat '%s'", alone("file")); FILE *stream = popen(command, "r"); if (stream) { while (fread(buffer, 1, sizeof buffer, stream) > 0) {} pclose(stream); } }
static void system_(void) { char command[PATH_MAX * 2 + 20]; snprintf(command, sizeof command, ": < '%s'", alone("file")); if (system(command)) errno = 0; }
static void dlopen_(void) { void *library = dlopen("libm.so.6", RTLD_NOW); if (library) dlclose(library); if (dlopen(alone("none.so"), RTLD_NOW)) errno = 0; if (dlopen(alone("file"), RTLD_NOW)) errno = 0; }
static void syscall_(void) { done(syscall(SYS_openat, at, in("file"), O_RDONLY)); syscall(SYS_newfstatat, at, in("dir"), &status, 0); syscall(SYS_statx, at, in("link"), 0, 0xfff, buffer); syscall(SYS_access, alone("none"), 0); syscall(SYS_unlinkat, at, in("other"), 0); syscall(SYS_stat, alone("chain"), &status); done(syscall(SYS_open, alone("new"), O_WRONLY | O_CREAT, 0644)); }
static void getenv_(void) { getenv("HOME"); setenv("VARIABLE", "x", 1); getenv("VARIABLE"); unsetenv("VARIABLE"); }
static void long_name(void) { for (int wanted = PATH_MAX - 2; wanted <= PATH_MAX; wanted++) { char name[PATH_MAX + 10]; int length = snprintf(name, sizeof name, "%s", in("")); for (; length < wanted - 4; length++) name[length] = length % 2 ? '/' : '.'; while (length % 2) name[length++] = '/'; strcpy(name + length, "file"); fstatat(at, name, &status, 0); done(openat(at, name, O_RDONLY)); if (at == AT_FDCWD) { stat(name, &status); free(realpath(name, NULL)); } } }

#ifdef __GLIBC__
EACH_THING(canonicalize_, free(canonicalize_file_name(alone(thing))))
EACH_THING(euidaccess_, euidaccess(alone(thing), R_OK))
EACH_THING(eaccess_, eaccess(alone(thing), R_OK))
EACH_THING(statx_, { struct statx more; statx(at, in(thing), 0, STATX_BASIC_STATS, &more); })
EACH_THING(statx_kept, { struct statx more; statx(at, in(thing), AT_SYMLINK_NOFOLLOW, STATX_MTIME, &more); })
EACH_THING(stat64_, { struct stat64 more; stat64(alone(thing), &more); })
EACH_THING(lstat64_, { struct stat64 more; lstat64(alone(thing), &more); })
EACH_THING(fstatat64_, { struct stat64 more; fstatat64(at, in(thing), &more, 0); })
EACH_THING(open64_, done(open64(alone(thing), O_RDONLY)))
EACH_THING(open64_checked, done(open64(alone(thing), O_RDONLY | zero)))
EACH_THING(openat64_, done(openat64(at, in(thing), O_RDONLY | zero)))
EACH_THING(fopen64_, closed(fopen64(alone(thing), "r")))
static void creat64_(void) { done(creat64(alone("new"), 0644)); done(creat64(alone("file"), 0644)); done(open64(alone("newer"), O_RDWR | O_CREAT, 0644)); }
static void freopen64_(void) { FILE *stream = fopen64(alone("file"), "r"); if (stream) stream = freopen64(alone("other"), "w", stream); closed(stream); }
static void scandir64_(void) { struct dirent64 **entries; int count = scandir64(alone("full"), &entries, NULL, alphasort64); while (count-- > 0) free(entries[count]); }
static void scandirat_(void) { struct dirent **entries; int count = scandirat(at, in("full"), &entries, NULL, alphasort); while (count-- > 0) free(entries[count]); }
static void nftw64_(void) { (void)!nftw64(alone("full"), (__nftw64_func_t)(void *)seen_more, 10, FTW_PHYS); }
static void glob64_(void) { glob64_t found; if (!glob64(alone("full/t*"), 0, NULL, &found)) globfree64(&found); }
static void renameat2_(void) { renameat2(at, in("file"), at, in("other"), RENAME_EXCHANGE); renameat2(at, in("file"), at, in("new"), RENAME_NOREPLACE); renameat2(at, in("dir"), at, in("full"), RENAME_NOREPLACE); renameat2(at, in("dir"), at, in("full"), RENAME_EXCHANGE); }
static void truncate64_(void) { if (truncate64(alone("file"), 2)) errno = 0; }
static void mkostemp_(void) { done(mkostemp((char *)alone("made.XXXXXX"), O_CLOEXEC)); done(mkstemp64((char *)alone("made.XXXXXX"))); }
static void execveat_(void) { pid_t child = fork(); if (child == 0) { execveat(at, in("script"), words, environ, 0); _exit(1); } finish(child); }
static void memfd_(void) { int memory = memfd_create("program", 0), binary = open("/bin/true", O_RDONLY); for (ssize_t length; (length = read(binary, buffer, sizeof buffer)) > 0;) if (write(memory, buffer, length) < 0) break; done(binary); pid_t child = fork(); if (child == 0) { fexecve(memory, words, environ); _exit(1); } finish(child); done(memory); }
#endif

struct row { const char *name; void (*run)(void); };
#define ROW(name) {#name, name},
static const struct row rows[] = {
    ROW(open_) ROW(open_checked) ROW(openat_) ROW(openat_checked) ROW(fopen_) ROW(open_new)
    ROW(open_flags) ROW(fopen_modes) ROW(freopen_) ROW(fdopen_) ROW(mkstemp_) ROW(tmpfile_)
    ROW(stat_) ROW(lstat_) ROW(fstatat_) ROW(fstatat_kept) ROW(access_) ROW(access_execute)
    ROW(faccessat_) ROW(faccessat_own) ROW(readlink_) ROW(readlinkat_) ROW(realpath_)
    ROW(realpath_into) ROW(statvfs_) ROW(getxattr_) ROW(opendir_) ROW(pathconf_) ROW(fstat_)
    ROW(opendir_not_read) ROW(fdopendir_) ROW(scandir_) ROW(ftw_) ROW(nftw_) ROW(nftw_chdir)
    ROW(glob_) ROW(getcwd_) ROW(remove_) ROW(rename_) ROW(link_) ROW(mkdir_) ROW(truncate_)
    ROW(chmod_) ROW(times_) ROW(xattr_) ROW(write_then_read) ROW(read_then_write) ROW(replace_)
    ROW(refused_writes) ROW(refused_changes) ROW(refused_moves) ROW(refused_programs)
    ROW(refused_attributes) ROW(lock_file) ROW(socket_) ROW(tmpfile_link) ROW(reopen_) ROW(chdir_) ROW(vfork_)
    ROW(vfork_open) ROW(fork_) ROW(thread_directory) ROW(thread_read) ROW(signal_) ROW(spawn_)
    ROW(spawn_actions) ROW(spawn_path) ROW(exec_) ROW(exec_empty_environment) ROW(exec_closed)
    ROW(fexecve_) ROW(popen_) ROW(system_) ROW(dlopen_) ROW(syscall_) ROW(getenv_) ROW(long_name)
#ifdef __GLIBC__
    ROW(canonicalize_) ROW(euidaccess_) ROW(eaccess_) ROW(statx_) ROW(statx_kept) ROW(stat64_)
    ROW(lstat64_) ROW(fstatat64_) ROW(open64_) ROW(open64_checked) ROW(openat64_) ROW(fopen64_)
    ROW(creat64_) ROW(freopen64_) ROW(scandir64_) ROW(scandirat_) ROW(nftw64_) ROW(glob64_)
    ROW(renameat2_) ROW(truncate64_) ROW(mkostemp_) ROW(execveat_) ROW(memfd_)
#endif
};

static const char *const forms[] = {"relative", "absolute", "dirfd", "chdir", "fchdir", "through", "up"};

static void run(const struct row *row, int form) {
    static char place[PATH_MAX];
    const char *suffix = form == 5 ? ".link" : form == 6 ? ".link/.." : "";
    snprintf(place, sizeof place, "%s%s%s.%s%s", form == 1 ? root : "", form == 1 ? "/" : "", row->name, forms[form], suffix);
    at = AT_FDCWD;
    before = "";
    int directory = form == 2 || form == 4 ? open(place, O_RDONLY | O_DIRECTORY) : -1;
    int here = form == 3 || form == 4 ? open(".", O_PATH | O_DIRECTORY) : -1;
    if (form == 2) at = directory;
    if (form == 3 && chdir(place)) abort();
    if (form == 4 && fchdir(directory)) abort();
    if (form < 2 || form > 4) {
        strcat(place, "/");
        before = place;
    }
    row->run();
    if (here >= 0 && fchdir(here)) abort();
    done(here);
    done(directory);
}

int main(int count, char **arguments) {
    int lists = count > 1 && !strcmp(arguments[1], "list");
    root = count > 2 ? arguments[2] : "";
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (lists) {
            puts(rows[i].name);
            continue;
        }
        if (count > 3 && strcmp(arguments[3], rows[i].name)) continue;
        for (int form = 0; form < 7; form++) run(&rows[i], form);
    }
}
