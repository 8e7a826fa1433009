// Starts a program that does nothing, again and again, and waits for each: `spawns COUNT`.

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **arguments) {
    long left = count > 1 ? atol(arguments[1]) : 500;
    char *nothing[] = {"/bin/true", NULL};
    for (; left > 0; left--) {
        pid_t process;
        int status;
        if (posix_spawn(&process, nothing[0], NULL, NULL, nothing, environ) != 0) return 1;
        if (waitpid(process, &status, 0) != process || status != 0) return 1;
    }
    return 0;
}
