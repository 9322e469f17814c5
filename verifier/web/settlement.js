// Step 10: a statement against the receipts before it.

import { hex, sameBytes } from "./bytes.js";
import { aboutStatement } from "./findings.js";
import { merkleRoot } from "./merkle.js";
import { TOTAL_NAMES, totalsOf } from "./totals.js";
import { sameValue, sum } from "./values.js";
import { plural, sequences, showInstant, showPeriod, shownTotal } from "./words.js";

/** Hold a statement against its receipts. What was compared: in how many streams the roots, whether the totals, and why not. */
export async function checkStatement(account, one, findings, lost) {
  const { claims } = one;
  const listed = new Map(claims.streams.map((entry) => [entry.stream, entry]));
  const held = claims.streams.map((entry) => listedReceipts(account.streams.get(entry.stream), entry));
  checkMissing(one, held, findings, lost);
  let beyond = false;
  for (const [name, stream] of account.streams) {
    if (!stream.open.size) continue;
    const runs = listed.has(name) ? runsBeyond(stream, listed.get(name)) : [[...stream.open.values()]];
    beyond ||= runs.length > 0;
    for (const run of runs) findings.add(...unstated(run, one, name, listed.has(name)));
  }
  for (const { receipts } of held) checkTimes(receipts, one, findings);
  for (const { entry, receipts, whole } of held) if (whole) await checkRoot(one, entry, receipts, findings);
  const totals = !beyond && held.every(({ whole }) => whole);
  if (totals) checkTotals(one, held.flatMap(({ receipts }) => receipts), findings);
  return { roots: held.filter(({ whole }) => whole).length, totals, unchecked: totals ? null : reasonOf(missingOf(held), lost, beyond) };
}

const missingOf = (held) => sum(held.map(({ entry, receipts }) => entry.count - BigInt(receipts.length)));

function reasonOf(missing, lost, beyond) {
  if (missing) return `${plural(missing, "receipt")} not here${lost ? ", and items of the input are lost" : ""}`;
  return beyond ? "there are receipts that are not listed" : "a chain of receipts is broken";
}

/** The listed receipts of a stream, and whether they are all here and in one chain. */
function listedReceipts(stream, entry) {
  const end = entry.first + entry.count;
  const receipts = [...(stream?.open.values() ?? [])].filter(({ claims }) => claims.sequence >= entry.first && claims.sequence < end);
  return { entry, receipts, whole: BigInt(receipts.length) === entry.count && !stream.broken };
}

/** once for each run of sequences. */
function checkMissing(one, held, findings, lost) {
  if (missingOf(held) <= lost) return;
  for (const { entry, receipts } of held) {
    let due = entry.first;
    for (const next of [...receipts.map(({ claims }) => claims.sequence), entry.first + entry.count]) {
      const message = `${sequences(due, next)} of stream '${entry.stream}', listed by statement ${one.claims.number}`;
      if (next > due) findings.add("receipt-missing", "R-10.2", aboutStatement(one, { stream: entry.stream, sequence: due, count: next - due, message }));
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

/** */
function unstated(run, statement, stream, isListed) {
  const { start, end, number } = statement.claims;
  const within = run.some(({ claims }) => claims.time >= start && claims.time < end);
  const [first, last] = [run[0].claims.sequence, run.at(-1).claims.sequence];
  const message = `${sequences(first, last + 1n)} of stream '${stream}', not listed by statement ${number}`;
  const where = aboutStatement(statement, { item: run[0].number, file: run[0].file, stream, sequence: first, count: BigInt(run.length), message });
  if (!within) return ["receipt-uncovered", "R-10.5", where];
  return isListed ? ["receipt-unstated", "R-10.4", where] : ["stream-unstated", "R-10.3", where];
}

/** */
function checkTimes(receipts, statement, findings) {
  const { start, end, number } = statement.claims;
  const outside = receipts.find(({ claims }) => claims.time < start || claims.time >= end);
  if (!outside) return;
  const { stream, sequence, time } = outside.claims;
  const place = { item: outside.number, file: outside.file, offset: outside.offset, stream, sequence };
  const details = { field: "time", expected: `within ${showPeriod(start, end)}`, actual: showInstant(time), message: `the time is outside of the period of statement ${number}` };
  findings.add("time-outside-period", "R-10.8", aboutStatement(statement, { ...place, ...details }));
}

/** */
async function checkRoot(one, entry, receipts, findings) {
  const root = await merkleRoot(receipts.map((receipt) => receipt.digest));
  const pairs = [["root-mismatch", "R-10.6", "root", root, entry.root], ["head-mismatch", "R-10.7", "head", receipts.at(-1).digest, entry.head]];
  for (const [code, rule, name, expected, actual] of pairs) {
    const message = `${name} of stream '${entry.stream}' is not that of the ${entry.count} receipts`;
    const details = { stream: entry.stream, field: `streams.${name}`, expected: hex(expected), actual: hex(actual), message };
    if (!sameBytes(expected, actual)) findings.add(code, rule, aboutStatement(one, details));
  }
}

/** */
function checkTotals(one, receipts, findings) {
  const expected = totalsOf(receipts.map(({ claims }) => claims));
  for (const [label, name] of TOTAL_NAMES) {
    const pair = [expected.get(label), one.claims.totals.get(label)];
    if (sameValue(...pair)) continue;
    const [sums, says] = pair.map((total) => shownTotal(label, total));
    const message = `total ${name}: the receipts sum to ${sums}, the statement says ${says}`;
    findings.add("totals-mismatch", "R-10.9", aboutStatement(one, { field: `totals.${name}`, expected: sums, actual: says, message }));
  }
}
