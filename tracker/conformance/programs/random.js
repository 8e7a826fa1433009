// Carries out a sequence of operations, one a line, and says what came of each.
//
// The twin of random.c, without what Node has no calls for: descriptors of directories, exchange,
// and going on elsewhere.
'use strict';
const fs = require('fs');

const MASK = (1n << 64n) - 1n;
const NOTHING_SEEN = 0xcbf29ce484222325n;
const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW } =
  fs.constants;
const FLAGS = {
  w: O_WRONLY, b: O_RDWR, c: O_CREAT, x: O_EXCL, t: O_TRUNC, a: O_APPEND, d: O_DIRECTORY,
  n: O_NOFOLLOW, p: 0o10000000,
};
const { F_OK, R_OK, W_OK, X_OK } = fs.constants;
const ACCESS = { f: F_OK, r: R_OK, w: W_OK, x: X_OK };

const [operations, room] = process.argv.slice(2);
const lines = fs.readFileSync(operations, 'utf8').split('\n').slice(0, -1);
process.umask(0o022);
if (room !== '.') process.chdir(room);
const root = process.cwd();
const slots = [-1, -1, -1];
let seen = NOTHING_SEEN;

function digest(start, bytes) {
  for (const byte of bytes) start = ((start ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  return start;
}

const hex = (number) => number.toString(16).padStart(16, '0');
const path = (given) => (given.startsWith('@') ? root + given.slice(1) : given);

function name(words) {
  if (words.shift() !== '-') throw new Error('Node has no calls for that');
  return path(words.shift());
}

function slot(words) {
  const descriptor = slots[words[0]];
  if (descriptor < 0) throw Object.assign(new Error('nothing is kept'), { code: 'EBADF' });
  return descriptor;
}

function open(given, letters) {
  let flags = 0;
  for (const letter of letters) flags |= FLAGS[letter] ?? 0;
  return fs.openSync(given, flags, 0o666);
}

function read(descriptor) {
  const buffer = Buffer.alloc(4096);
  let content = NOTHING_SEEN;
  let total = 0;
  for (;;) {
    const length = fs.readSync(descriptor, buffer, 0, buffer.length, null);
    if (length === 0) return `${total} ${hex(content)}`;
    content = digest(content, buffer.subarray(0, length));
    total += length;
  }
}

const write = (descriptor, text) => `${fs.writeSync(descriptor, text + hex(seen))}`;

function kind(entry) {
  if (entry.isSymbolicLink()) return 'l';
  return entry.isDirectory() ? 'd' : 'f';
}

function stat(status) {
  if (!status.isFile()) return kind(status);
  return `f ${status.size} ${status.mode & 0o100 ? 'x' : '-'}`;
}

function withOpen(descriptor, use) {
  try {
    return use(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

const VERBS = {
  open(words) {
    const at = words.shift();
    const given = name(words);
    const old = slots[at];
    slots[at] = -1;
    try {
      slots[at] = open(given, words[0]);
    } finally {
      if (old >= 0) fs.closeSync(old);
    }
  },
  read: (words) => read(slot(words)),
  write: (words) => write(slot(words), words[1]),
  close(words) {
    fs.closeSync(slot(words));
    slots[words[0]] = -1;
  },
  cat: (words) => withOpen(open(name(words), 'r'), read),
  put(words) {
    const given = name(words);
    return withOpen(open(given, words[0]), (descriptor) => write(descriptor, words[1]));
  },
  stat: (words) => stat(fs.statSync(name(words))),
  lstat: (words) => stat(fs.lstatSync(name(words))),
  access(words) {
    try {
      fs.accessSync(name(words), ACCESS[words[0]]);
      return 'ok';
    } catch {
      return 'no';
    }
  },
  readlink(words) {
    const text = fs.readlinkSync(name(words));
    return text.startsWith(root) ? `@${text.slice(root.length)}` : text;
  },
  list(words) {
    const entries = fs.readdirSync(name(words), { withFileTypes: true });
    return `[${entries.map((entry) => `${entry.name}:${kind(entry)}`).sort().join(',')}]`;
  },
  mkdir: (words) => fs.mkdirSync(name(words)),
  rmdir: (words) => fs.rmdirSync(name(words)),
  unlink: (words) => fs.unlinkSync(name(words)),
  rename: (words) => fs.renameSync(name(words), name(words)),
  link: (words) => fs.linkSync(name(words), name(words)),
  symlink: (words) => fs.symlinkSync(path(words.shift()), name(words)),
  chmod(words) {
    fs.chmodSync(name(words), parseInt(words[0], 8));
  },
  chdir: (words) => process.chdir(path(words[0])),
};

lines.forEach((text, number) => {
  const [verb, ...words] = text.split(' ');
  let result;
  try {
    result = VERBS[verb](words) ?? 'ok';
  } catch (error) {
    if (!error.code) throw error;
    result = error.code;
  }
  const line = Buffer.from(`${number} ${result}`);
  seen = digest(seen, line);
  fs.writeSync(1, `${line}\n`);
});
