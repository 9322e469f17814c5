// Step 8: the identities of a receipt.

import { about, accountKey } from "./findings.js";
import { CACHED_PARTS, INPUT_PARTS, KINDS, OUTPUT_PARTS, isPrivate } from "./units.js";
import { sameValue, sum, sumMaps } from "./values.js";

export function checkIdentities(one, findings, options) {
  const { claims } = one;
  const tell = (code, rule, details) => findings.add(code, rule, about(one, details));
  const together = (code, rule) => findings.addTogether(code, rule, accountKey(claims), about(one));
  for (const [code, rule, details] of countFaults(claims.input, claims.output)) tell(code, rule, details);
  for (const field of entryFaults(claims)) tell("cache-entry-mismatch", "R-8.5", { field });
  if (claims.charge) for (const details of chargeFaults(claims)) tell("charge-mismatch", "R-8.6", details);
  const cached = claims.input.get(2n);
  if (cached === undefined) together("cached-unstated", "R-8.7");
  if (options.requireCacheId && cached > 0n && !claims.cache?.has(1n)) together("cache-id-missing", "R-8.8");
  if (claims.units) for (const field of partFaults(claims)) tell("parts-mismatch", "R-8.9", { field });
  if (claims.models) for (const field of modelFaults(claims)) tell("models-mismatch", "R-8.10", { field });
  const spanFault = claims.span && faultOfSpan(claims);
  if (spanFault) tell("span-mismatch", "R-8.11", { field: spanFault });
  if (claims.source?.has(7n) && !options.observers.has(claims.issuer)) together("receipt-observed", "R-8.12");
}

const written = (input) => sum([...(input.get(4n)?.values() ?? [])]);

/** Identities 1 to 3 of counts. */
function countFaults(input, output) {
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const faults = [];
  if (cached > logical) faults.push(["cached-exceeds-logical", "R-8.1", { field: "input.cached", expected: logical, actual: cached }]);
  else if (cached !== undefined && cached + attributed !== logical) faults.push(["attributed-mismatch", "R-8.2", { field: "input.attributed", expected: logical - cached, actual: attributed }]);
  const most = attributed ?? logical;
  if (written(input) > most) faults.push(["writes-exceed-attributed", "R-8.3", { field: "input.writes", expected: most, actual: written(input) }]);
  if (output?.get(2n) > output?.get(1n)) faults.push(["reasoning-exceeds-output", "R-8.4", { field: "output.reasoning", expected: output.get(1n), actual: output.get(2n) }]);
  return faults;
}

/** The fields of cache entries that the counts rule out (identity 4). */
function entryFaults({ cache, input }) {
  if (!cache) return [];
  const [logical, cached] = [input.get(1n), input.get(2n)];
  const faults = [];
  const read = cache.get(1n);
  if (read && !(cached > 0n && read.get(3n) === cached)) faults.push("cache.read.prefix");
  for (const [label, name] of [[2n, "writes"], [3n, "commitments"]]) {
    (cache.get(label) ?? []).forEach((entry, n) => entry.get(3n) > logical && faults.push(`cache.${name}[${n}].prefix`));
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
    if (line.amount !== expected) faults.push({ field: `charge.lines[${n}].amount`, expected, actual: line.amount });
  });
  const total = sum(lines.map((line) => line.amount));
  if (charge.get(3n) !== total) faults.push({ field: "charge.amount", expected: total, actual: charge.get(3n) });
  if (!input.has(2n)) return [...faults, { field: "input.cached" }];
  if (!models) faults.push(...classFaults(lines, input, output, ""));
  else for (const [model, counts] of models) faults.push(...classFaults(lines.filter((line) => line.model === model), counts.get(1n), counts.get(2n), `${model} `));
  for (const unit of new Set(lines.map((line) => line.unit).filter((name) => name !== undefined))) {
    const expected = pricedApart(claims, unit);
    const actual = sum(lines.filter((line) => line.unit === unit).map((line) => line.quantity));
    if (actual !== expected) faults.push({ field: `charge ${unit}`, expected, actual });
  }
  return faults;
}

