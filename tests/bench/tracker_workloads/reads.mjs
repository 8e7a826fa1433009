// Reads every file of a tree, one after the other.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = process.argv[2];
let bytes = 0;
for (const directory of readdirSync(root)) {
  const path = join(root, directory);
  for (const file of readdirSync(path)) bytes += readFileSync(join(path, file)).length;
}
if (bytes === 0) throw new Error("nothing was read");
