// The package alone: without a runner, and with what could be one.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

let copies = 0;

/** A copy of the module that has not looked for a runner yet. */
async function fresh(client) {
  if (client === undefined) delete process.env.VP_RUN_NODE_CLIENT_PATH;
  else process.env.VP_RUN_NODE_CLIENT_PATH = client;
  copies += 1;
  return import(`../src/index.js?copy=${copies}`);
}

/** A runner that keeps what it is told. */
function runner(source) {
  const file = join(mkdtempSync(join(tmpdir(), "vt-client-")), "runner.cjs");
  writeFileSync(file, source);
  return file;
}

test("without a runner nothing happens", async () => {
  const client = await fresh(undefined);
  assert.equal(client.ignoreInput("a"), undefined);
  assert.equal(client.getEnv("PATH"), undefined);
  assert.deepEqual(client.getEnvs("*"), {});
});

test("arguments reach the runner as it takes them", async () => {
  globalThis.told = [];
  const client = await fresh(runner(`
    exports.load = () => new Proxy({}, { get: (_, name) => (...words) => { globalThis.told.push([name, ...words]); } });
  `));
  client.ignoreInput("a");
  client.trackOutput(pathToFileURL("/tmp/ä b"));
  client.trackInput(new Uint8Array([47, 255]));
  client.trackValue("key", "value");
  client.disableCache();
  client.disableCache({ reason: "why" });
  client.disableCache("why");
  client.getEnv("A", { tracked: false });
  assert.deepEqual(globalThis.told, [
    ["ignoreInput", "a"],
    ["trackOutput", "/tmp/ä b"],
    ["trackInput", new Uint8Array([47, 255])],
    ["trackValue", "key", "value"],
    ["disableCache"],
    ["disableCache", "why"],
    ["disableCache", "why"],
    ["getEnv", "A", { tracked: false }],
  ]);
});

test("a runner is loaded once", async () => {
  globalThis.loads = 0;
  const client = await fresh(runner("exports.load = () => { globalThis.loads += 1; throw new Error('no'); };"));
  client.ignoreInput("a");
  client.ignoreInput("b");
  assert.equal(globalThis.loads, 1);
});

test("a runner that knows fewer methods, or throws in one, is no trouble", async () => {
  const client = await fresh(runner("exports.load = () => ({ getEnv() { throw new Error('no'); } });"));
  assert.equal(client.trackInput("a"), undefined);
  assert.equal(client.getEnv("A"), undefined);
  assert.deepEqual(client.getEnvs({ prefix: "" }), {});
});
