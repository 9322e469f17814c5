// Identifiers of cached prefixes, made anew from a prompt: spec/cache-id.md.

import { base64url, concat, decodeText, hex, sha256, sizeOf } from "./bytes.js";
import { canonicalText } from "./canonical.js";
import { InputError } from "./faults.js";
import { parseJson } from "./json.js";
import { Decimal, isObject } from "./log.js";

const LONGEST_ACCOUNT = 512; // bytes, as in the claims
const ENCODE = new TextEncoder();
const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4 };
const CBOR_NULL = Uint8Array.of(0xf6);

// ---- deterministic CBOR

function headOf(major, value) {
  const head = major << 5;
  if (value < 24) return Uint8Array.of(head | Number(value));
  if (value < 0x100) return Uint8Array.of(head | 24, Number(value));
  const [size, code] = value < 0x10000 ? [2, 25] : value < 0x100000000 ? [4, 26] : [8, 27];
  const bytes = new Uint8Array(1 + size);
  bytes[0] = head | code;
  let rest = BigInt(value);
  for (let at = size; at > 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}

const cborText = (text) => cborString(MAJOR.text, ENCODE.encode(text));
const cborBytes = (bytes) => cborString(MAJOR.bytes, bytes);
const cborString = (major, bytes) => concat(headOf(major, bytes.length), bytes);

/** A value of JSON in CBOR, as vLLM's extra keys have them: texts, integers, booleans, null, and arrays of these. */
function cborOf(value) {
  if (value === null) return CBOR_NULL;
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "string") return cborText(value);
  if (Array.isArray(value)) return concat(headOf(MAJOR.array, value.length), ...value.map(cborOf));
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) throw new InputError("extra keys are texts, integers, null and arrays of these");
  return value < 0 ? headOf(MAJOR.negative, -1n - BigInt(value)) : headOf(MAJOR.uint, value);
}

// ---- keys

/** {account, period, key} of a cache key file. Throws an InputError. */
export function readCacheKey({ name, bytes }) {
  const refused = (why) => new InputError(`${name} is no cache key: ${why}`);
  const source = decodeText(bytes);
  if (source === null) throw refused("not UTF-8");
  const found = parseJson(source, refused);
  if (!(found instanceof Map) || found.get("token_receipt_cache_key") !== 1n) throw refused("token_receipt_cache_key is not 1");
  const [account, period, key] = ["account", "period", "key"].map((name) => found.get(name));
  const secret = base64url(key);
  if (typeof account !== "string" || !account || !account.isWellFormed() || sizeOf(account) > LONGEST_ACCOUNT) throw refused(`account is no text of 1 to ${LONGEST_ACCOUNT} bytes`);
  if (period !== null && !(typeof period === "string" && /^\d{4}-(?:0[1-9]|1[0-2])$/.test(period))) throw refused("period is neither null nor a month");
  if (secret?.length !== 32) throw refused("key has not 32 bytes");
  return { account, period, key: secret };
}

export const monthOf = (time) => new Date(Number(time)).toISOString().slice(0, 7);

/** The key of a month, as a key for HMAC; undefined if the file is of another month. */
export async function periodKey({ account, period, key }, month) {
  if (period !== null && period !== month) return undefined;
  const secret = period === null ? await derived(key, account, month) : key;
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

async function derived(key, account, month) {
  const info = concat(cborText("token-receipt cache key"), cborText(account), cborText(month));
  const root = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  return crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, root, 256);
}

const mac = async (key, data) => hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, data)));

// ---- recipes

const VLLM = /^vllm-sha256-cbor;block=(\d+);seed=(.*)$/s;

/** Block size and seed of a recipe of vLLM; null if it is none. */
export function vllmOf(recipe) {
  const found = VLLM.exec(recipe);
  return found && BigInt(found[1]) > 0n ? { size: BigInt(found[1]), seed: found[2] } : null;
}

/** The identifier of the first tokens, in hexadecimal, with a key or without. */
export async function tokensId(recipe, model, tokens, key) {
  const data = concat(cborText(recipe), cborText(model), sequenceOf(tokens));
  return key ? mac(key, data) : hex(await sha256(data));
}

function sequenceOf(tokens) {
  const bytes = new Uint8Array(5 * tokens.length);
  let at = 0;
  for (const token of tokens) {
    const head = headOf(MAJOR.uint, token);
    bytes.set(head, at);
    at += head.length;
  }
  return bytes.subarray(0, at);
}

/** The identifiers of a request body at the boundaries between its blocks. */
export async function idsOfBlocks(recipe, model, blocks, key) {
  const found = [];
  let data = concat(cborText(recipe), cborText(model));
  for (const block of blocks) {
    data = concat(data, cborBytes(ENCODE.encode(block)));
    found.push(await mac(key, data));
  }
  return found;
}

export async function vllmId({ size, seed }, tokens, extra) {
  let parent = await sha256(cborText(seed));
  const step = Number(size);
  for (let at = 0; at < tokens.length; at += step) {
    const block = tokens.subarray(at, at + step);
    const keys = cborOf(extra[at / step] ?? null);
    parent = await sha256(concat(headOf(MAJOR.array, 3), cborBytes(parent), headOf(MAJOR.array, block.length), sequenceOf(block), keys));
  }
  return hex(parent);
}

/** That extra keys can be encoded. */
export const checkExtra = (extra) => extra.forEach(cborOf);

// ---- the blocks of a request body

/** Texts in the form of RFC 8785. */
export function blocksOf(body) {
  const settings = Object.fromEntries(["tool_choice", "thinking"].filter((name) => name in body).map((name) => [name, body[name]]));
  const blocks = Object.keys(settings).length ? [["settings", settings]] : [];
  for (const tool of listOf(body.tools)) blocks.push(["tool", tool]);
  for (const block of partsIn(body.system)) blocks.push(["system", block]);
  listOf(body.messages).forEach((message, i) => {
    if (!isObject(message)) throw new InputError("a message is no object");
    const { content, ...others } = message;
    const parts = partsIn(content);
    for (const block of parts.length ? parts : [null]) blocks.push(["message", i, others, block]);
  });
  return blocks.map((block) => canonicalText(block.map(withoutMarks), scalarOf));
}

function listOf(value) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new InputError("tools, system and messages are arrays");
  return value;
}

const partsIn = (content) => (typeof content === "string" ? [{ type: "text", text: content }] : listOf(content));

function withoutMarks(value) {
  if (!isObject(value)) return value;
  const { cache_control: _, ...others } = value;
  return others;
}

function scalarOf(value) {
  if (value instanceof Decimal) return numberText(Number(value.text));
  if (typeof value === "bigint") throw new InputError("an integer beyond 2^53 - 1");
  if (typeof value === "string" && !value.isWellFormed()) throw new InputError("a text with a lone surrogate");
  return JSON.stringify(value);
}

function numberText(number) {
  if (!Number.isFinite(number)) throw new InputError("a number that is too large");
  return JSON.stringify(number);
}
