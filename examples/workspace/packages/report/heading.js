import { mkdirSync, writeFileSync } from "node:fs";

mkdirSync("dist", { recursive: true });
writeFileSync("dist/heading.txt", "Letters\n=======\n");
console.log("heading");
