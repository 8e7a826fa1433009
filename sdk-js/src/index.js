/**
 * What a JavaScript tool says to the task runner that runs it, and asks it.
 *
 * Without a runner every call does nothing. No call throws, whatever its arguments and whatever
 * becomes of the runner, so that calls need no guard around them. All of them are synchronous;
 * what was told counts even if the process ends right away.
 *
 * @module
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * A file or directory, which need not exist. A relative path is taken from the current directory
 * at the time of the call. Paths that are not Unicode are given as bytes.
 *
 * @typedef {string | URL | Uint8Array} Path
 */

/**
 * Whether the result depends on the answer. It does, unless `tracked` is `false`.
 *
 * @typedef {{ tracked?: boolean }} GetEnvOptions
 */

/**
 * The names that are asked for: a glob such as `VITE_*` that matches the whole name, or a literal
 * prefix.
 *
 * @typedef {string | { prefix: string }} GetEnvsQuery
 */

/**
 * @typedef {object} Runner
 * @property {(path: string | Uint8Array) => void} [ignoreInput]
 * @property {(path: string | Uint8Array) => void} [ignoreOutput]
 * @property {(path: string | Uint8Array) => void} [trackInput]
 * @property {(path: string | Uint8Array) => void} [trackOutput]
 * @property {(key: string, value: string) => void} [trackValue]
 * @property {(reason?: string) => void} [disableCache]
 * @property {(name: string, options?: GetEnvOptions) => string | undefined} [getEnv]
 * @property {(query: GetEnvsQuery, options?: GetEnvOptions) => Record<string, string>} [getEnvs]
 */

/**
 * `undefined` until it is looked for, `null` if there is none. Each thread looks for itself.
 *
 * @type {Runner | null | undefined}
 */
let runner;

/** @returns {Runner | null} */
function find() {
  if (runner === undefined) {
    runner = null;
    try {
      const client = process.env.VP_RUN_NODE_CLIENT_PATH;
      if (client) runner = createRequire(import.meta.url)(client).load() ?? null;
    } catch {
      // A runner that cannot be loaded is none.
    }
  }
  return runner ?? null;
}

/**
 * Calls a method if there is a runner and it has the method: another runner may know fewer.
 *
 * @template T
 * @param {(runner: Runner) => T} call
 * @returns {T | undefined}
 */
function ask(call) {
  try {
    const found = find();
    return found ? call(found) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Path} path
 * @returns {string | Uint8Array}
 */
function plain(path) {
  return path instanceof URL ? fileURLToPath(path) : path;
}

/**
 * What is read at a path, or below it if it is a directory, does not matter for the result.
 *
 * @param {Path} path
 * @returns {void}
 */
export function ignoreInput(path) {
  ask((runner) => runner.ignoreInput?.(plain(path)));
}

/**
 * What is written at a path, or below it if it is a directory, is no part of the result.
 *
 * @param {Path} path
 * @returns {void}
 */
export function ignoreOutput(path) {
  ask((runner) => runner.ignoreOutput?.(plain(path)));
}

/**
 * The result depends on a path, even if it is not read where the runner can see it.
 *
 * @param {Path} path
 * @returns {void}
 */
export function trackInput(path) {
  ask((runner) => runner.trackInput?.(plain(path)));
}

/**
 * A path is part of the result, even if it is not written where the runner can see it.
 *
 * @param {Path} path
 * @returns {void}
 */
export function trackOutput(path) {
  ask((runner) => runner.trackOutput?.(plain(path)));
}

/**
 * The result depends on a value that only the tool knows. The last value told for a key stands.
 *
 * @param {string} key
 * @param {string} value
 * @returns {void}
 */
export function trackValue(key, value) {
  ask((runner) => runner.trackValue?.(key, value));
}

/**
 * This run must not be stored. The reason is shown to people.
 *
 * @param {{ reason?: string } | string} [options]
 * @returns {void}
 */
export function disableCache(options) {
  ask((runner) => {
    let reason;
    try {
      reason = typeof options === "string" ? options : options?.reason;
    } catch {
      // The wish counts without its reason.
    }
    if (typeof reason === "string") runner.disableCache?.(reason);
    else runner.disableCache?.();
  });
}

/**
 * The value a variable has for the runner, whether this process was given it or not; `undefined`
 * if it is unset or there is no runner. `process.env` stays as it is.
 *
 * @param {string} name
 * @param {GetEnvOptions} [options]
 * @returns {string | undefined}
 */
export function getEnv(name, options) {
  return ask((runner) => runner.getEnv?.(name, options));
}

/**
 * All variables of the runner with such names; an empty object if there is no runner.
 * `process.env` stays as it is. If the result depends on them, it depends as well on there being
 * no others.
 *
 * @param {GetEnvsQuery} query
 * @param {GetEnvOptions} [options]
 * @returns {Record<string, string>}
 */
export function getEnvs(query, options) {
  return ask((runner) => runner.getEnvs?.(query, options)) ?? {};
}
