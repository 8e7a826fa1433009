// Calls by the `syscall` instruction, and the names that the rows of `raw.c` make them with.

typedef unsigned long word;

static long call6(long number, word a, word b, word c, word d, word e, word f) {
    long result;
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define CALL_1(n, a) call6(n, (word)(a), 0, 0, 0, 0, 0)
#define CALL_2(n, a, b) call6(n, (word)(a), (word)(b), 0, 0, 0, 0)
#define CALL_3(n, a, b, c) call6(n, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#define CALL_4(n, a, b, c, d) call6(n, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)
#define CALL_5(n, a, b, c, d, e) call6(n, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), 0)

enum {
    READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, STAT = 4, LSTAT = 6, ACCESS = 21, DUP = 32,
    SOCKET = 41, CONNECT = 42, BIND = 49, VFORK = 58, EXECVE = 59, EXIT = 60, WAIT4 = 61,
    TRUNCATE = 76, GETDENTS = 78, CHDIR = 80, FCHDIR = 81, RENAME = 82, MKDIR = 83, RMDIR = 84,
    CREAT = 85, LINK = 86, UNLINK = 87, SYMLINK = 88, READLINK = 89, CHMOD = 90, FCHMOD = 91,
    CHOWN = 92, FCHOWN = 93, LCHOWN = 94, UTIME = 132, MKNOD = 133, STATFS = 137, SETXATTR = 188,
    LSETXATTR = 189, FSETXATTR = 190, GETXATTR = 191, LGETXATTR = 192, LISTXATTR = 194,
    LLISTXATTR = 195, REMOVEXATTR = 197, LREMOVEXATTR = 198, FREMOVEXATTR = 199, GETDENTS64 = 217,
    UTIMES = 235, INOTIFY_INIT = 253, INOTIFY_ADD_WATCH = 254, OPENAT = 257, MKDIRAT = 258,
    MKNODAT = 259, FCHOWNAT = 260, FUTIMESAT = 261, NEWFSTATAT = 262, UNLINKAT = 263,
    RENAMEAT = 264, LINKAT = 265, SYMLINKAT = 266, READLINKAT = 267, FCHMODAT = 268,
    FACCESSAT = 269, UTIMENSAT = 280, NAME_TO_HANDLE_AT = 303, RENAMEAT2 = 316,
    MEMFD_CREATE = 319, EXECVEAT = 322, STATX = 332, OPENAT2 = 437, FACCESSAT2 = 439,
};

enum {
    RDONLY = 0, WRONLY = 1, RDWR = 2, CONTROL = 3, CREATE = 0100, EXCL = 0200, TRUNC = 01000,
    APPEND = 02000, DIRECTORY = 0200000, NOFOLLOW = 0400000, PATH = 010000000,
    TMPFILE = 020200000, CLOEXEC = 02000000,
    AT_FDCWD = -100, AT_NOFOLLOW = 0x100, AT_REMOVEDIR = 0x200, AT_FOLLOW = 0x400,
    AT_EMPTY = 0x1000,
};

// Where the row looks: a directory descriptor, and what stands before each name.
static int at = AT_FDCWD;
static const char *before = "";
static const char *root;

static char names[8][8192];
static int next_name;

static char *append(char *to, const char *text) {
    while (*text) *to++ = *text++;
    *to = 0;
    return to;
}

static char *digits(char *to, word value) {
    char text[24];
    int length = 0;
    do text[length++] = '0' + value % 10; while (value /= 10);
    while (length) *to++ = text[--length];
    *to = 0;
    return to;
}

// The name of something in the row's directory, for calls that take a directory.
static const char *in(const char *name) {
    char *buffer = names[next_name++ % 8];
    append(append(buffer, before), name);
    return buffer;
}

// The name for calls that take none.
static const char *alone(const char *name) {
    char *buffer = names[next_name++ % 8];
    char *end = buffer;
    if (at != AT_FDCWD) {
        end = append(end, "/proc/self/fd/");
        end = append(digits(end, at), "/");
    }
    append(append(end, before), name);
    return buffer;
}

static char buffer[65536];

static int open_at(const char *name, int flags) { return CALL_4(OPENAT, at, in(name), flags, 0644); }
static void done(int descriptor) { if (descriptor >= 0) CALL_1(CLOSE, descriptor); }

static const char *of_descriptor(int descriptor) {
    char *text = names[next_name++ % 8];
    digits(append(text, "/proc/self/fd/"), descriptor);
    return text;
}

static void wait_for(long child) { if (child > 0) CALL_4(WAIT4, child, 0, 0, 0); }

static const char *const no_words[] = {"row", 0};

// The child shares the memory until it executes or ends: it may only make calls.
#define IN_CHILD(statement)                            \
    do {                                               \
        long child = CALL_1(VFORK, 0);                 \
        if (child == 0) { statement; CALL_1(EXIT, 0); } \
        wait_for(child);                               \
    } while (0)
