/* What a line says, and how what came of it is said. Half of random.c, which is its only user. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 3
#define NOTHING_SEEN 0xcbf29ce484222325ull

static uint64_t seen = NOTHING_SEEN;
static int slots[SLOTS] = {-1, -1, -1};
static char root[4096], text[1 << 16], operations[4096];
static char **program;
static int line_number;

static uint64_t digest(uint64_t start, const char *bytes, size_t length) {
    for (size_t at = 0; at < length; at++)
        start = (start ^ (unsigned char)bytes[at]) * 0x100000001b3ull;
    return start;
}

static void say(const char *result) {
    char line[8192];
    int length = snprintf(line, sizeof line - 1, "%d %s", line_number, result);
    seen = digest(seen, line, (size_t)length);
    line[length] = '\n';
    if (write(1, line, (size_t)length + 1) < 0)
        _exit(3);
}

static const char *name_of(int error) {
    switch (error) {
    case ENOENT: return "ENOENT";
    case ENOTDIR: return "ENOTDIR";
    case EISDIR: return "EISDIR";
    case EEXIST: return "EEXIST";
    case ENOTEMPTY: return "ENOTEMPTY";
    case EINVAL: return "EINVAL";
    case ELOOP: return "ELOOP";
    case EXDEV: return "EXDEV";
    case EBUSY: return "EBUSY";
    case EPERM: return "EPERM";
    case EACCES: return "EACCES";
    case EBADF: return "EBADF";
    default: return "an error without a name";
    }
}

static void say_whether(int result) { say(result < 0 ? name_of(errno) : "ok"); }

/* The next word of the line. */
static char *word(char **rest) {
    char *start = *rest, *end = strchr(start, ' ');
    if (end)
        *end++ = 0;
    *rest = end ? end : start + strlen(start);
    return start;
}

/* A path with the room in the place of `@`; one of a few buffers in turn. */
static char *path(char **rest) {
    static char buffers[4][8192];
    static int next;
    char *given = word(rest), *buffer = buffers[next++ % 4];
    if (*given == '@')
        snprintf(buffer, sizeof *buffers, "%s%s", root, given + 1);
    else
        snprintf(buffer, sizeof *buffers, "%s", given);
    return buffer;
}

/* A descriptor to start from; -2 stands for the call without one. */
static int base(char **rest) {
    char *given = word(rest);
    return *given == '-' ? -2 : slots[atoi(given)];
}

static int open_flags(const char *letters) {
    int flags = 0;
    for (; *letters; letters++)
        switch (*letters) {
        case 'w': flags |= O_WRONLY; break;
        case 'b': flags |= O_RDWR; break;
        case 'c': flags |= O_CREAT; break;
        case 'x': flags |= O_EXCL; break;
        case 't': flags |= O_TRUNC; break;
        case 'a': flags |= O_APPEND; break;
        case 'd': flags |= O_DIRECTORY; break;
        case 'n': flags |= O_NOFOLLOW; break;
        case 'p': flags |= O_PATH; break;
        }
    return flags;
}
