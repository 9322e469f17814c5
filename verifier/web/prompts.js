// The customer's prompts: for them.

import { concat, hex, sha256 } from "./bytes.js";
import { at, bytesOfHex } from "./calls.js";
import { InputError } from "./faults.js";
import { aboutStatement } from "./findings.js";
import { isObject, jsonLines } from "./log.js";
import { blocksOf, checkExtra, idsOfBlocks, monthOf, periodKey, readCacheKey, tokensId, vllmId, vllmOf } from "./prefix_ids.js";
import { countOf } from "./usage.js";

const CONCURRENT = 600000n; // ms by which a receipt may be later whose prompt was there before
const KEYED_RECIPES = ["tokens-hmac-sha256", "text-hmac-sha256"];

/** Prompts: {request, tokens, blocks, logical, commitment, extra}. Throws an InputError. */
export async function readPrompts(files) {
  const prompts = [];
  for (const file of files) for (const { where, value } of jsonLines(file)) prompts.push(at(where, () => promptOf(value)));
  for (const prompt of prompts) if (prompt.opening) prompt.commitment = hex(await sha256(prompt.opening));
  return prompts;
}

function promptOf(row) {
  if (!isObject(row) || typeof row.request !== "string" || !row.request.isWellFormed()) throw new InputError("a prompt without a request id");
  const { request, tokens, body, nonce, raw, extra } = row;
  const isToken = (token) => Number.isInteger(token) && token >= 0 && token < 2 ** 32;
  if (isGiven(tokens) && !(Array.isArray(tokens) && tokens.every(isToken))) throw new InputError("tokens is no array of token ids");
  if (isGiven(body) && !isObject(body)) throw new InputError("body is no object");
  if (isGiven(extra) && !Array.isArray(extra)) throw new InputError("extra is no array");
  if (isGiven(nonce) && (typeof raw !== "string" || !raw.isWellFormed())) throw new InputError("a nonce without raw");
  checkExtra(extra ?? []);
  return {
    request, tokens: isGiven(tokens) ? Uint32Array.from(tokens) : undefined, blocks: isGiven(body) ? blocksOf(body) : undefined, extra: extra ?? [],
    logical: countOf(row.logical, "logical"), opening: isGiven(nonce) ? concat(bytesOfHex(nonce, "nonce"), new TextEncoder().encode(raw)) : undefined,
  }; // prettier-ignore
}

const isGiven = (value) => value !== undefined && value !== null;

/** Each receipt against each prompt with its request id; how many were compared, and why not. */
export async function comparePrompts(words, files, keyFile, account, findings) {
  const key = keyFile && readCacheKey(keyFile);
  if (key && account.issuer !== undefined && key.account !== account.account) throw new InputError(`the cache key is of account ${key.account}`);
  const prompts = await readPrompts(files);
  const tally = { identifiers: 0, recomputed: 0, prefixes: 0, lengths: 0, commitments: 0, reasons: new Map(), failed: new Map() };
  const tell = (word, code, rule, details) => {
    findings.add(code, rule, aboutStatement(word.one, details));
    tally.failed.set(code, (tally.failed.get(code) ?? 0) + 1);
  };
  const byRequest = new Map();
  for (const word of words) byRequest.set(word.claims.request, [...(byRequest.get(word.claims.request) ?? []), word]);
  const shared = sharedPrefixes(prompts, byRequest);
  const secrets = new Map();
  for (const prompt of prompts) {
    for (const word of byRequest.get(prompt.request) ?? []) {
      compareSent(prompt, word, shared, tally, tell);
      if (word.time !== undefined) await compareEntries(prompt, word, key, secrets, tally, tell);
    }
  }
  return tally;
}

/** */
function compareSent(prompt, word, shared, tally, tell) {
  const { input, client } = word.claims;
  if (prompt.tokens && word.time !== undefined) {
    tally.prefixes++;
    const longest = BigInt(shared(prompt, word.time));
    if (input.get(2n) > longest) tell(word, "cached-beyond-prefix", "R-14.20", { field: "cached", expected: `at most ${longest}`, actual: String(input.get(2n)), message: `${input.get(2n)} tokens cached, but no other prompt shares more than ${longest} with this one` });
  }
  const own = prompt.logical ?? (prompt.tokens && BigInt(prompt.tokens.length));
  if (own !== undefined) {
    tally.lengths++;
    if (own !== input.get(1n)) tell(word, "count-differs", "R-14.7", { field: "logical", expected: String(own), actual: String(input.get(1n)), message: `the customer counted ${own} input tokens, the receipt says ${input.get(1n)}` });
  }
  if (prompt.commitment !== undefined && client) {
    tally.commitments++;
    if (prompt.commitment !== hex(client)) tell(word, "commitment-differs", "R-14.5", { field: "client", expected: prompt.commitment, actual: hex(client), message: "the receipt echoes another commitment than that to this prompt" });
  }
}

