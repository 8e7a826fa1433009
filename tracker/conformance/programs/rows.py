"""Goes through the rows by the modules of Python.

Called with `list` it says its rows. Called with `run` and the path of the room it goes through each
row in each form, every time in the directory that was prepared for it. Whether a call fails does
not matter here: the same has to be seen of it twice.
"""

import contextlib
import ctypes
import filecmp
import fnmatch
import glob
import io
import mmap
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

THINGS = [
    "file", "dir", "link", "dirlink", "dangling", "loop", "chain", "none", "none/x", "file/x",
    "file/", "dir/", "link/", "dirlink/inside", "dir/../other", "dirlink/../file", "none/../file",
    ".", "dir//inside", os.fsdecode(b'\xff\xfe "<>\n'),
]

ROWS = {}


def row(function):
    ROWS[function.__name__] = function
    return function


class Place:
    """Where the row looks: a directory descriptor, and what stands before each name."""

    def __init__(self, before, descriptor=None):
        self.before = before
        self.descriptor = descriptor

    def at(self, name):
        if self.descriptor is not None:
            return f"/proc/self/fd/{self.descriptor}/{name}"
        return self.before + name

    def relative(self, name):
        """The name and the descriptor, for functions that take both."""
        if self.descriptor is None:
            return self.before + name, {}
        return name, {"dir_fd": self.descriptor}


def attempt(function, *arguments, **named):
    with contextlib.suppress(OSError, shutil.Error):
        return function(*arguments, **named)


def each(place, function, **named):
    for thing in THINGS:
        attempt(function, place.at(thing), **named)


def each_relative(place, function, *more, **named):
    for thing in THINGS:
        name, directory = place.relative(thing)
        attempt(function, name, *more, **directory, **named)


def slurp(path, mode="rb"):
    with open(path, mode) as file:
        return file.read() if "r" in mode else file.write(b"x" if "b" in mode else "x")


@row
def open_each(place):
    each(place, slurp)


@row
def os_open_each(place):
    each_relative(place, lambda *a, **n: os.close(os.open(*a, **n)), os.O_RDONLY)


@row
def open_modes(place):
    for name, mode in [("file", "r+b"), ("other", "ab"), ("new", "wb"), ("newer", "xb"), ("newer", "xb"),
                       ("linked", "w+b"), ("full/one", "a+b"), ("none/x", "wb"), ("dir", "wb")]:
        attempt(slurp, place.at(name), mode)


@row
def stat_each(place):
    each_relative(place, os.stat)


@row
def lstat_each(place):
    each_relative(place, os.stat, follow_symlinks=False)


@row
def access_each(place):
    each_relative(place, os.access, os.R_OK)


@row
def readlink_each(place):
    each_relative(place, os.readlink)


@row
def path_each(place):
    for function in [os.path.exists, os.path.isfile, os.path.isdir, os.path.islink, os.path.getsize,
                     os.path.realpath, os.path.ismount, os.path.lexists]:
        each(place, function)


@row
def listdir_each(place):
    each(place, os.listdir)


@row
def scandir_each(place):
    def scan(path):
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                attempt(lambda: (entry.is_dir(), entry.is_file(), entry.is_symlink(), entry.stat()))
    each(place, scan)


@row
def scandir_descriptor(place):
    name, directory = place.relative("dir")
    descriptor = os.open(name, os.O_RDONLY, **directory)
    with os.scandir(descriptor) as entries:
        [entry.stat() for entry in entries]
    os.listdir(descriptor)
    os.stat("inside", dir_fd=descriptor)
    os.stat(descriptor)
    os.close(descriptor)


@row
def walk(place):
    list(os.walk(place.at("dir")))
    list(os.walk(place.at("."), followlinks=True))
    name, directory = place.relative("dir")
    list(os.fwalk(name, **directory))


@row
def globs(place):
    sorted(glob.glob(place.at("*/on*")))
    sorted(glob.glob(place.at("**/leaf"), recursive=True))
    fnmatch.filter(os.listdir(place.at("full")), "o*")


@row
def pathlib_looks(place):
    for thing in THINGS:
        path = pathlib.Path(place.at(thing))
        for look in [path.exists, path.is_dir, path.resolve, path.read_bytes, path.is_symlink,
                     path.lstat, lambda: list(path.iterdir()), path.owner]:
            with contextlib.suppress(OSError, RuntimeError, KeyError):
                look()


@row
def pathlib_changes(place):
    path = pathlib.Path(place.at("."))
    (path / "new").write_text("x")
    (path / "deep/er").mkdir(parents=True, exist_ok=True)
    (path / "deep/er").mkdir(parents=True, exist_ok=True)
    (path / "new").rename(path / "deep/new")
    (path / "file").replace(path / "other")
    (path / "touched").touch()
    (path / "linked").touch()
    (path / "soft").symlink_to("other")
    (path / "hard").hardlink_to(path / "other")
    (path / "other").chmod(0o600)
    (path / "hard").unlink()
    (path / "none").unlink(missing_ok=True)
    (path / "empty").rmdir()
    sorted(path.rglob("le*"))


@row
def renames(place):
    (old, directory), (new, _) = place.relative("file"), place.relative("new")
    directories = {"src_dir_fd": directory["dir_fd"], "dst_dir_fd": directory["dir_fd"]} if directory else {}
    attempt(os.rename, old, new, **directories)
    attempt(os.replace, place.at("other"), place.at("linked"))
    attempt(os.rename, place.at("dir"), place.at("full"))
    attempt(os.rename, place.at("full"), place.at("moved"))
    attempt(os.renames, place.at("moved"), place.at("deep/er"))
    attempt(os.listdir, place.at("deep/er"))
    attempt(os.rename, place.at("none"), place.at("x"))


