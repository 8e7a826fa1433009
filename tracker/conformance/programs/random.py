"""Carries out a sequence of operations, one a line, and says what came of each.

The twin of random.c: the same arguments, the same words.
"""
import errno
import os
import sys
import threading

MASK = (1 << 64) - 1
NOTHING_SEEN = 0xCBF29CE484222325
SLOTS = 3
FLAGS = {
    "w": os.O_WRONLY, "b": os.O_RDWR, "c": os.O_CREAT, "x": os.O_EXCL, "t": os.O_TRUNC,
    "a": os.O_APPEND, "d": os.O_DIRECTORY, "n": os.O_NOFOLLOW, "p": os.O_PATH,
}
ACCESS = {"f": os.F_OK, "r": os.R_OK, "w": os.W_OK, "x": os.X_OK}


def digest(start, content):
    for byte in content:
        start = ((start ^ byte) * 0x100000001B3) & MASK
    return start


class Runner:
    def __init__(self, arguments):
        with open(arguments[0]) as file:
            self.lines = file.read().splitlines()
        self.operations = os.path.realpath(arguments[0])
        if len(arguments) > 2:
            self.number, self.seen = int(arguments[2]), int(arguments[3], 16)
            self.root = arguments[4]
            self.slots = [int(slot) for slot in arguments[5:5 + SLOTS]]
        else:
            if arguments[1] != ".":
                os.chdir(arguments[1])
            self.number, self.seen, self.root = 0, NOTHING_SEEN, os.getcwd()
            self.slots = [-1] * SLOTS

    def say(self, result):
        line = f"{self.number} {result}".encode()
        self.seen = digest(self.seen, line)
        os.write(1, line + b"\n")

    def path(self, given):
        return self.root + given[1:] if given.startswith("@") else given

    def name(self, words):
        base = words.pop(0)
        directory = None if base == "-" else self.slots[int(base)]
        return self.path(words.pop(0)), directory

    def slot(self, words):
        descriptor = self.slots[int(words[0])]
        if descriptor < 0:
            raise OSError(errno.EBADF, "nothing is kept")
        return descriptor

    def open(self, name, letters):
        path, directory = name
        flags = 0
        for letter in letters:
            flags |= FLAGS.get(letter, 0)
        return os.open(path, flags, 0o666, dir_fd=directory)

    def read(self, descriptor):
        content = b""
        while part := os.read(descriptor, 4096):
            content += part
        return f"{len(content)} {digest(NOTHING_SEEN, content):016x}"

    def write(self, descriptor, text):
        return str(os.write(descriptor, f"{text}{self.seen:016x}".encode()))

    def listing(self, place):
        def kind(entry):
            if entry.is_symlink():
                return "l"
            return "d" if entry.is_dir(follow_symlinks=False) else "f"
        with os.scandir(place) as entries:
            names = sorted(f"{entry.name}:{kind(entry)}" for entry in entries)
        return "[" + ",".join(names) + "]"

    def stat(self, name, follow):
        path, directory = name
        status = os.stat(path, dir_fd=directory, follow_symlinks=follow)
        kind = status.st_mode & 0o170000
        if kind == 0o100000:
            return f"f {status.st_size} {'x' if status.st_mode & 0o100 else '-'}"
        return "d" if kind == 0o040000 else "l"

    def carry_out(self, verb, words):
        if verb == "open":
            slot = int(words.pop(0))
            name = self.name(words)
            old, self.slots[slot] = self.slots[slot], -1
            try:
                self.slots[slot] = self.open(name, words[0])
            finally:
                if old >= 0:
                    os.close(old)
        elif verb == "read":
            return self.read(self.slot(words))
        elif verb == "write":
            return self.write(self.slot(words), words[1])
        elif verb == "close":
            os.close(self.slot(words))
            self.slots[int(words[0])] = -1
        elif verb == "listopen":
            descriptor = self.slot(words)
            return self.listing(descriptor)
        elif verb == "fchdir":
            os.fchdir(self.slot(words))
        elif verb in ("cat", "put"):
            name = self.name(words)
            descriptor = self.open(name, "r" if verb == "cat" else words[0])
            try:
                if verb == "cat":
                    return self.read(descriptor)
                return self.write(descriptor, words[1])
            finally:
                os.close(descriptor)
        elif verb in ("stat", "lstat"):
            return self.stat(self.name(words), verb == "stat")
        elif verb == "access":
            path, directory = self.name(words)
            return "ok" if os.access(path, ACCESS[words[0]], dir_fd=directory) else "no"
        elif verb == "readlink":
            path, directory = self.name(words)
            text = os.readlink(path, dir_fd=directory)
            return "@" + text[len(self.root):] if text.startswith(self.root) else text
        elif verb == "list":
            path, directory = self.name(words)
            if directory is None:
                return self.listing(path)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
            try:
                return self.listing(descriptor)
            finally:
                os.close(descriptor)
        elif verb == "mkdir":
            path, directory = self.name(words)
            os.mkdir(path, dir_fd=directory)
        elif verb == "rmdir":
            path, directory = self.name(words)
            os.rmdir(path, dir_fd=directory)
        elif verb == "unlink":
            path, directory = self.name(words)
            os.unlink(path, dir_fd=directory)
        elif verb == "rename":
            (old, old_directory), (new, new_directory) = self.name(words), self.name(words)
            os.rename(old, new, src_dir_fd=old_directory, dst_dir_fd=new_directory)
        elif verb == "link":
            (old, old_directory), (new, new_directory) = self.name(words), self.name(words)
            os.link(old, new, src_dir_fd=old_directory, dst_dir_fd=new_directory,
                    follow_symlinks=False)
        elif verb == "symlink":
            target = self.path(words.pop(0))
            path, directory = self.name(words)
            os.symlink(target, path, dir_fd=directory)
        elif verb == "chmod":
            path, directory = self.name(words)
            os.chmod(path, int(words[0], 8), dir_fd=directory)
        elif verb == "truncate":
            os.truncate(self.path(words[0]), int(words[1]))
        elif verb == "chdir":
            os.chdir(self.path(words[0]))
        elif verb == "fork":
            child = os.fork()
            if child:
                os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        else:
            raise ValueError(verb)
        return "ok"

    def exec(self):
        for slot in self.slots:
            if slot >= 0:
                os.set_inheritable(slot, True)
        rest = [str(self.number + 1), f"{self.seen:x}", self.root, *map(str, self.slots)]
        options = ["-I", "-S", "-B"]
        os.execv(sys.executable,
                 [sys.executable, *options, __file__, self.operations, ".", *rest])

    def go_on(self):
        while self.number < len(self.lines):
            verb, *words = self.lines[self.number].split(" ")
            if verb == "thread":
                self.say("ok")
                self.number += 1
                thread = threading.Thread(target=self.guarded)
                thread.start()
                thread.join()
                os._exit(0)
            if verb == "exec":
                self.say("ok")
                self.exec()
            try:
                result = self.carry_out(verb, words)
            except OSError as error:
                result = errno.errorcode[error.errno]
            self.say(result)
            self.number += 1

    def guarded(self):
        try:
            self.go_on()
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(9)


os.umask(0o022)
Runner(sys.argv[1:]).guarded()
