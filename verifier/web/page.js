// What the page does: it takes files, hands them to the verifier in a worker, and shows what comes back. Every text goes in as text.

const at = (id) => document.getElementById(id);
const SHOWN = 100; // findings of one code
const RECORD = ["requests", "received", "prompts", "cacheKey"];
const TITLE = document.title;
const state = { batch: [], keys: [], requests: [], received: [], prompts: [], cacheKey: [], worker: null };

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

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
    else void showReport(data.report, options, performance.now() - began);
  };
  worker.postMessage({ files: state.batch, keys: state.keys, options: { ...options, record: recordOf() } });
}

/** The customer's record, as far as it was dropped. */
function recordOf() {
  const given = ["requests", "received", "prompts"].filter((kind) => state[kind].length).map((kind) => [kind, state[kind]]);
  return given.length ? { ...Object.fromEntries(given), cacheKey: state.cacheKey.at(-1) } : undefined;
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

// ---- the report

const VERDICTS = {
  verified: ["✓", "Verified", "nothing is false, and nothing is missing."],
  rejected: ["✕", "Rejected", "something is false, changed or malformed."],
  incomplete: ["…", "Incomplete", "nothing is false, but it was not shown that nothing is missing."],
};
const SUBJECTS = { batch: "batch", proof: "proof of one receipt", equivocation: "proof that the issuer told two stories", pack: "pack" };

const count = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
const plural = (number, noun) => `${count(number)} ${noun}${BigInt(number) === 1n ? "" : "s"}`;
const instant = (ms) => new Date(Number(ms)).toISOString().replace(".000Z", "Z").replace("T00:00:00Z", "");

async function showReport(report, options, took) {
  const result = at("result");
  const inputs = await Promise.all([...state.batch.map((file) => inputOf("receipts", file)), ...state.keys.map((file) => inputOf("keys", file)), ...RECORD.flatMap((kind) => state[kind].map((file) => inputOf(kind === "cacheKey" ? "cache key" : kind, file)))]);
  result.replaceChildren(
    verdictOf(report),
    figuresOf(report),
    ...claimsOf(report),
    ...findingsOf(report),
    ...accountsOf(report),
    ...uncheckedOf(report, options),
    ...inputsOf(inputs),
    actionsOf(report, took),
  );
  at("working").hidden = true;
  at("check").disabled = false;
  result.hidden = false;
  document.title = `${VERDICTS[report.verdict][1]}: token receipts`;
  result.focus({ preventScroll: true });
  result.scrollIntoView({ block: "start" });
}

function verdictOf(report) {
  const { verdict, subject, observed } = report;
  const [mark, name, meaning] = VERDICTS[verdict];
  const lines = [element("h2", {}, name), element("p", {}, `In this ${SUBJECTS[subject]}, ${meaning}`)];
  if (subject === "equivocation" && verdict === "verified") lines[1].textContent = "The issuer is proven to have told two stories: both objects are its own, and they cannot both be honest.";
  if (subject === "pack") lines[1].textContent = meaningOfPack(report);
  if (observed) lines.push(element("p", {}, `${plural(observed, "receipt")} from an observer: no word of the provider.`));
  const sign = element("span", { className: "mark" }, mark);
  sign.setAttribute("aria-hidden", "true");
  const box = element("section", { className: `verdict ${verdict}`, id: "verdict" }, sign, element("div", {}, ...lines));
  box.dataset.verdict = verdict;
  return box;
}

function meaningOfPack({ verdict, findings }) {
  if (verdict === "verified") return "Each claim of the pack was reached again from its evidence.";
  if (verdict === "rejected") return "It was altered, or a claim does not follow from its evidence.";
  if (findings.some(({ code }) => code === "claim-asserted")) return "Nothing is false, but a claim rests on the word of who made the pack.";
  if (findings.some(({ code }) => code === "pack-keys")) return "Nothing is false, but under the pack's own keys: compare them with the issuer's.";
  return "Each claim was reached again, but a pack does not show that a period is complete.";
}

function figuresOf(report) {
  if (report.subject === "pack") return figuresFrom([["Claims", report.claims.length], ["Reached again", report.claims.filter(({ reached }) => reached).length], ["Findings", report.found]]);
  const figures = report.subject === "batch" ? [["Receipts", report.receipts], ["Statements", report.statements], ["Accounts", report.accounts.length], ["Findings", report.found]] : [["Signed objects", report.objects.length], ["Findings", report.found]];
  return figuresFrom(figures);
}

function figuresFrom(figures) {
  return element("dl", { className: "figures" }, ...figures.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, count(value)))));
}

