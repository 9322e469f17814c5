// The receipts against the customer's calls: R-14.1 to R-14.11, R-14.17, R-14.18 and R-14.21.

import { compareTexts, hex } from "./bytes.js";
import { DAY_MS, firstPlace, isClosed, isDue, windowOf } from "./calls.js";
import { differences, modelDifferences } from "./differences.js";
import { aboutStatement } from "./findings.js";
import { lastWordsIn } from "./last_words.js";
import { sum } from "./values.js";
import { plural, showPeriod, shownSpan } from "./words.js";

/**
 * The last words of an account: {one, claims, time, place}. `time` is that of the receipt that was corrected first, undefined where it is
 * not in the input; `first` is false for a further receipt of a request.
 */
export function lastWordsOf(account) {
  const words = lastWordsIn(account).map(({ one, origin, time }) => ({ one, claims: one.claims, time, place: (origin ?? one).number }));
  words.sort((a, b) => a.place - b.place || a.one.number - b.one.number);
  const seen = new Set();
  for (const word of words) {
    const kind = `${word.claims.span ? "span" : "call"} ${word.claims.request}`;
    word.first = !seen.has(kind);
    seen.add(kind);
  }
  return words;
}

/** The calls of the account, to be found by request id and by commitment. */
export class Calls {
  byRequest = new Map();
  byCommitment = new Map();

  constructor(calls) {
    this.all = calls;
    for (const call of calls) {
      if (call.request !== undefined) add(this.byRequest, call.request, call);
      if (call.commitment) add(this.byCommitment, hex(call.commitment), call);
    }
  }

  /** The lines that are the call of a receipt. */
  of({ request, client, span }) {
    const named = this.byRequest.get(request) ?? [];
    if (span) return named.filter(isOfSpan);
    const echoed = client ? (this.byCommitment.get(hex(client)) ?? []) : [];
    return named.length ? [...named, ...echoed.filter((call) => call.request === undefined)] : echoed;
  }
}

const isOfSpan = (call) => call.complete && call.units.size > 0 && call.path === undefined && call.logical === undefined && call.output === undefined;

function add(map, key, value) {
  if (map.has(key)) map.get(key).push(value);
  else map.set(key, [value]);
}

/** R-14.2 to R-14.11 for each receipt; sets `lines` and `faulty` of each word, and returns how many have which. */
export function compareCalls(words, calls, { findings, margin, aliases }) {
  const firsts = words.filter((word) => word.first);
  const repeated = repeatedCommitments(firsts, calls);
  for (const word of firsts) {
    word.lines = calls.of(word.claims);
    const fault = faultOf(word, repeated);
    word.fault = fault?.code;
    const found = fault ? [fault] : word.lines.length ? [...differencesOf(word, aliases), ...timeFault(word, margin)] : [];
    for (const { code, rule, ...details } of found) findings.add(code, rule, aboutStatement(word.one, details));
    word.codes = new Set(found.map(({ code }) => code));
  }
}

/** The first of R-14.2 to R-14.6. */
function faultOf(word, repeated) {
  const { claims, lines } = word;
  const named = lines.filter((call) => call.request === claims.request);
  const other = lines.find((call) => call.request !== undefined && call.request !== claims.request);
  const sent = lines.filter((call) => call.commitment).map((call) => hex(call.commitment)).sort();
  if (!lines.length) return claims.span ? null : { code: "receipt-without-request", rule: "R-14.2", message: `request '${claims.request}' is not in the customer's record` };
  if (repeated.has(word)) {
    const message = `item ${repeated.get(word).one.number} echoes this commitment too, which was sent with one request`;
    return { code: "commitment-repeated", rule: "R-14.3", field: "client", message };
  }
  if (!named.length && other) {
    const message = `the response to the request that it echoes (${other.where}) names '${other.request}'`;
    return { code: "request-differs", rule: "R-14.4", field: "request", expected: other.request, actual: claims.request, message };
  }
  if (claims.client && sent.length && !sent.includes(hex(claims.client))) {
    return { code: "commitment-differs", rule: "R-14.5", field: "client", expected: sent.at(-1), actual: hex(claims.client), message: "the receipt echoes another commitment than the one that was sent" };
  }
  const message = `its call failed, or is of a kind that is never billed (${firstPlace(lines)})`;
  return lines.every(isClosed) ? { code: "request-not-billable", rule: "R-14.6", message } : null;
}

