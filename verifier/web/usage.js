// A usage object, in the terms of a receipt: spec/record.md, "A usage object".

import { InputError } from "./faults.js";
import { U64 } from "./limits.js";
import { isObject } from "./log.js";
import { sum } from "./values.js";

const MODALITIES = ["text", "audio", "image", "video", "document"];
const OUTPUT_BEYOND_TOTAL = ["ai-gateway.vercel.sh", "api.perplexity.ai"];
const TOOLS = { "requests.web_search": "web_search_requests", "requests.web_fetch": "web_fetch_requests" };
const TTLS = { ephemeral_5m_input_tokens: 300n, ephemeral_1h_input_tokens: 3600n };
const SUMMED = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];

const isThere = (value) => value !== undefined && value !== null;

/** A count as a receipt may state it; undefined if there is none. */
export function countOf(value, name) {
  if (!isThere(value)) return undefined;
  const count = Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof count !== "bigint" || count < 0n || count > U64) throw new InputError(`${name} is no whole number from 0 up to 2^64 - 1`);
  return count;
}

/** The first of some members that is stated; a dot leads into an object. */
function member(usage, ...paths) {
  for (const path of paths) {
    let value = usage;
    for (const name of path.split(".")) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    if (isThere(value)) return countOf(value, path);
  }
  return undefined;
}

/**
 * What a usage object says, as far as it says it: counts, `writes` by TTL, `units` by name, `models` (logical and output by name, "" for the
 * model of the response), `tier`.
 */
export function readUsage(usage, host) {
  const counts = countsOf(usage);
  const beyond = counts.reasoning > 0n || isThere(usage.reasoning_tokens) || isThere(usage.citation_tokens);
  if (OUTPUT_BEYOND_TOTAL.includes(host) && beyond) delete counts.output;
  return { ...counts, units: unitsOf(usage, counts), models: modelsOf(usage), tier: typeof usage.service_tier === "string" ? usage.service_tier : undefined };
}

function countsOf(usage) {
  if (isThere(usage.promptTokenCount)) return ofGoogle(usage);
  if (isThere(usage.prompt_tokens)) return ofChat(usage);
  if (hasIterations(usage)) return ofMessages(summed(usage.iterations));
  if (isThere(usage.cache_read_input_tokens) && isThere(usage.cache_creation_input_tokens)) return ofMessages(usage);
  if (isObject(usage.input_tokens_details)) return ofResponses(usage);
  return { output: member(usage, "output_tokens") };
}

function ofGoogle(usage) {
  const of = (name) => member(usage, name) ?? 0n;
  const logical = of("promptTokenCount") + of("toolUsePromptTokenCount");
  const total = member(usage, "totalTokenCount");
  if (total === undefined) return { logical, writes: new Map() };
  const reasoning = of("thoughtsTokenCount");
  const output = of("candidatesTokenCount") + of("responseTokenCount") + reasoning;
  const cached = of("cachedContentTokenCount");
  return { ...(logical + output === total ? { logical, output } : {}), cached, reasoning, writes: new Map() };
}

