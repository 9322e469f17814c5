// What findings are worth: by how much the account was charged too much, if they hold (spec/report.md, Worth).

import { hex } from "./bytes.js";
import { Unpriced, priceOf } from "./price.js";
import { sum } from "./values.js";

const WHOLE = new Set([
  "request-duplicate", "receipt-without-request", "commitment-repeated", "request-differs", "commitment-differs", "request-not-billable", "charge-row-missing",
]); // prettier-ignore
const REPRICED = { logical: 1n, cached: 2n };
const REPRICED_OUTPUT = { output: 1n, reasoning: 2n };

/** Why there is no amount. */
export const NOT_COMPUTED = "it was not computed";
const NO_RECEIPT = "the finding is about no receipt that counts";
const NOT_MONEY = "the finding does not say what would be right";
const NO_PRICE = "the receipt states no charge, and no rate card that was given prices it";
const TWO_PRICES = "the receipt states no charge, and several rate cards price it";
const NO_CARD = "the rate card by which it would cost something else was not given";
const NOT_REPRICED = "what is expected cannot be priced";

class NoAmount extends Error {}

/** Gives each finding its `worth`: an amount, the finding of the same receipt that has it for both, or why there is none; and its `time`. */
export function price(findings, words, cards) {
  const byItem = new Map();
  for (const finding of findings) {
    finding.worth = NO_RECEIPT;
    if (finding.item === undefined || finding.sequence === undefined) continue;
    if (!byItem.has(finding.item)) byItem.set(finding.item, []);
    byItem.get(finding.item).push(finding);
  }
  for (const { one, time } of words) if (byItem.has(one.number)) settle(byItem.get(one.number), one.claims, time, cards);
}

/** The first finding that is worth something has the worth of the receipt; the others point to it. */
function settle(findings, claims, time, cards) {
  for (const finding of findings) Object.assign(finding, { time, worth: NOT_MONEY });
  const whole = findings.filter(({ code }) => WHOLE.has(code));
  const told = whole.length ? whole : findings.filter(saysWhatIsRight);
  if (!told.length) return;
  try {
    const worth = whole.length ? costOf(claims, time, cards) : differenceOf(told, claims, time, cards);
    for (const finding of whole.length ? findings : told) finding.worth = told[0];
    told[0].worth = worth;
  } catch (error) {
    if (!(error instanceof NoAmount)) throw error;
    for (const finding of told) finding.worth = error.message;
  }
}

function saysWhatIsRight({ code, field }) {
  return code === "charge-mismatch" ? field === "charge.amount" : code === "charge-differs" || code === "count-differs";
}

/** What a receipt costs: its charge, or what the only card that has a price for it says. */
function costOf(claims, time, cards) {
  const { charge } = claims;
  if (charge) return { currency: charge.get(1n), lower: charge.get(3n), upper: charge.get(3n), by: "charge" };
  const found = cards.map((card) => byCard(card, claims, time)).filter(Boolean);
  if (found.length !== 1) throw new NoAmount(found.length ? TWO_PRICES : NO_PRICE);
  return found[0];
}

/** What a receipt costs, less what it would cost as the findings say. */
function differenceOf(findings, claims, time, cards) {
  const { charge } = claims;
  if (charge && findings.every(({ code }) => code === "charge-mismatch")) {
    const off = charge.get(3n) - BigInt(findings[0].expected);
    return { currency: charge.get(1n), lower: off, upper: off, by: "charge" };
  }
  const now = costOf(claims, time, cards);
  const expected = expectedClaims(claims, findings);
  const named = charge && cards.filter(({ id }) => id === hex(charge.get(2n)));
  if (named && !named.length) throw new NoAmount(NO_CARD);
  const due = (named ?? cards).map((card) => byCard(card, expected, time)).filter(Boolean);
  if (due.length !== 1 || due[0].currency !== now.currency) throw new NoAmount(NOT_REPRICED);
  return { currency: now.currency, lower: now.lower - due[0].upper, upper: now.upper - due[0].lower, by: "card" };
}

function byCard(card, claims, time) {
  try {
    const { lower, upper } = priceOf(card, claims, time);
    return { currency: card.currency, lower, upper, by: "card" };
  } catch (error) {
    if (!(error instanceof Unpriced)) throw error;
    return null;
  }
}

/** The claims as the findings say they should be. */
function expectedClaims(claims, findings) {
  const input = new Map(claims.input);
  const output = new Map(claims.output);
  for (const { code, field, expected } of findings) {
    if (code !== "count-differs") continue;
    if (!(field in REPRICED || field in REPRICED_OUTPUT) || claims.models || claims.units?.size) throw new NoAmount(NOT_REPRICED);
    if (field in REPRICED) input.set(REPRICED[field], BigInt(expected));
    else output.set(REPRICED_OUTPUT[field], BigInt(expected));
  }
  if (input.has(2n)) {
    const attributed = input.get(1n) - input.get(2n);
    if (attributed < sum([...(input.get(4n)?.values() ?? [])])) throw new NoAmount(NOT_REPRICED);
    input.set(3n, attributed);
  }
  return { ...claims, input, output: output.size ? output : undefined };
}

/** Sums by currency, in their order. */
export function sumsOfWorth(findings) {
  const found = new Map();
  for (const { worth } of findings) {
    if (worth.currency === undefined) continue;
    const [lower, upper] = found.get(worth.currency) ?? [0n, 0n];
    found.set(worth.currency, [lower + worth.lower, upper + worth.upper]);
  }
  const ordered = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.map(([currency, [lower, upper]]) => ({ currency, lower: String(lower), upper: String(upper) }));
}
