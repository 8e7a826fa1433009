// Asks the runner for one variable again and again through the client named first, and prints what
// a call took in microseconds.
const [file, calls] = process.argv.slice(2);

const now = () => Number(process.hrtime.bigint()) / 1e3;
const before = now();
const client = require(file).load();
client.getEnv("MODE");
const load = now() - before;
const times = [];
for (let call = 0; call < Number(calls); call++) {
  const start = now();
  if (client.getEnv("MODE") !== "production") throw new Error("a wrong answer");
  times.push(now() - start);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ load, median: times[times.length >> 1] }));
process.exit();
