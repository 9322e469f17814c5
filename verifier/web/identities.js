// Step 8: the identities of a receipt.

import { about, accountKey } from "./findings.js";
import { CACHED_PARTS, INPUT_PARTS, KINDS, OUTPUT_PARTS, isPrivate } from "./units.js";
import { sameValue, sum, sumMaps } from "./values.js";
import { shown, unequal } from "./words.js";

/** Tells what is wrong with the numbers of a receipt. Whether they agree with each other. */
export function checkIdentities(one, findings, options) {
  const { claims } = one;
  let agrees = claims.input.has(2n);
  const tell = (code, rule, details) => {
    agrees = false;
    findings.add(code, rule, about(one, details));
  };
  const together = (code, rule, details) => findings.addTogether(code, rule, accountKey(claims), about(one, details));
  for (const [code, rule, details] of countFaults(claims.input, claims.output)) tell(code, rule, details);
  for (const details of entryFaults(claims)) tell("cache-entry-mismatch", "R-8.5", details);
  if (claims.charge) for (const details of chargeFaults(claims)) tell("charge-mismatch", "R-8.6", details);
  const cached = claims.input.get(2n);
  if (cached === undefined) together("cached-unstated", "R-8.7", { field: "input.cached", message: "cached tokens are not stated" });
  if (options.requireCacheId && cached > 0n && !claims.cache?.has(1n)) together("cache-id-missing", "R-8.8", { message: `${cached} cached tokens without an identifier` });
  if (claims.units) for (const details of partFaults(claims)) tell("parts-mismatch", "R-8.9", details);
  if (claims.models) for (const details of modelFaults(claims)) tell("models-mismatch", "R-8.10", details);
  const spanFault = claims.span && faultOfSpan(claims);
  if (spanFault) tell("span-mismatch", "R-8.11", unequal(...spanFault, "something else"));
  if (claims.source?.has(7n) && !options.observers.has(claims.issuer)) together("receipt-observed", "R-8.12", { field: "source.observed", message: "the issuer observed what the provider's usage object said, and does not bill" });
  return agrees;
}

const written = (input) => sum([...(input.get(4n)?.values() ?? [])]);

/** Identities 1 to 3 of counts. */
function countFaults(input, output) {
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const faults = [];
  if (cached > logical) faults.push(["cached-exceeds-logical", "R-8.1", unequal("input.cached", `at most ${logical}`, cached)]);
  else if (cached !== undefined && cached + attributed !== logical) faults.push(["attributed-mismatch", "R-8.2", unequal("input.attributed", logical - cached, attributed)]);
  const most = attributed ?? logical;
  if (written(input) > most) faults.push(["writes-exceed-attributed", "R-8.3", unequal("input.writes", `at most ${most}`, written(input))]);
  if (output?.get(2n) > output?.get(1n)) faults.push(["reasoning-exceeds-output", "R-8.4", unequal("output.reasoning", `at most ${output.get(1n)}`, output.get(2n))]);
  return faults;
}

/** Cache entries that the counts rule out (identity 4). */
function entryFaults({ cache, input }) {
  if (!cache) return [];
  const [logical, cached] = [input.get(1n), input.get(2n)];
  const faults = [];
  const read = cache.get(1n);
  if (read && !(cached > 0n && read.get(3n) === cached)) faults.push(unequal("cache.read.prefix", cached ? cached : "absent", read.get(3n)));
  for (const [label, name] of [[2n, "writes"], [3n, "commitments"]]) {
    (cache.get(label) ?? []).forEach((entry, n) => entry.get(3n) > logical && faults.push(unequal(`cache.${name}.${n}.prefix`, `at most ${logical}`, entry.get(3n))));
  }
  return faults;
}

/** Identity 5. */
function chargeFaults(claims) {
  const { charge, input, output, models } = claims;
  const lines = charge.get(4n).map((line) => ({ kind: line.get(1n), ttl: line.get(2n), quantity: line.get(3n), rate: line.get(4n), amount: line.get(5n), unit: line.get(6n), per: line.get(7n) ?? 1n, model: line.get(8n) }));
  const faults = [];
  lines.forEach((line, n) => {
    const expected = (2n * line.quantity * line.rate + line.per) / (2n * line.per);
    if (line.amount !== expected) faults.push(unequal(`charge.lines.${n}.amount`, expected, line.amount));
  });
  const total = sum(lines.map((line) => line.amount));
  if (charge.get(3n) !== total) faults.push(unequal("charge.amount", total, charge.get(3n)));
  if (!input.has(2n)) return [...faults, unequal("input.cached", "stated, since there is a charge", "nothing")];
  faults.push(...classFaults(lines, models ? [...models].map(([model, counts]) => [model, counts.get(1n), counts.get(2n)]) : [[undefined, input, output]]));
  for (const unit of new Set(lines.map((line) => line.unit).filter((name) => name !== undefined))) {
    const expected = pricedApart(claims, unit);
    const actual = sum(lines.filter((line) => line.unit === unit).map((line) => line.quantity));
    if (actual !== expected) faults.push(unequal(`charge.lines (${unit})`, expected, actual));
  }
  return faults;
}

