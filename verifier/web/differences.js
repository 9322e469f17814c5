// What a call states, and its receipt states otherwise.

import { compareTexts, hex, sameBytes } from "./bytes.js";
import { sum } from "./values.js";
import { shown } from "./words.js";

/** The differences between a receipt and a line of the record: {code, rule, field, expected, actual}. `aliases`: other names of models. */
export function differences(claims, call, aliases) {
  return differing(claims, call, aliases).map((one) => ({ ...one, message: `${one.field}: the customer has ${one.expected}, the receipt says ${one.actual}` }));
}

function differing(claims, call, aliases) {
  const found = [...countDifferences(claims, call)];
  const model = call.model ?? call.requestedModel;
  if (model !== undefined && !isOneModel(claims.model, model, aliases)) found.push({ code: "model-differs", rule: "R-14.8", field: "model", expected: model, actual: claims.model });
  const tier = claims.source?.get(4n);
  if (tier !== undefined && call.tier !== undefined && tier !== call.tier) found.push({ code: "tier-differs", rule: "R-14.9", field: "source.tier", expected: call.tier, actual: tier });
  const usage = claims.source?.get(3n);
  const settled = call.complete && !found.some(({ rule }) => rule !== "R-14.8");
  if (settled && usage && call.usageHash && !sameBytes(usage, call.usageHash)) {
    found.push({ code: "usage-differs", rule: "R-14.10", field: "source.usage", expected: hex(call.usageHash), actual: hex(usage) });
  }
  return found;
}

/** */
function countDifferences({ input, output, units }, call) {
  const found = [];
  const tell = (field, expected, actual) => found.push({ code: "count-differs", rule: "R-14.7", field, expected: String(expected), actual: String(actual ?? "nothing") });
  const compare = (field, expected, actual, or = actual) => {
    if (expected !== undefined && expected !== (actual ?? or)) tell(field, expected, actual);
  };
  compare("logical", call.logical, input.get(1n));
  compare("cached", call.cached, input.get(2n), 0n);
  if (call.complete) {
    compare("output", call.output, output?.get(1n), 0n);
    compare("reasoning", call.reasoning, output?.get(2n), 0n);
  }
  if (call.writes && !writesAgree(call.writes, input.get(4n))) tell("writes", shown(withTokens(call.writes)), input.has(4n) ? shown(withTokens(input.get(4n))) : "nothing");
  const stated = call.complete ? [...call.units].sort(([a], [b]) => compareTexts(a, b)) : [];
  for (const [unit, quantity] of stated) compare(`units.${unit}`, quantity, units?.get(unit) ?? 0n);
  return found;
}

/** for each model of a receipt, where receipt and call have counts by model. */
export function modelDifferences({ models }, call, aliases) {
  if (!models || !call.models || !call.complete) return [];
  const found = [];
  for (const [name, counts] of models) {
    const own = [...call.models].filter(([other]) => isOneModel(name, other || call.model || "", aliases)).map(([, one]) => one);
    const expected = inAndOut(sum(own.map(({ logical }) => logical)), sum(own.map(({ output }) => output ?? 0n)));
    const actual = inAndOut(counts.get(1n).get(1n), counts.get(2n)?.get(1n) ?? 0n);
    const message = `model '${name}': the customer has ${expected} tokens in and out, the receipt says ${actual}`;
    if (actual !== expected) found.push({ code: "count-differs", rule: "R-14.7", field: `models.${name}`, expected, actual, message });
  }
  return found;
}

const inAndOut = (logical, output) => `(${logical}, ${output})`;

const withTokens = (writes) => new Map([...(writes ?? [])].filter(([, tokens]) => tokens > 0n));

/** Whether writes are the same; where the record does not know their TTLs (0), whether their sums are, and no other TTL has fewer. */
function writesAgree(stated, billed) {
  const [own, other] = [withTokens(stated), withTokens(billed)];
  if (!own.has(0n)) return own.size === other.size && [...own].every(([ttl, tokens]) => other.get(ttl) === tokens);
  const total = (writes) => sum([...writes.values()]);
  return total(own) === total(other) && [...own].every(([ttl, tokens]) => ttl === 0n || (other.get(ttl) ?? 0n) >= tokens);
}

/** one name, or one name and a date behind it. */
export function isOneModel(a, b, aliases) {
  const [one, other] = [a, b].map((name) => datedName(aliases.get(name) ?? name));
  return one.name === other.name && (one.date === other.date || one.date === undefined || other.date === undefined);
}

function datedName(name) {
  const found = /^(.+)[-@](\d{4})(-?)(\d{2})\3(\d{2})$/s.exec(name);
  return found ? { name: found[1], date: found[2] + found[4] + found[5] } : { name };
}
