/* What another C library has of the hooked functions. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void stream(const char *name, const char *mode) {
    char text[16] = "";
    FILE *file = fopen(name, mode);
    if (!file) {
        printf("%s %s: %d\n", name, mode, errno);
        return;
    }
    if (mode[0] == 'r' && !fgets(text, sizeof text, file)) strcpy(text, "nothing");
    if (mode[0] != 'r') fputs("written", file);
    printf("%s %s: %s\n", name, mode, text);
    fclose(file);
}

int main(void) {
    char buffer[PATH_MAX];
    struct stat found;
    struct dirent **entries;
    stream("file", "r");
    stream("file", "rbe");
    stream("new", "w");
    stream("new", "wx");
    stream("new", "a+e");
    stream("new", "r+");
    stream("nothing", "r");
    stream("nothing", "r+");
    stream("file", "z");
    printf("%d\n", stat("link", &found) ? errno : (int)found.st_size);
    printf("%d\n", lstat("link", &found) ? errno : (int)found.st_size);
    printf("%d\n", open("nothing", O_RDONLY) < 0 ? errno : 0);
    printf("%d %d\n", access("file", R_OK), faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
    printf("%d\n", (int)readlink("link", buffer, sizeof buffer));
    char *real = realpath("d/../link", NULL);
    printf("%s\n", real);
    free(real);
    int count = scandir("d", &entries, NULL, alphasort);
    for (int at = 0; at < count; at++) {
        printf("%s\n", entries[at]->d_name);
        free(entries[at]);
    }
    free(entries);
    DIR *directory = opendir("d");
    printf("%d\n", directory && readdir(directory));
    closedir(directory);
    printf("%s\n", getenv("GIVEN"));
    printf("%ld\n", syscall(SYS_access, "file", 0));
    printf("%d\n", chdir("d"));
    printf("%d\n", stat("inner", &found));
    return 0;
}
