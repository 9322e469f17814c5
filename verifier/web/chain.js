// Step 11: the statements of an account among each other, and known ones.

import { sameBytes } from "./bytes.js";
import { readItems } from "./cbor.js";
import { STATEMENT } from "./envelope.js";
import { aboutStatement } from "./findings.js";
import { checkItem } from "./item.js";
import { showInstant } from "./words.js";

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
function tellBetween(findings, code, rule, earlier, later, message) {
  const named = inInput(later) ? later : earlier;
  if (named && inInput(named)) findings.add(code, rule, aboutStatement(named, { message }));
}

function groupByNumber(statements) {
  const groups = new Map();
  for (const one of statements) groups.set(one.claims.number, [...(groups.get(one.claims.number) ?? []), one]);
  return groups;
}

/** Tells what is wrong between them. How many of those in the input have the one before at hand, or are the first one. */
export function checkChain(statements, findings, onlyProven = false) {
  const groups = groupByNumber(statements);
  for (const [number, [one, ...others]] of groups) {
    for (const other of others) tellBetween(findings, "statement-equivocation", "R-11.1", one, other, `another statement ${number} is signed as well`);
    const before = groups.get(number - 1n);
    for (const later of groups.get(number)) {
      if (before && !before.some((earlier) => sameBytes(earlier.digest, later.claims.previous))) tellBetween(findings, "statement-chain-broken", "R-11.2", before[0], later, `previous is not the digest of statement ${number - 1n}`);
    }
  }
  const line = [...groups.values()].map(([one]) => one);
  checkPeriods(line, findings, onlyProven);
  if (onlyProven) return 0;
  checkFirsts(line, findings);
  const at = new Set(groups.keys());
  const firsts = line.filter(inInput);
  for (let n = 1; n < firsts.length; n++) {
    const [earlier, later] = [firsts[n - 1], firsts[n]];
    if (!allAtHand(at, earlier.claims.number, later.claims.number)) findings.add("statement-gap", "R-11.6", aboutStatement(later, { message: `statement ${firstAbsent(at, earlier.claims.number)} is missing before this one` }));
  }
  return statements.filter((one) => inInput(one) && (one.claims.number === 0n || groups.has(one.claims.number - 1n))).length;
}

function firstAbsent(numbers, from) {
  let n = from + 1n;
  while (numbers.has(n)) n += 1n;
  return n;
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
    if (claims.number === 0n && claims.late && !onlyProven) tellBetween(findings, "period-gap", "R-11.4", null, one, "statement 0 is late, but no period is closed before it");
    if (regular) {
      const end = regular.claims.end;
      const closed = `statement ${regular.claims.number} ends at ${showInstant(end)}`;
      if (!claims.late && claims.start < end) tellBetween(findings, "statement-rollback", "R-11.3", regular, one, `it starts at ${showInstant(claims.start)}, before ${closed}`);
      const message = claims.late ? `it is late and ends at ${showInstant(claims.end)}, but only the time to ${showInstant(end)} is closed` : `it starts at ${showInstant(claims.start)}, ${closed}`;
      const gap = claims.late ? claims.end > end : claims.start > end;
      if (gap && !onlyProven && allAtHand(numbers, regular.claims.number, claims.number)) tellBetween(findings, "period-gap", "R-11.4", regular, one, message);
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
      const begins = `stream '${entry.stream}' begins at ${entry.first}, ${before ? `but was closed up to ${next - 1n}` : "expected 0"}`;
      if (wrong) tellBetween(findings, "first-mismatch", "R-11.5", before?.one, one, begins);
      else if (unlinked) tellBetween(findings, "first-mismatch", "R-11.5", before.one, one, `the first receipt of stream '${entry.stream}' does not follow the last one closed`);
      last.set(entry.stream, { one, next: entry.first + entry.count, head: entry.head });
    }
  }
}
