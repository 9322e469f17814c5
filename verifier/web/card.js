// Rate cards (spec/rate-card.md): which bytes are one, and which of its rows a request has.

import { hex, sha256 } from "./bytes.js";
import { decodeContent, endOfItem } from "./cbor.js";
import { gcd } from "./claims.js";
import { kidOf, readEnvelope } from "./envelope.js";
import { Fault, InputError } from "./faults.js";
import { arrayOf, currency, exactly, first, inside, mapOf, struct, text, uint, wrongField } from "./schema.js";
import { CACHED_PARTS, INPUT_PARTS, OUTPUT_PARTS, isBeside } from "./units.js";

const CARD_LIMITS = { content: 4194304, items: 1500000, rows: 16384, together: 128 };
const DAY = 86400000n;
const LAST_DAY = 2932896n;
const PARTS = new Set([...INPUT_PARTS, ...CACHED_PARTS, ...OUTPUT_PARTS, "reasoning"]);
const ALWAYS = [0n, 1440n];
const EVERY_DAY = 0b1111111;

// ---------------------------------------------------------------------------------------------------------------- claims of a card

const two = (least, most, also, expected) => (value, path) => {
  if (!Array.isArray(value) || value.length !== 2) return wrongField(path, "an array of two", value);
  const isRight = ([a, b]) => [a, b].every((one) => one >= least && (most === undefined || one <= most)) && also(a, b);
  return first(value, (one) => uint()(one, path)) ?? (isRight(value) ? null : wrongField(path, expected, value));
};
const namedBy = (check, isName, expected) => (value, path) => {
  return mapOf(text(), check, 1, 64)(value, path) ?? first([...value.keys()], (name) => (isName(name) ? null : wrongField(`${path}.${name}`, expected, name)));
};
const day = uint(0n, LAST_DAY, `days before the year 10000, less than ${LAST_DAY + 1n}`);
const RATE = two(0n, undefined, inLowestTerms, "a rate and for how many it is, in lowest terms");

const ROW = struct(
  {
    1: ["provider", text(), true], 2: ["model", text(), true], 3: ["aliases", arrayOf(text(), 1, 16)], 4: ["terms", mapOf(text(), text(), 1, 16)],
    5: ["from", day], 6: ["until", day], 7: ["above", uint()], 8: ["days", two(1n, 7n, () => true, "two weekdays, 1 to 7")],
    9: ["hours", two(0n, 1440n, (from, to) => from < to, "two minutes of a day, the second one later, at most 1440")], 10: ["input", uint()], 11: ["cached", uint()], 12: ["writes", mapOf(uint(), uint(), 1, 16)],
    13: ["output", uint()], 14: ["parts", namedBy(uint(), (name) => PARTS.has(name), "a part of the tokens")],
    15: ["units", namedBy(RATE, isBeside, "a unit beside the tokens")],
  },
  (row, path) => {
    const name = wrongOfRow(row);
    return name && wrongField(inside(path, name), "what the other fields of the row demand", "something else");
  },
); // prettier-ignore

function wrongOfRow(row) {
  const names = namesOf(row);
  if (new Set(names).size !== names.length) return "aliases";
  if (row.get(6n) <= row.get(5n)) return "until";
  const parts = [...(row.get(14n)?.keys() ?? [])];
  const some = (...fronts) => parts.some((name) => fronts.some((front) => name.startsWith(front)));
  if ((row.has(11n) || row.has(12n) || some("input.", "cached.")) && !row.has(10n)) return "input";
  if (some("cached.") && !row.has(11n)) return "cached";
  return some("output.", "reasoning") && !row.has(13n) ? "output" : null;
}

const CARD_CLAIMS = struct({
  1: ["version", exactly([1n], "1"), true], 2: ["issuer", text(), true], 3: ["name", text(), true], 4: ["currency", currency, true],
  5: ["rows", arrayOf(pricedRow, 1, CARD_LIMITS.rows), true],
}); // prettier-ignore

function pricedRow(row, path) {
  return ROW(row, path) ?? ([10n, 13n, 15n].some((label) => row.has(label)) ? null : wrongField(path, "a rate for input, output or a unit"));
}

function inLowestTerms(rate, per) {
  return per > 0n && gcd(rate, per) === 1n;
}

const namesOf = (row) => [row.get(2n), ...(row.get(3n) ?? [])];

// ---------------------------------------------------------------------------------------------------------------- the signed object

/**
 * A rate card, from the bytes of its file. Its signature is not looked at: the receipt that names its digest is signed.
 * @returns {Promise<object>} id (its digest in hexadecimal), issuer, name, currency, rows; and for `rowFor` the rows by what they are for
 * @throws {InputError} the bytes are no rate card; `field` says what is wrong
 */
export async function readCard(bytes) {
  try {
    const content = contentOf(bytes);
    const claims = decodeContent(content, CARD_LIMITS.items);
    const wrong = CARD_CLAIMS(claims, "");
    if (wrong) throw refusedCard(wrong.field);
    const rows = claims.get(5n);
    return { id: hex(await sha256(content)), issuer: claims.get(2n), name: claims.get(3n), currency: claims.get(4n), rows, groups: groupsOf(rows) };
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    throw refusedCard(fault.details.field ?? "content");
  }
}

