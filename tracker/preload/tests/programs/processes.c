/* Looks at files from wherever a program can look at files from. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static long raw(long number, long a) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a) : "rcx", "r11", "memory");
    return result;
}

static int size_of(const char *name) {
    struct stat found;
    return stat(name, &found) ? -errno : (int)found.st_size;
}

static void look(const char *name) {
    printf("%s %d\n", name, size_of(name));
    fflush(stdout);
}

static void forked(void) {
    look("one");
    pid_t child = fork();
    if (child == 0) {
        look("one");
        look("two");
        if (chdir("d")) _exit(1);
        look("inner");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    look("three");
}

static void vforked(void) {
    static volatile int inner, outer;
    look("one");
    pid_t child = vfork();
    if (child == 0) {
        /* Not by the function: nobody is told. */
        raw(SYS_chdir, (long)"d");
        inner = size_of("inner");
        outer = size_of("one");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("%d %d\n", inner, outer);
    look("three");
}

static void spawned(char *self) {
    pid_t child;
    char *arguments[] = {self, "look", "one", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, "d");
    char program[4096];
    if (!realpath(self, program)) exit(1);
    int result = posix_spawn(&child, program, &actions, NULL, arguments, environ);
    waitpid(child, NULL, 0);
    printf("%d\n", result);
}

static atomic_int wrong;

static void *thread(void *number) {
    char name[64];
    for (int at = 0; at < 400; at++) {
        sprintf(name, "%s%ld-%d", at % 2 ? "d/../" : "", (long)number, at);
        if (size_of(name) != -ENOENT) wrong++;
        if (size_of("one") != 3) wrong++;
    }
    return NULL;
}

static void threads(void) {
    pthread_t all[8];
    /* Whoever comes second while the first one looks for the memory does without. */
    if (size_of("one") != 3) wrong++;
    for (long at = 0; at < 8; at++) pthread_create(&all[at], NULL, thread, (void *)at);
    for (int at = 0; at < 8; at++) pthread_join(all[at], NULL);
    printf("%d\n", wrong);
}

static atomic_int handled, done;

static void handler(int number) {
    (void)number;
    int before = errno;
    char name[64];
    sprintf(name, "h%d", handled % 1000);
    if (size_of(name) != -ENOENT || size_of("one") != 3) wrong++;
    if (chdir(".")) wrong++;
    handled++;
    errno = before;
}

static void *sender(void *receiver) {
    while (!done) {
        int before = handled;
        pthread_kill(*(pthread_t *)receiver, SIGUSR1);
        while (handled == before && !done) sched_yield();
    }
    return NULL;
}

static void signals(void) {
    pthread_t self = pthread_self(), other;
    /* Whoever looks while the first look finds the memory goes to the kernel. */
    if (size_of("one") != 3) wrong++;
    signal(SIGUSR1, handler);
    pthread_create(&other, NULL, sender, &self);
    char name[64];
    for (int at = 0; at < 100000 || handled < 1000; at++) {
        sprintf(name, "%d", at % 1000);
        errno = 0;
        if (size_of(name) != -ENOENT || errno != ENOENT) wrong++;
        if (size_of("one") != 3) wrong++;
    }
    done = 1;
    pthread_join(other, NULL);
    printf("%d\n", wrong);
}

/* Opens the same file again and again: it has to be the same descriptor each time. */
static void opens(int count) {
    char text[8];
    for (int at = 0; at < count; at++) {
        int file = open(at % 2 ? "one" : "d/../one", O_RDONLY);
        if (file != 3 || read(file, text, sizeof text) != 3 || close(file)) wrong++;
        if (size_of("d/inner") != 6 || size_of("no") != -ENOENT) wrong++;
    }
    printf("%d\n", wrong);
}

static void pipe_opened(void) {
    char text[8] = "";
    int file = open("pipe", O_RDONLY);
    printf("%d %d", file, (int)read(file, text, sizeof text));
    printf(" %s\n", text);
}

static void many(int count, int batch) {
    char name[64], word;
    for (int at = 0; at < count; at++) {
        sprintf(name, "name-%d", at);
        if (size_of(name) != -ENOENT) wrong++;
        if (at % batch == batch - 1) {
            printf("%d\n", wrong);
            fflush(stdout);
            if (read(0, &word, 1) != 1) exit(1);
        }
    }
}

int main(int count, char **words) {
    const char *what = words[1];
    if (!strcmp(what, "look")) for (int at = 2; at < count; at++) look(words[at]);
    if (!strcmp(what, "fork")) forked();
    if (!strcmp(what, "vfork")) vforked();
    if (!strcmp(what, "spawn")) spawned(words[0]);
    if (!strcmp(what, "threads")) threads();
    if (!strcmp(what, "signals")) signals();
    if (!strcmp(what, "opens")) opens(atoi(words[2]));
    if (!strcmp(what, "pipe")) pipe_opened();
    if (!strcmp(what, "many")) many(atoi(words[2]), atoi(words[3]));
    return 0;
}
