/**
 * What is read at a path, or below it if it is a directory, does not matter for the result.
 *
 * @param {Path} path
 * @returns {void}
 */
export function ignoreInput(path: Path): void;
/**
 * What is written at a path, or below it if it is a directory, is no part of the result.
 *
 * @param {Path} path
 * @returns {void}
 */
export function ignoreOutput(path: Path): void;
/**
 * The result depends on a path, even if it is not read where the runner can see it.
 *
 * @param {Path} path
 * @returns {void}
 */
export function trackInput(path: Path): void;
/**
 * A path is part of the result, even if it is not written where the runner can see it.
 *
 * @param {Path} path
 * @returns {void}
 */
export function trackOutput(path: Path): void;
/**
 * The result depends on a value that only the tool knows. The last value told for a key stands.
 *
 * @param {string} key
 * @param {string} value
 * @returns {void}
 */
export function trackValue(key: string, value: string): void;
/**
 * This run must not be stored. The reason is shown to people.
 *
 * @param {{ reason?: string } | string} [options]
 * @returns {void}
 */
export function disableCache(options?: {
    reason?: string;
} | string): void;
/**
 * The value a variable has for the runner, whether this process was given it or not; `undefined`
 * if it is unset or there is no runner. `process.env` stays as it is.
 *
 * @param {string} name
 * @param {GetEnvOptions} [options]
 * @returns {string | undefined}
 */
export function getEnv(name: string, options?: GetEnvOptions): string | undefined;
/**
 * All variables of the runner with such names; an empty object if there is no runner.
 * `process.env` stays as it is. If the result depends on them, it depends as well on there being
 * no others.
 *
 * @param {GetEnvsQuery} query
 * @param {GetEnvOptions} [options]
 * @returns {Record<string, string>}
 */
export function getEnvs(query: GetEnvsQuery, options?: GetEnvOptions): Record<string, string>;
/**
 * A file or directory, which need not exist. A relative path is taken from the current directory
 * at the time of the call. Paths that are not Unicode are given as bytes.
 */
export type Path = string | URL | Uint8Array;
/**
 * Whether the result depends on the answer. It does, unless `tracked` is `false`.
 */
export type GetEnvOptions = {
    tracked?: boolean;
};
/**
 * The names that are asked for: a glob such as `VITE_*` that matches the whole name, or a literal
 * prefix.
 */
export type GetEnvsQuery = string | {
    prefix: string;
};
export type Runner = {
    ignoreInput?: ((path: string | Uint8Array) => void) | undefined;
    ignoreOutput?: ((path: string | Uint8Array) => void) | undefined;
    trackInput?: ((path: string | Uint8Array) => void) | undefined;
    trackOutput?: ((path: string | Uint8Array) => void) | undefined;
    trackValue?: ((key: string, value: string) => void) | undefined;
    disableCache?: ((reason?: string) => void) | undefined;
    getEnv?: ((name: string, options?: GetEnvOptions) => string | undefined) | undefined;
    getEnvs?: ((query: GetEnvsQuery, options?: GetEnvOptions) => Record<string, string>) | undefined;
};
