// The second verifier of token receipts: the procedure of spec/verification.md, in one file without dependencies.
//
//     import { readKeys, verify } from "./verifier.js";
//     const keys = await readKeys([jwksBytes]);
//     const report = await verify([{ name: "batch.cbor", bytes }], { keys });
//     report.verdict;   // "verified", "rejected" or "incomplete"
//
// It was written from spec/ alone, so that two programs that never met can be held against each other. It runs in a browser, in a worker
// and under Node; SHA-256 and Ed25519 are those of WebCrypto. It opens no connection, and reads no clock.
//
// Unsigned integers of claims are BigInts, texts are strings, byte strings are Uint8Arrays, maps are Maps. The comments name the rules.

const U64 = 2n ** 64n - 1n;
const YEAR_10000 = 253402300800000n;
const LIMITS = {
  receiptContent: 65536,
  statementContent: 16777216,
  statementItems: 1500000,
  itemStrings: 16842752n,
  itemHeads: 256,
  container: 34000000,
  path: 64,
  nesting: 8,
  streams: 65536,
  quantities: 65536,
  lost: 1000,
};
const CHUNK = 256; // items whose signatures are checked side by side

/** The input is none that this procedure has a verdict on (R-0.1, R-0.2, or options that cannot be). */
export class InputError extends Error {}

// What a code's severity is. spec/verification.md, "Findings".
const INCOMPLETE = new Set([
  "key-unknown", "version-unknown", "cached-unstated", "receipt-observed", "cache-id-missing", "correction-unknown", "receipt-uncovered",
  "statement-gap", "statement-missing", "batch-empty", "period-uncovered", "statement-replayed", "card-unknown",
]); // prettier-ignore

const MEANINGS = {
  "item-malformed": "the bytes are not a CBOR item in shortest form",
  "item-truncated": "the file ends inside an item",
  "item-too-large": "the item exceeds the limits of the format",
  "envelope-invalid": "the item is not a signed object",
  "header-invalid": "the protected header is not that of a receipt or a statement",
  "key-unknown": "signed by a key that is not trusted",
  "key-weak": "signed by a weak key, with which anybody can sign",
  "signature-invalid": "the signature does not hold: the item was changed",
  "version-unknown": "of a later version of the format: a newer verifier is needed",
  "content-malformed": "the claims are not deterministic CBOR",
  "claims-invalid": "a field of the claims is missing, unknown or of a wrong type",
  "issuer-mismatch": "the issuer in the claims is not the one that the key belongs to",
  "account-unexpected": "the item is for another account than the expected one",
  "key-outside-window": "the key was not valid at the time of the item",
  "key-revoked": "the key was revoked before the time of the item",
  "cached-exceeds-logical": "more tokens cached than the request had",
  "attributed-mismatch": "cached + attributed is not logical",
  "writes-exceed-attributed": "more tokens written to a cache than were computed",
  "reasoning-exceeds-output": "more reasoning tokens than output tokens",
  "cache-entry-mismatch": "a cache entry has a prefix length that the counts rule out",
  "charge-mismatch": "the charge is not the sum of counts times rates",
  "parts-mismatch": "parts of a count are more than the count that they lie in",
  "models-mismatch": "the counts of the models do not sum to those of the receipt",
  "span-mismatch": "a receipt for a span of time states what belongs to a request",
  "cached-unstated": "the receipt does not state how many tokens were cached",
  "receipt-observed": "the receipt is signed by an observer, not by the biller",
  "cache-id-missing": "cached tokens without the required identifier of the prefix",
  "receipt-duplicate": "the receipt is in the input twice",
  "receipt-equivocation": "two different signed receipts for one sequence",
  "receipt-order": "the receipt stands after a later one of its stream",
  "chain-broken": "the receipt names another predecessor than the one that is here",
  "time-reversed": "the time goes back within the stream",
  "request-duplicate": "two receipts for one request",
  "correction-repeated": "two corrections of one receipt",
  "correction-unknown": "a correction of a receipt that is not here",
  "correction-differs": "a correction is not of the receipt that it names, or says something else of it",
  "input-too-large": "the input has more streams, TTLs or units than the format allows",
  "statement-duplicate": "the statement is in the input twice",
  "receipt-missing": "the statement lists receipts that are not here",
  "stream-unstated": "receipts of a stream that their statement does not list",
  "receipt-unstated": "receipts that the statement of their period leaves out",
  "receipt-uncovered": "receipts of a time that no statement here covers",
  "root-mismatch": "the Merkle root is not that of the receipts",
  "head-mismatch": "the head is not the last receipt of the stream",
  "time-outside-period": "a receipt's time is outside its statement's period",
  "totals-mismatch": "a total is not the sum over the receipts",
  "statement-equivocation": "two different signed statements with one number",
  "statement-chain-broken": "the statement names another predecessor than is known",
  "statement-rollback": "a later number for an earlier or overlapping period",
  "period-gap": "the periods of two statements do not meet",
  "first-mismatch": "a stream does not continue where it was last closed",
  "statement-gap": "a statement is missing between two others",
  "statement-missing": "no statement closes the receipts",
  "batch-empty": "there is no receipt and no statement",
  "period-uncovered": "the statements do not cover the period that the caller named",
  "statement-replayed": "the batch is older than a statement that is already known",
  "cache-id-conflict": "one cache identifier for prefixes of two lengths or two models",
  "cache-id-shared": "one cache identifier under the keys of two accounts",
  "proof-mismatch": "receipt and statement of the proof do not belong together",
  "path-invalid": "the Merkle path does not lead to the root",
  "conflict-unproven": "the two objects do not contradict each other",
};

// ---------------------------------------------------------------------------------------------------------------- bytes and texts

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

export function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

const sameBytes = (a, b) => a !== undefined && b !== undefined && a.length === b.length && compareBytes(a, b) === 0;

/** By the bytes of UTF-8, which is the order of the code points, and not that of UTF-16. */
const compareTexts = (a, b) => (a === b ? 0 : compareBytes(ENCODER.encode(a), ENCODER.encode(b)));

/** Bytes of a text in UTF-8. */
const sizeOf = (text) => (text.length * 3 <= 512 ? text.length : ENCODER.encode(text).length);

