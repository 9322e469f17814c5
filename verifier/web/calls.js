// The calls of the customer: what a row of a log says of one, and when and whether it has a receipt. spec/record.md, "A call".

import { compareTexts, unhex } from "./bytes.js";
import { InputError } from "./faults.js";
import { YEAR_10000 } from "./limits.js";
import { Decimal, isObject, logRows, parseExact } from "./log.js";
import { countOf, readUsage } from "./usage.js";

export const DAY_MS = 86400000n;
const YEAR_2000 = 946684800000n;
const OUTCOMES = new Set(["complete", "unfinished", "cut", "cancelled", "failed", "pending"]);
const SUCCESS = new Set(["ok", "success", "succeeded", "completed"]);
const FAILURE = new Set(["error", "failed", "failure", "timeout", "cancelled", "canceled"]);

const BILLED = paths("chat/completions responses messages :generateContent :streamGenerateContent converse converse-stream");
const NEVER_BILLED = paths(
  "batches files uploads uploads/*/parts uploads/*/complete moderations messages/count_tokens :countTokens responses/*/cancel " +
    "batches/*/cancel messages/batches fine_tuning/jobs vector_stores assistants threads",
);

/** What the last parts of a path are held against. */
function paths(names) {
  const one = (name) => (name.startsWith(":") ? `[^/]*${name}` : name.split("/").map((part) => (part === "*" ? "[^/]+" : part)).join("/"));
  return new RegExp(`(?:^|/)(?:${names.split(" ").map(one).join("|")})/?$`);
}

/** The calls of logs, in their order. Throws an InputError. */
export function readCalls(files, columns) {
  const calls = [];
  for (const file of files) {
    let named = true;
    for (const { where, row } of logRows(file)) {
      for (const name of row.keys()) columns.add(name);
      const call = at(where, () => callOf(where, row));
      if (!calls.length || calls.at(-1).file !== file) named = false;
      named ||= call.request !== undefined || call.commitment !== undefined || call.ok !== undefined;
      calls.push(Object.assign(call, { file }));
    }
    if (!named) throw new InputError(`${file.name} names no request`);
  }
  settleReplays(calls);
  return calls;
}

/** What a function gives; its error says where. */
export function at(where, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) throw new InputError(`${where}: ${error.message}`);
    throw error;
  }
}

function callOf(where, row) {
  const [host, path, outcome] = ["host", "path", "outcome"].map((name) => textIn(row, name));
  if (outcome !== undefined && !OUTCOMES.has(outcome)) throw new InputError(`outcome is ${outcome}`);
  const call = {
    where, host, path, outcome, request: textIn(row, "request", "request_id", "id"), sent: sentOf(row), answered: timeIn(row, "answered"),
    credential: textIn(row, "credential"), account: textIn(row, "account"), ok: isSuccess(row.get("status")), replay: flagIn(row, "replay"),
    commitment: bytesIn(row, "commitment"), requestedModel: textIn(row, "requested_model"), model: textIn(row, "model"),
    usageHash: bytesIn(row, "usage_sha256"), receipts: receiptsIn(row), ...statedCounts(row, host),
  }; // prettier-ignore
  call.complete = outcome === undefined || outcome === "complete";
  return call;
}

/** Closed to receipts, or due one. */
export function isClosed({ ok, outcome, path }) {
  return ok === false || (outcome === "failed" && ok !== true) || (path !== undefined && NEVER_BILLED.test(path));
}

export function isDue(call) {
  if (isClosed(call) || !call.complete || call.replay || (call.request === undefined && call.commitment === undefined)) return false;
  return call.path === undefined || (BILLED.test(call.path) && call.showsUsage);
}

/** When its receipt can be: [first, last]; null for at any time. */
export function windowOf({ sent, answered, complete }, margin) {
  if (sent === undefined) return null;
  const last = answered !== undefined && complete ? answered : sent + DAY_MS;
  return [sent - margin, last + margin];
}

/** Where calls stand; of several, the first of the texts. */
export const firstPlace = (calls) => calls.map(({ where }) => where).sort(compareTexts)[0];

/** A replay without the call that it answers counts as not stated. */
function settleReplays(calls) {
  const answered = new Set(calls.filter((call) => !call.replay).map((call) => call.request));
  for (const call of calls) if (call.replay && (call.request === undefined || !answered.has(call.request))) call.replay = false;
}

// ---- cells

function firstIn(row, ...names) {
  const name = names.find((one) => row.has(one));
  return name === undefined ? undefined : row.get(name);
}

function textIn(row, ...names) {
  const value = firstIn(row, ...names);
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !value.isWellFormed()) throw new InputError(`${names[0]} is no text`);
  return value;
}

function bytesIn(row, name) {
  const value = textIn(row, name);
  return value === undefined ? undefined : bytesOfHex(value, name);
}

