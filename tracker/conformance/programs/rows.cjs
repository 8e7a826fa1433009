// Goes through the rows by the modules of Node, in one of the ways there are to call them. Bun and
// Deno take the same program.
//
// Called with `<way> list` it says its rows. Called with `<way> run` and the path of the room it
// goes through each row in each form, every time in the directory that was prepared for it. Whether
// a call fails does not matter here: the same has to be seen of it twice.

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const things = [
    'file', 'dir', 'link', 'dirlink', 'dangling', 'loop', 'chain', 'none', 'none/x', 'file/x',
    'file/', 'dir/', 'link/', 'dirlink/inside', 'dir/../other', 'dirlink/../file', 'none/../file',
    '.', 'dir//inside',
];

// The ways: each takes the name of a function and its arguments, and waits for its end.
const ways = {
    async sync(name, ...words) {
        return fs[name + 'Sync'](...words);
    },
    async promises(name, ...words) {
        return fs.promises[name](...words);
    },
    callbacks(name, ...words) {
        return new Promise((resolve, reject) => {
            fs[name](...words, (error, value) => (error ? reject(error) : resolve(value)));
        });
    },
};

const way = process.argv[2] ?? workerData.words[0];
const call = ways[way] ?? ways.sync;

async function attempt(...words) {
    try {
        return await call(...words);
    } catch {
        return undefined;
    }
}

// Names can't be joined here: that would take the dots out of them.
const each = (name, ...more) => async (at) => {
    for (const thing of things) {
        await attempt(name, at(thing), ...more);
    }
};

