/* Looks at many files many times and prints the processor time of one look, in nanoseconds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 20000

static char names[COUNT][64];

static double now(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec * 1e9 + usage.ru_utime.tv_usec * 1e3 +
           usage.ru_stime.tv_sec * 1e9 + usage.ru_stime.tv_usec * 1e3;
}

int main(int count, char **words) {
    const char *what = words[1];
    int rounds = atoi(words[2]), names_used = atoi(words[3]);
    struct stat found;
    char buffer[4096];
    for (int at = 0; at < COUNT; at++)
        sprintf(names[at], "%s%s/%d", words[4], at % 2 ? "/some/longer/folder" : "", at);
    double start = now();
    for (int round = 0; round < rounds; round++)
        for (int at = 0; at < names_used; at++) {
            const char *name = names[at];
            if (*what == 's') stat(name, &found);
            if (*what == 'o') close(open(name, O_RDONLY));
            if (*what == 'r' && !realpath(name, buffer)) return 1;
            if (*what == 'g') getenv("HOME");
        }
    printf("%.0f\n", (now() - start) / rounds / names_used);
    return 0;
}
