// Step 6: the claims of receipts and of statements.

import { compareTexts } from "./bytes.js";
import { arrayOf, bstr, currency, digest, exactly, first, inside, instant, mapOf, periodEnd, positive, struct, text, uint, wrongField } from "./schema.js";
import { unitOfClass, unitMap } from "./units.js";

const VERSION = exactly([1n], "1");
const WRITES = mapOf(uint(), uint(), 1, 16);
const INPUT = struct({ 1: ["logical", uint(), true], 2: ["cached", uint()], 3: ["attributed", uint(), (input) => input.has(2n)], 4: ["writes", WRITES] });
const OUTPUT = struct({ 1: ["tokens", uint(), true], 2: ["reasoning", uint()] });
const UNITS = unitMap(64);
const TERMS = mapOf(text(), text(), 1, 16);
const ENTRY = struct({ 1: ["recipe", text(), true], 2: ["id", bstr(1, 64), true], 3: ["prefix", positive, true] });
const ENTRIES = arrayOf(ENTRY, 1, 64);
const ENTRIES_OF_CACHE = struct({ 1: ["read", ENTRY], 2: ["writes", ENTRIES], 3: ["commitments", ENTRIES] });
const CACHE = (value, path) => (value instanceof Map && !value.size ? wrongField(path, "at least one field", value) : ENTRIES_OF_CACHE(value, path));

const SOURCE = struct(
  { 1: ["provider", text(), true], 2: ["api", text(), true], 3: ["usage", digest], 4: ["tier", text()], 5: ["miss", text()], 6: ["terms", TERMS], 7: ["observed", VERSION] },
  (source, path) => (source.has(7n) && !source.has(3n) ? wrongField(inside(path, "usage"), "this field where observed is") : null),
); // prettier-ignore

const LINE = struct(
  {
    1: ["class", uint(0n, 4n, "a class, 0 to 4"), true], 2: ["ttl", uint(), (line) => line.get(1n) === 2n], 3: ["quantity", uint(), true], 4: ["rate", uint(), true],
    5: ["amount", uint(), true], 6: ["unit", text(), (line) => line.get(1n) === 4n || undefined], 7: ["per", uint()], 8: ["model", text()],
  },
  (line, path) => {
    const [kind, rate, unit, per] = [1n, 4n, 6n, 7n].map((label) => line.get(label));
    if (!unitOfClass(kind, unit)) return wrongField(inside(path, "unit"), `a unit that class ${kind} prices apart`, unit);
    const isReduced = per === undefined || (per > 1n && gcd(per, rate) === 1n);
    return isReduced ? null : wrongField(inside(path, "per"), `2 or more, with no divisor of the rate, ${rate}`, per);
  },
); // prettier-ignore

const CHARGE = struct({ 1: ["currency", currency, true], 2: ["card", digest, true], 3: ["amount", uint(), true], 4: ["lines", arrayOf(LINE, 1, 64), true] });
const MODEL = struct({ 1: ["input", INPUT, true], 2: ["output", OUTPUT] });

const SPAN = struct({ 1: ["start", instant, true], 2: ["end", periodEnd, true] }, (span, path) =>
  span.get(2n) > span.get(1n) ? null : wrongField(inside(path, "end"), `more than start, ${span.get(1n)}`, span.get(2n)),
);

const CORRECTS = struct(
  { 1: ["receipt", digest, true], 2: ["input", INPUT, true], 3: ["output", OUTPUT], 4: ["units", UNITS], 5: ["currency", currency], 6: ["amount", uint(), (corrects) => corrects.has(5n)] },
); // prettier-ignore