/** The quantities of the lines of each class, and TTL, against the counts. */
function classFaults(lines, input, output, prefix) {
  const writes = input.get(4n) ?? new Map();
  const ttls = new Set([...writes.keys(), ...lines.filter((line) => line.kind === 2n).map((line) => line.ttl)]);
  const expected = [["uncached", 0n, undefined, (input.get(3n) ?? 0n) - written(input)], ["cached", 1n, undefined, input.get(2n) ?? 0n], ["output", 3n, undefined, output?.get(1n) ?? 0n]];
  for (const ttl of ttls) expected.push([`writes ${ttl}`, 2n, ttl, writes.get(ttl) ?? 0n]);
  return expected.flatMap(([name, kind, ttl, tokens]) => {
    const actual = sum(lines.filter((line) => line.kind === kind && line.ttl === ttl).map((line) => line.quantity));
    return actual === tokens ? [] : [{ field: `charge ${prefix}${name}`, expected: tokens, actual }];
  });
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
  const faults = [];
  const [logical, cached, attributed] = [1n, 2n, 3n].map((label) => input.get(label));
  const sumOf = (names) => sum([...names].map((name) => units.get(name) ?? 0n));
  if (sumOf(INPUT_PARTS) > logical) faults.push("units.input");
  for (const kind of KINDS) if (units.has(`input.${kind}`) && units.get(`cached.${kind}`) > units.get(`input.${kind}`)) faults.push(`units.cached.${kind}`);
  if (sumOf(CACHED_PARTS) > (cached ?? 0n)) faults.push("units.cached");
  const known = KINDS.filter((kind) => units.has(`input.${kind}`) && cachedPart(units, input, kind) !== undefined);
  const computed = sum(known.map((kind) => units.get(`input.${kind}`) - cachedPart(units, input, kind)));
  if (computed > (attributed ?? logical)) faults.push("units.attributed");
  const hasOutputParts = [...OUTPUT_PARTS].some((name) => units.has(name));
  if (hasOutputParts && sumOf(OUTPUT_PARTS) + (output?.get(2n) ?? 0n) > (output?.get(1n) ?? 0n)) faults.push("units.output");
  return faults;
}

/** Identity 7. */
function modelFaults({ models, input, output }) {
  const counts = [...models].map(([model, map]) => ({ model, input: map.get(1n), output: map.get(2n) }));
  const faults = counts.flatMap((one) => countFaults(one.input, one.output).map(([, , details]) => `models.${one.model}.${details.field}`));
  const outputs = counts.map((one) => one.output).filter(Boolean);
  const stated = (values, all) => (all ? values.every((v) => v !== undefined) : values.some((v) => v !== undefined));
  const total = (values, all = true) => (values.length && stated(values, all) ? sum(values.map((v) => v ?? 0n)) : undefined);
  if (input.get(1n) !== total(counts.map((one) => one.input.get(1n)))) faults.push("input.logical");
  if (input.get(2n) !== total(counts.map((one) => one.input.get(2n)))) faults.push("input.cached");
  const writes = sumMaps(counts.map((one) => one.input.get(4n)));
  if (!sameValue(input.get(4n), writes)) faults.push("input.writes");
  if (output?.get(1n) !== total(outputs.map((one) => one.get(1n)))) faults.push("output.tokens");
  if (output?.get(2n) !== total(outputs.map((one) => one.get(2n)))) faults.push("output.reasoning");
  return faults;
}

/** Identity 8: the first field that breaks it. */
function faultOfSpan({ input, output, cache, client, units, models, span, time }) {
  if ([1n, 2n, 3n].some((label) => input.get(label) !== 0n) || input.has(4n)) return "input";
  if (output) return "output";
  if (cache) return "cache";
  if (client) return "client";
  if (!units || [...units.keys()].some((name) => !["container.seconds", "storage.token_seconds"].includes(name) && !isPrivate(name))) return "units";
  if (models) return "models";
  return span.get(2n) > time ? "span.end" : null;
}