function decodeText(bytes) {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const sum = (values) => values.reduce((total, value) => total + value, 0n);

// ---------------------------------------------------------------------------------------------------------------- heads (RFC 8949, 3)

const [UINT, , BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
const NULL = 22;
const MALFORMED = { fault: "malformed" };
const TRUNCATED = { fault: "truncated" };

/** The head at an offset: {type, value, next}, or MALFORMED or TRUNCATED. A simple value other than null has no value. */
function readHead(bytes, at) {
  if (at >= bytes.length) return TRUNCATED;
  const type = bytes[at] >> 5;
  const short = bytes[at] & 31;
  if (type === SIMPLE) return short === NULL ? { type, value: NULL, next: at + 1 } : MALFORMED;
  if (short < 24) return { type, value: short, next: at + 1 };
  if (short > 27) return MALFORMED;
  const size = 1 << (short - 24);
  if (at + 1 + size > bytes.length) return TRUNCATED;
  if (size === 8) return longHead(bytes, at, type);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i];
  const least = size === 1 ? 24 : 256 ** (size / 2);
  return value < least ? MALFORMED : { type, value, next: at + 1 + size };
}

/** A head with an argument of eight bytes; its value is a BigInt where a number would be rounded. */
function longHead(bytes, at, type) {
  let value = 0n;
  for (let i = 1; i <= 8; i++) value = value * 256n + BigInt(bytes[at + i]);
  if (value < 2n ** 32n) return MALFORMED;
  return { type, value: value <= Number.MAX_SAFE_INTEGER ? Number(value) : value, next: at + 9 };
}

// ---------------------------------------------------------------------------------------------------------------- step 1: read

class Fault extends Error {
  constructor(code, rule, details = {}) {
    super(code);
    Object.assign(this, { code, rule, details });
  }
}

/** The end of the item at an offset, without looking into its strings. Throws R-1.1 to R-1.3. */
function endOfItem(bytes, start) {
  const left = []; // items that are due in each open array, map and tag
  let at = start;
  let strings = 0n;
  for (let heads = 0; ; heads++) {
    if (heads === LIMITS.itemHeads) throw new Fault("item-too-large", "R-1.3");
    const head = readHead(bytes, at);
    if (head === MALFORMED) throw new Fault("item-malformed", "R-1.1", { offset: at });
    if (head === TRUNCATED) throw new Fault("item-truncated", "R-1.2", { offset: at });
    at = head.next;
    if (head.type === BYTES || head.type === TEXT) {
      strings += BigInt(head.value);
      if (strings > LIMITS.itemStrings) throw new Fault("item-too-large", "R-1.3");
      at += Number(head.value);
      if (at > bytes.length) throw new Fault("item-truncated", "R-1.2", { offset: at });
    }
    if (head.type === ARRAY || head.type === MAP || head.type === TAG) {
      if (left.length === LIMITS.nesting) throw new Fault("item-malformed", "R-1.1", { offset: at });
      left.push(head.type === TAG ? 1 : Number(head.value) * (head.type === MAP ? 2 : 1));
    } else if (left.length) left[left.length - 1]--;
    while (left.length && left[left.length - 1] === 0) {
      left.pop();
      if (left.length) left[left.length - 1]--;
    }
    if (!left.length) return at;
  }
}

/** The items of the files: {file, offset, bytes}; the last one is {fault} if reading found one. */
function* readItems(files) {
  for (const file of files) {
    for (let offset = 0; offset < file.bytes.length; ) {
      const place = { file: file.name, offset };
      try {
        const end = endOfItem(file.bytes, offset);
        yield { ...place, bytes: file.bytes.subarray(offset, end), end };
        offset = end;
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        yield { ...place, fault };
        return;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------- steps 2 and 3

const RECEIPT = "receipt";
const STATEMENT = "statement";

const bytesOf = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const tail = (name, length) =>
  concat(
    Uint8Array.of(0x10, 0x78, length), bytesOf(`application/vnd.token-${name}+cose`),
    Uint8Array.of(0x19, 0x01, 0x02, 0x2f, 0x19, 0x01, 0x03, 0x78, length), bytesOf(`application/vnd.token-${name}+cbor`),
  ); // prettier-ignore
const RECEIPT_FRONT = Uint8Array.of(0xa5, 0x01, 0x32, 0x04, 0x58, 0x20);
const STATEMENT_FRONT = Uint8Array.of(0xa6, 0x01, 0x32, 0x04, 0x58, 0x20);
const RECEIPT_TAIL = tail(RECEIPT, 0x22);
const STATEMENT_TAIL = tail(STATEMENT, 0x24);

const startsWith = (bytes, front) => bytes.length >= front.length && compareBytes(bytes.subarray(0, front.length), front) === 0;

/** Content, protected header and signature of `Signed`. The item was read, so its heads and strings are whole. */
function readEnvelope(item) {
  let at = 0;
  const due = (type, value) => {
    const head = at < item.length ? readHead(item, at) : MALFORMED;
    if (head.type !== type || (value !== undefined && head.value !== value)) throw new Fault("envelope-invalid", "R-2.1", { field: "envelope" });
    at = head.next;
    return head.value;
  };
  const string = (size) => {
    const length = due(BYTES, size);
    at += length;
    return item.subarray(at - length, at);
  };
  due(ARRAY, 2);
  const content = string();
  due(TAG, 18);
  due(ARRAY, 4);
  const header = string();
  const unprotectedAt = at;
  const entries = due(MAP);
  at = unprotectedAt;
  at = endOfItem(item, at);
  due(SIMPLE, NULL);
  const signature = string(64);
  if (entries !== 0 && !(startsWith(header, STATEMENT_FRONT) && unprotectedOfStatement(item, unprotectedAt))) {
    throw new Fault("envelope-invalid", "R-2.2", { field: "unprotected" });
  }
  return { content, header, signature, unprotected: entries !== 0 };
}

/** Whether a map that is not empty has 270 (bstr) and 394 (array of bstr), one or both, in this order. */
function unprotectedOfStatement(item, start) {
  const map = readHead(item, start);
  let at = map.next;
  let before = 0;
  for (let entry = 0; entry < map.value; entry++) {
    const key = readHead(item, at);
    if (key.type !== UINT || key.value <= before || (key.value !== 270 && key.value !== 394)) return false;
    before = key.value;
    const value = readHead(item, key.next);
    if (value.type !== (before === 270 ? BYTES : ARRAY)) return false;
    at = endOfItem(item, key.next);
    let inside = value.next;
    for (let n = 0; before === 394 && n < value.value; n++) {
      if (readHead(item, inside).type !== BYTES) return false;
      inside = endOfItem(item, inside);
    }
  }
  return true;
}

/** Kind and kid, and of a statement the subject (15); null if the bytes are neither header. */
function readHeader(header) {
  if (startsWith(header, RECEIPT_FRONT)) {
    if (!sameBytes(header.subarray(38), RECEIPT_TAIL)) return null;
    return { kind: RECEIPT, kid: header.subarray(6, 38) };
  }
  if (!startsWith(header, STATEMENT_FRONT) || header[38] !== 0x0f || header[39] !== 0xa2 || header[40] !== 1) return null;
  const issuer = shortText(header, 41);
  if (!issuer || header[issuer.next] !== 2) return null;
  const account = shortText(header, issuer.next + 1);
  if (!account || !sameBytes(header.subarray(account.next), STATEMENT_TAIL)) return null;
  return { kind: STATEMENT, kid: header.subarray(6, 38), issuer: issuer.text, account: account.text };
}

/** A text of 1 to 512 bytes, encoded as in claims; null if it is none. */
function shortText(bytes, at) {
  const head = readHead(bytes, at);
  if (head.type !== TEXT || head.value < 1 || head.value > 512 || head.next + head.value > bytes.length) return null;
  const text = decodeText(bytes.subarray(head.next, head.next + head.value));
  return text === null ? null : { text, next: head.next + head.value };
}

// ---------------------------------------------------------------------------------------------------------------- step 6: encoding

/** The value of claims, or R-6.1 and R-6.3 in the order of the bytes. */
function decodeContent(content, mostItems) {
  let at = 0;
  let items = 0;
  const malformed = (offset) => new Fault("content-malformed", "R-6.3", { offset });

  function value(depth) {
    const start = at;
    const head = readHead(content, at);
    if (head.fault) throw malformed(start);
    if (++items > mostItems) throw new Fault("item-too-large", "R-6.1");
    at = head.next;
    if (head.type === UINT) return BigInt(head.value);
    if (head.type === BYTES || head.type === TEXT) return string(head, start);
    if (head.type !== ARRAY && head.type !== MAP) throw malformed(start);
    if (depth === LIMITS.nesting) throw malformed(start);
    return head.type === ARRAY ? array(head.value, depth + 1) : map(head.value, depth + 1);
  }

  function string(head, start) {
    const end = at + Number(head.value);
    if (end > content.length) throw malformed(start);
    const bytes = content.subarray(at, end);
    at = end;
    if (head.type === BYTES) return bytes;
    const text = decodeText(bytes);
    if (text === null) throw malformed(start);
    return text;
  }

  function array(count, depth) {
    const values = [];
    for (let n = 0; n < count; n++) values.push(value(depth));
    return values;
  }

  function map(count, depth) {
    const entries = new Map();
    let before = null;
    for (let n = 0; n < count; n++) {
      const start = at;
      const type = content[at] >> 5;
      if (at < content.length && type !== UINT && type !== TEXT) {
        value(depth); // the fault may be an earlier one of R-6.1
        throw malformed(start);
      }
      const key = value(depth);
      const encoded = content.subarray(start, at);
      if (before && (before[0] >> 5 !== encoded[0] >> 5 || compareBytes(before, encoded) >= 0)) throw malformed(start);
      before = encoded;
      entries.set(key, value(depth));
    }
    return entries;
  }

  const claims = value(0);
  if (at !== content.length) throw malformed(at);
  return claims;
}

/** R-6.2: the version, if the content begins as that of another one. */
function otherVersion(content) {
  const map = readHead(content, 0);
  if (map.type !== MAP || map.value === 0 || content[map.next] !== 1) return null;
  const version = readHead(content, map.next + 1);
  return version.type === UINT && version.value !== 1 ? version.value : null;
}

// ---------------------------------------------------------------------------------------------------------------- step 6: claims
//
// A check of a value gives the path of what is wrong with it, or null.

const uint = (least = 0n, most = U64) => (value, path) => (typeof value === "bigint" && value >= least && value <= most ? null : path);
const bstr = (least, most = least) => (value, path) => (value instanceof Uint8Array && value.length >= least && value.length <= most ? null : path);
const text = (least = 1) => (value, path) => (typeof value === "string" && sizeOf(value) >= least && sizeOf(value) <= 512 ? null : path);
const currency = (value, path) => (typeof value === "string" && /^[A-Z]{3}$/.test(value) ? null : path);
const digest = bstr(32);
const instant = uint(0n, YEAR_10000 - 1n);
const periodEnd = uint(1n, YEAR_10000);

const arrayOf = (check, least, most) => (value, path) => {
  if (!Array.isArray(value) || value.length < least || value.length > most) return path;
  return first(value, (one, n) => check(one, `${path}[${n}]`));
};

const mapOf = (key, check, least, most) => (value, path) => {
  if (!(value instanceof Map) || value.size < least || value.size > most) return path;
  return first([...value], ([name, one]) => key(name, path) ?? check(one, `${path}.${name}`));
};

/** A map with integer keys. `fields`: label: [name, check, required]; `also`: what holds between them. */
const struct = (fields, also = () => null) => {
  const known = Object.entries(fields).map(([label, [name, check, required]]) => ({ label: BigInt(label), name, check, required }));
  const labels = new Set(known.map((field) => field.label));
  return (value, path) => {
    if (!(value instanceof Map)) return path || "claims";
    for (const label of value.keys()) if (!labels.has(label)) return join(path, String(label));
    for (const { label, name, check, required } of known) {
      const one = value.get(label);
      if (one === undefined ? required : check(one, join(path, name))) return one === undefined ? join(path, name) : check(one, join(path, name));
    }
    const wrong = also(value);
    return wrong ? join(path, wrong) : null;
  };
};

const join = (path, name) => (path ? `${path}.${name}` : name);

function first(values, check) {
  for (let n = 0; n < values.length; n++) {
    const wrong = check(values[n], n);
    if (wrong) return wrong;
  }
  return null;
}

const KINDS = ["audio", "image", "video", "document"];
const OUTPUT_KINDS = ["audio", "image", "video", "citation"];
const INPUT_PARTS = new Set(KINDS.map((kind) => `input.${kind}`));
const CACHED_PARTS = new Set(KINDS.map((kind) => `cached.${kind}`));
const OUTPUT_PARTS = new Set(OUTPUT_KINDS.map((kind) => `output.${kind}`));
const BESIDE = new Set([
  "requests.model", "requests.web_search", "requests.web_fetch", "requests.file_search", "requests.social_search", "requests.code_execution",
  "requests.image_generation", "requests.rerank", "audio.ms", "audio.input_ms", "audio.output_ms", "input.characters", "input.messages",
  "input.pixels", "input.images", "output.images", "output.video_ms", "pages.document", "pages.annotated", "container.seconds",
  "storage.token_seconds",
]); // prettier-ignore
const isPrivate = (name) => name.includes("/");
const isBeside = (name) => BESIDE.has(name) || isPrivate(name);
const isUnit = (name) => isBeside(name) || INPUT_PARTS.has(name) || CACHED_PARTS.has(name) || OUTPUT_PARTS.has(name);
const unitName = (name, path) => (typeof name === "string" && !text()(name, path) && isUnit(name) ? null : path);

const WRITES = mapOf(uint(), uint(), 1, 16);
const INPUT = struct(
  { 1: ["logical", uint(), true], 2: ["cached", uint()], 3: ["attributed", uint()], 4: ["writes", WRITES] },
  (input) => (input.has(2n) === input.has(3n) ? null : "attributed"),
);
const OUTPUT = struct({ 1: ["tokens", uint(), true], 2: ["reasoning", uint()] });
const UNITS = mapOf(unitName, uint(), 1, 64);
const NAMES = (most) => mapOf(text(), text(), 1, most);
const ENTRY = struct({ 1: ["recipe", text(), true], 2: ["id", bstr(1, 64), true], 3: ["prefix", uint(1n), true] });
const ENTRIES = arrayOf(ENTRY, 1, 64);
const CACHE = struct({ 1: ["read", ENTRY], 2: ["writes", ENTRIES], 3: ["commitments", ENTRIES] }, (cache) => (cache.size ? null : "read"));
const SOURCE = struct(
  { 1: ["provider", text(), true], 2: ["api", text(), true], 3: ["usage", digest], 4: ["tier", text()], 5: ["miss", text()], 6: ["terms", NAMES(16)], 7: ["observed", uint(1n, 1n)] },
  (source) => (source.has(7n) && !source.has(3n) ? "usage" : null),
); // prettier-ignore
const LINE = struct(
  { 1: ["class", uint(0n, 4n), true], 2: ["ttl", uint()], 3: ["quantity", uint(), true], 4: ["rate", uint(), true], 5: ["amount", uint(), true], 6: ["unit", text()], 7: ["per", uint(2n)], 8: ["model", text()] },
  (line) => {
    if (line.has(2n) !== (line.get(1n) === 2n)) return "ttl";
    if (!unitOfClass(line.get(1n), line.get(6n))) return "unit";
    return line.has(7n) && gcd(line.get(7n), line.get(4n)) !== 1n ? "per" : null;
  },
); // prettier-ignore
const CHARGE = struct({ 1: ["currency", currency, true], 2: ["card", digest, true], 3: ["amount", uint(), true], 4: ["lines", arrayOf(LINE, 1, 64), true] });
const MODEL = struct({ 1: ["input", INPUT, true], 2: ["output", OUTPUT] });
const SPAN = struct({ 1: ["start", instant, true], 2: ["end", periodEnd, true] }, (span) => (span.get(2n) > span.get(1n) ? null : "end"));
const CORRECTS = struct(
  { 1: ["receipt", digest, true], 2: ["input", INPUT, true], 3: ["output", OUTPUT], 4: ["units", UNITS], 5: ["currency", currency], 6: ["amount", uint()] },
  (corrects) => (corrects.has(5n) === corrects.has(6n) ? null : "amount"),
); // prettier-ignore

const RECEIPT_CLAIMS = struct(
  {
    1: ["version", uint(1n, 1n), true], 2: ["issuer", text(), true], 3: ["account", text(), true], 4: ["stream", text(), true],
    5: ["sequence", uint(), true], 6: ["previous", digest], 7: ["time", instant, true], 8: ["request", text(), true], 9: ["model", text(), true],
    10: ["input", INPUT, true], 11: ["output", OUTPUT], 12: ["cache", CACHE], 13: ["source", SOURCE], 14: ["charge", CHARGE],
    15: ["tags", mapOf(text(), text(0), 1, 64)], 16: ["client", bstr(1, 64)], 17: ["units", UNITS], 18: ["models", mapOf(text(), MODEL, 2, 16)],
    19: ["span", SPAN], 20: ["corrects", CORRECTS],
  },
  (claims) => {
    if (claims.has(6n) !== (claims.get(5n) !== 0n)) return "previous";
    if (claims.get(13n)?.has(7n) && claims.has(14n)) return "charge";
    if (claims.get(13n)?.has(7n) && claims.has(19n)) return "span";
    const models = claims.get(18n);
    const lines = claims.get(14n)?.get(4n) ?? [];
    return lines.some((line) => line.has(8n) !== !!models || (models && !models.has(line.get(8n)))) ? "charge.lines.model" : null;
  },
); // prettier-ignore

const PICOUNITS = 10n ** 12n;
const AMOUNT = (value, path) => (Array.isArray(value) && value.length === 2 ? (uint()(value[0], path) ?? uint(0n, PICOUNITS - 1n)(value[1], path)) : path);
const SUMS = {
  1: ["logical", uint()], 2: ["cached", uint()], 3: ["attributed", uint()], 4: ["writes", mapOf(uint(), uint(), 1, 65536)], 5: ["output", uint()],
  6: ["reasoning", uint()], 7: ["amounts", mapOf(currency, AMOUNT, 1, Infinity)],
  8: ["units", mapOf(unitName, uint(), 1, 16384)],
}; // prettier-ignore
const TOTALS = struct({ ...SUMS, 9: ["corrected", struct(SUMS)], 10: ["corrections", struct(SUMS)] }, (totals) => (totals.has(9n) === totals.has(10n) ? null : "corrections"));
const STREAM = struct({ 1: ["stream", text(), true], 2: ["first", uint(), true], 3: ["count", uint(1n), true], 4: ["root", digest, true], 5: ["head", digest, true] });

const STATEMENT_CLAIMS = struct(
  {
    1: ["version", uint(1n, 1n), true], 2: ["issuer", text(), true], 3: ["account", text(), true], 4: ["number", uint(), true],
    5: ["previous", digest], 6: ["start", instant, true], 7: ["end", periodEnd, true], 8: ["kind", uint(0n, 1n), true],
    9: ["streams", arrayOf(STREAM, 0, 65536), true], 10: ["totals", TOTALS, true],
  },
  (claims) => {
    if (claims.has(5n) !== (claims.get(4n) !== 0n)) return "previous";
    if (claims.get(7n) <= claims.get(6n)) return "end";
    const names = claims.get(9n).map((stream) => stream.get(1n));
    return names.some((name, n) => n && compareTexts(names[n - 1], name) >= 0) ? "streams" : null;
  },
); // prettier-ignore

function unitOfClass(kind, unit) {
  if (kind === 2n) return unit === undefined;
  if (kind === 4n) return unit !== undefined && isBeside(unit);
  if (unit === undefined) return true;
  if (kind === 0n) return INPUT_PARTS.has(unit);
  return kind === 1n ? CACHED_PARTS.has(unit) : OUTPUT_PARTS.has(unit) || unit === "reasoning";
}

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

/** A receipt under the names of spec/receipt.md. Maps inside keep their labels. */
function receiptOf(claims) {
  const input = claims.get(10n);
  return {
    issuer: claims.get(2n), account: claims.get(3n), stream: claims.get(4n), sequence: claims.get(5n), previous: claims.get(6n),
    time: claims.get(7n), request: claims.get(8n), model: claims.get(9n), input, output: claims.get(11n), cache: claims.get(12n),
    source: claims.get(13n), charge: claims.get(14n), client: claims.get(16n), units: claims.get(17n), models: claims.get(18n),
    span: claims.get(19n), corrects: claims.get(20n),
  }; // prettier-ignore
}

function statementOf(claims) {
  const streams = claims.get(9n).map((entry) => ({ stream: entry.get(1n), first: entry.get(2n), count: entry.get(3n), root: entry.get(4n), head: entry.get(5n) }));
  return {
    issuer: claims.get(2n), account: claims.get(3n), number: claims.get(4n), previous: claims.get(5n), start: claims.get(6n),
    end: claims.get(7n), late: claims.get(8n) === 1n, streams, totals: claims.get(10n),
  }; // prettier-ignore
}

// ---------------------------------------------------------------------------------------------------------------- points of Ed25519
//
// WebCrypto leaves open which keys and which R it takes; receipt.md, "Keys", and R-5.1 do not.

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (a) => ((a % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));
const SQRT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
const IDENTITY = [0n, 1n, 1n, 0n];

function littleEndian(bytes) {
  const words = new DataView(bytes.buffer, bytes.byteOffset, 32);
  return [24, 16, 8, 0].reduce((value, at) => (value << 64n) | words.getBigUint64(at, true), 0n);
}

/** Extended coordinates of a canonical encoding (RFC 8032, 5.1.3), or null. */
function decodePoint(bytes) {
  const whole = littleEndian(bytes);
  const sign = whole >> 255n;
  const y = whole & (2n ** 255n - 1n);
  if (y >= P) return null;
  const u = mod(y * y - 1n);
  const v = mod(D * y * y + 1n);
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (mod(v * x * x) !== u) x = mod(x * SQRT_OF_MINUS_1);
  if (mod(v * x * x) !== u || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * D * t1 * t2);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function multiplyPoint(scalar, point) {
  let result = IDENTITY;
  for (let p = point, s = scalar; s > 0n; s >>= 1n, p = addPoints(p, p)) if (s & 1n) result = addPoints(result, p);
  return result;
}

const isIdentity = ([x, y, z]) => x === 0n && y === z;

function isWeak(key) {
  if (key.length !== 32) return true;
  const point = decodePoint(key);
  return !point || isIdentity(multiplyPoint(8n, point)) || !isIdentity(multiplyPoint(L, point));
}

/** y of the points of small order, as the 255 bits of an encoding can have it: 1, -1, 0, and those of order 8; 0 and 1 also with p added. */
const Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER = new Set([0n, 1n, P - 1n, P, P + 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);
const hasSmallOrder = (r) => SMALL_ORDER.has(littleEndian(r) & (2n ** 255n - 1n));
const isBelowL = (s) => s[31] < 0x10 || littleEndian(s) < L; // most are seen at the first look

// ---------------------------------------------------------------------------------------------------------------- key sets
//
// receipt.md, "Keys". JSON.parse takes the second of two members of one name, and 1e3 for a whole number: so it is not used.

const refuse = (why) => new InputError(`the key set is refused: ${why}`);

function parseJson(source) {
  let at = 0;
  const fail = () => refuse(`not JSON at character ${at}`);
  const space = () => {
    while (" \t\n\r".includes(source[at] ?? "x")) at++;
  };
  const expect = (token) => {
    if (!source.startsWith(token, at)) throw fail();
    at += token.length;
  };

  function value(depth) {
    if (depth > 64) throw fail();
    space();
    const c = source[at];
    if (c === "{") return object(depth);
    if (c === "[") return list(depth);
    if (c === '"') return string();
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) if (source.startsWith(word, at)) return (at += word.length), meaning;
    const number = /^-?(0|[1-9][0-9]*)(\.|[eE])?/.exec(source.slice(at, at + 400));
    if (!number) throw fail();
    if (number[2]) throw refuse("a number with a fraction or an exponent");
    at += number[0].length;
    return BigInt(number[0]);
  }

  function object(depth) {
    const members = new Map();
    between("{", "}", () => {
      space();
      const name = string();
      space();
      expect(":");
      if (members.has(name)) throw refuse(`the member ${JSON.stringify(name)} occurs twice`);
      members.set(name, value(depth + 1));
    });
    return members;
  }

  function list(depth) {
    const values = [];
    between("[", "]", () => values.push(value(depth + 1)));
    return values;
  }

  function between(open, close, element) {
    expect(open);
    space();
    for (let n = 0; source[at] !== close; n++) {
      if (n) expect(",");
      element();
      space();
    }
    expect(close);
  }

  function string() {
    const match = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
    match.lastIndex = at;
    const found = match.exec(source);
    if (!found) throw fail();
    at = match.lastIndex;
    return JSON.parse(found[0]);
  }

  const whole = value(0);
  space();
  if (at !== source.length) throw fail();
  return whole;
}

function base64url(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = bytesOf(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  return toBase64url(bytes) === text ? bytes : null;
}

function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const seconds = (value) => typeof value === "bigint" && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);

/** SHA-256 of the COSE_Key {1: 1, -1: 6, -2: x}. */
function thumbprint(x) {
  const size = x.length < 24 ? [0x40 + x.length] : x.length < 256 ? [0x58, x.length] : [0x59, x.length >> 8, x.length & 255];
  return sha256(concat(Uint8Array.of(0xa3, 1, 1, 0x20, 6, 0x21, ...size), x));
}

async function readKey(entry, issuer) {
  const kid = base64url(entry.get("kid"));
  const x = base64url(entry.get("x"));
  if (!kid || !x) throw refuse("a key without kid or x in base64url");
  if (!sameBytes(await thumbprint(x), kid)) throw refuse(`the kid ${entry.get("kid")} is not the thumbprint of x`);
  if (entry.has("d")) throw refuse("it holds a private key (d)");
  if (entry.has("alg") && !["Ed25519", "EdDSA"].includes(entry.get("alg"))) throw refuse("alg is neither Ed25519 nor EdDSA");
  if (entry.has("use") && entry.get("use") !== "sig") throw refuse("use is not sig");
  const revoked = entry.get("revoked");
  if (entry.has("revoked") && !(revoked instanceof Map && revoked.has("revoked_at"))) throw refuse("revoked without revoked_at");
  const times = { nbf: entry.get("nbf"), exp: entry.get("exp"), revokedAt: revoked?.get("revoked_at") };
  for (const time of Object.values(times)) if (time !== undefined && !seconds(time)) throw refuse("a time is no whole number of seconds");
  const weak = isWeak(x);
  const verifier = weak ? null : await crypto.subtle.importKey("raw", x, { name: "Ed25519" }, false, ["verify"]);
  return { kid: entry.get("kid"), issuer, x, weak, verifier, ...times };
}

/**
 * The trusted keys of key sets (JWK Set with `iss`), by kid.
 * @param {Uint8Array[]} sets the files' bytes
 * @throws {InputError} one of them breaks a rule, or they contradict each other (R-0.2)
 */
export async function readKeys(sets) {
  const keys = new Map();
  for (const bytes of sets) {
    for (const key of await readKeySet(bytes)) {
      const other = keys.get(key.kid);
      const same = other && ["issuer", "nbf", "exp", "revokedAt"].every((name) => other[name] === key[name]);
      if (other && !same) throw refuse(`the key ${key.kid} is listed in two ways`);
      keys.set(key.kid, key);
    }
  }
  return keys;
}

async function readKeySet(bytes) {
  const source = decodeText(bytes);
  if (source === null) throw refuse("not UTF-8");
  const set = parseJson(source);
  const issuer = set instanceof Map ? set.get("iss") : undefined;
  if (typeof issuer !== "string" || !issuer || !issuer.isWellFormed()) throw refuse("no iss");
  const entries = set.get("keys");
  if (!Array.isArray(entries)) throw refuse("no keys");
  const keys = [];
  for (const entry of entries) {
    if (!(entry instanceof Map) || typeof entry.get("kty") !== "string") throw refuse("an entry of keys without kty");
    if (entry.get("kty") === "OKP" && entry.get("crv") === "Ed25519") keys.push(await readKey(entry, issuer));
  }
  if (!keys.length) throw refuse("it has no Ed25519 key");
  return keys;
}

// ---------------------------------------------------------------------------------------------------------------- findings

class Findings {
  list = [];
  #together = new Map(); // findings that have one cause for many items (*), by what they have in common

  /** `about`: {item, file, offset, issuer, account, stream, sequence, request, number, field, expected, actual, count} as far as known. */
  add(code, rule, about = {}) {
    const finding = { code, rule, severity: INCOMPLETE.has(code) ? "incomplete" : "rejected", message: MEANINGS[code], count: 1n, ...about };
    this.list.push(finding);
    return finding;
  }

  addTogether(code, rule, cause, about) {
    const key = `${code} ${cause}`;
    const before = this.#together.get(key);
    if (before) before.count += 1n;
    else this.#together.set(key, this.add(code, rule, about));
  }

  /** In the order of the input, those without an item last. */
  sorted() {
    const place = (finding) => finding.item ?? Infinity;
    return this.list.map((finding, n) => [finding, n]).sort(([a, n], [b, m]) => (place(a) === place(b) ? n - m : place(a) - place(b))).map(([finding]) => finding);
  }
}

const accountKey = (one) => `${one.issuer.length}:${one.issuer}${one.account}`;

/** What a finding says of the item that it names. */
function about(one, more = {}) {
  const claims = one.claims ?? {};
  return {
    item: one.number, file: one.file, offset: one.offset, issuer: claims.issuer, account: claims.account, stream: claims.stream,
    sequence: claims.sequence, request: claims.request, number: claims.number, ...more,
  }; // prettier-ignore
}

// ---------------------------------------------------------------------------------------------------------------- steps 2 to 7, one item
//
// An item is checked apart from all others. What is wrong is noted in `faults`, and told when its turn comes in the input:
// {code, rule, details, cause}, where a cause is what findings told once have in common.

async function checkItem(item, options, { sealed = false, ownSignature = true } = {}) {
  const one = { ...item, faults: [], lost: false, kind: null };
  try {
    await throughSteps(one, options, sealed, ownSignature);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    one.faults.push(fault);
    one.lost = true;
  }
  one.valid = !!one.key && !one.faults.length;
  return one;
}

async function throughSteps(one, options, sealed, ownSignature) {
  const { content, header, signature, unprotected } = readEnvelope(one.bytes);
  const known = readHeader(header);
  if (!known) throw new Fault("header-invalid", "R-3.1");
  Object.assign(one, { kind: known.kind, kid: toBase64url(known.kid), unprotected });
  one.digest = await sha256(content);
  one.id = hex(one.digest);
  one.key = options.keys.get(one.kid);
  if (!one.key) {
    one.faults.push(Object.assign(new Fault("key-unknown", "R-4.1", { field: "kid", actual: one.kid }), { cause: one.kid }));
    if (one.kind === STATEMENT) throw new Unknown();
  } else if (one.key.weak) throw new Fault("key-weak", "R-4.2", { field: "kid", actual: one.kid });
  const left = sealed && one.kind === RECEIPT;
  if (one.key && !left) await checkSignature(one, header, signature, ownSignature);
  one.unchecked = !!one.key && left;
  one.claims = readClaims(one, content, known);
  checkAuthority(one, options);
}

/** The item is lost by a fault that is noted already. */
class Unknown extends Fault {}

const SIGNED_FRONT = concat(Uint8Array.of(0x84, 0x6a), bytesOf("Signature1"));
const SIGNED_MIDDLE = Uint8Array.of(0x40, 0x58, 0x20);

async function checkSignature(one, header, signature, ownSignature) {
  const r = signature.subarray(0, 32);
  if (hasSmallOrder(r)) throw new Fault("signature-invalid", "R-5.1", { field: "signature" });
  if (!ownSignature) return;
  const size = header.length < 256 ? [0x58, header.length] : [0x59, header.length >> 8, header.length & 255];
  const signed = concat(SIGNED_FRONT, size, header, SIGNED_MIDDLE, one.digest);
  const holds = isBelowL(signature.subarray(32)) && (await crypto.subtle.verify({ name: "Ed25519" }, one.key.verifier, signature, signed));
  if (!holds) throw new Fault("signature-invalid", "R-5.2", { field: "signature" });
}

function readClaims(one, content, header) {
  const isReceipt = one.kind === RECEIPT;
  if (content.length > (isReceipt ? LIMITS.receiptContent : LIMITS.statementContent)) throw new Fault("item-too-large", "R-6.1", { actual: BigInt(content.length) });
  const version = otherVersion(content);
  if (version !== null) throw Object.assign(new Fault("version-unknown", "R-6.2", { field: "version", expected: 1n, actual: BigInt(version) }), { cause: "" });
  const claims = decodeContent(content, isReceipt ? Infinity : LIMITS.statementItems);
  const wrong = (isReceipt ? RECEIPT_CLAIMS : STATEMENT_CLAIMS)(claims, "");
  if (wrong) throw new Fault("claims-invalid", "R-6.4", { field: wrong });
  const found = isReceipt ? receiptOf(claims) : statementOf(claims);
  if (!isReceipt && (header.issuer !== found.issuer || header.account !== found.account)) {
    throw new Fault("claims-invalid", "R-6.5", { field: "header 15", expected: `${found.issuer} ${found.account}`, actual: `${header.issuer} ${header.account}` });
  }
  return found;
}

function checkAuthority(one, options) {
  const { claims, key } = one;
  if (key && claims.issuer !== key.issuer) throw new Fault("issuer-mismatch", "R-7.1", { field: "issuer", expected: key.issuer, actual: claims.issuer });
  if (options.account !== undefined && claims.account !== options.account) {
    throw new Fault("account-unexpected", "R-7.2", { field: "account", expected: options.account, actual: claims.account });
  }
  if (!key) return;
  const [field, time] = one.kind === RECEIPT ? ["time", claims.time] : ["end", claims.end];
  const early = one.kind === RECEIPT && key.nbf !== undefined && time < key.nbf * 1000n;
  if (early || (key.exp !== undefined && time >= key.exp * 1000n)) one.faults.push(new Fault("key-outside-window", "R-7.3", { field, actual: time }));
  if (key.revokedAt !== undefined && time >= key.revokedAt * 1000n) one.faults.push(new Fault("key-revoked", "R-7.4", { field, actual: time }));
}

/** Tell what steps 2 to 7 found. */
function tellFaults(one, findings, number = one.number) {
  for (const fault of one.faults) {
    if (fault instanceof Unknown) continue;
    const where = about(one, { ...fault.details, item: number });
    if (fault.cause !== undefined) findings.addTogether(fault.code, fault.rule, fault.cause, where);
    else findings.add(fault.code, fault.rule, where);
  }
}

/** Whether an item is lost by a finding of severity rejected (R-1.4). */
const isLostRejected = (one) => one.lost && !INCOMPLETE.has(one.faults.at(-1).code) && !(one.faults.at(-1) instanceof Unknown);

// ---------------------------------------------------------------------------------------------------------------- step 8: identities

function checkIdentities(one, findings, options) {
  const { claims } = one;
  const tell = (code, rule, details) => findings.add(code, rule, about(one, details));
  const together = (code, rule) => findings.addTogether(code, rule, accountKey(claims), about(one));
  for (const [code, rule, details] of countFaults(claims.input, claims.output)) tell(code, rule, details);
  for (const field of entryFaults(claims)) tell("cache-entry-mismatch", "R-8.5", { field });
  if (claims.charge) for (const details of chargeFaults(claims)) tell("charge-mismatch", "R-8.6", details);
  const cached = claims.input.get(2n);
  if (cached === undefined) together("cached-unstated", "R-8.7");
  if (options.requireCacheId && cached > 0n && !claims.cache?.has(1n)) together("cache-id-missing", "R-8.8");
  if (claims.units) for (const field of partFaults(claims)) tell("parts-mismatch", "R-8.9", { field });
  if (claims.models) for (const field of modelFaults(claims)) tell("models-mismatch", "R-8.10", { field });
  const spanFault = claims.span && faultOfSpan(claims);
  if (spanFault) tell("span-mismatch", "R-8.11", { field: spanFault });
  if (claims.source?.has(7n) && !options.observers.has(claims.issuer)) together("receipt-observed", "R-8.12");
}

const written = (input) => sum([...(input.get(4n)?.values() ?? [])]);

/** Identities 1 to 3 of counts. */
function countFaults(input, output) {
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const faults = [];
  if (cached > logical) faults.push(["cached-exceeds-logical", "R-8.1", { field: "input.cached", expected: logical, actual: cached }]);
  else if (cached !== undefined && cached + attributed !== logical) faults.push(["attributed-mismatch", "R-8.2", { field: "input.attributed", expected: logical - cached, actual: attributed }]);
  const most = attributed ?? logical;
  if (written(input) > most) faults.push(["writes-exceed-attributed", "R-8.3", { field: "input.writes", expected: most, actual: written(input) }]);
  if (output?.get(2n) > output?.get(1n)) faults.push(["reasoning-exceeds-output", "R-8.4", { field: "output.reasoning", expected: output.get(1n), actual: output.get(2n) }]);
  return faults;
}

/** The fields of cache entries that the counts rule out (identity 4). */
function entryFaults({ cache, input }) {
  if (!cache) return [];
  const [logical, cached] = [input.get(1n), input.get(2n)];
  const faults = [];
  const read = cache.get(1n);
  if (read && !(cached > 0n && read.get(3n) === cached)) faults.push("cache.read.prefix");
  for (const [label, name] of [[2n, "writes"], [3n, "commitments"]]) {
    (cache.get(label) ?? []).forEach((entry, n) => entry.get(3n) > logical && faults.push(`cache.${name}[${n}].prefix`));
  }
  return faults;
}

/** Identity 5. */
function chargeFaults(claims) {
  const { charge, input, output, models } = claims;
  const lines = charge.get(4n).map((line) => ({ kind: line.get(1n), ttl: line.get(2n), quantity: line.get(3n), rate: line.get(4n), amount: line.get(5n), unit: line.get(6n), per: line.get(7n) ?? 1n, model: line.get(8n) }));
  const faults = [];
  lines.forEach((line, n) => {
    const expected = (2n * line.quantity * line.rate + line.per) / (2n * line.per);
    if (line.amount !== expected) faults.push({ field: `charge.lines[${n}].amount`, expected, actual: line.amount });
  });
  const total = sum(lines.map((line) => line.amount));
  if (charge.get(3n) !== total) faults.push({ field: "charge.amount", expected: total, actual: charge.get(3n) });
  if (!input.has(2n)) return [...faults, { field: "input.cached" }];
  if (!models) faults.push(...classFaults(lines, input, output, ""));
  else for (const [model, counts] of models) faults.push(...classFaults(lines.filter((line) => line.model === model), counts.get(1n), counts.get(2n), `${model} `));
  for (const unit of new Set(lines.map((line) => line.unit).filter((name) => name !== undefined))) {
    const expected = pricedApart(claims, unit);
    const actual = sum(lines.filter((line) => line.unit === unit).map((line) => line.quantity));
    if (actual !== expected) faults.push({ field: `charge ${unit}`, expected, actual });
  }
  return faults;
}

/** The quantities of the lines of each class, and TTL, against the counts. */
function classFaults(lines, input, output, prefix) {
  const writes = input.get(4n) ?? new Map();
  const ttls = new Set([...writes.keys(), ...lines.filter((line) => line.kind === 2n).map((line) => line.ttl)]);
  const expected = [["uncached", 0n, undefined, (input.get(3n) ?? 0n) - written(input)], ["cached", 1n, undefined, input.get(2n) ?? 0n], ["output", 3n, undefined, output?.get(1n) ?? 0n]];
  for (const ttl of ttls) expected.push([`writes ${ttl}`, 2n, ttl, writes.get(ttl) ?? 0n]);
  return expected.flatMap(([name, kind, ttl, tokens]) => {
    const actual = sum(lines.filter((line) => line.kind === kind && line.ttl === ttl).map((line) => line.quantity));
    return actual === tokens ? [] : [{ field: `charge ${prefix}${name}`, expected: tokens, actual }];
  });
}

/** What the lines that name a unit sum to. */
function pricedApart({ units, input, output }, unit) {
  if (unit === "reasoning") return output?.get(2n) ?? 0n;
  if (!INPUT_PARTS.has(unit)) return units?.get(unit) ?? 0n;
  const cached = cachedPart(units, input, unit.slice("input.".length));
  return units?.has(unit) && cached !== undefined ? units.get(unit) - cached : 0n;
}

/** `cached.X` where it is known: it is stated, or nothing was cached at all. */
const cachedPart = (units, input, kind) => units?.get(`cached.${kind}`) ?? (input.get(2n) === 0n ? 0n : undefined);

/** Identity 6. */
function partFaults({ units, input, output }) {
  const faults = [];
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const sumOf = (names) => sum([...names].map((name) => units.get(name) ?? 0n));
  if (sumOf(INPUT_PARTS) > logical) faults.push("units.input");
  for (const kind of KINDS) if (units.has(`input.${kind}`) && units.get(`cached.${kind}`) > units.get(`input.${kind}`)) faults.push(`units.cached.${kind}`);
  if (sumOf(CACHED_PARTS) > (cached ?? 0n)) faults.push("units.cached");
  const known = KINDS.filter((kind) => units.has(`input.${kind}`) && cachedPart(units, input, kind) !== undefined);
  const computed = sum(known.map((kind) => units.get(`input.${kind}`) - cachedPart(units, input, kind)));
  if (attributed !== undefined && computed > attributed) faults.push("units.attributed");
  const hasOutputParts = [...OUTPUT_PARTS].some((name) => units.has(name));
  if (hasOutputParts && sumOf(OUTPUT_PARTS) + (output?.get(2n) ?? 0n) > (output?.get(1n) ?? 0n)) faults.push("units.output");
  return faults;
}

/** Identity 7. */
function modelFaults({ models, input, output }) {
  const counts = [...models].map(([model, map]) => ({ model, input: map.get(1n), output: map.get(2n) }));
  const faults = counts.flatMap((one) => countFaults(one.input, one.output).map(([, , details]) => `models.${one.model}.${details.field}`));
  const outputs = counts.map((one) => one.output).filter(Boolean);
  const stated = (values, all) => (all ? values.every((v) => v !== undefined) : values.some((v) => v !== undefined));
  const total = (values, all = true) => (values.length && stated(values, all) ? sum(values.map((v) => v ?? 0n)) : undefined);
  if (input.get(1n) !== total(counts.map((one) => one.input.get(1n)))) faults.push("input.logical");
  if (input.get(2n) !== total(counts.map((one) => one.input.get(2n)))) faults.push("input.cached");
  const writes = sumMaps(counts.map((one) => one.input.get(4n)));
  if (!sameValue(input.get(4n), writes)) faults.push("input.writes");
  if (output?.get(1n) !== total(outputs.map((one) => one.get(1n)))) faults.push("output.tokens");
  if (output?.get(2n) !== total(outputs.map((one) => one.get(2n)))) faults.push("output.reasoning");
  return faults;
}

/** Identity 8: the first field that breaks it. */
function faultOfSpan({ input, output, cache, client, units, models, span, time }) {
  if ([1n, 2n, 3n].some((label) => input.get(label) !== 0n) || input.has(4n)) return "input";
  if (output) return "output";
  if (cache) return "cache";
  if (client) return "client";
  if (!units || [...units.keys()].some((name) => !["container.seconds", "storage.token_seconds"].includes(name) && !isPrivate(name))) return "units";
  if (models) return "models";
  return span.get(2n) > time ? "span.end" : null;
}

/** Maps of counts, added up by key; undefined if there is none. */
function sumMaps(maps) {
  let total;
  for (const map of maps) {
    if (!map) continue;
    total ??= new Map();
    for (const [key, value] of map) total.set(key, (total.get(key) ?? 0n) + value);
  }
  return total;
}

/** Whether two values of claims are equal, whatever they are. */
function sameValue(a, b) {
  if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([key, value]) => b.has(key) && sameValue(value, b.get(key)));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return sameBytes(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, n) => sameValue(value, b[n]));
  return a === b;
}

// ---------------------------------------------------------------------------------------------------------------- Merkle trees (RFC 9162)

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const leafHash = (leaf) => sha256(concat(LEAF, leaf));
const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** The Merkle tree hash of digests. Pairing from the left, level by level, is the tree of RFC 9162. */
export async function merkleRoot(digests) {
  if (!digests.length) return sha256(new Uint8Array());
  let level = [];
  for (let n = 0; n < digests.length; n += CHUNK) level.push(...(await Promise.all(digests.slice(n, n + CHUNK).map(leafHash))));
  while (level.length > 1) {
    const above = [];
    for (let n = 0; n < level.length; n += 2 * CHUNK) {
      const pairs = [];
      for (let m = n; m < Math.min(n + 2 * CHUNK, level.length); m += 2) pairs.push(m + 1 < level.length ? nodeHash(level[m], level[m + 1]) : level[m]);
      above.push(...(await Promise.all(pairs)));
    }
    level = above;
  }
  return level[0];
}

/** Whether a path leads from a leaf to the root (RFC 9162, 2.1.3.2). */
export async function pathHolds(leaf, index, count, path, root) {
  let [fn, sn, hash] = [index, count - 1n, await leafHash(leaf)];
  for (const step of path) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      hash = await nodeHash(step, hash);
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else hash = await nodeHash(hash, step);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && sameBytes(hash, root);
}

// ---------------------------------------------------------------------------------------------------------------- steps 9 to 13, a batch

/** What one stream of an account is known to hold. */
class Stream {
  ids = new Map(); // digest by sequence, over all of the input
  highest = -1n;
  open = new Map(); // receipts since the last statement, by sequence, ascending
  broken = false;
}

class Account {
  streams = new Map();
  quantities = new Set(); // TTLs of writes and names of units (R-9.7)
  receipts = []; // all that were collected
  statements = []; // those of the input, each digest once, in its order
  unclosed = 0n; // receipts that no statement has followed yet
  firstUnclosed = null;

  constructor(issuer, account) {
    Object.assign(this, { issuer, account });
  }

  stream(name) {
    if (!this.streams.has(name)) this.streams.set(name, new Stream());
    return this.streams.get(name);
  }

  /** A statement clears what it was held against (R-10.1 too). */
  clear() {
    for (const stream of this.streams.values()) {
      stream.open = new Map();
      stream.broken = false;
    }
    this.unclosed = 0n;
    this.firstUnclosed = null;
  }
}

/** The state of one pass over a batch. */
class Batch {
  accounts = new Map();
  findings = new Findings();
  conflicts = [];
  items = 0;
  streams = 0;
  quantities = 0;
  lost = 0n; // items that may be receipts (R-10.2)
  lostRejected = 0;
  lostStatements = false; // an item was lost that was or may have been a statement (R-12.2)
  ended = false; // the reading ended early
  unchecked = 0; // signatures left out by R-5.3
  unprotected = 0;
  receipts = 0;
  statements = 0;
  observed = 0;

  constructor(options) {
    this.options = options;
  }

  account(claims) {
    const key = accountKey(claims);
    if (!this.accounts.has(key)) this.accounts.set(key, new Account(claims.issuer, claims.account));
    return this.accounts.get(key);
  }

  /** Steps 8 to 10 for an item that went through step 7. Whether reading goes on. */
  async take(one) {
    this.items++;
    if (one.unprotected) this.unprotected++;
    tellFaults(one, this.findings);
    if (one.unchecked) this.unchecked++;
    if (!one.lost && one.kind === RECEIPT) {
      checkIdentities(one, this.findings, this.options);
      if (!this.collect(one)) return this.end();
    } else if (!one.lost) await this.close(one);
    if (one.lost) this.countLost(one);
    return this.lostRejected < LIMITS.lost || this.end();
  }

  end() {
    this.ended = true;
    return false;
  }

  countLost(one) {
    if (one.kind !== STATEMENT) this.lost += 1n;
    if (one.kind !== RECEIPT) this.lostStatements = true;
    if (one.orderFault || isLostRejected(one)) this.lostRejected++;
  }

  /** Step 9 for one receipt. False: the input is too large (R-9.7). */
  collect(one) {
    const { claims } = one;
    const account = this.accounts.get(accountKey(claims));
    const stream = account?.streams.get(claims.stream);
    const fault = stream && orderFault(stream, one);
    if (fault) {
      this.findings.add(...fault, about(one));
      Object.assign(one, { lost: true, orderFault: true });
      return true;
    }
    if (!this.hasRoom(account, stream, claims)) {
      this.findings.add("input-too-large", "R-9.7", about(one));
      return false;
    }
    this.addReceipt(one);
    return true;
  }

  hasRoom(account, stream, claims) {
    const added = quantitiesOf(claims).filter((name) => !account?.quantities.has(name));
    if (this.quantities + added.length > LIMITS.quantities || (!stream && this.streams === LIMITS.streams)) return false;
    this.quantities += added.length;
    if (!stream) this.streams++;
    return true;
  }

  addReceipt(one) {
    const { claims } = one;
    const account = this.account(claims);
    const stream = account.stream(claims.stream);
    for (const name of quantitiesOf(claims)) account.quantities.add(name);
    const before = stream.open.get(claims.sequence - 1n);
    if (before && !sameBytes(before.digest, claims.previous)) {
      stream.broken = true;
      this.findings.add("chain-broken", "R-9.4", about(one, { field: "previous", expected: before.id, actual: hex(claims.previous) }));
    }
    if (before && claims.time < before.claims.time) this.findings.add("time-reversed", "R-9.5", about(one, { field: "time", expected: before.claims.time, actual: claims.time }));
    delete one.bytes;
    stream.ids.set(claims.sequence, one.id);
    stream.highest = claims.sequence;
    stream.open.set(claims.sequence, one);
    account.receipts.push(one);
    account.unclosed += 1n;
    account.firstUnclosed ??= one;
    this.receipts++;
    if (claims.source?.has(7n)) this.observed++;
  }

  /** Step 10 for one statement. */
  async close(one) {
    const account = this.account(one.claims);
    this.statements++;
    if (account.statements.some((other) => other.id === one.id)) this.findings.add("statement-duplicate", "R-10.1", about(one));
    else {
      const repeated = account.statements.some((other) => other.claims.number === one.claims.number);
      one.firsts = firstsOf(account, one.claims);
      account.statements.push(one);
      if (!repeated) await checkStatement(account, one, this.findings, this.lost);
    }
    account.clear();
  }
}

const quantitiesOf = ({ input, units }) => [...[...(input.get(4n)?.keys() ?? [])], ...(units?.keys() ?? [])];

/** R-9.1 to R-9.3: why a receipt is not above what was collected of its stream. */
function orderFault(stream, one) {
  const { sequence } = one.claims;
  if (sequence > stream.highest) return null;
  const there = stream.ids.get(sequence);
  if (there === undefined) return ["receipt-order", "R-9.3"];
  return there === one.id ? ["receipt-duplicate", "R-9.1"] : ["receipt-equivocation", "R-9.2"];
}

/** The receipts with which the streams of a statement begin, by stream (R-11.5). */
function firstsOf(account, { streams }) {
  return new Map(streams.map(({ stream, first }) => [stream, account.streams.get(stream)?.open.get(first)]));
}

// -- step 10

async function checkStatement(account, one, findings, lost) {
  const { claims } = one;
  const listed = new Map(claims.streams.map((entry) => [entry.stream, entry]));
  const held = claims.streams.map((entry) => listedReceipts(account.streams.get(entry.stream), entry));
  checkMissing(one, held, findings, lost);
  let beyond = false;
  for (const [name, stream] of account.streams) {
    if (!stream.open.size) continue;
    const runs = listed.has(name) ? runsBeyond(stream, listed.get(name)) : [[...stream.open.values()]];
    beyond ||= runs.length > 0;
    for (const run of runs) findings.add(...unstated(run, claims, listed.has(name)));
  }
  for (const { receipts } of held) checkTimes(receipts, claims, findings);
  for (const { entry, receipts, whole } of held) if (whole) await checkRoot(one, entry, receipts, findings);
  if (!beyond && held.every(({ whole }) => whole)) checkTotals(one, held.flatMap(({ receipts }) => receipts), findings);
}

/** The listed receipts of a stream, and whether they are all here and in one chain. */
function listedReceipts(stream, entry) {
  const end = entry.first + entry.count;
  const receipts = [...(stream?.open.values() ?? [])].filter(({ claims }) => claims.sequence >= entry.first && claims.sequence < end);
  return { entry, receipts, whole: BigInt(receipts.length) === entry.count && !stream.broken };
}

/** R-10.2, once for each run of sequences. */
function checkMissing(one, held, findings, lost) {
  const missing = sum(held.map(({ entry, receipts }) => entry.count - BigInt(receipts.length)));
  if (missing <= lost) return;
  for (const { entry, receipts } of held) {
    let due = entry.first;
    for (const next of [...receipts.map(({ claims }) => claims.sequence), entry.first + entry.count]) {
      if (next > due) findings.add("receipt-missing", "R-10.2", about(one, { stream: entry.stream, sequence: due, count: next - due }));
      due = next + 1n;
    }
  }
}

/** The receipts of a listed stream that are not listed, in runs of consecutive sequences on one side. */
function runsBeyond(stream, { first, count }) {
  const runs = [];
  let before = null;
  for (const one of stream.open.values()) {
    const { sequence } = one.claims;
    if (sequence >= first && sequence < first + count) continue;
    const side = sequence < first;
    if (before && before.sequence + 1n === sequence && before.side === side) runs.at(-1).push(one);
    else runs.push([one]);
    before = { sequence, side };
  }
  return runs;
}

/** R-10.3 to R-10.5. */
function unstated(run, { start, end }, isListed) {
  const within = run.some(({ claims }) => claims.time >= start && claims.time < end);
  const where = about(run[0], { count: BigInt(run.length) });
  if (!within) return ["receipt-uncovered", "R-10.5", where];
  return isListed ? ["receipt-unstated", "R-10.4", where] : ["stream-unstated", "R-10.3", where];
}

/** R-10.8. */
function checkTimes(receipts, { start, end }, findings) {
  const outside = receipts.find(({ claims }) => claims.time < start || claims.time >= end);
  if (outside) findings.add("time-outside-period", "R-10.8", about(outside, { field: "time", expected: `${start} to ${end}`, actual: outside.claims.time }));
}

/** R-10.6 and R-10.7. */
async function checkRoot(one, entry, receipts, findings) {
  const root = await merkleRoot(receipts.map((receipt) => receipt.digest));
  const head = receipts.at(-1);
  if (!sameBytes(root, entry.root)) findings.add("root-mismatch", "R-10.6", about(one, { stream: entry.stream, field: "root", expected: hex(root), actual: hex(entry.root) }));
  if (!sameBytes(head.digest, entry.head)) findings.add("head-mismatch", "R-10.7", about(one, { stream: entry.stream, field: "head", expected: head.id, actual: hex(entry.head) }));
}

/** R-10.9. */
function checkTotals(one, receipts, findings) {
  const expected = totalsOf(receipts.map(({ claims }) => claims));
  for (const [label, name] of TOTAL_NAMES) {
    if (!sameValue(expected.get(label), one.claims.totals.get(label))) findings.add("totals-mismatch", "R-10.9", about(one, { field: `totals.${name}`, expected: show(expected.get(label)), actual: show(one.claims.totals.get(label)) }));
  }
}

const TOTAL_NAMES = ["logical", "cached", "attributed", "writes", "output", "reasoning", "amounts", "units", "corrected", "corrections"].map((name, n) => [BigInt(n + 1), name]);

/** The totals of statement.md over the claims of receipts. */
function totalsOf(receipts) {
  const corrections = receipts.filter(({ corrects }) => corrects);
  const totals = sumsOf(receipts.filter(({ corrects }) => !corrects).map(billed));
  if (corrections.length) {
    totals.set(9n, sumsOf(corrections.map(({ corrects }) => billedBefore(corrects))));
    totals.set(10n, sumsOf(corrections.map(billed)));
  }
  return totals;
}

const billed = ({ input, output, units, charge }) => ({ input, output, units, currency: charge?.get(1n), amount: charge?.get(3n) });
const billedBefore = (corrects) => ({ input: corrects.get(2n), output: corrects.get(3n), units: corrects.get(4n), currency: corrects.get(5n), amount: corrects.get(6n) });

function sumsOf(parts) {
  const totals = new Map();
  const put = (label, total) => total !== undefined && totals.set(label, total);
  const count = (values) => {
    const stated = values.filter((value) => value !== undefined);
    return stated.length ? sum(stated) : undefined;
  };
  for (const label of [1n, 2n, 3n]) put(label, count(parts.map(({ input }) => input.get(label))));
  put(4n, sumMaps(parts.map(({ input }) => input.get(4n))));
  put(5n, count(parts.map(({ output }) => output?.get(1n))));
  put(6n, count(parts.map(({ output }) => output?.get(2n))));
  const amounts = sumMaps(parts.map(({ currency: code, amount }) => code && new Map([[code, amount]])));
  if (amounts) put(7n, new Map([...amounts].map(([code, amount]) => [code, [amount / PICOUNITS, amount % PICOUNITS]])));
  put(8n, sumMaps(parts.map(({ units }) => units)));
  return totals;
}

/** A value of claims in words. */
function show(value) {
  if (value === undefined) return "absent";
  if (value instanceof Map) return `{${[...value].map(([key, one]) => `${key}: ${show(one)}`).join(", ")}}`;
  if (value instanceof Uint8Array) return hex(value);
  return Array.isArray(value) ? `[${value.map(show).join(", ")}]` : String(value);
}

// -- step 9, what needs all receipts: corrections and requests

/** R-9.6 and R-9.8 to R-9.10; notes in `corrected` the ids of receipts that another one corrects. */
function checkRequests(account, findings) {
  const byId = new Map(account.receipts.map((one) => [one.id, one]));
  const requests = new Set();
  const corrections = new Set();
  account.corrected = new Set();
  for (const one of account.receipts) {
    const { corrects, request } = one.claims;
    const named = corrects && hex(corrects.get(1n));
    const target = byId.get(named);
    const aside = corrects && !one.valid && target?.valid;
    if (!corrects || (one.valid && !target)) {
      if (requests.has(request)) findings.add("request-duplicate", "R-9.6", about(one, { field: "request", actual: request }));
      requests.add(request);
    }
    if (!corrects || aside) continue;
    if (corrections.has(named)) findings.add("correction-repeated", "R-9.8", about(one, { field: "corrects.receipt", actual: named }));
    corrections.add(named);
    account.corrected.add(named);
    if (!target) findings.addTogether("correction-unknown", "R-9.9", accountKey(one.claims), about(one, { field: "corrects.receipt", actual: named }));
    else checkCorrection(one, target, findings);
  }
}

/** R-9.10. */
function checkCorrection(one, target, findings) {
  const { claims } = one;
  const was = target.claims;
  const says = billedBefore(claims.corrects);
  const had = billed(was);
  const pairs = [
    ["request", was.request, claims.request], ["client", was.client, claims.client], ["span", was.span, claims.span],
    ["source.observed", was.source?.get(7n), claims.source?.get(7n)],
    ...["input", "output", "units", "currency", "amount"].map((name) => [`corrects.${name}`, had[name], says[name]]),
  ]; // prettier-ignore
  const wrong = pairs.find(([, expected, actual]) => !sameValue(expected, actual));
  if (wrong) findings.add("correction-differs", "R-9.10", about(one, { field: wrong[0], expected: show(wrong[1]), actual: show(wrong[2]) }));
}

// -- step 11

/** The statements of an account in the order of step 11: {claims, id, item (or not), ...}. */
function orderedStatements(account, known) {
  const here = new Set(account.statements.map((one) => one.id));
  const only = known.filter((one) => !here.has(one.id));
  const all = [...account.statements.map((one, n) => [one, 0, n, ""]), ...only.map((one) => [one, 1, 0, one.id])];
  all.sort(([a, x, n, i], [b, y, m, j]) => (a.claims.number === b.claims.number ? x - y || n - m || (i < j ? -1 : i > j ? 1 : 0) : a.claims.number < b.claims.number ? -1 : 1));
  return all.map(([one]) => one);
}

const inInput = (one) => one.number !== undefined;

/** A fault between two statements, unless both are only known. */
function tellBetween(findings, code, rule, earlier, later, details = {}) {
  const named = inInput(later) ? later : earlier;
  if (named && inInput(named)) findings.add(code, rule, about(named, details));
}

function groupByNumber(statements) {
  const groups = new Map();
  for (const one of statements) groups.set(one.claims.number, [...(groups.get(one.claims.number) ?? []), one]);
  return groups;
}

function checkChain(statements, findings, onlyProven = false) {
  const groups = groupByNumber(statements);
  for (const [number, [one, ...others]] of groups) {
    for (const other of others) tellBetween(findings, "statement-equivocation", "R-11.1", one, other, { number });
    const before = groups.get(number - 1n);
    for (const later of groups.get(number)) {
      if (before && !before.some((earlier) => sameBytes(earlier.digest, later.claims.previous))) tellBetween(findings, "statement-chain-broken", "R-11.2", before[0], later, { field: "previous" });
    }
  }
  const line = [...groups.values()].map(([one]) => one);
  checkPeriods(line, findings, onlyProven);
  if (onlyProven) return;
  checkFirsts(line, findings);
  const at = new Set(groups.keys());
  const firsts = line.filter(inInput);
  for (let n = 1; n < firsts.length; n++) {
    const [earlier, later] = [firsts[n - 1], firsts[n]];
    if (!allAtHand(at, earlier.claims.number, later.claims.number)) findings.add("statement-gap", "R-11.6", about(later, { expected: earlier.claims.number + 1n, actual: later.claims.number }));
  }
}

/** Whether every number between two is at hand. */
function allAtHand(numbers, from, to) {
  if (to - from > BigInt(numbers.size)) return false;
  for (let n = from + 1n; n < to; n++) if (!numbers.has(n)) return false;
  return true;
}

/** R-11.3 and R-11.4. */
function checkPeriods(line, findings, onlyProven) {
  const numbers = new Set(line.map((one) => one.claims.number));
  let regular = null;
  for (const one of line) {
    const { claims } = one;
    if (claims.number === 0n && claims.late && !onlyProven) tellBetween(findings, "period-gap", "R-11.4", null, one, { field: "kind" });
    if (regular) {
      const end = regular.claims.end;
      const details = { field: claims.late ? "end" : "start", expected: end, actual: claims.late ? claims.end : claims.start };
      if (!claims.late && claims.start < end) tellBetween(findings, "statement-rollback", "R-11.3", regular, one, details);
      const gap = claims.late ? claims.end > end : claims.start > end;
      if (gap && !onlyProven && allAtHand(numbers, regular.claims.number, claims.number)) tellBetween(findings, "period-gap", "R-11.4", regular, one, details);
    }
    if (!claims.late) regular = one;
  }
}

/** R-11.5. */
function checkFirsts(line, findings) {
  const numbers = new Set(line.map((one) => one.claims.number));
  const last = new Map(); // of each stream: the statement of its last appearance, its end and head
  for (const one of line) {
    for (const entry of one.claims.streams) {
      const before = last.get(entry.stream);
      const next = before ? before.next : 0n;
      const whole = before ? allAtHand(numbers, before.one.claims.number, one.claims.number) : allAtHand(numbers, -1n, one.claims.number);
      const receipt = one.firsts?.get(entry.stream);
      const wrong = whole ? entry.first !== next : before && entry.first < next;
      const unlinked = before && entry.first === next && receipt && !sameBytes(receipt.claims.previous, before.head);
      if (wrong) tellBetween(findings, "first-mismatch", "R-11.5", before?.one, one, { stream: entry.stream, field: "first", expected: next, actual: entry.first });
      else if (unlinked) tellBetween(findings, "first-mismatch", "R-11.5", before.one, one, { stream: entry.stream, field: "previous", expected: hex(before.head), actual: hex(receipt.claims.previous) });
      last.set(entry.stream, { one, next: entry.first + entry.count, head: entry.head });
    }
  }
}

// -- step 12

function checkCompleteness(batch, known) {
  const { findings, options } = batch;
  const accounts = [...batch.accounts.values()];
  const whole = !batch.lostStatements && !batch.ended;
  if (!batch.items && !batch.ended) findings.add("batch-empty", "R-12.1");
  if (whole) {
    for (const account of accounts) {
      if (account.firstUnclosed) findings.add("statement-missing", "R-12.2", about(account.firstUnclosed, { count: account.unclosed }));
      if (options.period) checkCovered(account, options.period, findings);
    }
    if (options.account !== undefined && !accounts.length) findings.add("statement-missing", "R-12.2", { account: options.account });
  }
  for (const account of accounts) checkReplayed(account, known.filter((one) => accountKey(one.claims) === accountKey(account)), options.period, findings);
}

/** R-12.3. */
function checkCovered(account, [from, to], findings) {
  const periods = account.statements.filter((one) => !one.claims.late).map(({ claims }) => [claims.start, claims.end]);
  periods.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  let at = from;
  for (const [start, end] of [...periods, [to, to]]) {
    const stop = start < to ? start : to;
    if (stop > at) findings.add("period-uncovered", "R-12.3", { issuer: account.issuer, account: account.account, field: "period", expected: `${at} to ${stop}` });
    if (end > at) at = end;
  }
}

/** R-12.4. */
function checkReplayed(account, known, period, findings) {
  if (!account.statements.length) return;
  const highest = account.statements.reduce((best, one) => (one.claims.number > best.claims.number ? one : best));
  const here = new Set(account.statements.map((one) => one.id));
  const later = known.some(({ id, claims }) => {
    if (here.has(id)) return false;
    return period ? claims.late && claims.start < period[1] && claims.end > period[0] : claims.number > highest.claims.number;
  });
  if (later) findings.add("statement-replayed", "R-12.4", about(highest));
}

// -- step 13

const KEYED = new Set(["tokens-hmac-sha256", "text-hmac-sha256"]);
const isVllm = (recipe) => /^vllm-sha256-cbor;block=0*[1-9][0-9]*;seed=/.test(recipe);

function checkCacheIds(accounts, findings) {
  const conflicts = new Map();
  const shared = new Map();
  const told = new Set();
  const tell = (key, finding) => {
    if (told.has(finding[0] + key)) return;
    told.add(finding[0] + key);
    findings.add(...finding);
  };
  for (const one of lastWords(accounts)) {
    for (const entry of entriesOf(one.claims.cache)) {
      const [recipe, id, prefix] = [entry.get(1n), hex(entry.get(2n)), entry.get(3n)];
      const own = JSON.stringify([one.claims.issuer, recipe, id]);
      const seen = conflicts.get(own);
      if (!seen) conflicts.set(own, { prefix, model: one.claims.model });
      else if (seen.prefix !== prefix || (seen.model !== one.claims.model && !isVllm(recipe))) tell(own, ["cache-id-conflict", "R-13.1", about(one, { field: "cache", actual: id })]);
      if (!KEYED.has(recipe)) continue;
      const any = JSON.stringify([recipe, id]);
      if (!shared.has(any)) shared.set(any, one.claims.account);
      else if (shared.get(any) !== one.claims.account) tell(any, ["cache-id-shared", "R-13.2", about(one, { field: "cache", actual: id })]);
    }
  }
}

function entriesOf(cache) {
  if (!cache) return [];
  return [...(cache.has(1n) ? [cache.get(1n)] : []), ...(cache.get(2n) ?? []), ...(cache.get(3n) ?? [])];
}

/** The collected receipts that no other one corrects, in the order of the input, corrections last. */
function lastWords(accounts) {
  const all = accounts.flatMap((account) => account.receipts.filter((one) => !account.corrected.has(one.id) && one.claims.cache));
  return all.sort((a, b) => !!a.claims.corrects - !!b.claims.corrects || a.number - b.number);
}

// ---------------------------------------------------------------------------------------------------------------- a batch

async function verifyBatch(files, options, sealed) {
  const batch = new Batch(options);
  const reading = readItems(files);
  const total = files.reduce((size, file) => size + file.bytes.length, 0);
  let passed = 0;
  let number = 0;
  for (let goes = true; goes && !batch.ended; ) {
    const chunk = [];
    for (let next; chunk.length < CHUNK && !(next = reading.next()).done; ) chunk.push({ ...next.value, number: number++ });
    if (!chunk.length) break;
    const checked = await Promise.all(chunk.map((item) => (item.fault ? item : checkItem(item, options, { sealed }))));
    for (const one of checked) {
      if (one.fault) {
        batch.findings.add(one.fault.code, one.fault.rule, { item: one.number, file: one.file, ...one.fault.details, offset: one.offset });
        batch.end();
      } else goes = await batch.take(one);
      if (!goes || batch.ended) break;
    }
    passed += chunk.reduce((size, item) => size + (item.fault ? 0 : item.end - item.offset), 0);
    options.progress?.(passed, total);
  }
  await finish(batch);
  return batch;
}

/** What needs the whole input: the rest of step 9, and steps 11 to 13. */
async function finish(batch) {
  const { findings, options } = batch;
  const known = await knownStatements(options);
  const accounts = [...batch.accounts.values()];
  for (const account of accounts) checkRequests(account, findings);
  for (const account of accounts) checkChain(orderedStatements(account, known.filter((one) => accountKey(one.claims) === accountKey(account))), findings);
  checkCompleteness(batch, known);
  checkCacheIds(accounts, findings);
}

/** Known statements of a previous batch: those that come through steps 1 to 7 without a finding. */
async function knownStatements(options) {
  const found = new Map();
  for (const bytes of options.known) {
    for (const item of readItems([{ name: "known", bytes }])) {
      const one = item.fault ? null : await checkItem(item, options);
      if (one?.kind === STATEMENT && one.valid) found.set(one.id, { claims: one.claims, id: one.id, digest: one.digest });
    }
  }
  return [...found.values()];
}

// ---------------------------------------------------------------------------------------------------------------- proofs, equivocations

/** {receipt, path, statement} of a proof at an offset, as bytes. A fault of R-16.1 is thrown. */
function readProof(bytes, start) {
  const head = readHead(bytes, start);
  if (head.type !== ARRAY || head.value !== 3) throw new Fault("envelope-invalid", "R-16.1", { field: "proof" });
  const afterReceipt = endOfItem(bytes, head.next);
  const receipt = bytes.subarray(head.next, afterReceipt);
  const { path, next } = readPath(bytes, afterReceipt);
  const end = endOfItem(bytes, next);
  return { receipt: { bytes: receipt, offset: head.next }, path, statement: { bytes: bytes.subarray(next, end), offset: next }, end };
}

function readPath(bytes, start) {
  const wrong = () => new Fault("envelope-invalid", "R-16.1", { field: "path" });
  const list = readHead(bytes, start);
  if (list.type !== ARRAY || list.value > LIMITS.path) throw wrong();
  const path = [];
  let at = list.next;
  for (let n = 0; n < list.value; n++) {
    const head = readHead(bytes, at);
    if (head.type !== BYTES || Number(head.value) > bytes.length - head.next) throw wrong();
    path.push(bytes.subarray(head.next, head.next + head.value));
    at = head.next + head.value;
  }
  return { path, next: at };
}

/** R-16.2 to R-16.4 between the two items of a proof. False ends the work. */
async function checkProof(receipt, statement, path, findings, number, rule = (own) => own) {
  if (receipt.kind === STATEMENT || statement.kind === RECEIPT) {
    findings.add("envelope-invalid", rule("R-16.2"), about(receipt, { item: 0 }));
    return false;
  }
  if (receipt.lost || statement.lost) return true;
  const [claims, closing] = [receipt.claims, statement.claims];
  const entry = closing.streams.find(({ stream }) => stream === claims.stream);
  const listed = entry && claims.sequence >= entry.first && claims.sequence < entry.first + entry.count;
  const wrong = proofFault(claims, closing, entry, listed);
  if (wrong) {
    findings.add("proof-mismatch", rule("R-16.3"), about(receipt, { item: number, field: wrong }));
    return false;
  }
  const holds = path.every((step) => step.length === 32) && (await pathHolds(receipt.digest, claims.sequence - entry.first, entry.count, path, entry.root));
  if (!holds) findings.add("path-invalid", rule("R-16.4"), about(receipt, { item: number, field: "path" }));
  return holds;
}

function proofFault(claims, closing, entry, listed) {
  if (claims.issuer !== closing.issuer) return "issuer";
  if (claims.account !== closing.account) return "account";
  if (!entry) return "stream";
  if (!listed) return "sequence";
  return claims.time < closing.start || claims.time >= closing.end ? "time" : null;
}

async function verifyContainer(file, options, subject) {
  const container = { subject, findings: new Findings(), objects: [] };
  try {
    if (file.bytes.length > LIMITS.container) throw new Fault("item-too-large", "R-16.1");
    await (subject === "proof" ? verifyProof : verifyEquivocation)(file, options, container);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    container.findings.add(fault.code, subject === "proof" ? "R-16.1" : "R-17.1", { item: 0, file: file.name, ...fault.details });
  }
  if (options.period) container.findings.add("period-uncovered", subject === "proof" ? "R-16.6" : "R-17.5", { field: "period" });
  return container;
}

function noMore(bytes, end) {
  if (end !== bytes.length) throw new Fault("item-malformed", "R-16.1", { offset: end });
}

async function verifyProof(file, options, { findings, objects }) {
  const { receipt: first, path, statement: second, end } = readProof(file.bytes, 0);
  noMore(file.bytes, end);
  const receipt = await checkItem({ ...first, file: file.name, number: 0 }, options);
  const statement = await checkItem({ ...second, file: file.name, number: 1 }, options);
  objects.push(receipt, statement);
  for (const one of objects) {
    tellFaults(one, findings);
    if (!one.lost && one.kind === RECEIPT) checkIdentities(one, findings, options);
  }
  const goes = await checkProof(receipt, statement, path, findings, 0);
  if (!goes && (receipt.kind === STATEMENT || statement.kind === RECEIPT)) return;
  if (statement.valid) await checkAgainstKnown(statement, options, findings);
}

/** R-16.5. */
async function checkAgainstKnown(statement, options, findings) {
  const known = (await knownStatements(options)).filter((one) => accountKey(one.claims) === accountKey(statement.claims));
  checkChain(orderedStatements({ statements: [statement] }, known), findings, true);
}

async function verifyEquivocation(file, options, { findings, objects }) {
  const { bytes } = file;
  let at = 1;
  const witnesses = [];
  for (let number = 0; number < 2; number++) {
    const head = readHead(bytes, at);
    const proof = head.type === ARRAY && head.value === 3 ? readProof(bytes, at) : null;
    const end = proof ? proof.end : endOfItem(bytes, at);
    witnesses.push(proof ?? { bytes: bytes.subarray(at, end), offset: at });
    at = end;
  }
  noMore(bytes, at);
  for (let number = 0; number < 2; number++) objects.push(await checkWitness(witnesses[number], file.name, number, options, findings));
  const [a, b] = objects;
  if (a.lost || b.lost) return;
  if (compareBytes(a.digest, b.digest) > 0) findings.add("envelope-invalid", "R-17.3", about(a, { field: "order" }));
  else if (!conflictOf(a, b)) findings.add("conflict-unproven", "R-17.4", about(a));
}

/** R-17.2: a signed object, or a proof that stands for its receipt. */
async function checkWitness(witness, file, number, options, findings) {
  const isProof = witness.path !== undefined;
  const one = await checkItem({ ...(isProof ? witness.receipt : witness), file, number }, options, { ownSignature: !isProof });
  tellFaults(one, findings);
  if (!isProof) return one;
  const statement = await checkItem({ ...witness.statement, file, number }, options);
  tellFaults(statement, findings);
  const holds = await checkProof(one, statement, witness.path, findings, number, () => "R-17.2");
  one.lost ||= statement.lost || !holds;
  return one;
}

/** Which of the conflicts of statement.md two objects prove, from 1; 0 for none. */
function conflictOf(a, b) {
  if (a.kind !== b.kind || accountKey(a.claims) !== accountKey(b.claims) || a.id === b.id) return 0;
  if (a.kind === RECEIPT) return conflictOfReceipts(a.claims, b.claims);
  const [earlier, later] = a.claims.number <= b.claims.number ? [a, b] : [b, a];
  if (earlier.claims.number === later.claims.number) return 2;
  if (later.claims.number === earlier.claims.number + 1n && !sameBytes(later.claims.previous, earlier.digest)) return 3;
  return !earlier.claims.late && !later.claims.late && later.claims.start < earlier.claims.end ? 4 : 0;
}

function conflictOfReceipts(a, b) {
  if (a.stream === b.stream && a.sequence === b.sequence) return 1;
  if (a.corrects && b.corrects) return sameBytes(a.corrects.get(1n), b.corrects.get(1n)) ? 5 : 0;
  return a.request === b.request && !a.corrects && !b.corrects ? 1 : 0;
}

// ---------------------------------------------------------------------------------------------------------------- the whole

/** What a file, alone, is: R-0.1. */
export function subjectOf(files) {
  for (const { name, bytes } of files) {
    if (bytes.length && bytes[0] !== 0x82 && bytes[0] !== 0x83) throw new InputError(`${name} is neither a batch, nor a proof, nor an equivocation`);
  }
  if (files.length !== 1 || !files[0].bytes.length) return "batch";
  const [first, second] = files[0].bytes;
  if (first === 0x83) return "proof";
  return second === 0x82 || second === 0x83 ? "equivocation" : "batch";
}

/**
 * Verify a batch (one file or more), a proof or an equivocation.
 *
 * @param {{name: string, bytes: Uint8Array}[]} files in the order of the input
 * @param {object} options
 *   keys: what `readKeys` gave; account: the expected account name; period: [start, end] in ms, BigInts, end exclusive;
 *   known: bytes of earlier statements, or of batches with them; requireCacheId; observers: issuers;
 *   signatures: "every" or "statement"; progress: called with bytes done and of how many.
 * @returns {Promise<object>} subject, verdict, findings, and what was read
 * @throws {InputError} there is no verdict (R-0.1)
 */
export async function verify(files, options) {
  const policy = { known: [], requireCacheId: false, signatures: "every", ...options, observers: new Set(options.observers ?? []) };
  if (policy.period && policy.period[0] >= policy.period[1]) throw new InputError("the period ends before it begins");
  const subject = subjectOf(files);
  if (subject !== "batch") return reportOf(await verifyContainer(files[0], policy, subject), subject);
  const sealed = policy.signatures === "statement";
  let batch = await verifyBatch(files, policy, sealed);
  if (sealed && batch.findings.list.length) batch = await verifyBatch(files, policy, false);
  return reportOf(batch, subject);
}

/** R-15.1, and what the page shows. */
function reportOf(found, subject) {
  const findings = found.findings.sorted();
  const rejected = findings.some(({ severity }) => severity === "rejected");
  const verdict = rejected ? "rejected" : findings.length ? "incomplete" : "verified";
  if (subject !== "batch") return { subject, verdict, findings, objects: found.objects.map(objectOf) };
  return {
    subject, verdict, findings, items: found.items, receipts: found.receipts, statements: found.statements, observed: found.observed,
    signaturesLeftOut: found.unchecked, unprotected: found.unprotected, endedEarly: found.ended, accounts: [...found.accounts.values()].map(accountOf),
  }; // prettier-ignore
}

function accountOf({ issuer, account, receipts, streams, statements }) {
  const listed = statements.map(({ claims, id }) => ({ number: claims.number, start: claims.start, end: claims.end, late: claims.late, id }));
  return { issuer, account, receipts: receipts.length, streams: streams.size, statements: listed, totals: totalsOf(receipts.map(({ claims }) => claims)) };
}

function objectOf({ kind, kid, id, claims, lost }) {
  return { kind, kid, digest: id, lost, issuer: claims?.issuer, account: claims?.account, stream: claims?.stream, sequence: claims?.sequence, number: claims?.number };
}
