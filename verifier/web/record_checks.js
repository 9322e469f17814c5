// How much of step 14 was checked: {check, passed, of, failed, notChecked}. `notChecked` says why the rest was not; null: nothing is left.

import { plural } from "./words.js";

const check = (name, passed, of, failed = 0, notChecked = null) => ({ check: name, passed, of, failed, notChecked });

/** Without a record. */
export const RECORD_NOT_GIVEN = check("customer's own record", 0, 0, 0, "no record of the customer's own requests was given");

/** Of the calls. `others`: calls that are left aside. */
export function checksOfCalls(words, { matched, missing, open, free }, unused, others) {
  const reasons = [];
  if (open) reasons.push(`${plural(open, "request")} near or outside the ends of what is covered: verify the periods beside it together with it`);
  if (free) reasons.push(`${plural(free, "call")} that need none: failed, cut, not known to be billed, or without usage`);
  if (unused.length) reasons.push(`columns that are not used: ${unused.slice(0, 10).join(", ")}`);
  const apart = ["receipt-without-request", "commitment-repeated", "request-differs", "request-not-billable"];
  const failed = words.filter(({ fault }) => apart.includes(fault)).length;
  const paired = words.filter(({ lines }) => lines?.length);
  const agreement = (name, code, isStated) => {
    const of = paired.filter(({ claims, lines }) => lines.some((call) => isStated(call, claims))).length;
    const wrong = paired.filter(({ codes }) => codes.has(code)).length;
    return check(name, of - wrong, of, wrong, of ? null : "the record, or the receipts, state none");
  };
  const counts = agreement("customer's own counts", "count-differs", statesCounts);
  if (counts.of && counts.of !== paired.length) counts.notChecked = `${plural(paired.length - counts.of, "receipt")} of calls that show no usage`;
  const found = [
    check("requests with a receipt", matched, matched + missing + open, missing, reasons.join("; ") || null),
    check("receipts with a request", words.length - failed, words.length, failed),
    agreement("commitments echoed", "commitment-differs", (call, { client }) => call.commitment !== undefined && client !== undefined),
    counts,
    agreement("models", "model-differs", (call) => call.model !== undefined || call.requestedModel !== undefined),
    agreement("tiers", "tier-differs", (call, { source }) => call.tier !== undefined && source?.has(4n)),
    agreement("usage objects", "usage-differs", (call, { source }) => call.complete && call.usageHash !== undefined && source?.has(3n)),
    agreement("times of the calls", "time-differs", (call) => call.sent !== undefined),
  ];
  if (others) found.push(check("calls of others", 0, 0, 0, `${plural(others, "call")} of another account, or to somebody else`));
  return found;
}

const statesCounts = ({ complete, logical, cached, output, reasoning, writes, units }) =>
  logical !== undefined || cached !== undefined || writes !== undefined || (complete && (output !== undefined || reasoning !== undefined || units.size > 0));

export const CALLS_NOT_GIVEN = check("requests and receipts", 0, 0, 0, "no record was given (--requests)");
export const RECEIVED_NOT_GIVEN = check("receipts received", 0, 0, 0, "no record was given (--received)");

/** Of the received receipts; `without`: calls without one. */
export function checksOfReceived(received, { without, fitting, misfits }) {
  const having = (fate) => received.filter((item) => item.fate === fate).length;
  const [matched, failed, open, other, invalid] = ["matched", "failed", "open", "other", "invalid"].map(having);
  const parts = [[open, "of a time that no statement here covers"], [other, "of another issuer or account"], [invalid, "not validly signed"]]; // prettier-ignore
  const reasons = parts.filter(([count]) => count).map(([count, what]) => `${plural(count, "receipt")} ${what}`);
  const came = matched + failed + open + invalid;
  const why = reasons.join("; ") || (came ? null : "the record has none (--received)");
  const of = fitting + misfits;
  const missing = without ? `${plural(without, "call")} without one` : of ? null : "none came with a call";
  return [check("receipts received", matched, came, failed, why), check("receipts fit their calls", fitting, of, misfits, missing)];
}

/** Of the prompts. */
export function checksOfPrompts({ identifiers, recomputed, prefixes, lengths, commitments, reasons, failed }) {
  const why = [...reasons].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => `${plural(count, "identifier")}: ${reason}`).join("; ");
  const rows = [
    ["identifiers of own prompts", recomputed, identifiers, "cache-id-mismatch", why || null],
    ["cached within what was sent", prefixes, prefixes, "cached-beyond-prefix", null],
    ["own count of input tokens", lengths, lengths, "count-differs", null],
    ["commitments to prompts", commitments, commitments, "commitment-differs", null],
  ];
  return rows.map(([name, checked, of, code, reason]) => check(name, checked - (failed.get(code) ?? 0), of, failed.get(code) ?? 0, of ? reason : "the prompts, or the receipts, state none"));
}