const WORTH = {
  signed: "reached again, from the issuer's own signatures",
  record: "reached again, from the issuer's signature and the customer's record",
  asserted: "not shown: it rests on the word of who made the pack",
};

function claimsOf({ subject: kind, claims, maker, ownKeys }) {
  if (kind !== "pack" || !claims.length) return [];
  const signed = maker ? `Signed by ${maker.name}, key ${maker.kid}${maker.trusted ? "" : ", which came with the pack: compare it"}.` : "Nobody signed the pack: who made it is not shown.";
  const own = ownKeys.map(({ kid, issuer }) => `The key ${kid} of ${issuer} came with the pack. Compare it with the issuer's, on another way, and drop the issuer's key file here.`);
  const notes = [signed, ...own].map((words) => element("p", { className: "quiet" }, words));
  return [element("h2", {}, "Claims"), ...notes, element("ul", { className: "claims" }, ...claims.map(claimOf))];
}

function claimOf({ claim, standing, finding, reached, why_not: why, meaning, toldTwice }) {
  const worth = toldTwice ? "reached again, from two signed objects: a proof that the issuer told two stories" : WORTH[standing];
  const where = ["account", "stream", "sequence", "request"].filter((name) => finding[name] !== undefined).map((name) => `${name} ${finding[name]}`).join(", ");
  const values = finding.expected === undefined && finding.actual === undefined ? null : `${finding.field === undefined ? "" : `${finding.field}: `}expected ${finding.expected ?? "-"}, found ${finding.actual ?? "-"}`;
  const state = why !== null ? "rejected" : reached ? "verified" : "incomplete";
  const tag = element("span", { className: `tag ${state}` }, why !== null ? "not reached" : reached ? "reached" : "asserted");
  const lines = [where, values, why === null ? worth : `NOT reached: ${why}`].filter(Boolean).map((words) => element("p", {}, words));
  return element("li", { className: "claim" }, element("p", { className: "head" }, element("strong", {}, `Claim ${claim}: ${meaning}`), tag, element("code", {}, finding.code)), ...lines);
}

function findingsOf({ findings, found }) {
  if (!found) return [element("h2", {}, "Findings"), element("p", {}, "None.")];
  const groups = new Map();
  for (const finding of findings) groups.set(finding.code, [...(groups.get(finding.code) ?? []), finding]);
  const ordered = [...groups.values()].sort(([a], [b]) => (a.severity < b.severity ? 1 : a.severity > b.severity ? -1 : 0));
  const more = found > findings.length ? [element("p", { className: "quiet" }, `The first ${count(findings.length)} of ${count(found)}.`)] : [];
  return [element("h2", {}, "Findings"), ...more, ...ordered.map(groupOf)];
}

function groupOf(group, n, all) {
  const [{ code, severity, meaning }] = group;
  const items = group.reduce((sum, finding) => sum + finding.count, 0n);
  const summary = element("summary", {}, element("strong", {}, meaning), element("span", { className: `tag ${severity}` }, `${severity} · ${count(items)}`), element("code", {}, code));
  const rows = group.slice(0, SHOWN).map((f) => [place(f), f.rule, subject(f), f.message]);
  const body = element("div", { className: "scroll" }, table(["Item", "Rule", "Of", "What is wrong"], rows));
  if (group.length > SHOWN) body.append(element("p", { className: "more quiet" }, `The first ${SHOWN} of ${count(group.length)}.`));
  return element("details", { className: "group", open: all.length <= 3 || n === 0 }, summary, body);
}

const text = (value) => (value === undefined ? "" : String(value));
const place = ({ item, file, offset }) => (item === undefined ? "the whole input" : `${count(item)}${offset === undefined ? "" : ` (${file}, byte ${count(offset)})`}`);

function subject({ stream, sequence, number, request, account }) {
  if (stream !== undefined && sequence !== undefined) return `${stream} ${sequence}${request === undefined ? "" : `, request ${request}`}`;
  if (number !== undefined) return `statement ${number}${stream === undefined ? "" : `, stream ${stream}`}`;
  return account ?? "";
}

/** A table without the columns that say nothing. */
function table(allHeads, allRows) {
  const kept = allHeads.map((_, n) => n).filter((n) => allRows.some((row) => row[n] !== ""));
  const heads = kept.map((n) => allHeads[n]);
  const rows = allRows.map((row) => kept.map((n) => row[n]));
  const head = element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name))));
  return element("table", {}, head, element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, n) => cellOf(cell, heads[n]))))));
}

/** On a narrow screen a row is a list, and each cell says what it is. */
function cellOf(text, head) {
  const cell = element("td", {}, text);
  cell.dataset.head = head;
  return cell;
}