/** */
async function compareEntries(prompt, word, key, secrets, tally, tell) {
  const { cache } = word.claims;
  if (!cache) return;
  for (const entry of [...(cache.has(1n) ? [cache.get(1n)] : []), ...(cache.get(2n) ?? []), ...(cache.get(3n) ?? [])]) {
    tally.identifiers++;
    const id = hex(entry.get(2n));
    const [recipe, prefix] = [entry.get(1n), entry.get(3n)];
    const own = await idsOfPrompt(prompt, word, recipe, prefix, key, secrets);
    if (typeof own === "string") {
      tally.reasons.set(own, (tally.reasons.get(own) ?? 0) + 1);
      continue;
    }
    tally.recomputed++;
    if (own.includes(id)) continue;
    const message = `${recipe} ${id} is not the identifier of ${prefix} tokens of this prompt`;
    tell(word, "cache-id-mismatch", "R-14.19", { field: "cache", expected: own.length === 1 ? own[0] : "one of this prompt's", actual: id, message });
  }
}

/** The identifiers that this prompt allows; or why they cannot be told. */
async function idsOfPrompt(prompt, word, recipe, prefix, key, secrets) {
  let secret;
  if (KEYED_RECIPES.includes(recipe)) {
    if (!key) return "no cache key was given (--cache-key)";
    const month = monthOf(word.time);
    if (!secrets.has(month)) secrets.set(month, await periodKey(key, month));
    secret = secrets.get(month);
    if (!secret) return `the cache key is for ${key.period}, not for ${month}`;
  }
  const { model } = word.claims;
  if (recipe === "text-hmac-sha256") return prompt.blocks ? idsOfBlocks(recipe, model, prompt.blocks, secret) : "the prompt has no body";
  if (!prompt.tokens) return "the prompt has no token ids";
  const vllm = vllmOf(recipe);
  if (!vllm && recipe !== "tokens-hmac-sha256" && recipe !== "tokens-sha256") return `the recipe ${recipe} is not known`;
  if (prefix > BigInt(prompt.tokens.length) || (vllm && prefix % vllm.size)) return [];
  const front = prompt.tokens.subarray(0, Number(prefix));
  return [await (vllm ? vllmId(vllm, front, prompt.extra) : tokensId(recipe, model, front, secret))];
}

// ---- what was sent before

/**
 * A function of a prompt and a time: the longest prefix that it shares with another one whose receipt is not more than ten minutes later.
 * In the order of the token ids, the prompts that share most with one stand next to it, and those that are a front of it stand before it.
 */
function sharedPrefixes(prompts, byRequest) {
  const sorted = prompts.filter(({ tokens }) => tokens).map((prompt) => ({ prompt, receipts: byRequest.get(prompt.request) ?? [] }));
  sorted.sort((a, b) => compareTokens(a.prompt.tokens, b.prompt.tokens));
  const common = sorted.map(({ prompt }, n) => (n ? commonLength(sorted[n - 1].prompt.tokens, prompt.tokens) : 0));
  const open = [];
  sorted.forEach((one, n) => {
    one.at = n;
    while (open.length && common[n] < open.at(-1).prompt.tokens.length) open.pop();
    one.front = open.at(-1);
    open.push(one);
  });
  const places = new Map(sorted.map((one) => [one.prompt, one]));
  return (prompt, time) => {
    const own = places.get(prompt);
    const wasSent = ({ receipts }) => !receipts.length || receipts.some((word) => word.time === undefined || word.time <= time + CONCURRENT);
    let longest = Math.max(nearest(sorted, common, own.at, -1, wasSent), nearest(sorted, common, own.at, 1, wasSent));
    for (let front = own.front; front; front = front.front) if (wasSent(front)) longest = Math.max(longest, withOutput(front, time));
    return Math.min(longest, prompt.tokens.length);
  };
}

function nearest(sorted, common, from, step, wasSent) {
  let shared = Infinity;
  for (let n = from + step; n >= 0 && n < sorted.length; n += step) {
    shared = Math.min(shared, common[step < 0 ? n + 1 : n]);
    if (!shared || wasSent(sorted[n])) return shared;
  }
  return 0;
}

/** The tokens of a prompt, and those that were generated after it. */
function withOutput({ prompt, receipts }, time) {
  const before = receipts.filter((word) => word.time === undefined || word.time <= time + CONCURRENT);
  return prompt.tokens.length + Math.max(0, ...before.map(({ claims }) => Number(claims.output?.get(1n) ?? 0n)));
}

function commonLength(a, b) {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a[n] === b[n]) n++;
  return n;
}

function compareTokens(a, b) {
  const n = commonLength(a, b);
  return n < a.length && n < b.length ? a[n] - b[n] : a.length - b.length;
}