export const RECEIPT_CLAIMS = struct(
  {
    1: ["version", VERSION, true], 2: ["issuer", text(), true], 3: ["account", text(), true], 4: ["stream", text(), true], 5: ["sequence", uint(), true],
    6: ["previous", digest, (claims) => claims.get(5n) !== 0n], 7: ["time", instant, true], 8: ["request", text(), true], 9: ["model", text(), true],
    10: ["input", INPUT, true], 11: ["output", OUTPUT], 12: ["cache", CACHE], 13: ["source", SOURCE], 14: ["charge", CHARGE],
    15: ["tags", mapOf(text(), text(0), 1, 64)], 16: ["client", bstr(1, 64)], 17: ["units", UNITS], 18: ["models", mapOf(text(), MODEL, 2, 16)],
    19: ["span", SPAN], 20: ["corrects", CORRECTS],
  },
  (claims) => faultOfLines(claims) ?? faultOfObserver(claims),
); // prettier-ignore

/** A line says whose tokens it prices if and only if several models made the response. */
function faultOfLines(claims) {
  const models = claims.get(18n);
  return first(claims.get(14n)?.get(4n) ?? [], (line, n) => {
    const model = line.get(8n);
    if (models ? models.has(model) : model === undefined) return null;
    return wrongField(`charge.lines.${n}.model`, models ? "one of the models" : "nothing without claim 18", model);
  });
}

/** An observer bills nothing, and sees calls only. */
function faultOfObserver(claims) {
  if (!claims.get(13n)?.has(7n)) return null;
  const field = claims.has(14n) ? "charge" : claims.has(19n) ? "span" : null;
  return field && wrongField(field, "nothing where source.observed is", "something");
}

export const PICOUNITS = 10n ** 12n;
const PART_OF_AMOUNT = uint(0n, PICOUNITS - 1n, "picounits less than 1e12");
const AMOUNT = (value, path) => {
  if (!Array.isArray(value) || value.length !== 2) return wrongField(path, "[units, picounits]", value);
  return first(value, (one) => uint()(one, path)) ?? PART_OF_AMOUNT(value[1], path);
};

const SUMS = {
  1: ["logical", uint()], 2: ["cached", uint()], 3: ["attributed", uint()], 4: ["writes", mapOf(uint(), uint(), 1, 65536)], 5: ["output", uint()],
  6: ["reasoning", uint()], 7: ["amounts", mapOf(currency, AMOUNT, 1, Infinity)], 8: ["units", unitMap(16384)],
}; // prettier-ignore

const INNER_TOTALS = struct(SUMS, undefined, { 9: "corrected", 10: "corrections" });
const TOTALS = struct({ ...SUMS, 9: ["corrected", INNER_TOTALS], 10: ["corrections", INNER_TOTALS, (totals) => totals.has(9n)] });
const STREAM = struct({ 1: ["stream", text(), true], 2: ["first", uint(), true], 3: ["count", positive, true], 4: ["root", digest, true], 5: ["head", digest, true] });

const LISTED_STREAMS = arrayOf(STREAM, 0, 65536);
const STREAMS = (value, path) => LISTED_STREAMS(value, path) ?? faultOfOrder(value.map((entry) => entry.get(1n)), path);
const END = (value, path, claims) => periodEnd(value, path) ?? (value > claims.get(6n) ? null : wrongField(path, `more than start, ${claims.get(6n)}`, value));

export const STATEMENT_CLAIMS = struct({
  1: ["version", VERSION, true], 2: ["issuer", text(), true], 3: ["account", text(), true], 4: ["number", uint(), true],
  5: ["previous", digest, (claims) => claims.get(4n) !== 0n], 6: ["start", instant, true], 7: ["end", END, true],
  8: ["kind", exactly([0n, 1n], "0 (regular) or 1 (late)"), true], 9: ["streams", STREAMS, true], 10: ["totals", TOTALS, true],
}); // prettier-ignore

function faultOfOrder(names, path) {
  const at = names.findIndex((name, n) => n && compareTexts(names[n - 1], name) >= 0);
  return at < 0 ? null : wrongField(path, `streams in ascending order, after '${names[at - 1]}'`, names[at]);
}

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
