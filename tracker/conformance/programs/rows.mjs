// The rows of `rows.cjs` by way of modules: what is imported, and from where, is looked for too.

import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const attempt = async (act) => {
    try {
        return await act();
    } catch {
        return undefined;
    }
};

const rows = {
    imports: async (at) => {
        await mkdir(at('node_modules/pack/lib'), { recursive: true });
        writeFileSync(at('node_modules/pack/package.json'), '{"name":"pack","exports":"./lib/main.mjs"}');
        writeFileSync(at('node_modules/pack/lib/main.mjs'), 'export default 1');
        writeFileSync(at('entry.mjs'), 'import pack from "pack"; import "./beside.mjs"; export default pack');
        writeFileSync(at('beside.mjs'), '');
        // The loader takes `..` out of names before it looks.
        await attempt(() => import(pathToFileURL(resolve(at('entry.mjs')))));
        await attempt(() => import(pathToFileURL(resolve(at('nothing.mjs')))));
        const require = createRequire(pathToFileURL(resolve(at('entry.mjs'))));
        await attempt(() => require('pack'));
        await attempt(() => require('./nothing'));
        await attempt(() => require('./dir'));
    },
    together: async (at) => {
        await Promise.all(['file', 'other', 'link', 'none', 'dir/inside'].map((name) => attempt(() => readFile(at(name)))));
    },
    bound: async (at) => {
        existsSync(at('none'));
        statSync(at('file'));
        readdirSync(at('dir'));
        readFileSync(at('file'));
        await writeFile(at('new'), 'x');
        await rename(at('new'), at('newer'));
        await stat(at('newer'));
        await rm(at('newer'));
    },
};

const [does, root, only] = process.argv.slice(2);
for (const [name, row] of Object.entries(rows)) {
    if (does === 'list') {
        console.log(name);
    } else if (!only || only === name) {
        for (const form of ['relative', 'absolute', 'chdir', 'through', 'up']) {
            const directory = `${name}.${form}`;
            const before = { absolute: `${root}/${directory}/`, chdir: '', through: `${directory}.link/`, up: `${directory}.link/../` };
            if (form === 'chdir') process.chdir(directory);
            await row((last) => (before[form] ?? `${directory}/`) + last);
            process.chdir(root);
        }
    }
}
