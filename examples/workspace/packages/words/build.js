// Turns the list of words into a module.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const words = readFileSync("words.txt", "utf8").trim().split("\n");
mkdirSync("dist", { recursive: true });
writeFileSync("dist/words.js", `export default ${JSON.stringify(words)};\n`);
console.log(`${words.length} words`);
