// What a client without native code would be: a worker thread has the socket, and the calling
// thread sleeps on shared memory until the answer is there. Only `getEnv`, enough to be measured.
const { Worker, isMainThread, workerData } = require("node:worker_threads");

const ROOM = 1 << 16;

if (isMainThread) {
  exports.load = () => {
    const shared = new SharedArrayBuffer(8 + ROOM);
    const flags = new Int32Array(shared, 0, 2);
    const text = new Uint8Array(shared, 8);
    const worker = new Worker(__filename, { workerData: { shared, endpoint: process.env.VT_IPC } });
    worker.unref();
    return {
      getEnv(name) {
        const asked = Buffer.from(name);
        text.set(asked);
        flags[1] = asked.length;
        Atomics.store(flags, 0, 1);
        Atomics.notify(flags, 0);
        Atomics.wait(flags, 0, 1);
        return flags[1] < 0 ? undefined : Buffer.from(text.slice(0, flags[1])).toString();
      },
    };
  };
} else {
  const net = require("node:net");
  const { shared, endpoint } = workerData;
  const flags = new Int32Array(shared, 0, 2);
  const text = new Uint8Array(shared, 8);
  const colon = endpoint.lastIndexOf(":");
  const field = (bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const frame = (kind, request, ...fields) => {
    const head = Buffer.alloc(6);
    head.writeUInt16LE(kind, 0);
    head.writeUInt32LE(request, 2);
    return field(Buffer.concat([head, ...fields.map(field)]));
  };
  const socket = net.connect(endpoint.slice(0, colon));
  socket.write(frame(1, 0, Buffer.from("vt-ipc"), Buffer.from([1, 0, 0, 0]), Buffer.from(endpoint.slice(colon + 1), "hex")));
  let received = Buffer.alloc(0);
  const answers = [];
  let wake;
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
      const end = 4 + received.readUInt32LE(0);
      answers.push(received.subarray(4, end));
      received = received.subarray(end);
    }
    wake?.();
  });
  const answer = async () => {
    while (answers.length === 0) await new Promise((resolve) => (wake = resolve));
    return answers.shift();
  };
  (async () => {
    await answer();
    for (let request = 1; ; request++) {
      const changed = Atomics.waitAsync ? Atomics.waitAsync(flags, 0, 0) : { async: false };
      if (changed.async) await changed.value;
      else Atomics.wait(flags, 0, 0);
      const name = Buffer.from(text.slice(0, flags[1]));
      socket.write(frame(0x20, request, name, Buffer.from([1])));
      const payload = await answer();
      const value = payload.length > 6 ? payload.subarray(10) : undefined;
      if (value) text.set(value);
      flags[1] = value ? value.length : -1;
      Atomics.store(flags, 0, 0);
      Atomics.notify(flags, 0);
    }
  })();
}