const refusedCard = (path) => {
  const field = path.replace(/\[(\d+)\]/g, ".$1");
  return Object.assign(new InputError(`the rate card is refused: ${field}`), { field });
};

function contentOf(bytes) {
  if (endOfItem(bytes, 0) !== bytes.length) throw refusedCard("envelope");
  const { content, header } = readEnvelope(bytes);
  if (!kidOf(header, "rate-card")) throw refusedCard("protected");
  if (content.length > CARD_LIMITS.content) throw refusedCard("content");
  return content;
}

// ---------------------------------------------------------------------------------------------------------------- rows that must not meet

const keyOf = (provider, model, terms) => JSON.stringify([provider, model, [...(terms ?? [])].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))]);
const hasWindow = (row) => row.has(8n) || row.has(9n);
const fromOf = (row) => row.get(5n) ?? -1n;
const untilOf = (row) => row.get(6n) ?? LAST_DAY + 1n;
const weekdayOf = (day) => Number((day + 3n) % 7n); // 1970-01-01 was a Thursday
const hoursOf = (row) => row.get(9n) ?? ALWAYS;

/** The weekdays of a row as bits, Monday first; they go over the end of the week. */
function weekdaysOf(row) {
  if (!row.has(8n)) return EVERY_DAY;
  const [from, to] = row.get(8n).map((day) => Number(day) - 1);
  let bits = 0;
  for (let day = from; ; day = (day + 1) % 7) {
    bits |= 1 << day;
    if (day === to) return bits;
  }
}

/** The rows of each provider, name of a model, and terms, with what "Selection" demands of them. */
function groupsOf(rows) {
  const groups = new Map();
  rows.forEach((row, number) => {
    for (const name of namesOf(row)) {
      const key = keyOf(row.get(1n), name, row.get(4n));
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push({ row, number });
    }
  });
  for (const group of groups.values()) checkGroup(group);
  return groups;
}

function checkGroup(group) {
  if (group.length > CARD_LIMITS.together) throw refusedCard(`rows[${group[CARD_LIMITS.together].number}]`);
  group.forEach((one, n) => {
    if (group.slice(0, n).some((other) => meet(one.row, other.row))) throw refusedCard(`rows[${one.number}]`);
  });
  const plain = group.filter(({ row }) => !row.has(7n) && !hasWindow(row));
  if (!plain.length) throw refusedCard(`rows[${group[0].number}]`);
  plain.sort((a, b) => (fromOf(a.row) < fromOf(b.row) ? -1 : 1));
  for (let n = 1; n < plain.length; n++) if (fromOf(plain[n].row) !== untilOf(plain[n - 1].row)) throw refusedCard(`rows[${plain[n].number}].from`);
  for (const { row, number } of group) {
    if (fromOf(row) < fromOf(plain[0].row)) throw refusedCard(`rows[${number}].from`);
    if (untilOf(row) > untilOf(plain.at(-1).row)) throw refusedCard(`rows[${number}].until`);
  }
}

/** Whether two rows of a group hold for one request. */
function meet(a, b) {
  if (a.get(7n) !== b.get(7n) || hasWindow(a) !== hasWindow(b)) return false;
  const [hours, others] = [hoursOf(a), hoursOf(b)];
  const begin = [fromOf(a), fromOf(b), 0n].reduce((latest, day) => (day > latest ? day : latest));
  const end = untilOf(a) < untilOf(b) ? untilOf(a) : untilOf(b);
  let days = 0;
  for (let day = begin; day < end && day < begin + 7n; day++) days |= 1 << weekdayOf(day);
  return !!(days & weekdaysOf(a) & weekdaysOf(b)) && hours[0] < others[1] && others[0] < hours[1];
}

// ---------------------------------------------------------------------------------------------------------------- selection

/**
 * The row of a request, or null.
 * @param {object} request provider, model, terms (13.6), tier (13.4), time (ms), logical
 */
export function rowFor(card, { provider, model, terms, tier, time, logical }) {
  const day = time / DAY;
  const onDay = (wanted) => (card.groups.get(keyOf(provider, model, wanted)) ?? []).map(({ row }) => row).filter((row) => fromOf(row) <= day && day < untilOf(row));
  const byTier = tier === undefined ? [] : onDay(new Map([...(terms ?? []), ["tier", tier]]));
  const rows = (byTier.length ? byTier : onDay(terms)).filter((row) => !(row.get(7n) >= logical) && holdsAt(row, time));
  return rows.reduce((best, row) => (best === null || isBefore(row, best) ? row : best), null);
}

function holdsAt(row, time) {
  const minute = (time % DAY) / 60000n;
  const [from, to] = hoursOf(row);
  return !!(weekdaysOf(row) & (1 << weekdayOf(time / DAY))) && from <= minute && minute < to;
}

/** The highest size wins, then a row with a window. */
function isBefore(a, b) {
  const [size, other] = [a.get(7n) ?? -1n, b.get(7n) ?? -1n];
  return size === other ? hasWindow(a) && !hasWindow(b) : size > other;
}
