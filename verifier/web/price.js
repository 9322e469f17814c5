// What a request costs by a rate card, line by line, exactly or between two bounds (spec/rate-card.md, "Price").

import { rowFor } from "./card.js";
import { KINDS, OUTPUT_PARTS } from "./units.js";
import { sum } from "./values.js";

const [UNCACHED, CACHED, WRITE, OUT, ASIDE] = [0n, 1n, 2n, 3n, 4n]; // classes of lines

/** There is no price: what of the receipt has none, what would have to be there, and what is. */
export class Unpriced extends Error {
  constructor(field, expected, actual) {
    super(field);
    Object.assign(this, { field, expected, actual });
  }
}

/**
 * The price of a receipt's request, in picounits.
 * @param {object} claims of the receipt
 * @param {bigint} time of the request, in ms
 * @returns {{lower: bigint, upper: bigint, lines: object[], row: Map}} `lines` are those of the upper bound; `row` that of claim 9
 * @throws {Unpriced}
 */
export function priceOf(card, claims, time) {
  const { model, input, output, models, source } = claims;
  const units = claims.units ?? new Map();
  const request = { provider: source?.get(1n), tier: source?.get(4n), terms: source?.get(6n), time };
  const row = rowOf(card, { ...request, model, logical: input.get(1n) });
  const priced = models ? byModel(card, request, models, units) : [tokensOf(row, input, output, units)];
  const beside = besideOf(row, units, models, model);
  const extra = sum(beside.map(({ amount }) => amount));
  const total = (bound) => extra + sum(priced.map((tokens) => sum(tokens[bound].map(({ amount }) => amount))));
  return { lower: total("least"), upper: total("most"), lines: [...priced.flatMap(({ most }) => most), ...beside], row };
}

function rowOf(card, request) {
  const row = request.provider === undefined ? null : rowFor(card, request);
  if (row) return row;
  const terms = [...(request.terms ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, term]) => `${name} ${term}`);
  throw new Unpriced("model", `a row for ${request.provider ?? "None"}, ${request.model}, ${terms.join(", ") || "no terms"}`, "none");
}

/** Each model by its own counts and its own row. Parts are not stated by model, but for reasoning. */
function byModel(card, request, models, units) {
  const counted = [...models].map(([model, counts]) => {
    const [input, output] = [counts.get(1n), counts.get(2n)];
    return { model, input, output, row: rowOf(card, { ...request, model, logical: input.get(1n) }) };
  });
  for (const [part, quantity] of units) {
    if (quantity && counted.some(({ row }) => row.get(14n)?.has(part))) throw new Unpriced(`units.${part}`, "the part by model", "one number");
  }
  return counted.map(({ row, input, output, model }) => tokensOf(row, input, output, new Map(), model));
}

function besideOf(row, units, models, model) {
  const names = [...(row.get(15n)?.keys() ?? [])].filter((name) => units.get(name));
  if (names.length && models && !models.has(model)) throw new Unpriced("model", "one of the models", model);
  return names.map((unit) => lineOf(ASIDE, units.get(unit), row.get(15n).get(unit), { unit, model: models && model }));
}

function lineOf(kind, quantity, [rate, per], { ttl, unit, model } = {}) {
  return { kind, ttl, unit, model, quantity, rate, per, amount: (2n * quantity * rate + per) / (2n * per) };
}

/** The lines of the tokens of one model where they cost the least, and the most. */
function tokensOf(row, input, output, units, model) {
  const kinds = kindsOf(row, input, units);
  const lines = (dear) => [...inputLines(row, input, kinds, dear, model), ...outputLines(row, output, units, dear, model)];
  return { least: lines(false), most: lines(true) };
}

// ---------------------------------------------------------------------------------------------------------------- input

/**
 * The input tokens that were not written to a cache: plain ones, and each part that is stated and that the row prices apart.
 * Of each: tokens, how many of them were cached (`least` to `most`), both rates, and the units of its lines.
 */
function kindsOf(row, input, units) {
  const cached = input.get(2n);
  const parts = KINDS.map((kind) => partOf(row, cached, units, kind)).filter(Boolean);
  const written = sum([...(input.get(4n)?.values() ?? [])]);
  const tokens = input.get(1n) - written - sum(parts.map((part) => part.tokens));
  const over = (bound) => sum(parts.map((part) => part[bound]));
  const plain = { tokens, least: 0n, most: tokens, rate: row.get(10n), cachedRate: row.get(11n) };
  if (cached !== undefined) Object.assign(plain, { least: larger(0n, cached - over("most")), most: smaller(tokens, cached - over("least")) });
  if (plain.least > plain.most) throw new Unpriced("units", "tokens of its parts that can be told from those written to a cache", "more of them than are left");
  const kinds = [plain, ...parts];
  for (const one of kinds) {
    if (one.rate === undefined && one.tokens > one.least) throw new Unpriced("input", "a rate for input tokens", "none");
    if (one.cachedRate === undefined && one.most > 0n) throw new Unpriced("input.cached", "a rate for cached tokens", "none");
  }
  return kinds;
}

