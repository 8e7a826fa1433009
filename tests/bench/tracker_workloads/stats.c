// Asks for the attributes of the files of a tree, over and over: `stats COUNT`.
// The tree is the one that workloads.py makes: dNNN/fNNN, 200 directories of 100 files.

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int main(int count, char **arguments) {
    long calls = count > 1 ? atol(arguments[1]) : 200000;
    long found = 0;
    for (long call = 0; call < calls; call++) {
        char name[32];
        struct stat attributes;
        snprintf(name, sizeof name, "d%03ld/f%03ld", call / 100 % 200, call % 100);
        found += stat(name, &attributes) == 0;
    }
    return found == calls ? 0 : 1;
}
