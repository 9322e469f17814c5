// Step 6: the claims of receipts and of statements.

import { compareTexts } from "./bytes.js";
import { arrayOf, bstr, currency, digest, instant, mapOf, periodEnd, struct, text, uint } from "./schema.js";
import { unitName, unitOfClass } from "./units.js";

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

export const RECEIPT_CLAIMS = struct(
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

export const PICOUNITS = 10n ** 12n;
const AMOUNT = (value, path) => (Array.isArray(value) && value.length === 2 ? (uint()(value[0], path) ?? uint(0n, PICOUNITS - 1n)(value[1], path)) : path);

const SUMS = {
  1: ["logical", uint()], 2: ["cached", uint()], 3: ["attributed", uint()], 4: ["writes", mapOf(uint(), uint(), 1, 65536)], 5: ["output", uint()],
  6: ["reasoning", uint()], 7: ["amounts", mapOf(currency, AMOUNT, 1, Infinity)],
  8: ["units", mapOf(unitName, uint(), 1, 16384)],
}; // prettier-ignore

const TOTALS = struct({ ...SUMS, 9: ["corrected", struct(SUMS)], 10: ["corrections", struct(SUMS)] }, (totals) => (totals.has(9n) === totals.has(10n) ? null : "corrections"));
const STREAM = struct({ 1: ["stream", text(), true], 2: ["first", uint(), true], 3: ["count", uint(1n), true], 4: ["root", digest, true], 5: ["head", digest, true] });

export const STATEMENT_CLAIMS = struct(
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

export function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

/** A receipt under the names of spec/receipt.md. Maps inside keep their labels. */
export function receiptOf(claims) {
  const input = claims.get(10n);
  return {
    issuer: claims.get(2n), account: claims.get(3n), stream: claims.get(4n), sequence: claims.get(5n), previous: claims.get(6n),
    time: claims.get(7n), request: claims.get(8n), model: claims.get(9n), input, output: claims.get(11n), cache: claims.get(12n),
    source: claims.get(13n), charge: claims.get(14n), client: claims.get(16n), units: claims.get(17n), models: claims.get(18n),
    span: claims.get(19n), corrects: claims.get(20n),
  }; // prettier-ignore
}

export function statementOf(claims) {
  const streams = claims.get(9n).map((entry) => ({ stream: entry.get(1n), first: entry.get(2n), count: entry.get(3n), root: entry.get(4n), head: entry.get(5n) }));
  return {
    issuer: claims.get(2n), account: claims.get(3n), number: claims.get(4n), previous: claims.get(5n), start: claims.get(6n),
    end: claims.get(7n), late: claims.get(8n) === 1n, streams, totals: claims.get(10n),
  }; // prettier-ignore
}