function partOf(row, cached, units, kind) {
  const [unit, cachedUnit] = [`input.${kind}`, `cached.${kind}`];
  const rates = row.get(14n);
  if (!rates?.has(unit) && !rates?.has(cachedUnit)) return null;
  const stated = units.get(cachedUnit);
  const tokens = units.get(unit) ?? stated;
  if (tokens === undefined) return null;
  if (stated > tokens) throw new Unpriced(`units.${cachedUnit}`, `at most ${unit}, ${tokens}`, String(stated));
  const most = cached === undefined ? tokens : smaller(tokens, cached);
  return {
    tokens, least: stated ?? 0n, most: stated ?? most, rate: rates.get(unit) ?? row.get(10n), cachedRate: rates.get(cachedUnit) ?? row.get(11n),
    unit: rates.has(unit) ? unit : undefined, cachedUnit: rates.has(cachedUnit) ? cachedUnit : undefined,
  }; // prettier-ignore
}

const smaller = (a, b) => (a < b ? a : b);
const larger = (a, b) => (a > b ? a : b);

/** How many tokens of each kind are cached where that costs the most, or the least: first those that a cache makes dearest, or cheapest. */
function spread(kinds, cached, dear) {
  const dearer = (one) => (one.rate === undefined || one.cachedRate === undefined ? 0n : one.cachedRate - one.rate);
  const found = new Map(kinds.map((one) => [one, one.least]));
  let left = cached === undefined ? undefined : cached - sum([...found.values()]);
  const order = [...kinds].sort((a, b) => Number(dear ? dearer(b) > dearer(a) : dearer(a) > dearer(b)) - Number(dear ? dearer(a) > dearer(b) : dearer(b) > dearer(a)));
  for (const one of order) {
    const room = one.most - one.least;
    if (left === undefined) {
      if (dear ? dearer(one) > 0n : dearer(one) < 0n) found.set(one, one.most);
    } else {
      const taken = smaller(room, left);
      found.set(one, one.least + taken);
      left -= taken;
    }
  }
  return found;
}

function inputLines(row, input, kinds, dear, model) {
  const cached = spread(kinds, input.get(2n), dear);
  const quantities = { [UNCACHED]: new Map(), [CACHED]: new Map() }; // by class, then by unit, of quantity and rate
  const put = (kind, unit, quantity, rate) => {
    const before = quantities[kind].get(unit);
    quantities[kind].set(unit, { quantity: (before?.quantity ?? 0n) + quantity, rate: before?.rate ?? rate });
  };
  for (const one of kinds) {
    put(UNCACHED, one.unit, one.tokens - cached.get(one), one.rate);
    put(CACHED, one.cachedUnit, cached.get(one), one.cachedRate);
  }
  const lines = [UNCACHED, CACHED].flatMap((kind) => [...quantities[kind]].map(([unit, { quantity, rate }]) => [kind, quantity, rate, { unit, model }]));
  for (const [ttl, tokens] of input.get(4n) ?? []) if (tokens) lines.push([WRITE, tokens, writeRate(row, ttl, dear), { ttl, model }]);
  return lines.filter(([, quantity]) => quantity).map(([kind, quantity, rate, names]) => lineOf(kind, quantity, [rate, 1n], names));
}

function writeRate(row, ttl, dear) {
  const rates = row.get(12n);
  if (rates?.has(ttl)) return rates.get(ttl);
  if (ttl || !rates) throw new Unpriced(`input.writes.${ttl}`, "a rate for writes of this TTL", "none");
  return [...rates.values()].reduce(dear ? larger : smaller);
}

// ---------------------------------------------------------------------------------------------------------------- output

function outputLines(row, output, units, dear, model) {
  const tokens = output?.get(1n);
  if (!tokens) return [];
  const rate = row.get(13n);
  if (rate === undefined) throw new Unpriced("output", "a rate for output tokens", "none");
  const rates = row.get(14n) ?? new Map();
  const apart = [...OUTPUT_PARTS].filter((name) => rates.has(name) && units.has(name)).map((name) => [name, units.get(name)]);
  if (rates.has("reasoning")) apart.push(["reasoning", output.get(2n) ?? reasoningOf(tokens, units, rates.get("reasoning") > rate === dear)]);
  const rest = tokens - sum(apart.map(([, quantity]) => quantity));
  if (rest < 0n || apart.some(([, quantity]) => quantity < 0n)) throw new Unpriced("units", `at most ${tokens} tokens of the output`, "more");
  const lines = [[undefined, rest, rate], ...apart.map(([name, quantity]) => [name, quantity, rates.get(name)])];
  return lines.filter(([, quantity]) => quantity).map(([unit, quantity, own]) => lineOf(OUT, quantity, [own, 1n], { unit, model }));
}

/** Reasoning that is not stated is all that is left of the output, or none. */
function reasoningOf(tokens, units, all) {
  const left = tokens - sum([...OUTPUT_PARTS].map((name) => units.get(name) ?? 0n));
  return all || left < 0n ? left : 0n;
}