function ofChat(usage) {
  const written = member(usage, "prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens", "cache_creation_input_tokens");
  return {
    ...settled(usage),
    cached: member(usage, "prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
    reasoning: member(usage, "completion_tokens_details.reasoning_tokens"),
    writes: new Map(written === undefined ? [] : [[0n, written]]), // that there were none, if it states none
  };
}

/** Logical and output: the total says what lies beside them. */
function settled(usage) {
  const [logical, output, total] = ["prompt_tokens", "completion_tokens", "total_tokens"].map((name) => member(usage, name));
  const beside = total === undefined ? 0n : total - logical - (output ?? 0n);
  if (beside === 0n) return total === undefined && usage.reasoning_tokens ? {} : { logical, output };
  if (beside === member(usage, "completion_tokens_details.reasoning_tokens")) return { logical, output: (output ?? 0n) + beside };
  if (beside === member(usage, "prompt_tokens_details.audio_tokens")) return { logical: logical + beside, output };
  return {};
}

function ofMessages(usage) {
  const of = (name) => member(usage, name) ?? 0n;
  const [cached, written] = [of("cache_read_input_tokens"), of("cache_creation_input_tokens")];
  const writes = new Map();
  for (const [name, ttl] of Object.entries(TTLS)) {
    const tokens = member(usage, `cache_creation.${name}`);
    if (tokens !== undefined) writes.set(ttl, tokens);
  }
  const rest = written - sum([...writes.values()]);
  if (rest > 0n) writes.set(0n, rest);
  return { logical: of("input_tokens") + cached + written, cached, output: member(usage, "output_tokens"), writes };
}

function ofResponses(usage) {
  const written = member(usage, "input_tokens_details.cache_write_tokens");
  return {
    logical: member(usage, "input_tokens"),
    cached: member(usage, "input_tokens_details.cached_tokens"),
    output: member(usage, "output_tokens"),
    reasoning: member(usage, "output_tokens_details.reasoning_tokens"),
    writes: new Map(written === undefined ? [] : [[0n, written]]), // that there were none, if it states none
  };
}

// ---- iterations

const hasIterations = ({ iterations }) => Array.isArray(iterations) && iterations.length > 0;

function summed(iterations) {
  if (!iterations.every(isObject)) throw new InputError("iterations is no array of objects");
  const add = (names, of) => Object.fromEntries(names.map((name) => [name, sum(iterations.map((part) => countOf(of(part)[name], name) ?? 0n))]));
  const whole = add(SUMMED, (part) => part);
  if (iterations.every((part) => isObject(part.cache_creation))) whole.cache_creation = add(Object.keys(TTLS), (part) => part.cache_creation);
  return whole;
}

function modelsOf(usage) {
  if (isThere(usage.prompt_tokens) || !hasIterations(usage)) return undefined;
  const parts = new Map();
  for (const part of usage.iterations) {
    const name = isObject(part) && typeof part.model === "string" ? part.model : "";
    parts.set(name, [...(parts.get(name) ?? []), part]);
  }
  if (parts.size < 2) return undefined;
  return new Map([...parts].map(([name, some]) => [name, ofMessages(summed(some))]));
}

// ---- units

function unitsOf(usage, counts) {
  const units = new Map();
  for (const [unit, name] of Object.entries(TOOLS)) put(units, unit, member(usage, `server_tool_use.${name}`));
  const parts = {
    input: partsOf(usage, ["prompt_tokens_details", "input_tokens_details"], ["promptTokensDetails", "toolUsePromptTokensDetails"]),
    cached: partsOf(usage, ["prompt_tokens_details.cached_tokens_details", "input_tokens_details.cached_tokens_details"], ["cacheTokensDetails"]),
    output: partsOf(usage, ["completion_tokens_details", "output_tokens_details"], ["candidatesTokensDetails", "responseTokensDetails"]),
  };
  if (!arePossible(parts, counts)) return units;
  const whole = counts.cached !== undefined && counts.cached === sum([...parts.cached.values()]);
  if (whole) for (const kind of parts.input.keys()) if (!parts.cached.has(kind)) parts.cached.set(kind, 0n);
  for (const [inside, kinds] of Object.entries(parts)) {
    for (const [kind, tokens] of kinds) if (kind !== "text" && !(inside === "output" && kind === "document")) units.set(`${inside}.${kind}`, tokens);
  }
  return units;
}

function put(map, key, value) {
  if (value !== undefined) map.set(key, value);
}

/** Tokens by kind, from members of objects, or from arrays by modality. */
function partsOf(usage, objects, arrays) {
  const found = new Map();
  for (const kind of MODALITIES) put(found, kind, member(usage, ...objects.map((object) => `${object}.${kind}_tokens`)));
  for (const name of arrays) {
    for (const entry of Array.isArray(usage[name]) ? usage[name] : []) {
      const kind = isObject(entry) ? String(entry.modality).toLowerCase() : "";
      if (MODALITIES.includes(kind)) found.set(kind, (found.get(kind) ?? 0n) + (member(entry, "tokenCount") ?? 0n));
    }
  }
  return found;
}

/** Identity 6 of receipt.md, where text is another kind. */
function arePossible({ input, cached, output }, counts) {
  const total = (kinds) => sum([...kinds.values()]);
  const fits = (kinds, count) => !kinds.size || (count !== undefined && total(kinds) <= count);
  if (!fits(input, counts.logical) || !fits(cached, counts.cached) || !fits(output, counts.output)) return false;
  const both = [...cached.keys()].filter((kind) => input.has(kind));
  if (both.some((kind) => cached.get(kind) > input.get(kind))) return false;
  const computed = sum(both.filter((kind) => kind !== "text").map((kind) => input.get(kind) - cached.get(kind)));
  if (computed > (counts.logical ?? 0n) - (counts.cached ?? 0n)) return false;
  const others = sum([...output].filter(([kind]) => kind !== "text").map(([, tokens]) => tokens));
  return others === 0n || others + (counts.reasoning ?? 0n) <= counts.output;
}
