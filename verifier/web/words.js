// How a report words numbers, times and values of claims. spec/report-words.md.

import { compareTexts, hex } from "./bytes.js";
import { YEAR_10000 } from "./limits.js";
import { TOTAL_NAMES } from "./totals.js";

const DAY_IN_MS = 86400000n;

/** A count with its noun: 1 receipt, 2,000 receipts. */
export const plural = (count, noun) => `${String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")} ${noun}${BigInt(count) === 1n ? "" : "s"}`;

/** A time in ms as RFC 3339 text; only the day, if it is midnight. */
export function showInstant(ms) {
  if (ms >= YEAR_10000) return "10000-01-01";
  const text = new Date(Number(ms)).toISOString();
  return ms % DAY_IN_MS === 0n ? text.slice(0, 10) : ms % 1000n === 0n ? text.replace(".000Z", "Z") : text;
}

/** A period: a month, a day, or both of its ends. */
export function showPeriod(start, end) {
  const day = showInstant(start);
  if (day.length === 10 && end === start + DAY_IN_MS && start < YEAR_10000) return day;
  if (day.length === 10 && day.endsWith("-01") && end === monthAfter(start)) return day.slice(0, 7);
  return `${day}/${showInstant(end)}`;
}

function monthAfter(start) {
  const date = new Date(Number(start));
  return BigInt(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1));
}

/** What a finding says of a field that is not what it should be. */
export const unequal = (field, expected, actual) => ({ field, expected, actual, message: `${field}: expected ${expected}, found ${actual}` });

export const sequences = (begin, end) => (end === begin + 1n ? `sequence ${begin}` : `sequences ${begin} to ${end - 1n}`);

/** A value of claims: a count, a text, bytes, or a map of counts. */
export function shown(value) {
  if (value === undefined) return "nothing";
  if (value instanceof Uint8Array) return hex(value);
  if (!(value instanceof Map)) return String(value);
  const names = [...value.keys()].sort((a, b) => (typeof a === "string" ? compareTexts(a, b) : a < b ? -1 : 1));
  return `{${names.map((name) => `${name}: ${shown(value.get(name))}`).join(", ")}}`;
}

export const shownSpan = (span) => (span === undefined ? "nothing" : `${span.get(1n)} to ${span.get(2n)}`);

/** A total of a statement by its label: amounts are in picounits. */
export function shownTotal(label, value) {
  if (value === undefined || label < 7n || label === 8n) return shown(value);
  if (label === 7n) return shown(picounits(value));
  const inner = [...value.keys()].sort((a, b) => (a < b ? -1 : 1));
  return `{${inner.map((one) => `${TOTAL_NAMES[Number(one) - 1][1]}: ${shownTotal(one, value.get(one))}`).join(", ")}}`;
}

export const picounits = (amounts) => new Map([...amounts].map(([currency, [units, parts]]) => [currency, units * 10n ** 12n + parts]));
