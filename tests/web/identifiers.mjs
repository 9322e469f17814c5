// The identifiers of spec/vectors/cache-id.json (standard input), computed by the second verifier: the same object, as far as it is computed.

import { readFileSync } from "node:fs";
import { hex, unhex } from "../../verifier/web/bytes.js";
import { parseExact } from "../../verifier/web/log.js";
import { blocksOf, idsOfBlocks, periodKey, tokensId, vllmId, vllmOf } from "../../verifier/web/prefix_ids.js";

const { keys, tokens, text, vllm } = parseExact(readFileSync(0, "utf8"));
const secretOf = (key) => key && crypto.subtle.importKey("raw", unhex(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
const probe = new Uint8Array(4);

/** A key for HMAC cannot be read again: what it makes of four bytes stands for it. */
async function madeBy(key) {
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, probe)));
}

async function monthly({ account, key, period }) {
  return madeBy(await periodKey({ account, period: null, key: unhex(key) }, period));
}

async function ofTokens({ recipe, model, tokens: ids, period_key: key, ids: expected }) {
  const secret = await secretOf(key);
  const made = await Promise.all(Object.keys(expected).map(async (n) => [n, await tokensId(recipe, model, Uint32Array.from(ids).subarray(0, Number(n)), secret)]));
  return Object.fromEntries(made);
}

async function ofBlocks({ recipe, tokens: ids, extra }) {
  const parameters = vllmOf(recipe);
  const size = Number(parameters.size);
  return Promise.all(Array.from({ length: Math.floor(ids.length / size) }, (_, n) => vllmId(parameters, Uint32Array.from(ids).subarray(0, (n + 1) * size), extra)));
}

const blocks = blocksOf(text.body);
const found = {
  keys: await Promise.all(keys.map(monthly)),
  tokens: await Promise.all(tokens.map(ofTokens)),
  text: { blocks, ids: await idsOfBlocks(text.recipe, text.model, blocks, await secretOf(text.period_key)) },
  vllm: await Promise.all(vllm.map(ofBlocks)),
};
console.log(JSON.stringify(found));
