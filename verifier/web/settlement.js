// Step 10: a statement against the receipts before it.

import { hex, sameBytes } from "./bytes.js";
import { about } from "./findings.js";
import { merkleRoot } from "./merkle.js";
import { TOTAL_NAMES, totalsOf } from "./totals.js";
import { sameValue, show, sum } from "./values.js";

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

/** once for each run of sequences. */
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

/** */
function unstated(run, { start, end }, isListed) {
  const within = run.some(({ claims }) => claims.time >= start && claims.time < end);
  const where = about(run[0], { count: BigInt(run.length) });
  if (!within) return ["receipt-uncovered", "R-10.5", where];
  return isListed ? ["receipt-unstated", "R-10.4", where] : ["stream-unstated", "R-10.3", where];
}

/** */
function checkTimes(receipts, { start, end }, findings) {
  const outside = receipts.find(({ claims }) => claims.time < start || claims.time >= end);
  if (outside) findings.add("time-outside-period", "R-10.8", about(outside, { field: "time", expected: `${start} to ${end}`, actual: outside.claims.time }));
}

/** */
async function checkRoot(one, entry, receipts, findings) {
  const root = await merkleRoot(receipts.map((receipt) => receipt.digest));
  const head = receipts.at(-1);
  if (!sameBytes(root, entry.root)) findings.add("root-mismatch", "R-10.6", about(one, { stream: entry.stream, field: "root", expected: hex(root), actual: hex(entry.root) }));
  if (!sameBytes(head.digest, entry.head)) findings.add("head-mismatch", "R-10.7", about(one, { stream: entry.stream, field: "head", expected: head.id, actual: hex(entry.head) }));
}

/** */
function checkTotals(one, receipts, findings) {
  const expected = totalsOf(receipts.map(({ claims }) => claims));
  for (const [label, name] of TOTAL_NAMES) {
    if (!sameValue(expected.get(label), one.claims.totals.get(label))) findings.add("totals-mismatch", "R-10.9", about(one, { field: `totals.${name}`, expected: show(expected.get(label)), actual: show(one.claims.totals.get(label)) }));
  }
}
