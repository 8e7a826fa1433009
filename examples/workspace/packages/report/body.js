import { readFileSync, writeFileSync } from "node:fs";
import counts from "../count/dist/count.js";

const heading = readFileSync("dist/heading.txt", "utf8");
const lines = Object.entries(counts).map(([word, count]) => `${word}: ${count}`);
writeFileSync("dist/report.txt", `${heading}${lines.join("\n")}\n`);
console.log(`${lines.length} lines`);
