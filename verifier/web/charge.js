// The charges of receipts against the rate cards that they name, and what receipts without a charge would cost (R-18.1 to R-18.4).

import { hex } from "./bytes.js";
import { about, accountKey } from "./findings.js";
import { Unpriced, priceOf } from "./price.js";
import { plural, unequal } from "./words.js";

const CLASSES = ["uncached", "cached", "write", "output"];

/** The cards that were given, by digest, with the figures of a report; and what came of the charges. */
class CardFigures extends Map {
  passed = 0;
  failed = 0;
  unknown = 0; // by a card that was not given
  uncertain = 0; // held against bounds only
}

export function cardFigures(cards) {
  const figures = new CardFigures();
  for (const card of cards) figures.set(card.id, { card, charges: 0, priced: 0, unpriced: 0, lower: 0n, upper: 0n });
  return figures;
}

/** The scope, of so many receipts with a charge: [passed, failed, why the rest was not checked]. */
export function ofCards({ passed, failed, unknown, uncertain }, charged) {
  const rest = charged - passed - failed - unknown;
  const reasons = [];
  if (unknown) reasons.push(`${plural(unknown, "receipt")} charged by a card that was not given`);
  if (uncertain) reasons.push(`${plural(uncertain, "receipt")} held against the bounds only`);
  if (rest) reasons.push(`${plural(rest, "receipt")} corrected, or of a time that is not here`);
  return [passed, failed, reasons.join("; ") || null];
}

/** The same as a report has them. */
export function cardsOf(figures) {
  return [...figures.values()].map(({ card: { issuer, name, currency, id }, ...rest }) => ({ issuer, name, currency, digest: id, ...rest }));
}

/** One receipt, at the time of its request. */
export function checkCharge(one, time, figures, findings) {
  const { charge } = one.claims;
  if (!charge) return addPrice(figures, one.claims, time);
  const id = hex(charge.get(2n));
  const named = figures.get(id);
  if (!named) {
    figures.unknown++;
    findings.addTogether("card-unknown", "R-18.1", accountKey(one.claims) + id, about(one, { field: "charge.card", actual: id, message: `the charge names the rate card ${id}` }));
    return;
  }
  named.charges++;
  const { faults, uncertain } = faultsByCard(named.card, one.claims, time);
  for (const [code, rule, { field, expected, actual }] of faults) findings.add(code, rule, about(one, unequal(field, expected, actual)));
  if (faults.length) figures.failed++;
  else figures.passed++;
  if (uncertain) figures.uncertain++;
}

function addPrice(figures, claims, time) {
  for (const figure of figures.values()) {
    const price = priceOrNull(figure.card, claims, time);
    if (!price) figure.unpriced++;
    else Object.assign(figure, { priced: figure.priced + 1, lower: figure.lower + price.lower, upper: figure.upper + price.upper });
  }
}

function priceOrNull(card, claims, time) {
  try {
    return priceOf(card, claims, time);
  } catch (error) {
    if (!(error instanceof Unpriced)) throw error;
    return null;
  }
}

function faultsByCard(card, claims, time) {
  const { charge } = claims;
  if (charge.get(1n) !== card.currency) return { faults: [["charge-differs", "R-18.3", { field: "charge.currency", expected: card.currency, actual: charge.get(1n) }]] };
  let price;
  try {
    price = priceOf(card, claims, time);
  } catch (error) {
    if (!(error instanceof Unpriced)) throw error;
    const { field, expected, actual } = error;
    return { faults: [["charge-row-missing", "R-18.2", { field, expected, actual }]] };
  }
  const uncertain = price.lower < price.upper;
  const faults = uncertain ? boundFaults(price, charge) : lineFaults(price, charge);
  return { faults: faults.map((details) => ["charge-differs", uncertain ? "R-18.4" : "R-18.3", details]), uncertain };
}

/** R-18.3: every line that the card gives, and no other. */
function lineFaults(price, charge) {
  const due = byName(price.lines);
  const told = byName(charge.get(4n).map(lineOfCharge));
  const wrong = [...new Set([...due.keys(), ...told.keys()])].filter((key) => due.get(key) !== told.get(key));
  const named = (key) => JSON.parse(key).filter((part) => part !== null).join(", ");
  return wrong.map((key) => ({ field: `charge.lines (${named(key)})`, expected: due.get(key) ?? "no line", actual: told.get(key) ?? "no line" }));
}

const lineOfCharge = (line) => ({ kind: line.get(1n), ttl: line.get(2n), quantity: line.get(3n), rate: line.get(4n), unit: line.get(6n), per: line.get(7n) ?? 1n, model: line.get(8n) });

/** Lines with a quantity, in words, by what a card has one line for. */
function byName(lines) {
  const found = new Map();
  for (const line of lines) {
    if (!line.quantity) continue;
    const { kind, ttl, unit, model } = line;
    const key = JSON.stringify([unit ?? CLASSES[kind], ttl === undefined ? null : `TTL ${ttl} s`, model ?? null]);
    const figures = `${grouped(line.quantity)} at ${grouped(line.rate)}${line.per === 1n ? "" : ` for ${grouped(line.per)}`}`;
    found.set(key, found.has(key) ? `${found.get(key)}; ${figures}` : figures);
  }
  return found;
}

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** R-18.4: the receipt does not state what the price depends on, so the bounds are all that there is, and the rates of the row. */
function boundFaults({ lower, upper, row }, charge) {
  const faults = [];
  const amount = charge.get(3n);
  if (amount < lower || amount > upper) faults.push({ field: "charge.amount", expected: `${lower} to ${upper}`, actual: String(amount) });
  charge.get(4n).map(lineOfCharge).forEach((line, n) => {
    const rates = ratesOf(row, line);
    if (!line.quantity || line.model !== undefined || rates.some(([rate, per]) => rate === line.rate && per === line.per)) return;
    faults.push({ field: `charge.lines.${n}.rate`, expected: rates.map(([rate]) => rate).join(" or ") || "no such line", actual: String(line.rate) });
  });
  return faults;
}

/** The rates that a row has for a line, with the number that each is for. */
function ratesOf(row, { kind, ttl, unit }) {
  if (kind === 4n) return row.get(15n)?.has(unit) ? [row.get(15n).get(unit)] : [];
  return tokenRates(row, kind, ttl, unit).filter((rate) => rate !== undefined).map((rate) => [rate, 1n]);
}

function tokenRates(row, kind, ttl, unit) {
  if (unit !== undefined) return [row.get(14n)?.get(unit)];
  if (kind !== 2n) return [{ 0: row.get(10n), 1: row.get(11n), 3: row.get(13n) }[kind]];
  const writes = row.get(12n) ?? new Map();
  if (writes.has(ttl) || ttl) return [writes.get(ttl)];
  return [...writes.values()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
