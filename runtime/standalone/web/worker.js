// Runs the sampler beside the page, so that the page stays responsive. Messages in: {kind: "start", bytes} once, then
// {kind: "sample", text, by, draws, seed}; out: "ready", "result" or "error".
"use strict";

let module = null;
let instance = null;
let printed = "";

// The few calls that the C library makes of a system: output is kept for an error's message, the rest is refused.
function systemCalls() {
  const notSupported = 52;
  const view = () => new DataView(instance.exports.memory.buffer);
  const calls = {
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return 0;
    },
    environ_get: () => 0,
    fd_write(file, parts, count, written) {
      let total = 0;
      for (let i = 0; i < count; ++i) {
        const begin = view().getUint32(parts + 8 * i, true), length = view().getUint32(parts + 8 * i + 4, true);
        printed += new TextDecoder().decode(new Uint8Array(instance.exports.memory.buffer, begin, length));
        total += length;
      }
      view().setUint32(written, total, true);
      return 0;
    },
    clock_time_get(clock, precision, time) {
      view().setBigUint64(time, BigInt(Math.round(1e6 * performance.now())), true); // nanoseconds
      return 0;
    },
    proc_exit() { throw new Error("the sampler has ended itself"); },
  };
  const imports = {};
  for (const {module: from, name} of WebAssembly.Module.imports(module))
    (imports[from] ??= {})[name] = calls[name] ?? (() => notSupported);
  return imports;
}

async function begin() {
  printed = "";
  instance = await WebAssembly.instantiate(module, systemCalls());
  instance.exports._initialize();
}

function readText(address) {
  const bytes = new Uint8Array(instance.exports.memory.buffer);
  return new TextDecoder().decode(bytes.subarray(address, bytes.indexOf(0, address)));
}

function writeText(text) {
  const bytes = new TextEncoder().encode(text);
  const address = instance.exports.malloc(bytes.length + 1);
  const memory = new Uint8Array(instance.exports.memory.buffer);
  memory.set(bytes, address);
  memory[address + bytes.length] = 0;
  return address;
}

// The structs of sibyl_sampler.h, with pointers and sizes of four bytes.
function writeOptions({by, draws, seed}) {
  const byAddress = by ? writeText(by) : 0;
  const address = instance.exports.malloc(32);
  const view = new DataView(instance.exports.memory.buffer);
  view.setBigUint64(address, BigInt(draws), true);
  view.setBigUint64(address + 8, BigInt(seed), true);
  view.setInt32(address + 16, 1, true);
  view.setInt32(address + 20, 0, true);
  view.setUint32(address + 24, byAddress, true);
  view.setInt32(address + 28, 0, true);
  return address;
}

function readPosterior(address) {
  const view = new DataView(instance.exports.memory.buffer);
  const word = (i) => view.getUint32(address + 4 * i, true);
  const [label, verdict, fine, rows, width, columns, draws, summaries] = [0, 1, 2, 3, 4, 5, 6, 7].map(word);
  const doubles = (at, count) => new Float64Array(instance.exports.memory.buffer, at, count).slice();
  return {
    label: readText(label),
    verdict: readText(verdict),
    fine: fine !== 0,
    rows,
    columns: Array.from({length: width}, (_, i) => readText(view.getUint32(columns + 4 * i, true))),
    draws: doubles(draws, rows * width),
    summaries: doubles(summaries, 5 * width),
  };
}

function sample(request) {
  const result = instance.exports.sibyl_sampler_sample_text(writeText(request.text), writeOptions(request));
  const view = new DataView(instance.exports.memory.buffer);
  const count = view.getUint32(result, true), items = view.getUint32(result + 4, true);
  const posteriors = Array.from({length: count}, (_, i) => readPosterior(items + 64 * i));
  const notes = readText(view.getUint32(result + 8, true)).split("\n").filter((line) => line);
  instance.exports.sibyl_sampler_free(result);
  return {posteriors, notes};
}

// Why the last call was given up: the sampler's own sentence, or what the machine says.
function reason(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return `internal error: ${error.message}`;
  try {
    const text = readText(instance.exports.sibyl_sampler_last_error());
    if (text) return text;
  } catch { /* not even that */ }
  return printed.trim() || `internal error: ${error.message} (the data may need more memory than a page has)`;
}

onmessage = async ({data: request}) => {
  try {
    if (request.kind === "start") {
      module = await WebAssembly.compile(request.bytes);
      await begin();
      postMessage({kind: "ready", info: JSON.parse(readText(instance.exports.sibyl_sampler_info()))});
      return;
    }
    const started = performance.now();
    const result = sample(request);
    const seconds = (performance.now() - started) / 1000;
    postMessage({kind: "result", seconds, ...result}, result.posteriors.map((one) => one.draws.buffer));
  } catch (error) {
    const message = reason(error);
    if (module) await begin();
    postMessage({kind: "error", message});
  }
};