/** R-14.3: those that echo the commitment of a call that another one is for. */
function repeatedCommitments(words, calls) {
  const echoing = new Map();
  for (const word of words) if (word.claims.client) add(echoing, hex(word.claims.client), word);
  const repeated = new Map(); // and the one that the call is for
  for (const [client, several] of echoing) {
    const sent = calls.byCommitment.get(client) ?? [];
    if (several.length < 2 || !sent.length) continue;
    const ids = new Set(sent.map((call) => call.request));
    const original = several.find(({ claims }) => ids.has(claims.request)) ?? several[0];
    for (const word of several) {
      const named = calls.byRequest.get(word.claims.request) ?? [];
      if (word !== original && !named.some((call) => call.commitment)) repeated.set(word, original);
    }
  }
  return repeated;
}

/** R-14.7 to R-14.10. Two lines of the record may say the same. */
function differencesOf({ claims, lines }, aliases) {
  const found = new Map();
  const all = lines.flatMap((call) => [...differences(claims, call, aliases), ...modelDifferences(claims, call, aliases)]);
  for (const one of all) found.set(`${one.field} ${one.expected}`, one);
  return [...found.values()];
}

/** R-14.11. */
function timeFault({ claims: { span }, time, lines }, margin) {
  const windows = windowsOf(lines, margin);
  if (time === undefined || !windows.length || isTimely(span, time, windows)) return [];
  const expected = shownWindow([earliest(windows.map(([from]) => from)), -earliest(windows.map(([, to]) => -to))]);
  const actual = span ? `${shownSpan(span)}, stated at ${time}` : String(time);
  const message = span ? `the span is not of the time that the customer has: ${actual}` : `time: the customer has ${expected}, the receipt says ${actual}`;
  return [{ code: "time-differs", rule: "R-14.11", field: span ? "span" : "time", expected, actual, message }];
}

export const shownWindow = ([first, last]) => `${first} to ${last}`;
const earliest = (times) => times.reduce((a, b) => (a < b ? a : b));

function isTimely(span, time, windows) {
  if (!span) return windows.some((window) => isIn(time, window));
  const [start, end] = [span.get(1n), span.get(2n)];
  return windows.some(([first, last]) => first < end && last >= start) && time >= start && time <= end + DAY_MS;
}

export const isIn = (time, window) => !window || (time >= window[0] && time <= window[1]);

/** R-14.1: calls without a receipt; returns how many calls are due, have a receipt, and may have one elsewhere. */
export function compareDue(words, calls, { findings, margin, covered }) {
  const answered = new Set(words.flatMap((word) => word.lines ?? []));
  const groups = new Map();
  for (const call of calls.all) add(groups, call.request ?? call, call);
  const counts = { matched: 0, missing: 0, open: 0, free: 0 };
  for (const lines of groups.values()) {
    const due = lines.filter(isDue);
    const open = due.filter((call) => !answered.has(call));
    counts.free += lines.filter((call) => !isDue(call)).length;
    if (due.length > open.length) counts.matched++;
    if (!open.length) continue;
    if (isInside(windowsOf(open, margin), covered)) {
      counts.missing++;
      const [{ request }] = open;
      findings.add("request-without-receipt", "R-14.1", { request, message: `${request === undefined ? "a request" : `request '${request}'`} (${firstPlace(open)}) has no receipt` });
    } else counts.open++;
  }
  return counts;
}

/** When the receipt of a call can be, by each of its lines that says when it was sent; empty: at any time. */
const windowsOf = (lines, margin) => lines.filter((call) => !call.replay && call.sent !== undefined).map((call) => windowOf(call, margin));

/** Whether all of the time in which the receipt of a call can be lies in the time covered. */
function isInside(windows, covered) {
  return covered.length > 0 && windows.every(([first, last]) => covered.some(([start, end]) => first >= start && last < end));
}