export function bytesOfHex(text, name) {
  if (typeof text !== "string" || !/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new InputError(`${name} is not in hexadecimal`);
  return unhex(text);
}

function flagIn(row, name) {
  const value = row.get(name);
  if (value === undefined || typeof value === "boolean") return value === true;
  const known = { true: true, false: false, 1: true, 0: false };
  const text = String(value).toLowerCase();
  if (!Object.hasOwn(known, text)) throw new InputError(`${name} is neither true nor false`);
  return known[text];
}

function isSuccess(status) {
  const text = (status instanceof Decimal ? status.text : String(status ?? "")).trim().toLowerCase();
  if (!text) return undefined;
  if (SUCCESS.has(text) || FAILURE.has(text)) return SUCCESS.has(text);
  if (!/^[1-5]\d\d(?:\.0+| .*)?$/s.test(text)) throw new InputError(`status is not that of HTTP: ${text}`);
  return text[0] === "2";
}

function sentOf(row) {
  const sent = timeIn(row, "sent", "time", "timestamp");
  return sent ?? (row.has("created") ? inRange(1000n * countOf(row.get("created"), "created"), "created") : undefined);
}

function timeIn(row, ...names) {
  const value = firstIn(row, ...names);
  if (value === undefined) return undefined;
  return inRange(typeof value === "string" ? instantOf(value, names[0]) : countOf(value, names[0]), names[0]);
}

function inRange(time, name) {
  if (time < YEAR_2000 || time >= YEAR_10000) throw new InputError(`${name} is in another unit than milliseconds: ${time}`);
  return time;
}

/** ms of a time of RFC 3339. */
export function instantOf(text, name) {
  const found = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text);
  const wrong = () => new InputError(`${name} is no time of RFC 3339: ${text}`);
  if (!found) throw wrong();
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  const isDate = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const offset = found[8] ? (found[8] === "+" ? 1 : -1) * (Number(found[9]) * 60 + Number(found[10])) : 0;
  if (!isDate || hour > 23 || minute > 59 || second > 59 || Number(found[9] ?? 0) > 23 || Number(found[10] ?? 0) > 59) throw wrong();
  const ms = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
  return BigInt(Date.UTC(year, month - 1, day, hour, minute - offset, second, ms));
}

/** A value that is JSON, also where it stands in a cell. */
function parsedIn(row, name) {
  const value = row.get(name);
  return typeof value === "string" ? parseExact(value) : value;
}

function receiptsIn(row) {
  const values = parsedIn(row, "receipts") ?? [];
  if (!Array.isArray(values)) throw new InputError("receipts is no array");
  return values.map((value) => bytesOfHex(value, "receipts"));
}

// ---- counts

const COUNT_NAMES = {
  logical: ["logical", "prompt_tokens"],
  cached: ["cached", "cached_tokens"],
  output: ["output", "completion_tokens", "output_tokens"],
  reasoning: ["reasoning", "reasoning_tokens"],
};

/** Counts, writes, units and tier: what the row states by itself, or else what follows from the usage. */
function statedCounts(row, host) {
  const usage = usageOf(row);
  const found = usage === undefined ? {} : readUsage(usage, host);
  for (const [count, names] of Object.entries(COUNT_NAMES)) {
    const name = names.find((one) => row.has(one));
    if (name) found[count] = countOf(row.get(name), name);
  }
  const [writes, units] = [mapIn(row, "writes"), mapIn(row, "units")];
  if (writes) found.writes = new Map([...writes].map(([ttl, tokens]) => [ttlOf(ttl), tokens]));
  found.units = new Map([...(found.units ?? []), ...(units ?? [])]);
  found.tier = textIn(row, "tier", "service_tier") ?? found.tier;
  found.showsUsage = ["logical", "cached", "output", "reasoning"].some((name) => found[name] !== undefined);
  return found;
}

/** What a row with input_tokens has of a usage object. */
const IN_USAGE = [
  "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "iterations", "input_tokens_details",
  "output_tokens", "output_tokens_details",
]; // prettier-ignore

/** The usage object of a row; a row with input_tokens is one itself. */
function usageOf(row) {
  const usage = parsedIn(row, "usage");
  if (usage !== undefined && usage !== null) {
    if (!isObject(usage)) throw new InputError("usage is no object");
    return usage;
  }
  return row.has("input_tokens") ? Object.fromEntries(IN_USAGE.map((name) => [name, row.get(name)])) : undefined;
}

function mapIn(row, name) {
  const value = parsedIn(row, name);
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new InputError(`${name} is no object`);
  const stated = Object.entries(value).filter(([, one]) => one !== null);
  return new Map(stated.map(([key, one]) => [key, countOf(one, `${name}.${key}`)]));
}

function ttlOf(text) {
  if (!/^\d+$/.test(text)) throw new InputError(`writes: ${text} is no number of seconds`);
  return countOf(BigInt(text), "writes");
}

const COLUMNS = new Set([
  ...Object.values(COUNT_NAMES).flat(), "request", "request_id", "id", "sent", "time", "timestamp", "created", "answered", "host", "path", "credential",
  "account", "status", "outcome", "replay", "commitment", "requested_model", "model", "usage", "writes", "units", "tier", "service_tier",
  "usage_sha256", "receipts", ...IN_USAGE,
]); // prettier-ignore

/** The names of columns that are not used, in their order. */
export const unknownColumns = (names) => [...names].filter((name) => !COLUMNS.has(name)).sort(compareTexts);