@row
def makes_and_removes(place):
    for name, function, *more in [
        ("new", os.mkdir), ("dir", os.mkdir), ("a/b/c", os.makedirs), ("pipe", os.mkfifo),
        ("empty", os.rmdir), ("full", os.rmdir), ("file", os.unlink), ("none", os.remove),
        ("dirlink", os.unlink), ("a/b/c", os.removedirs), ("full", shutil.rmtree),
    ]:
        attempt(function, place.at(name), *more)
    name, directory = place.relative("newest")
    attempt(os.mkdir, name, **directory)
    attempt(os.rmdir, name, **directory)
    attempt(os.link, place.at("other"), place.at("hard"))
    attempt(os.symlink, "other", place.at("soft"))
    attempt(slurp, place.at("soft"))


@row
def attributes(place):
    attempt(os.chmod, place.at("file"), 0o600)
    attempt(os.chown, place.at("link"), -1, -1)
    attempt(os.chown, place.at("dirlink"), -1, -1, follow_symlinks=False)
    attempt(os.utime, place.at("file"), (1, 1))
    attempt(os.truncate, place.at("file"), 0)
    attempt(os.truncate, place.at("other"), 2)
    attempt(os.setxattr, place.at("file"), "user.x", b"1")
    attempt(os.getxattr, place.at("file"), "user.x")
    attempt(os.listxattr, place.at("linked"))
    with open(place.at("full/one"), "rb") as file:
        os.fchmod(file.fileno(), 0o600)
        os.utime(file.fileno())
        with contextlib.suppress(ValueError):
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ).close()
    attempt(os.statvfs, place.at("dir"))


@row
def copies(place):
    attempt(shutil.copy, place.at("file"), place.at("copied"))
    attempt(shutil.copy2, place.at("link"), place.at("dir"))
    attempt(shutil.copytree, place.at("full"), place.at("whole"))
    attempt(shutil.copytree, place.at("dir"), place.at("dirs"), symlinks=True)
    attempt(shutil.move, place.at("whole"), place.at("away"))
    attempt(shutil.move, place.at("other"), place.at("dir"))
    attempt(shutil.rmtree, place.at("away"))
    attempt(filecmp.cmp, place.at("file"), place.at("copied"), shallow=False)
    attempt(shutil.which, "script", path=place.at("none") + os.pathsep + place.at("."))


@row
def temporary(place):
    # The names of this module are taken from a generator that can't be told what to start from.
    with tempfile.TemporaryFile(dir=place.at(".")) as file:
        file.write(b"x")
    tempfile.gettempdir()


@row
def directories(place):
    here = os.open(".", os.O_RDONLY)
    os.chdir(place.at("dirlink"))
    attempt(slurp, "inside")
    attempt(slurp, "../file")
    os.getcwd()
    os.fchdir(here)
    os.close(here)


@row
def processes(place):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["cat", "inside"], cwd=place.at("dir"), **quiet)
    subprocess.run(["/bin/cat", place.at("file")], close_fds=False, **quiet)
    subprocess.run(["/bin/cat", "inside"], cwd=place.at("dirlink"), env={}, **quiet)
    attempt(subprocess.run, [place.at("script")], **quiet)
    attempt(subprocess.run, [place.at("none")], **quiet)
    attempt(subprocess.run, ["/bin/true"], cwd=place.at("none"), **quiet)
    subprocess.run(": < " + repr(place.at("other")), shell=True, **quiet)
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    child = os.fork()
    if child == 0:
        attempt(slurp, place.at("full/one"))
        os._exit(0)
    os.waitpid(child, 0)


@row
def threads(place):
    for name in ["file", "other", "none"]:
        thread = threading.Thread(target=attempt, args=(slurp, place.at(name)))
        thread.start()
        thread.join()


@row
def sockets(place):
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        attempt(one.connect, place.at("socket"))
        attempt(one.bind, place.at("socket"))
        attempt(one.listen)
        attempt(two.connect, place.at("socket"))


@row
def library(place):
    libc = ctypes.CDLL(None, use_errno=True)
    for name in [b"file", b"none", b"link"]:
        libc.access(os.fsencode(place.at("")) + name, 0)
        libc.unlink(os.fsencode(place.at("")) + name)


@row
def reopen(place):
    name, directory = place.relative("file")
    descriptor = os.open(name, os.O_PATH, **directory)
    attempt(slurp, f"/proc/self/fd/{descriptor}")
    attempt(io.FileIO, f"/proc/self/fd/{descriptor}", "w")
    os.close(descriptor)


def run(name, function, form, root):
    directory = f"{name}.{form}"
    if form == "relative":
        function(Place(directory + "/"))
    elif form == "absolute":
        function(Place(f"{root}/{directory}/"))
    elif form == "through":
        function(Place(directory + ".link/"))
    elif form == "up":
        function(Place(directory + ".link/../"))
    else:
        descriptor = os.open(directory, os.O_RDONLY)
        if form == "dirfd":
            function(Place("", descriptor))
        else:
            os.chdir(directory) if form == "chdir" else os.fchdir(descriptor)
            function(Place(""))
            os.chdir(root)
        os.close(descriptor)


def main():
    for name, function in ROWS.items():
        if sys.argv[1] == "list":
            print(name)
        elif len(sys.argv) < 4 or sys.argv[3] == name:
            for form in ["relative", "absolute", "dirfd", "chdir", "fchdir", "through", "up"]:
                run(name, function, form, sys.argv[2])


main()
