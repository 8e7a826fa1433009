import counts from "./dist/count.js";

for (const [word, count] of Object.entries(counts)) {
  if (word.length !== count) throw new Error(`${word} does not have ${count} letters`);
}
console.log("every count is right");
