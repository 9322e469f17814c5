// The object of spec/report.md: all that a verification has to say, in a form that the other side can make again.

import { compareTexts } from "./bytes.js";
import { cardsOf } from "./charge.js";
import { WITH_ARTICLE } from "./container.js";
import { figuresOf } from "./figures.js";
import { holesOf, joinedPeriods } from "./intervals.js";
import { canonicalText } from "./canonical.js";
import { lastWordsIn } from "./last_words.js";
import { keptOf, listingOf } from "./listing.js";
import { MARGIN } from "./record.js";
import { beyondOf, scopeOfBatch, scopeOfContainer } from "./scope.js";
import { TOTAL_NAMES, totalsOf } from "./totals.js";
import { notProven } from "./unproven.js";
import { sum } from "./values.js";
import { picounits } from "./words.js";
import { NOT_COMPUTED, price } from "./worth.js";

const LISTED_ACCOUNTS = 1000;
const SPECIFICATION = { version: 1, draft: 6 };
const VERIFIER = { name: "token-receipts-web", version: "0.1.0" };

/** A BigInt that readers of JSON would round is decimal text (spec/report.md, "Form"). */
function reportScalar(value) {
  if (typeof value !== "bigint") return JSON.stringify(value);
  return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`;
}

/** */
export function verdictOf(findings) {
  if (findings.some(({ severity }) => severity === "rejected")) return "rejected";
  return findings.length ? "incomplete" : "verified";
}

/** {object, text, csv} of a report: data, its canonical form, and the CSV file beside it, or null. */
export async function objectOfReport({ subject, found, policy }, inputs, dated) {
  const all = found.findings.list;
  const kept = keptOf(all);
  const accounts = subject === "batch" ? orderedAccounts(found) : [];
  const words = subject === "batch" ? wordsOf(found) : null;
  for (const finding of kept) finding.worth = NOT_COMPUTED;
  if (words) price(kept, words, [...found.cards.values()].map(({ card }) => card));
  const { csv, ...listing } = await listingOf(all, kept);
  const objects = (found.objects ?? []).filter(({ claims }) => claims).map(objectOfSigned);
  const parties = partiesOf(accounts, objects, found.passed?.signers ?? []);
  const observed = parties.reduce((count, party) => count + party.of_observer, 0);
  const object = {
    report: 1, specification: SPECIFICATION, verifier: VERIFIER, dated: dated ?? null, subject, verdict: verdictOf(all), inputs, options: optionsOf(policy),
    parties: parties.slice(0, LISTED_ACCOUNTS), beyond: beyondIn(accounts, policy), observed,
    accounts: accounts.slice(0, LISTED_ACCOUNTS).map((account) => objectOfAccount(account, policy.period)), accounts_left_out: Math.max(0, accounts.length - LISTED_ACCOUNTS),
    objects, claims: (found.claims ?? []).map(objectOfClaim), cards: cardsOf(found.cards ?? []).map((card) => ({ ...card, lower: String(card.lower), upper: String(card.upper) })),
    checks: checksOf(subject, found, listing.finding_counts, policy), ...listing, figures: words && figuresOf(accounts, words, kept),
    not_proven: notProven({ subject, observed, roles: new Set(inputs.map(({ role }) => role)), period: policy.period }),
  }; // prettier-ignore
  return { object, text: canonicalText(object, reportScalar), csv };
}

function orderedAccounts({ accounts }) {
  return [...accounts.values()].sort((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.account, b.account));
}

/** The last words, with the time of what was corrected first, or else their own. */
function wordsOf({ accounts }) {
  const words = [...accounts.values()].flatMap((account) => lastWordsIn(account));
  return words.map(({ one, time }) => ({ one, time: time ?? one.claims.time }));
}

function optionsOf({ period, account, requireCacheId, observers, signatures, record }) {
  return {
    period: period ? periodOf(period) : null, account: account ?? null, require_cache_id: requireCacheId, observers: [...observers].sort(compareTexts),
    signatures, margin: record ? (record.margin ?? MARGIN) : null,
  }; // prettier-ignore
}

const periodOf = ([start, end]) => ({ start, end });

/** Each issuer and account, whose word its receipts are, and the trusted keys of the issuer that signed something. */
function partiesOf(accounts, objects, signers) {
  const sides = new Map();
  const at = ({ issuer, account }) => {
    const key = JSON.stringify([issuer, account]);
    if (!sides.has(key)) sides.set(key, { issuer, account, of_biller: 0, of_observer: 0 });
    return sides.get(key);
  };
  for (const account of accounts) {
    const observed = account.receipts.filter(isObserved).length;
    Object.assign(at(account), { of_biller: account.receipts.length - observed, of_observer: observed });
  }
  for (const object of objects) {
    const side = at(object);
    if (object.kind === "receipt") side[object.observed ? "of_observer" : "of_biller"]++;
  }
  const kids = (issuer) => [...signers].filter((key) => key.issuer === issuer).map(({ kid }) => kid).sort();
  const ordered = [...sides.values()].sort((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.account, b.account));
  return ordered.map((side) => ({ ...side, signers: kids(side.issuer) }));
}

const isObserved = ({ claims }) => !!claims.source?.has(7n);

function beyondIn(accounts, { period }) {
  if (!period) return [];
  return accounts.flatMap((account) => beyondOf(account, period).map((one) => ({ account: account.account, ...objectOfStatement(one) })));
}

function objectOfAccount(account, period) {
  const { issuer, account: name, receipts, streams, statements } = account;
  const claims = receipts.map((one) => one.claims);
  const covered = joinedPeriods(statements.filter((one) => !one.claims.late).map((one) => [one.claims.start, one.claims.end]));
  const uncounted = claims.filter(({ input, corrects }) => !corrects && !input.has(2n)).map(({ input }) => input.get(1n));
  return {
    issuer, account: name, receipts: receipts.length, observed: receipts.filter(isObserved).length, streams: streams.size, totals: objectOfTotals(totalsOf(claims)),
    logical_without_cached: sum(uncounted), covered: covered.map(periodOf), holes: period ? holesOf(covered, period).map(periodOf) : null,
    statements: statements.map(objectOfStatement),
  }; // prettier-ignore
}

/** Totals by name; amounts are decimal text of picounits. */
function objectOfTotals(totals) {
  const object = {};
  for (const [label, name] of TOTAL_NAMES) {
    if (!totals.has(label)) continue;
    const value = totals.get(label);
    if (label > 8n) object[name] = objectOfTotals(value);
    else if (label === 7n) object[name] = new Map([...picounits(value)].map(([currency, amount]) => [currency, String(amount)]));
    else object[name] = value;
  }
  return object;
}

function objectOfStatement({ claims: { number, late, start, end, streams }, id }) {
  return { number, kind: late ? "late" : "regular", start, end, streams: streams.length, receipts: sum(streams.map(({ count }) => count)), digest: id };
}

function objectOfSigned(one) {
  const { kind, id, claims } = one;
  const { issuer, account, number, start, end, stream, sequence, request } = claims;
  const object = { kind, digest: id, issuer, account };
  return kind === "statement" ? { ...object, number, start, end } : { ...object, stream, sequence, request, observed: isObserved(one) };
}

const objectOfClaim = ({ claim, standing, finding, reached, why_not }) => ({ claim, standing, finding, reached, why_not });

function scopeOf(subject, found, counts, policy) {
  if (subject === "pack") return found.checks;
  return subject === "batch" ? scopeOfBatch(found, counts, policy) : scopeOfContainer(found, counts, WITH_ARTICLE[subject]);
}

function checksOf(subject, found, counts, policy) {
  return scopeOf(subject, found, counts, policy).map((check) => {
    const [passed, of, failed] = [check.passed, check.of, check.failed].map(BigInt);
    const whole = passed === of && !check.notChecked;
    const result = failed ? "failed" : whole ? "passed" : passed ? "passed in part" : "not checked";
    return { check: check.check, result, passed, failed, of, not_checked: check.notChecked ?? null };
  });
}
