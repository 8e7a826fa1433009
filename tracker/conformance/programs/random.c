/* Carries out a sequence of operations, one a line, and says what came of each.
 *
 *     random OPERATIONS ROOM [LINE SEEN ROOT SLOT SLOT SLOT]
 *
 * ROOM is entered first. The rest is how it goes on in a new image of itself. A path that starts
 * with `@` lies in the room. What is written ends in a digest of everything said so far, so that
 * whatever was seen shows in what is left behind. The twins in Python and JavaScript say the same
 * things in the same words. */
#include "random.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int open_at(int at, const char *name, int flags) {
    return at == -2 ? open(name, flags, 0666) : openat(at, name, flags, 0666);
}

static void read_all(int descriptor) {
    char buffer[4096], result[64];
    uint64_t content = NOTHING_SEEN;
    size_t total = 0;
    ssize_t length;
    while ((length = read(descriptor, buffer, sizeof buffer)) > 0) {
        content = digest(content, buffer, (size_t)length);
        total += (size_t)length;
    }
    if (length < 0)
        return say(name_of(errno));
    snprintf(result, sizeof result, "%zu %016llx", total, (unsigned long long)content);
    say(result);
}

static void write_text(int descriptor, const char *given) {
    char buffer[4096], result[64];
    int length =
        snprintf(buffer, sizeof buffer, "%s%016llx", given, (unsigned long long)seen);
    ssize_t written = write(descriptor, buffer, (size_t)length);
    if (written < 0)
        return say(name_of(errno));
    snprintf(result, sizeof result, "%zd", written);
    say(result);
}

