/* Makes the calls it is told to make and prints what came of them.
 *
 * Each argument is a call: a function, a directory (`-` for the current one), a name and a number
 * or a mode, separated by commas. A directory is opened without the C library. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
ssize_t __readlink_chk(const char *, char *, size_t, size_t);
ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
char *__realpath_chk(const char *, char *, size_t);

static long raw(long number, long a, long b, long c) {
    long result;
    register long d __asm__("r10") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d)
                     : "rcx", "r11", "memory");
    return result;
}

/* The calls that may be looks fail with error 18, but for those made at the gate. Installed where
 * nobody notices. */
static void filter(void) {
#define DENY(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 18)
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x70001002, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        DENY(SYS_open), DENY(SYS_openat), DENY(SYS_stat), DENY(SYS_lstat), DENY(SYS_newfstatat),
        DENY(SYS_statx), DENY(SYS_access), DENY(SYS_faccessat), DENY(SYS_faccessat2),
        DENY(SYS_readlink), DENY(SYS_readlinkat), DENY(SYS_getdents64),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0);
    printf(" %ld\n", raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program));
}

/* As a program does that is about to handle what it does not trust: no call passes but the few it
 * expects to make. */
static void confine(void) {
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_openat), ALLOW(SYS_newfstatat), ALLOW(SYS_read), ALLOW(SYS_write),
        ALLOW(SYS_close), ALLOW(SYS_exit_group), ALLOW(SYS_fcntl), ALLOW(SYS_readlink),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf(" %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static int wanted(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void raw_mmap(void *place) {
    mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void failed(void) { printf(" failed %d\n", errno); }

static void opened(long file) {
    char text[16] = "";
    if (file < 0) return failed();
    printf(" %ld", (long)read(file, text, 8));
    printf(" %s%s\n", text, fcntl(file, F_GETFD) & FD_CLOEXEC ? " closes" : "");
    close(file);
}

static void stream(FILE *file) {
    char text[16] = "";
    if (!file) return failed();
    if (!fgets(text, 8, file)) printf(" nothing");
    printf(" %s%s\n", text, fcntl(fileno(file), F_GETFD) & FD_CLOEXEC ? " closes" : "");
    fclose(file);
}

static void attributes(int result, const struct stat *stat) {
    if (result) return failed();
    printf(" %o %ld %ld\n", stat->st_mode, (long)stat->st_ino, (long)stat->st_size);
}

static void text(long result, const char *text) {
    if (result < 0) return failed();
    printf(" %.*s\n", (int)result, text);
}

static void path(const char *result, const char *given) {
    if (!result) {
        printf(" [%s]", given ? given : "");
        return failed();
    }
    printf(" %s\n", result);
}

static void list(int count, struct dirent ***list) {
    struct dirent **entries = *list;
    if (count < 0) return failed();
    for (int at = 0; at < count; at++) {
        printf(" %s", entries[at]->d_name);
        free(entries[at]);
    }
    free(entries);
    printf(".\n");
}

int main(int count, char **calls) {
    static char buffer[PATH_MAX];
    void *xstat = dlvsym(RTLD_DEFAULT, "__xstat", "GLIBC_2.2.5");
    void *lxstat = dlvsym(RTLD_DEFAULT, "__lxstat64", "GLIBC_2.2.5");
    void *fxstatat = dlvsym(RTLD_DEFAULT, "__fxstatat", "GLIBC_2.4");
    for (int at = 1; at < count; at++) {
        struct stat s;
        struct statx x;
        struct dirent **entries = NULL;
        char *rest = calls[at];
        char *f = strsep(&rest, ","), *d = strsep(&rest, ","), *n = strsep(&rest, ",");
        char *m = rest ? rest : "0";
        long flags = strtol(m, NULL, 0);
        int dir = *d == '-' ? AT_FDCWD : raw(SYS_open, (long)d, O_DIRECTORY | O_PATH, 0);
        memset(buffer, 0, sizeof buffer);
        printf("%s %s %s", f, n, m);
        fflush(stdout);
        errno = 0;
#define IS(function) (!strcmp(f, #function))
        if (IS(open)) opened(open(n, flags, 0600));
        else if (IS(open64)) opened(open64(n, flags, 0600));
        else if (IS(openat)) opened(openat(dir, n, flags, 0600));
        else if (IS(openat64)) opened(openat64(dir, n, flags, 0600));
        else if (IS(__open_2)) opened(__open_2(n, flags));
        else if (IS(__open64_2)) opened(__open64_2(n, flags));
        else if (IS(__openat_2)) opened(__openat_2(dir, n, flags));
        else if (IS(__openat64_2)) opened(__openat64_2(dir, n, flags));
        else if (IS(fopen)) stream(fopen(n, m));
        else if (IS(fopen64)) stream(fopen64(n, m));
        else if (IS(stat)) attributes(stat(n, &s), &s);
        else if (IS(stat64)) attributes(stat64(n, (void *)&s), &s);
        else if (IS(lstat)) attributes(lstat(n, &s), &s);
        else if (IS(lstat64)) attributes(lstat64(n, (void *)&s), &s);
        else if (IS(fstatat)) attributes(fstatat(dir, n, &s, flags), &s);
        else if (IS(fstatat64)) attributes(fstatat64(dir, n, (void *)&s, flags), &s);
        else if (IS(__xstat))
            attributes(((int (*)(int, const char *, struct stat *))xstat)(flags, n, &s), &s);
        else if (IS(__lxstat64))
            attributes(((int (*)(int, const char *, struct stat *))lxstat)(flags, n, &s), &s);
        else if (IS(__fxstatat))
            attributes(((int (*)(int, int, const char *, struct stat *, int))fxstatat)(1, dir, n, &s, flags), &s);
        else if (IS(statx) || IS(statx_little)) {
            unsigned mask = IS(statx) ? STATX_BASIC_STATS : STATX_MODE;
            if (statx(dir, n, flags, mask, &x)) failed();
            else printf(" %o %ld\n", x.stx_mode, (long)x.stx_ino);
        }
        else if (IS(access)) text(access(n, flags), "");
        else if (IS(faccessat)) text(faccessat(dir, n, R_OK, flags), "");
        else if (IS(euidaccess)) text(euidaccess(n, flags), "");
        else if (IS(eaccess)) text(eaccess(n, flags), "");
        else if (IS(readlink)) text(readlink(n, buffer, sizeof buffer), buffer);
        else if (IS(readlink_short)) text(readlink(n, buffer, 2), buffer);
        else if (IS(readlinkat)) text(readlinkat(dir, n, buffer, sizeof buffer), buffer);
        else if (IS(__readlink_chk)) text(__readlink_chk(n, buffer, 99, sizeof buffer), buffer);
        else if (IS(__readlinkat_chk)) text(__readlinkat_chk(dir, n, buffer, 99, sizeof buffer), buffer);
        else if (IS(realpath)) path(realpath(n, buffer), buffer);
        else if (IS(__realpath_chk)) path(__realpath_chk(n, buffer, sizeof buffer), buffer);
        else if (IS(realpath_new)) { char *r = realpath(n, NULL); path(r, NULL); free(r); }
        else if (IS(canonicalize_file_name)) { char *r = canonicalize_file_name(n); path(r, NULL); free(r); }
        else if (IS(realpath_null)) path(realpath(NULL, buffer), buffer);
        else if (IS(opendir)) {
            DIR *r = opendir(n);
            if (!r) failed();
            else { printf(" %s%s\n", readdir(r) ? "entries" : "", fcntl(dirfd(r), F_GETFD) & FD_CLOEXEC ? " closes" : ""); closedir(r); }
        }
        else if (IS(scandir)) list(scandir(n, &entries, wanted, alphasort), &entries);
        else if (IS(scandir64)) list(scandir64(n, (void *)&entries, NULL, (void *)alphasort), &entries);
        else if (IS(SYS_open)) opened(syscall(SYS_open, n, flags, 0600));
        else if (IS(SYS_openat)) opened(syscall(SYS_openat, dir, n, flags, 0600));
        else if (IS(SYS_stat)) attributes(syscall(SYS_stat, n, &s), &s);
        else if (IS(SYS_lstat)) attributes(syscall(SYS_lstat, n, &s), &s);
        else if (IS(SYS_newfstatat)) attributes(syscall(SYS_newfstatat, dir, n, &s, flags), &s);
        else if (IS(SYS_statx)) {
            if (syscall(SYS_statx, dir, n, flags, STATX_BASIC_STATS, &x)) failed();
            else printf(" %o %ld\n", x.stx_mode, (long)x.stx_ino);
        }
        else if (IS(SYS_access)) text(syscall(SYS_access, n, flags), "");
        else if (IS(SYS_faccessat)) text(syscall(SYS_faccessat, dir, n, R_OK), "");
        else if (IS(SYS_faccessat2)) text(syscall(SYS_faccessat2, dir, n, R_OK, flags), "");
        else if (IS(SYS_readlink)) text(syscall(SYS_readlink, n, buffer, sizeof buffer), buffer);
        else if (IS(SYS_readlinkat)) text(syscall(SYS_readlinkat, dir, n, buffer, sizeof buffer), buffer);
        else if (IS(SYS_mkdir)) text(syscall(SYS_mkdir, n, 0700), "");
        else if (IS(SYS_pread)) {
            int file = raw(SYS_open, (long)n, O_RDONLY, 0);
            text(syscall(SYS_pread64, file, buffer, 3, 1), buffer);
            close(file);
        }
        else if (IS(SYS_mmap)) {
            int file = raw(SYS_open, (long)n, O_RDONLY, 0);
            char *map = (char *)syscall(SYS_mmap, 0, 4096, 1, 2, file, 0);
            text(map == (char *)-1 ? -1 : 4, map);
            close(file);
        }
        else if (IS(getenv)) { const char *r = getenv(n); printf(" %s\n", r ? r : "nothing"); }
        else if (IS(secure_getenv)) { const char *r = secure_getenv(n); printf(" %s\n", r ? r : "nothing"); }
        else if (IS(setenv)) { setenv(n, m, 1); printf("\n"); }
        else if (IS(clearenv)) { clearenv(); printf("\n"); }
        else if (IS(chdir)) text(chdir(n), "");
        else if (IS(fchdir)) text(fchdir(dir), "");
        else if (IS(raw_stat)) printf(" %ld\n", raw(SYS_stat, (long)n, (long)&s, 0));
        else if (IS(bad_access)) text(access((char *)flags, 0), "");
        else if (IS(bad_stat)) text(stat((char *)flags, &s), "");
        else if (IS(filter)) filter();
        else if (IS(confine)) confine();
        else if (IS(take_gate)) {
            raw_mmap((void *)0x70001000);
            printf("\n");
        }
        else if (IS(close_all)) { syscall(SYS_close_range, 3, ~0U, 0); printf("\n"); }
        else { printf(" unknown call\n"); return 1; }
        if (dir >= 0) close(dir);
        fflush(stdout);
    }
    return 0;
}
