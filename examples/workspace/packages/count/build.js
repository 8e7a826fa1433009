// Counts the letters of what the words package built.
import { mkdirSync, writeFileSync } from "node:fs";
import words from "../words/dist/words.js";

const counts = Object.fromEntries(words.map((word) => [word, word.length]));
mkdirSync("dist", { recursive: true });
writeFileSync("dist/count.js", `export default ${JSON.stringify(counts)};\n`);
console.log(`${Object.keys(counts).length} counts`);