/** The quantities of the lines of each class, TTL and model, against the counts; then classes that only lines have. */
function classFaults(lines, counts) {
  const classes = new Map();
  const at = (kind, ttl, model) => {
    const name = `class ${kind}${ttl === undefined ? "" : `, TTL ${ttl} s`}${model === undefined ? "" : `, ${model}`}`;
    if (!classes.has(name)) classes.set(name, { expected: 0n, actual: 0n });
    return classes.get(name);
  };
  for (const [model, input, output] of counts) {
    at(0n, undefined, model).expected = (input.get(3n) ?? 0n) - written(input);
    at(1n, undefined, model).expected = input.get(2n) ?? 0n;
    for (const [ttl, tokens] of input.get(4n) ?? []) at(2n, ttl, model).expected = tokens;
    at(3n, undefined, model).expected = output?.get(1n) ?? 0n;
  }
  for (const { kind, ttl, model, quantity } of lines) if (kind !== 4n) at(kind, ttl, model).actual += quantity;
  return [...classes].filter(([, { expected, actual }]) => expected !== actual).map(([name, { expected, actual }]) => unequal(`charge.lines (${name})`, expected, actual));
}

/** What the lines that name a unit sum to. */
function pricedApart({ units, input, output }, unit) {
  if (unit === "reasoning") return output?.get(2n) ?? 0n;
  if (!INPUT_PARTS.has(unit)) return units?.get(unit) ?? 0n;
  const cached = cachedPart(units, input, unit.slice("input.".length));
  return units?.has(unit) && cached !== undefined ? units.get(unit) - cached : 0n;
}

/** `cached.X` where it is known: it is stated, or nothing was cached at all. */
const cachedPart = (units, input, kind) => units?.get(`cached.${kind}`) ?? (input.get(2n) === 0n ? 0n : undefined);

/** Identity 6. */
function partFaults({ units, input, output }) {
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const sumOf = (names) => sum([...names].map((name) => units.get(name) ?? 0n));
  const known = KINDS.filter((kind) => units.has(`input.${kind}`) && cachedPart(units, input, kind) !== undefined);
  const computed = sum(known.map((kind) => units.get(`input.${kind}`) - cachedPart(units, input, kind)));
  const hasOutputParts = [...OUTPUT_PARTS].some((name) => units.has(name));
  const sums = [
    ["units.input", logical, sumOf(INPUT_PARTS)],
    ...KINDS.filter((kind) => units.has(`input.${kind}`)).map((kind) => [`units.cached.${kind}`, units.get(`input.${kind}`), units.get(`cached.${kind}`)]),
    ["units.cached", cached ?? 0n, sumOf(CACHED_PARTS)],
    ["units.input - units.cached", attributed ?? logical, computed],
    ["units.output", output?.get(1n) ?? 0n, hasOutputParts ? sumOf(OUTPUT_PARTS) + (output?.get(2n) ?? 0n) : 0n],
  ];
  return sums.filter(([, most, actual]) => actual > most).map(([field, most, actual]) => unequal(field, `at most ${most}`, actual));
}

/** Identity 7. */
function modelFaults({ models, input, output }) {
  const counts = [...models].map(([model, map]) => ({ model, input: map.get(1n), output: map.get(2n) }));
  const faults = counts.flatMap((one) => countFaults(one.input, one.output).map(([, , { field, expected, actual }]) => unequal(`models.${one.model}.${field}`, expected, actual)));
  const outputs = counts.map((one) => one.output).filter(Boolean);
  const total = (values) => (values.length && values.every((value) => value !== undefined) ? sum(values) : undefined);
  const sums = [
    ["logical", total(counts.map((one) => one.input.get(1n))), input.get(1n)],
    ["cached", total(counts.map((one) => one.input.get(2n))), input.get(2n)],
    ["writes", sumMaps(counts.map((one) => one.input.get(4n))), input.get(4n)],
    ["output", total(outputs.map((one) => one.get(1n))), output?.get(1n)],
    ["reasoning", total(outputs.map((one) => one.get(2n))), output?.get(2n)],
  ];
  return [...faults, ...sums.filter(([, expected, actual]) => !sameValue(expected, actual)).map(([field, expected, actual]) => unequal(field, shown(expected), shown(actual)))];
}

/** Identity 8: the first field that breaks it, and what it should be. */
function faultOfSpan({ input, output, cache, client, units, models, span, time }) {
  if ([1n, 2n, 3n].some((label) => input.get(label) !== 0n) || input.has(4n)) return ["input", "0 logical and 0 cached tokens"];
  if (output) return ["output", "nothing"];
  if (cache) return ["cache", "nothing"];
  if (client) return ["client", "nothing"];
  if (!units || [...units.keys()].some((name) => !["container.seconds", "storage.token_seconds"].includes(name) && !isPrivate(name))) return ["units", "units of time"];
  if (models) return ["models", "nothing"];
  return span.get(2n) > time ? ["span.end", "not after time"] : null;
}
