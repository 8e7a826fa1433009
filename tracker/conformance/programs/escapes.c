// Makes the calls that open files without a path, change what paths mean, or confine the process: one
// each time it is run. Then it reads `after`, and `later` as another program: neither may go unseen.
//
// Calls that would change the machine are made so that they fail, where they are granted at all.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define CALL(...) syscall(__VA_ARGS__)

static char buffer[4096];

// Takes over what a child has open, and uses it.
static int take(const char *name, int flags) {
    int held = open(name, flags);
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    close(held);
    int taken = CALL(438 /* pidfd_getfd */, CALL(434 /* pidfd_open */, child, 0), held, 0);
    if (taken >= 0 && (flags & O_ACCMODE) != O_WRONLY) (void)!read(taken, buffer, 1);
    if (taken >= 0 && (flags & O_ACCMODE) != O_RDONLY) (void)!write(taken, "y", 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return taken;
}

// A filter of the program's own, with an answer for one call.
static int confine(unsigned number, unsigned answer, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void allow(int ruleset, const char *name, uint64_t rights) {
    struct landlock_path_beneath_attr rule = {rights, open(name, O_PATH | O_CLOEXEC)};
    CALL(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// A group of events about a file.
static void group(unsigned flags) {
    int made = CALL(SYS_fanotify_init, flags, O_RDONLY | O_CLOEXEC);
    CALL(SYS_fanotify_mark, made, 1 /* add */, 0x100 /* creations */, AT_FDCWD, "marked");
}

int main(int count, char **arguments) {
    const char *row = count > 1 ? arguments[1] : "";
#define ROW(name) if (!strcmp(row, name))
    ROW("chroot") CALL(SYS_chroot, "d");
    ROW("chroot_same") CALL(SYS_chroot, "/");
    ROW("pivot_root") CALL(SYS_pivot_root, "d", "d");
    ROW("mount") CALL(SYS_mount, "none", "d", "none such", 0, 0);
    ROW("umount2") CALL(SYS_umount2, "d", 0);
    ROW("move_mount") CALL(SYS_move_mount, AT_FDCWD, "none", AT_FDCWD, "d", 0);
    ROW("mount_setattr") CALL(SYS_mount_setattr, AT_FDCWD, "d", 0, buffer, 32);
    ROW("open_tree") CALL(SYS_open_tree, AT_FDCWD, "marked", O_CLOEXEC);
    ROW("open_tree_copy") CALL(SYS_open_tree, AT_FDCWD, "d", O_CLOEXEC | 1);
    ROW("open_tree_attr") CALL(467, AT_FDCWD, "d", O_CLOEXEC, buffer, 32);
    ROW("fsopen") CALL(SYS_fsopen, "none such", 0);
    ROW("fsmount") CALL(SYS_fsmount, -1, 0, 0);
    ROW("fspick") CALL(SYS_fspick, AT_FDCWD, "d", 0);
    ROW("setns") CALL(SYS_setns, open("/proc/self/ns/mnt", O_RDONLY), CLONE_NEWNS);
    ROW("setns_other") CALL(SYS_setns, open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS);
    ROW("unshare") CALL(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS);
    ROW("openat2_root") {
        uint64_t how[3] = {O_RDONLY, 0, 0x10 /* the directory is the root */};
        CALL(SYS_openat2, open("d", O_PATH), "/inner", how, sizeof how);
    }

    ROW("name_to_handle_at") {
        uint32_t handle[40] = {128};
        int mount;
        CALL(SYS_name_to_handle_at, AT_FDCWD, "marked", handle, &mount, 0);
    }
    ROW("open_by_handle_at") {
        uint32_t handle[40] = {128};
        int mount;
        CALL(SYS_name_to_handle_at, AT_FDCWD, "d/inner", handle, &mount, 0);
        CALL(SYS_open_by_handle_at, open(".", O_PATH), handle, O_RDONLY);
    }
    ROW("pidfd_getfd") if (take("marked", O_RDONLY) < 0) return 1;
    ROW("pidfd_getfd_write") if (take("marked", O_RDWR) < 0) return 1;
    ROW("pidfd_getfd_group") {
        int made = CALL(SYS_fanotify_init, 0x200 /* handles */, O_RDONLY);
        CALL(438, CALL(434, getpid(), 0), made, 0);
    }
    ROW("pidfd_getfd_pipe") {
        int ends[2];
        (void)!pipe(ends);
        if (CALL(438, CALL(434, getpid(), 0), ends[0], 0) < 0) return 1;
    }
    ROW("fanotify_init") group(0xe03 /* handles, directories and names */);
    ROW("fanotify_init_files") group(0x1);
    ROW("fanotify_init_content") group(0x4);
    ROW("fanotify_init_decides") group(0x204);
    ROW("fanotify_mark") group(0x200);
    ROW("bpf") {
        uint32_t table[18] = {2 /* an array */, 4, 4, 1};
        CALL(SYS_bpf, 0 /* make a table */, table, sizeof table);
    }
    ROW("bpf_program") {
        uint64_t code[2] = {0xb7, 0x95} /* return 0 */;
        struct { uint32_t kind, length; uint64_t code, license; uint64_t rest[12]; } program = {
            1 /* filters packets */, 2, (uintptr_t)code, (uintptr_t)"GPL", {0}};
        CALL(SYS_bpf, 5 /* load */, &program, sizeof program);
    }
    ROW("bpf_get") {
        uint64_t named[2] = {(uintptr_t)"marked"};
        CALL(SYS_bpf, 7 /* open what has a path */, named, sizeof named);
    }
    ROW("uselib") CALL(SYS_uselib, "marked");
    ROW("acct") CALL(SYS_acct, "none");
    ROW("swapon") CALL(SYS_swapon, "marked", 0);
    ROW("swapoff") CALL(SYS_swapoff, "marked");
    ROW("quotactl") CALL(SYS_quotactl, 0x80000700 /* ask */, "marked", 0, buffer);
    ROW("quotactl_on") CALL(SYS_quotactl, 0x80000200 /* turn on */, "marked", 2, "none");

    // Nothing of what follows opens or changes a path.
    ROW("inotify_init") {
        int made = CALL(SYS_inotify_init1, O_CLOEXEC);
        CALL(SYS_inotify_add_watch, made, "marked", 2 /* changes */);
    }
    ROW("listen") CALL(SYS_listen, socket(AF_INET, SOCK_STREAM, 0), 1);
    ROW("memfd_create") {
        int made = CALL(SYS_memfd_create, "memory", 0);
        (void)!write(made, "x", 1);
    }
    ROW("memfd_secret") CALL(447, 0);
    ROW("userfaultfd") CALL(SYS_userfaultfd, O_CLOEXEC | 1);
    ROW("clone3") {
        uint64_t how[8] = {0, 0, 0, 0, SIGCHLD};
        long child = CALL(SYS_clone3, how, sizeof how);
        if (!child) _exit(open("marked", O_RDONLY) < 0);
        waitpid(-1, NULL, 0);
    }
    ROW("pidfd_open") CALL(434, getpid(), 0);
    ROW("io_uring_setup") CALL(SYS_io_uring_setup, 1, buffer);
    ROW("landlock_create_ruleset") CALL(SYS_landlock_create_ruleset, 0, 0, 1);
    ROW("statmount") CALL(457, buffer, buffer, sizeof buffer, 0);
    ROW("perf_event_open") CALL(SYS_perf_event_open, buffer, 0, -1, -1, 0);

    // These take something from the process. What it may still do is seen.
    ROW("landlock_restrict_self") {
        struct landlock_ruleset_attr all = {LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE};
        int ruleset = CALL(SYS_landlock_create_ruleset, &all, sizeof all, 0);
        for (char *const *name = (char *[]){".", "/usr", "/lib", "/lib64", "/bin", "/etc", NULL}; *name; name++)
            allow(ruleset, *name, LANDLOCK_ACCESS_FS_READ_FILE);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        CALL(SYS_landlock_restrict_self, ruleset, 0);
        // Refused by the rules.
        (void)!open("marked", O_WRONLY);
    }
    ROW("seccomp") {
        confine(SYS_statfs, SECCOMP_RET_ERRNO | 1, 0);
        (void)!syscall(SYS_statfs, "marked", buffer);
    }
    ROW("seccomp_kill") confine(SYS_statfs, SECCOMP_RET_KILL_PROCESS, 0);
    ROW("seccomp_listens") confine(SYS_statfs, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    ROW("no_new_privs") prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ROW("not_dumpable") prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ROW("setuid") {
        (void)!setgid(65534);
        (void)!setuid(65534);
    }
    ROW("capset") {
        uint32_t header[2] = {0x20080522, 0}, none[6] = {0};
        CALL(SYS_capset, header, none);
    }
    ROW("close_range") CALL(SYS_close_range, 3, ~0u, 0);
    ROW("clearenv") {
        extern char **environ;
        environ = (char *[]){NULL};
    }
    ROW("unshare_files") CALL(SYS_unshare, CLONE_FS | CLONE_FILES);
    ROW("personality") CALL(SYS_personality, 0x0040000 /* no random addresses */);

    int after = open("after", O_RDONLY);
    if (after < 0) return 2;
    (void)!read(after, buffer, 1);
    extern char **environ;
    execve("/bin/cat", (char *[]){"cat", "later", NULL}, environ);
    return 3;
}