// ---- receipts that nothing speaks against, and nothing for

/** R-14.17 and R-14.21. */
export function findUnconfirmed(words, { findings }) {
  const looked = words.filter((word) => word.first && !word.fault).sort((a, b) => a.one.number - b.one.number);
  const unseen = looked.filter(({ lines }) => lines.length).map((word) => ({ word, what: unconfirmedIn(word) })).filter(({ what }) => what);
  const tokens = sum(unseen.filter(({ what }) => what === NO_USAGE).map(({ word }) => word.claims.input.get(1n)));
  for (const { word, what } of unseen) {
    const message = `the calls of these receipts ${what === NO_USAGE ? `show no usage; they bill ${plural(tokens, "input token")}` : `do not show ${what}`}`;
    findings.addTogether("count-unconfirmed", "R-14.17", "", { ...itemOf(word), message });
  }
  for (const word of looked.filter(({ claims, lines }) => claims.span && !lines.length)) {
    findings.addTogether("span-unconfirmed", "R-14.21", "", { ...itemOf(word), message: "these receipts are for no request, and the record does not name them" });
  }
}

const NO_USAGE = "usage";

/** What the calls of a receipt do not show, or null. */
function unconfirmedIn(word) {
  const { claims, lines } = word;
  const seen = lines.some(wasSeen);
  if (!claims.span && !seen) return null;
  const shows = lines.some((call) => call.logical !== undefined || (call.complete && call.output !== undefined));
  if (!claims.span && !shows && lines.every(wasSeen)) return NO_USAGE;
  const [unit] = claims.span || shows ? unseenUnits(word) : [];
  if (unit) return `what they bill, ${unit} first`;
  return !claims.span && claims.models && !lines.some((call) => call.models && call.complete) ? "which model did what" : null;
}

/** The units that a receipt bills and no call shows, in their order; of a part in the cache none counts too, since all of it is then computed. */
function unseenUnits({ claims: { units = new Map(), output, charge, span }, lines }) {
  const states = (unit) => lines.some((call) => call.complete && call.units.has(unit));
  const isBeside = (unit) => !span && unit.startsWith("cached.") && units.has(unit.replace("cached.", "input."));
  const unseen = [...units].filter(([unit, quantity]) => (quantity > 0n || isBeside(unit)) && !states(unit)).map(([unit]) => unit);
  const priced = (charge?.get(4n) ?? []).some((line) => line.get(6n) === "reasoning" && line.get(3n) > 0n);
  if (!span && priced && output?.get(2n) > 0n && !lines.some((call) => call.reasoning !== undefined)) unseen.push("reasoning");
  return unseen.sort(compareTexts);
}

const wasSeen = ({ path, outcome }) => path !== undefined && outcome !== "cut" && outcome !== "cancelled";

/** Findings of many receipts name the item of the first one only. */
const itemOf = ({ one }) => ({ item: one.number, file: one.file });

/** R-14.18. */
export function findLateApart({ statements }, { findings, covered }) {
  for (const one of statements) {
    const { late, start, end, streams } = one.claims;
    const inside = covered.some(([from, to]) => start >= from && end <= to);
    if (late && streams.length && !inside) findings.add("late-apart", "R-14.18", aboutStatement(one, { message: `statement ${one.claims.number} closes receipts of ${showPeriod(start, end)}, whose own statement is not here` }));
  }
}

/** The periods of the regular statements, cut to the named period, joined. */
export function coveredBy({ statements }, period) {
  const periods = statements.filter((one) => !one.claims.late).map(({ claims }) => cut([claims.start, claims.end], period)).filter(([start, end]) => start < end);
  periods.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const joined = [];
  for (const [start, end] of periods) {
    const last = joined.at(-1);
    if (!last || start > last[1]) joined.push([start, end]);
    else if (end > last[1]) last[1] = end;
  }
  return joined;
}

function cut([start, end], period) {
  if (!period) return [start, end];
  return [start > period[0] ? start : period[0], end < period[1] ? end : period[1]];
}