static int by_text(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void list(DIR *directory) {
    char *names[512], result[8000] = "[";
    size_t count = 0;
    struct dirent *entry;
    if (!directory)
        return say(name_of(errno));
    while ((entry = readdir(directory)) && count < 512) {
        char kind = entry->d_type == DT_DIR ? 'd' : entry->d_type == DT_LNK ? 'l' : 'f';
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (asprintf(&names[count++], "%s:%c", entry->d_name, kind) < 0)
            _exit(3);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, by_text);
    for (size_t at = 0; at < count; at++) {
        strcat(result, at ? "," : "");
        strcat(result, names[at]);
        free(names[at]);
    }
    strcat(result, "]");
    say(result);
}

static void stat_path(int at, const char *name, int keeps_link) {
    struct stat status;
    char result[64] = "l";
    int failed;
    if (at == -2)
        failed = keeps_link ? lstat(name, &status) : stat(name, &status);
    else
        failed = fstatat(at, name, &status, keeps_link ? AT_SYMLINK_NOFOLLOW : 0);
    if (failed)
        return say(name_of(errno));
    if (S_ISREG(status.st_mode))
        snprintf(result, sizeof result, "f %lld %c", (long long)status.st_size,
                 status.st_mode & 0100 ? 'x' : '-');
    else if (S_ISDIR(status.st_mode))
        strcpy(result, "d");
    say(result);
}

static void read_link(int at, const char *name) {
    char target[4096], result[4200];
    ssize_t length = at == -2 ? readlink(name, target, sizeof target - 1)
                              : readlinkat(at, name, target, sizeof target - 1);
    if (length < 0)
        return say(name_of(errno));
    target[length] = 0;
    size_t prefix = strlen(root);
    if (!strncmp(target, root, prefix))
        snprintf(result, sizeof result, "@%s", target + prefix);
    else
        snprintf(result, sizeof result, "%s", target);
    say(result);
}

static void go_on(char *rest);

static void *go_on_in_thread(void *rest) {
    go_on(rest);
    return NULL;
}

static void go_on_in_new_image(char *rest) {
    char numbers[3 + SLOTS][32];
    char *arguments[] = {program[0], operations, ".",        numbers[0], numbers[1],
                         root,       numbers[2], numbers[3], numbers[4], NULL};
    (void)rest;
    snprintf(numbers[0], sizeof *numbers, "%d", line_number + 1);
    snprintf(numbers[1], sizeof *numbers, "%llx", (unsigned long long)seen);
    for (int slot = 0; slot < SLOTS; slot++)
        snprintf(numbers[2 + slot], sizeof *numbers, "%d", slots[slot]);
    execv(program[0], arguments);
    _exit(4);
}

static void move(char **rest, unsigned flags) {
    int from = base(rest);
    char *old = path(rest);
    int to = base(rest);
    char *new = path(rest);
    if (from == -2 && to == -2 && !flags)
        return say_whether(rename(old, new));
    from = from == -2 ? AT_FDCWD : from;
    to = to == -2 ? AT_FDCWD : to;
    say_whether(flags ? renameat2(from, old, to, new, flags) : renameat(from, old, to, new));
}

static void link_names(char **rest) {
    int from = base(rest);
    char *old = path(rest);
    int to = base(rest);
    char *new = path(rest);
    if (from == -2 && to == -2)
        return say_whether(link(old, new));
    say_whether(linkat(from == -2 ? AT_FDCWD : from, old, to == -2 ? AT_FDCWD : to, new, 0));
}

/* Operations on what is kept. Says whether it was one. */
static int on_slot(const char *verb, char **rest) {
    int *slot;
    if (strcmp(verb, "read") && strcmp(verb, "write") && strcmp(verb, "close") &&
        strcmp(verb, "listopen") && strcmp(verb, "fchdir"))
        return 0;
    slot = &slots[atoi(word(rest))];
    if (*slot < 0) {
        say("EBADF");
    } else if (!strcmp(verb, "read")) {
        read_all(*slot);
    } else if (!strcmp(verb, "write")) {
        write_text(*slot, word(rest));
    } else if (!strcmp(verb, "close")) {
        say_whether(close(*slot));
        *slot = -1;
    } else if (!strcmp(verb, "fchdir")) {
        say_whether(fchdir(*slot));
    } else {
        int copy = dup(*slot);
        DIR *directory = fdopendir(copy);
        int error = errno;
        if (directory)
            rewinddir(directory);
        else
            close(copy);
        errno = error;
        list(directory);
    }
    return 1;
}

/* Operations on a path. */
static void on_path(const char *verb, char **rest) {
    int at = base(rest);
    char *name = path(rest);
    int start = at == -2 ? AT_FDCWD : at;
    if (!strcmp(verb, "cat")) {
        int descriptor = open_at(at, name, O_RDONLY);
        if (descriptor < 0)
            return say(name_of(errno));
        read_all(descriptor);
        close(descriptor);
    } else if (!strcmp(verb, "put")) {
        int descriptor = open_at(at, name, open_flags(word(rest)));
        if (descriptor < 0)
            return say(name_of(errno));
        write_text(descriptor, word(rest));
        close(descriptor);
    } else if (!strcmp(verb, "stat") || !strcmp(verb, "lstat")) {
        stat_path(at, name, *verb == 'l');
    } else if (!strcmp(verb, "access")) {
        char letter = *word(rest);
        int mode = letter == 'r' ? R_OK : letter == 'w' ? W_OK : letter == 'x' ? X_OK : F_OK;
        int failed = at == -2 ? access(name, mode) : faccessat(at, name, mode, 0);
        say(failed ? "no" : "ok");
    } else if (!strcmp(verb, "readlink")) {
        read_link(at, name);
    } else if (!strcmp(verb, "list")) {
        int descriptor;
        if (at == -2)
            return list(opendir(name));
        descriptor = openat(at, name, O_RDONLY | O_DIRECTORY);
        if (descriptor < 0)
            return say(name_of(errno));
        list(fdopendir(descriptor));
    } else if (!strcmp(verb, "mkdir")) {
        say_whether(at == -2 ? mkdir(name, 0777) : mkdirat(at, name, 0777));
    } else if (!strcmp(verb, "rmdir")) {
        say_whether(at == -2 ? rmdir(name) : unlinkat(at, name, AT_REMOVEDIR));
    } else if (!strcmp(verb, "unlink")) {
        say_whether(at == -2 ? unlink(name) : unlinkat(at, name, 0));
    } else if (!strcmp(verb, "chmod")) {
        mode_t mode = (mode_t)strtol(word(rest), NULL, 8);
        say_whether(at == -2 ? chmod(name, mode) : fchmodat(start, name, mode, 0));
    } else {
        _exit(5);
    }
}

static void carry_out(const char *verb, char *rest, char *further) {
    if (!strcmp(verb, "open")) {
        int *slot = &slots[atoi(word(&rest))];
        int at = base(&rest);
        char *name = path(&rest);
        int opened = open_at(at, name, open_flags(word(&rest)));
        int error = errno;
        if (*slot >= 0)
            close(*slot);
        *slot = opened;
        errno = error;
        say_whether(opened);
    } else if (!strcmp(verb, "rename")) {
        move(&rest, 0);
    } else if (!strcmp(verb, "renamenew")) {
        move(&rest, RENAME_NOREPLACE);
    } else if (!strcmp(verb, "exchange")) {
        move(&rest, RENAME_EXCHANGE);
    } else if (!strcmp(verb, "link")) {
        link_names(&rest);
    } else if (!strcmp(verb, "symlink")) {
        char *target = path(&rest);
        int at = base(&rest);
        char *name = path(&rest);
        say_whether(at == -2 ? symlink(target, name) : symlinkat(target, at, name));
    } else if (!strcmp(verb, "truncate")) {
        char *name = path(&rest);
        say_whether(truncate(name, atol(word(&rest))));
    } else if (!strcmp(verb, "chdir")) {
        say_whether(chdir(path(&rest)));
    } else if (!strcmp(verb, "fork")) {
        pid_t child = fork();
        if (child) {
            int status;
            waitpid(child, &status, 0);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 6);
        }
        say("ok");
    } else if (!strcmp(verb, "thread")) {
        pthread_t thread;
        say("ok");
        line_number++;
        if (pthread_create(&thread, NULL, go_on_in_thread, further))
            _exit(7);
        pthread_join(thread, NULL);
        _exit(0);
    } else if (!strcmp(verb, "exec")) {
        say("ok");
        go_on_in_new_image(further);
    } else if (!on_slot(verb, &rest)) {
        on_path(verb, &rest);
    }
}

static void go_on(char *rest) {
    while (*rest) {
        char *line = rest, *end = strchr(rest, '\n');
        *end = 0;
        rest = end + 1;
        char *verb = word(&line);
        carry_out(verb, line, rest);
        line_number++;
    }
}

int main(int count, char **arguments) {
    int descriptor = open(arguments[1], O_RDONLY | O_CLOEXEC);
    ssize_t length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (count < 3 || length < 0)
        return 2;
    program = arguments;
    umask(022);
    if (count > 3) {
        strcpy(operations, arguments[1]);
        line_number = atoi(arguments[3]);
        seen = strtoull(arguments[4], NULL, 16);
        strcpy(root, arguments[5]);
        for (int slot = 0; slot < SLOTS; slot++)
            slots[slot] = atoi(arguments[6 + slot]);
    } else {
        if (!realpath(arguments[1], operations))
            return 2;
        if (strcmp(arguments[2], ".") && chdir(arguments[2]))
            return 2;
        if (!getcwd(root, sizeof root))
            return 2;
    }
    char *rest = text;
    for (int skipped = 0; skipped < line_number; skipped++)
        rest = strchr(rest, '\n') + 1;
    go_on(rest);
    return 0;
}
