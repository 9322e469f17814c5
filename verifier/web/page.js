// What the page does: it takes files, hands them to the verifier in a worker, and shows what comes back. Every text goes in as text.

import { at, count } from "./elements.js";
import { VERDICTS, partsOf } from "./shown.js";

const RECORD = ["requests", "received", "prompts", "cacheKey"];
const TITLE = document.title;
const state = { batch: [], keys: [], requests: [], received: [], prompts: [], cacheKey: [], worker: null };

// ---- files

async function read(list) {
  return Promise.all([...list].map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
}

/** What a file is, by its content; signed objects that are dropped on the record were received. */
function kindOf({ bytes }, slot) {
  const head = new TextDecoder().decode(bytes.subarray(0, 1 << 20)).trimStart();
  if (head.startsWith("PK")) return "batch";
  if (head.startsWith("SQLite format 3")) return "wallet";
  if (bytes[0] === 0x82 || bytes[0] === 0x83) return slot === "record" ? "received" : "batch";
  if (head.startsWith("{")) return kindOfJson(bytes, head);
  return slot === "record" || /^\ufeff?[\w"]+(,[\w"]+)*\s/.test(head) ? "requests" : "batch";
}

function kindOfJson(bytes, head) {
  const whole = object(bytes.length < 1 << 20 ? head : "");
  if (whole?.token_receipt_cache_key !== undefined) return "cacheKey";
  const first = object(head.split("\n", 1)[0]);
  if (!first || Array.isArray(whole?.keys)) return "keys";
  return first.tokens || first.body ? "prompts" : "requests";
}

function object(source) {
  try {
    return JSON.parse(source);
  } catch {
    return null;
  }
}

async function take(list, slot) {
  at("error").hidden = true;
  for (const file of await read(list)) {
    const kind = kindOf(file, slot);
    if (kind === "wallet") return fail(`${file.name} is a wallet. This page reads logs only: JSON lines or CSV. receipt verify --requests reads a wallet, and receipt show --out takes its receipts out.`);
    // Two files may well have one name: only the same bytes are the same file.
    if (!state[kind].some(({ bytes }) => isSame(bytes, file.bytes))) state[kind].push(file);
  }
  forget();
  showFiles();
}

const isSame = (a, b) => a.length === b.length && a.every((byte, n) => byte === b[n]);

/** What was said is of other files, or of another question: it goes, and so does a check under way. */
function forget() {
  state.worker?.terminate();
  at("working").hidden = at("result").hidden = at("error").hidden = true;
  showWhatLacks();
  document.title = TITLE;
}

/** A pack has keys of its own, under which it is incomplete at best. */
const isReady = () => state.batch.length > 0 && (state.keys.length > 0 || state.batch.some(({ bytes }) => bytes[0] === 0x50 && bytes[1] === 0x4b));

function showWhatLacks() {
  const isGiven = [...RECORD, "batch", "keys"].some((kind) => state[kind].length);
  at("check").disabled = !isReady();
  at("lacking").hidden = isReady() || !isGiven;
  at("lacking").textContent = state.batch.length ? "Drop the issuer's key file too: nothing is verified without it." : "Drop the receipts too.";
}

function showFiles() {
  for (const [kind, kinds] of [["batch", ["batch"]], ["keys", ["keys"]], ["record", RECORD]]) {
    const files = kinds.flatMap((one) => state[one]);
    at(`slot-${kind}`).classList.toggle("filled", files.length > 0);
    if (files.length) at(`hint-${kind}`).textContent = files.map(({ name, bytes }) => `${name} (${count(bytes.length)} bytes)`).join(", ");
  }
  showWhatLacks();
  at("clear").hidden = ![...RECORD, "batch", "keys"].some((kind) => state[kind].length);
}

// ---- checking

function demands() {
  const month = /^(\d{4})-(\d{2})$/.exec(at("month").value.trim());
  const options = { observers: at("observer").value ? [at("observer").value] : [] };
  if (month) options.period = [Date.UTC(month[1], month[2] - 1), Date.UTC(month[1], Number(month[2]))].map(BigInt);
  else if (at("month").value.trim()) throw new Error("The month is written 2026-11.");
  if (at("account").value) options.account = at("account").value;
  return options;
}

function check() {
  let options;
  try {
    options = demands();
  } catch (error) {
    return fail(error.message);
  }
  at("error").hidden = at("result").hidden = true;
  at("working").hidden = false;
  at("check").disabled = true;
  at("progress").value = 0;
  const began = performance.now();
  state.worker?.terminate();
  const url = URL.createObjectURL(new Blob([at("module").textContent], { type: "text/javascript" }));
  const worker = (state.worker = new Worker(url));
  worker.onerror = (event) => fail(`The verifier could not be started: ${event.message ?? "this browser is too old"}`);
  worker.onmessage = ({ data }) => {
    if (data.of !== undefined) return progress(data);
    worker.terminate();
    URL.revokeObjectURL(url);
    if (data.error !== undefined) fail(data.usual ? `There is no verdict: ${data.error}` : `The verifier failed: ${data.error}`);
    else showReport(data.report, performance.now() - began);
  };
  worker.postMessage({ files: state.batch, keys: state.keys, options: { ...options, record: recordOf() } });
}

/** The customer's record, as far as it was dropped. A cache key without prompts says nothing. */
function recordOf() {
  const given = ["requests", "received", "prompts"].filter((kind) => state[kind].length).map((kind) => [kind, state[kind]]);
  return given.length ? { ...Object.fromEntries(given), cacheKey: state.prompts.length ? state.cacheKey.at(-1) : undefined } : undefined;
}

function progress({ done, of }) {
  at("progress").value = of ? done / of : 1;
  at("stage").textContent = done < of ? `Checking: ${count(done)} of ${count(of)} bytes` : "Holding the receipts against the statements";
}

function fail(message) {
  at("working").hidden = true;
  at("check").disabled = !isReady();
  at("error").textContent = message;
  at("error").hidden = false;
}

function showReport(report, took) {
  const result = at("result");
  result.replaceChildren(...partsOf(report, took));
  at("working").hidden = true;
  at("check").disabled = false;
  result.hidden = false;
  document.title = `${VERDICTS[report.verdict][1]}: token receipts`;
  result.focus({ preventScroll: true });
  result.scrollIntoView({ block: "start" });
}

// ---- what begins it

for (const slot of ["batch", "keys", "record"]) at(slot).onchange = (event) => take(event.target.files, slot);
for (const demand of ["month", "account", "observer"]) at(demand).oninput = forget;
at("check").onclick = check;
at("clear").onclick = () => location.reload();
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", () => document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  void take(event.dataTransfer.files, event.target.closest?.("#slot-record") ? "record" : "");
});