const rows = {
    readFile: each('readFile'),
    stat: each('stat'),
    lstat: each('lstat'),
    access: each('access', fs.constants.R_OK),
    readlink: each('readlink'),
    realpath: each('realpath'),
    readdir: each('readdir'),
    readdir_types: each('readdir', { withFileTypes: true }),
    strange: async (at) => {
        const name = Buffer.concat([Buffer.from(at('')), Buffer.from([0xff, 0xfe]), Buffer.from(' "<>\n')]);
        await attempt('readFile', name);
        await attempt('stat', name);
    },
    exists: async (at) => {
        for (const thing of things) fs.existsSync(at(thing));
    },
    writeFile: async (at) => {
        for (const name of ['file', 'new', 'none/new', 'dir', 'link']) await attempt('writeFile', at(name), 'x');
        await attempt('readFile', at('new'));
    },
    write_flags: async (at) => {
        for (const [name, flag] of [['file', 'r+'], ['other', 'a'], ['new', 'wx'], ['new', 'wx'], ['newer', 'ax'],
            ['full/one', 'a+'], ['full/two', 'w+'], ['linked', 'as']]) {
            await attempt('writeFile', at(name), 'x', { flag });
        }
        await attempt('appendFile', at('appended'), 'x');
    },
    truncate: async (at) => {
        await attempt('truncate', at('file'), 0);
        await attempt('truncate', at('other'), 2);
        await attempt('truncate', at('none'), 2);
    },
    copyFile: async (at) => {
        await attempt('copyFile', at('file'), at('copied'));
        await attempt('copyFile', at('link'), at('other'));
        await attempt('copyFile', at('file'), at('linked'), fs.constants.COPYFILE_EXCL);
        await attempt('copyFile', at('none'), at('never'));
    },
    rename: async (at) => {
        await attempt('rename', at('file'), at('new'));
        await attempt('rename', at('other'), at('linked'));
        await attempt('rename', at('full'), at('moved'));
        await attempt('readFile', at('moved/one'));
        await attempt('rename', at('dir'), at('moved'));
    },
    links: async (at) => {
        await attempt('link', at('file'), at('hard'));
        await attempt('symlink', 'file', at('soft'));
        await attempt('readFile', at('soft'));
        await attempt('symlink', 'file', at('other'));
    },
    directories: async (at) => {
        await attempt('mkdir', at('new'));
        await attempt('mkdir', at('dir'));
        await attempt('mkdir', at('a/b/c'), { recursive: true });
        await attempt('mkdir', at('a/b/c'), { recursive: true });
        await attempt('rmdir', at('empty'));
        await attempt('rmdir', at('full'));
        await attempt('rm', at('dir'), { recursive: true });
        await attempt('rm', at('none'), { force: true });
    },
    unlink: async (at) => {
        for (const name of ['file', 'dirlink', 'none', 'dir']) await attempt('unlink', at(name));
    },
    attributes: async (at) => {
        await attempt('chmod', at('file'), 0o600);
        await attempt('chown', at('other'), process.getuid(), process.getgid());
        await attempt('lchown', at('link'), process.getuid(), process.getgid());
        await attempt('utimes', at('file'), 1, 1);
        await attempt('lutimes', at('link'), 1, 1);
        await attempt('statfs', at('dir'));
    },
    replace: async (at) => {
        await attempt('readFile', at('file'));
        await attempt('writeFile', at('file.new'), 'x');
        await attempt('rename', at('file.new'), at('file'));
        await attempt('readFile', at('file'));
    },
    opendir: async (at) => {
        const directory = await attempt('opendir', at('dir'));
        if (directory) for await (const entry of directory) entry.isFile();
    },
    streams: async (at) => {
        const ended = (stream) => new Promise((resolve) => stream.on('error', resolve).on('close', resolve));
        await ended(fs.createReadStream(at('file')).resume());
        await ended(fs.createWriteStream(at('new')).end('x'));
        await ended(fs.createReadStream(at('none')).resume());
    },
    load: async (at) => {
        fs.writeFileSync(at('module.cjs'), 'require("./other.cjs")');
        fs.writeFileSync(at('other.cjs'), '');
        try {
            require(path.resolve(at('module.cjs')));
        } catch {
            // The loader takes `..` out of names before it looks.
        }
    },
    processes: async (at) => {
        spawnSync('cat', ['inside'], { cwd: at('dir') });
        spawnSync('/bin/cat', ['inside'], { cwd: at('dirlink'), env: {} });
        spawnSync(at('script').includes('/') ? at('script') : './script');
        spawnSync(at('none'));
        spawnSync('/bin/true', { cwd: at('none') });
        spawnSync(`: < '${at('file')}'`, { shell: true });
    },
    ownDirectory: async (at) => {
        if (!isMainThread) return;
        const here = process.cwd();
        process.chdir(at('dirlink'));
        await attempt('readFile', 'inside');
        await attempt('readFile', '../file');
        process.chdir(here);
    },
};

async function run(name, form, root) {
    const directory = `${name}.${form}`;
    const before = { relative: `${directory}/`, absolute: `${root}/${directory}/`, through: `${directory}.link/`, up: `${directory}.link/../` };
    if (form in before) return rows[name]((last) => before[form] + last);
    const descriptor = fs.openSync(directory);
    const there = `/proc/self/fd/${descriptor}`;
    if (form === 'dirfd') {
        await rows[name]((last) => `${there}/${last}`);
    } else if (isMainThread) {
        process.chdir(form === 'chdir' ? directory : there);
        await rows[name]((last) => last);
        process.chdir(root);
    }
    fs.closeSync(descriptor);
}

async function main(words) {
    const [, does, root, only] = words;
    for (const name of Object.keys(rows)) {
        if (does === 'list') {
            console.log(name);
        } else if (!only || only === name) {
            for (const form of ['relative', 'absolute', 'dirfd', 'chdir', 'fchdir', 'through', 'up']) {
                await run(name, form, root);
            }
        }
    }
}

if (isMainThread) {
    const words = process.argv.slice(2);
    if (way === 'worker' && words[1] === 'run') {
        new Worker(__filename, { workerData: { words } });
    } else {
        main(words);
    }
} else {
    main(workerData.words);
}