const TOTALS = ["logical", "cached", "attributed", "writes", "output", "reasoning", "amounts", "units", "corrected", "corrections"];

function accountsOf({ subject: kind, accounts, objects }) {
  if (kind === "pack") return [];
  if (kind !== "batch") {
    const rows = objects.map((one) => [one.kind ?? "unknown", text(one.issuer), text(one.account), one.stream === undefined ? text(one.number) : `${one.stream} ${one.sequence}`, one.kid ?? "", one.digest ?? ""]);
    return [element("h2", {}, "Signed objects"), element("div", { className: "sheet scroll" }, table(["Kind", "Issuer", "Account", "Which", "Key", "Digest"], rows))];
  }
  const rows = accounts.slice(0, 1000).map((one) => [one.issuer, one.account, count(one.receipts), count(one.streams), one.statements.map(statement).join("; ") || "none", [...one.totals].map(total).join("; ")]);
  return rows.length ? [element("h2", {}, "Accounts"), element("div", { className: "sheet scroll" }, table(["Issuer", "Account", "Receipts", "Streams", "Periods closed", "Tokens and charges"], rows))] : [];
}

const statement = ({ number, start, end, late }) => `${number}: ${instant(start)} up to ${instant(end)}${late ? " (late)" : ""}`;
const total = ([label, value]) => `${TOTALS[Number(label) - 1]} ${totalText(value)}`;

function totalText(value) {
  if (!(value instanceof Map)) return count(value);
  return [...value].map(([name, one]) => `${typeof name === "bigint" && value.size && one instanceof Map ? TOTALS[Number(name) - 1] : name}: ${Array.isArray(one) ? `${one[0]}.${String(one[1]).padStart(12, "0").replace(/0+$/, "") || "0"}` : totalText(one)}`).join(", ");
}

function uncheckedOf(report, options) {
  if (report.subject === "pack") return uncheckedOfPack();
  const lines = [];
  if (report.subject !== "batch") lines.push("Totals, other receipts and the chain of statements: such a file has none of them.");
  if (report.subject === "batch" && !options.period) lines.push("Whether the period is the one that you are billed for: no month was named.");
  if (report.endedEarly) lines.push("What follows the last finding: the reading ended there.");
  if (report.unprotected) lines.push(`Timestamps and receipts that ${plural(report.unprotected, "statement")} carry outside of the signature.`);
  if (report.subject === "batch" && !recordOf()) lines.push("Your own record (requests, receipts that you received, prompts): none was dropped.");
  lines.push("Rate cards: receipt verify does that.", "Whether the counts are true, and whether the requests were made: no signature can show it.");
  return uncheckedFrom(lines);
}

const uncheckedFrom = (lines) => [element("h2", {}, "Not checked"), element("ul", { className: "plain" }, ...lines.map((line) => element("li", {}, line)))];

function uncheckedOfPack() {
  return uncheckedFrom([
    "The receipts of the batch that are not in the pack, and whether a receipt was corrected since: the issuer can show that.",
    "Whether the customer's record is true: what rests on it is as good as the record.",
    "The words of the README, and its amounts: they are the maker's.",
  ]);
}

async function inputOf(role, { name, bytes }) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { role, name, size: bytes.length, sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

function inputsOf(inputs) {
  const rows = inputs.map(({ role, name, size, sha256 }) => [role, name, count(size), sha256]);
  return [element("h2", {}, "Files"), element("div", { className: "sheet scroll" }, table(["Role", "Name", "Bytes", "SHA-256"], rows))];
}

/** The report is saved from memory: the page opens no connection. */
function actionsOf({ text: canonical, csv }, took) {
  const saves = [saving("save", "Save the report", "report.json", "application/json", canonical)];
  if (csv !== null) saves.push(" ", saving("save-csv", "Save all findings", "findings.csv", "text/csv", csv));
  return element("p", { className: "actions" }, ...saves, element("span", { className: "quiet" }, ` Checked in ${(took / 1000).toFixed(1)} s.`));
}

function saving(id, label, name, type, content) {
  const button = element("button", { type: "button", className: "plain", id }, label);
  button.onclick = () => {
    const url = URL.createObjectURL(new Blob([content], { type }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return button;
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

const embedded = JSON.parse(at("embedded").textContent);
if (embedded) {
  const decode = ({ name, base64 }) => ({ name, bytes: Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)) });
  state.batch = embedded.batch.map(decode);
  state.keys = embedded.keys.map(decode);
  if (embedded.account) at("account").value = embedded.account;
  if (embedded.month) at("month").value = embedded.month;
  at("title").textContent = embedded.title ?? "The receipts in question";
  at("embedded-notice").hidden = false;
  at("lead").hidden = true;
  showFiles();
  check();
}
