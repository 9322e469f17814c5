// The figures of a report: tokens over time, models, and the coverage of streams (spec/report.md, Figures).

import { compareTexts } from "./bytes.js";

const MINUTE = 60000n;
const HOUR = 60n * MINUTE;
const WEEK = 7n * 24n * HOUR;
const STEPS = [MINUTE, 10n * MINUTE, HOUR, 6n * HOUR, 24n * HOUR, WEEK, 4n * WEEK];
const MOST = { slots: 62n, models: 50, streams: 500, gaps: 100 };

/**
 * The figures of a batch.
 * @param {object[]} accounts
 * @param {{one: object, time: bigint}[]} words the last words, each with the time that counts
 * @param {object[]} findings those that are kept; `time` is that of their receipt
 */
export function figuresOf(accounts, words, findings) {
  const dated = findings.filter(({ time }) => time !== undefined).map(({ time }) => time);
  const step = stepFor([...words.map(({ time }) => time), ...dated]);
  const streams = accounts.flatMap(streamsOf).sort(byGaps);
  const models = tallies(words, ({ one }) => one.claims.model);
  const named = [...models].map(([model, { receipts, logical, cached, uncounted }]) => ({ model, receipts, logical, cached, uncounted }));
  named.sort((a, b) => descending(a.logical, b.logical) || compareTexts(a.model, b.model));
  return {
    step, time: slotsOf(words, dated, step), undated: findings.length - dated.length,
    models: named.slice(0, MOST.models), models_left_out: Math.max(0, named.length - MOST.models),
    streams: streams.slice(0, MOST.streams), streams_left_out: Math.max(0, streams.length - MOST.streams),
  }; // prettier-ignore
}

const descending = (a, b) => (a > b ? -1 : a < b ? 1 : 0);

/** The shortest width with which there are few enough slots. */
function stepFor(times) {
  let [first, last] = [times[0], times[0]];
  for (const time of times) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  let step = STEPS[0];
  for (let n = 1; times.length && last / step - first / step >= MOST.slots; n++) step = STEPS[n] ?? 2n * step;
  return step;
}

function slotsOf(words, dated, step) {
  const sums = tallies(words, ({ time }) => time / step);
  const found = new Map();
  for (const time of dated) found.set(time / step, (found.get(time / step) ?? 0) + 1);
  const numbers = [...sums.keys(), ...found.keys()];
  if (!numbers.length) return [];
  const [first, last] = [numbers.reduce((a, b) => (a < b ? a : b)), numbers.reduce((a, b) => (a > b ? a : b))];
  const slots = [];
  for (let n = first; n <= last; n += 1n) slots.push({ start: n * step, ...(sums.get(n) ?? nothing()), findings: found.get(n) ?? 0 });
  return slots;
}

const nothing = () => ({ receipts: 0, logical: 0n, cached: 0n, attributed: 0n, uncounted: 0 });

function tallies(words, keyOf) {
  const found = new Map();
  for (const word of words) {
    const key = keyOf(word);
    if (!found.has(key)) found.set(key, nothing());
    const tally = found.get(key);
    const { input } = word.one.claims;
    tally.receipts++;
    tally.logical += input.get(1n);
    tally.cached += input.get(2n) ?? 0n;
    tally.attributed += input.get(3n) ?? 0n;
    if (!input.has(2n)) tally.uncounted++;
  }
  return found;
}

/** What was collected of the streams of an account, and what its statements list. */
function streamsOf({ issuer, account, streams, statements }) {
  const found = new Map();
  for (const [stream, { ids }] of streams) {
    for (const sequence of ids.keys()) {
      if (!found.has(stream)) found.set(stream, { issuer, account, stream, first: sequence, next: sequence, receipts: 0, missing: [], gaps: 0 });
      const one = found.get(stream);
      miss(one, one.next, sequence);
      one.next = sequence + 1n;
      one.receipts++;
    }
  }
  for (const { claims } of statements) {
    for (const { stream, first, count } of claims.streams) {
      if (!found.has(stream)) found.set(stream, { issuer, account, stream, first, next: first, receipts: 0, missing: [], gaps: 0 });
      list(found.get(stream), first, first + count);
    }
  }
  for (const one of found.values()) one.missing.sort(([a], [b]) => -descending(a, b));
  return [...found.values()];
}

function list(one, first, end) {
  miss(one, first, one.first < end ? one.first : end);
  miss(one, one.next > first ? one.next : first, end);
  if (first < one.first) one.first = first;
  if (end > one.next) one.next = end;
}

function miss(one, first, end) {
  if (first >= end) return;
  one.gaps++;
  if (one.missing.length < MOST.gaps) one.missing.push([first, end - 1n]);
}

const byGaps = (a, b) =>
  b.gaps - a.gaps || b.receipts - a.receipts || compareTexts(a.issuer, b.issuer) || compareTexts(a.account, b.account) || compareTexts(a.stream, b.stream);
