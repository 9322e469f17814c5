// The scope of a verification: for each check how much passed, and why the rest was not checked (spec/report-words.md, Checks).

import { ofCards } from "./charge.js";
import { LIMITS } from "./limits.js";
import { plural } from "./words.js";

const FORMAT = ["item-malformed", "item-truncated", "item-too-large", "envelope-invalid", "header-invalid", "content-malformed", "claims-invalid"];
const UNREADABLE = ["item-malformed", "item-truncated"];
const SIGNATURES = ["key-weak", "signature-invalid", "issuer-mismatch", "key-outside-window", "key-revoked"];
const IDENTITIES = [
  "cached-exceeds-logical", "attributed-mismatch", "writes-exceed-attributed", "reasoning-exceeds-output", "cache-entry-mismatch", "charge-mismatch",
  "parts-mismatch", "models-mismatch", "span-mismatch",
]; // prettier-ignore
const IN_ORDER = ["receipt-duplicate", "receipt-equivocation", "receipt-order", "chain-broken", "time-reversed"];
const LISTED_CODES = ["receipt-missing", "stream-unstated", "receipt-unstated", "receipt-uncovered"];
const ROOTS = ["root-mismatch", "head-mismatch"];
const LINKS = ["statement-equivocation", "statement-chain-broken", "statement-rollback", "period-gap", "first-mismatch", "statement-gap"];

const least = (a, b) => (a < b ? a : b);
const most = (a, b) => (a > b ? a : b);
export const scope = (check, passed, of, failed = 0, notChecked = null) => ({ check, passed, of, failed, notChecked });
const counted = (counts, codes) => codes.reduce((count, code) => count + (counts[code] ?? 0n), 0n);

/** The checks of a batch. `counts`: of findings, by code. */
export function scopeOfBatch(batch, counts, policy) {
  const accounts = [...batch.accounts.values()];
  const early = { fault: "reading ended at a fault; what follows is unknown", lost: `reading ended after ${LIMITS.lost} items that are lost` }[batch.ended];
  return [
    ...ofItems(batch.passed, counts, ofCharges(batch), early, batch.sealed),
    ...ofBillers(batch.receipts, batch.observed),
    ...ofOrder(batch.receipts, batch.lostItems, counts),
    ...ofStatements(batch.settlements, accounts, batch.passed.untrusted, counts),
    ofLinks(batch.linked, accounts, counts),
    ofPeriod(policy.period, accounts, counts, !batch.lostStatements && !batch.ended),
    ...(batch.passed.identifying ? [batch.identifiers] : []),
    ...batch.checks,
  ];
}

/** The checks of a proof or an equivocation. */
export function scopeOfContainer(container, counts, name) {
  const receipts = container.objects.filter(({ kind, claims }) => kind === "receipt" && claims);
  const unchecked = `${name} does not show it`;
  return [
    ...ofItems(container.passed, counts, ofCharges(container), undefined, false),
    ...ofBillers(receipts.length, receipts.filter(({ claims }) => claims.source?.has(7n)).length),
    ...container.checks,
    scope("other receipts, totals", 0, 0, 0, unchecked),
    scope("period", 0, 0, 0, unchecked),
  ];
}

function ofItems(passed, counts, charges, early, sealed) {
  return [
    ofFormat(passed, counts, early), sealed ? ofSeal(passed) : ofSignatures(passed, counts), ofArithmetic(passed, counts), ofCacheIds(passed), ...charges, ...ofTimestamps(passed),
  ]; // prettier-ignore
}

function ofFormat(passed, counts, early) {
  const [items, formed] = [passed.items, passed.formed].map(BigInt);
  const failed = counted(counts, FORMAT);
  const of = most(items + counted(counts, UNREADABLE), formed + failed);
  const closed = of - formed - failed;
  const unread = closed > 0 ? `${plural(closed, "item")} not decoded, for the reasons that the findings name` : null;
  return scope("format", formed, of, failed, early ?? unread);
}

function ofSignatures({ items, signed }, counts) {
  const unknown = counts["key-unknown"] ?? 0n;
  const reason = unknown ? `${plural(unknown, "item")} signed by keys that are not trusted` : null;
  return scope("signatures", signed, items, least(counted(counts, SIGNATURES), BigInt(items - signed)), reason);
}

function ofSeal({ items, receipts, statements }) {
  return scope("signatures", statements, items, 0, `${plural(receipts, "receipt")} vouched for by the statement, their own signatures not checked`);
}

