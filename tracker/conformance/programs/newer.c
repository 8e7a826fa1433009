// Makes calls that are newer than the oracle, each on a file of its own.

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    char buffer[256] = {0};
    struct { unsigned long value; unsigned size, flags; } attribute = {(unsigned long)buffer, 1, 0};
    int directory = open("d", O_RDONLY | O_DIRECTORY);
    syscall(452, AT_FDCWD, "fchmodat2", 0600, 0);
    syscall(452, directory, "link", 0600, AT_SYMLINK_NOFOLLOW);
    syscall(452, AT_FDCWD, "missing", 0600, 0);
    syscall(463, AT_FDCWD, "setxattrat", 0, "user.x", &attribute, sizeof attribute);
    syscall(464, directory, "getxattrat", 0, "user.x", &attribute, sizeof attribute);
    syscall(465, AT_FDCWD, "listxattrat", 0, buffer, sizeof buffer);
    syscall(466, directory, "removexattrat", 0, "user.x");
    syscall(468, AT_FDCWD, "file_getattr", buffer, 24, 0);
    syscall(469, directory, "file_setattr", buffer, 24, 0);
}
