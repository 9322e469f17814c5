// Step 11: the statements of an account among each other, and known ones.

import { hex, sameBytes } from "./bytes.js";
import { readItems } from "./cbor.js";
import { STATEMENT } from "./envelope.js";
import { about } from "./findings.js";
import { checkItem } from "./item.js";

/** Known statements of a previous batch: those that come through steps 1 to 7 without a finding. */
export async function knownStatements(options) {
  const found = new Map();
  for (const bytes of options.known) {
    for (const item of readItems([{ name: "known", bytes }])) {
      const one = item.fault ? null : await checkItem(item, options);
      if (one?.kind === STATEMENT && one.valid) found.set(one.id, { claims: one.claims, id: one.id, digest: one.digest });
    }
  }
  return [...found.values()];
}

/** The statements of an account in the order of step 11: {claims, id, item (or not), ...}. */
export function orderedStatements(account, known) {
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

export function checkChain(statements, findings, onlyProven = false) {
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

/** */
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

/** */
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