function ofArithmetic(passed, counts) {
  const [receipts, agreeing] = [passed.receipts, passed.agreeing].map(BigInt);
  const unstated = counted(counts, ["cached-unstated"]);
  const failed = least(counted(counts, IDENTITIES), receipts - agreeing);
  const rest = receipts - agreeing - failed - unstated;
  const reasons = unstated ? [`${plural(unstated, "receipt")} without a count of cached tokens`] : [];
  if (rest > 0) reasons.push(`${plural(rest, "receipt")} not readable`);
  return scope("arithmetic", agreeing, receipts, failed, reasons.join("; ") || null);
}

function ofCacheIds({ cached, identified }) {
  const missing = cached - identified;
  const reason = missing ? `${plural(missing, "receipt")} with cached tokens, without an identifier of the prefix` : null;
  return scope("cache identifiers stated", identified, cached, 0, reason);
}

/** Of the charges that receipts have. */
function ofCharges({ passed: { charged }, cards }) {
  if (!charged) return [];
  const [passed, failed, reason] = cards.size ? ofCards(cards, charged) : [0, 0, "the rate cards that the charges name were not given (--card FILE)"];
  return [scope("rate cards", passed, charged, failed, reason)];
}

function ofTimestamps({ timestamps }) {
  return timestamps ? [scope("timestamps", 0, timestamps, 0, "this version does not check timestamps and transparency receipts")] : [];
}

function ofBillers(receipts, observed) {
  const reason = `${plural(observed, "receipt")} of an observer, who states what the provider's usage objects said`;
  return observed ? [scope("signed by the biller", receipts - observed, receipts, 0, reason)] : [];
}

function ofOrder(receipts, lost, counts) {
  const collected = BigInt(receipts);
  const failed = least(counted(counts, IN_ORDER), collected + BigInt(lost));
  const doubles = counted(counts, ["request-duplicate"]);
  const reason = lost ? `${plural(lost, "item")} fell out before` : null;
  return [scope("sequence and chain", collected - least(failed, collected), collected, failed, reason), scope("one receipt a request", collected - doubles, collected, doubles, reason)];
}

function ofStatements(settlements, accounts, untrusted, counts) {
  const all = settlements.length;
  const streams = accounts.flatMap(({ statements }) => statements).reduce((count, { claims }) => count + claims.streams.length, 0);
  const wrongRoots = counted(counts, ROOTS);
  const wrongTotals = counted(counts, ["totals-mismatch"]);
  const roots = settlements.reduce((count, one) => count + one.roots, 0);
  const totals = settlements.filter((one) => one.totals).length;
  const none = untrusted ? `${plural(untrusted, "statement")} by a key that is not trusted` : "there is no statement";
  const reasons = all ? inOrderOfAccounts(settlements).join("; ") || null : none;
  const unlisted = counted(counts, LISTED_CODES);
  return [
    scope("receipts as listed", unlisted ? 0 : all, all, unlisted, all ? null : reasons),
    scope("Merkle roots", most(0n, BigInt(roots) - wrongRoots), streams, wrongRoots, reasons),
    scope("totals", totals - (wrongTotals ? 1 : 0), all, wrongTotals, reasons),
  ];
}

/** Why something was not compared, each reason once, account by account in the order of their first statements. */
function inOrderOfAccounts(settlements) {
  const accounts = [...new Set(settlements.map(({ account }) => account))];
  const ordered = accounts.flatMap((account) => settlements.filter((one) => one.account === account));
  return [...new Set(ordered.map(({ unchecked }) => unchecked).filter(Boolean))];
}

function ofLinks(linked, accounts, counts) {
  const statements = accounts.reduce((count, account) => count + account.statements.length, 0);
  const failed = counted(counts, LINKS);
  const reason = statements > linked ? `${plural(statements - linked, "statement")} without the one before at hand (--previous FILE)` : null;
  return scope("link to the statement before", most(0n, BigInt(linked) - failed), statements, failed, reason);
}

function ofPeriod(period, accounts, counts, whole) {
  const all = accounts.length;
  if (!period) return scope("period", 0, all, 0, "no period was named (--period); the statements' own is reported");
  if (!whole) return scope("period", 0, all, 0, "items of the input are lost that are or may be statements");
  const failed = counted(counts, ["period-uncovered"]);
  const beyond = accounts.reduce((count, account) => count + beyondOf(account, period).length, 0);
  return scope("period", failed ? 0 : all, all, failed, beyond ? `${plural(beyond, "statement")} also of a time outside it` : null);
}

/** The regular statements of an account that begin before a period and go on in it, or begin in it and go on behind it. */
export function beyondOf({ statements }, [from, to]) {
  return statements.filter(({ claims: { late, start, end } }) => !late && ((start < from && from < end) || (start < to && to < end)));
}
