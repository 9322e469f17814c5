// Step 13: identifiers of cached prefixes.

import { hex } from "./bytes.js";
import { lastWordsIn } from "./last_words.js";
import { plural } from "./words.js";

const KEYED = new Set(["tokens-hmac-sha256", "text-hmac-sha256"]);
const isVllm = (recipe) => /^vllm-sha256-cbor;block=0*[1-9][0-9]*;seed=/.test(recipe);

/** Tells what the identifiers say about each other. The scope of it: a check, or null if no receipt has any. */
export function checkCacheIds(accounts, findings) {
  const [owned, any] = [new Map(), new Map()]; // entries by issuer, recipe and id; by recipe and id
  for (const entry of entriesIn(accounts)) {
    for (const [groups, key] of [[owned, [entry.issuer, entry.recipe, entry.id]], [any, [entry.recipe, entry.id]]]) {
      const name = JSON.stringify(key);
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(entry);
    }
  }
  const failed = new Set();
  for (const group of owned.values()) tellConflict(group, failed, findings);
  for (const group of any.values()) tellShared(group, failed, findings);
  const first = [...any.values()].reduce((count, group) => count + readFirst(group), 0);
  const seen = first ? `${plural(first, "read")} of a prefix that is seen here for the first time` : null;
  return { check: "one identifier, one prefix", passed: any.size - failed.size, of: any.size, failed: failed.size, notChecked: seen };
}

/** How many entries of one identifier are reads of what no other receipt of that time or an earlier one has. */
function readFirst(group) {
  const byTime = [...group].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const isFirst = ({ item, time }) => !(byTime.find((other) => other.item !== item)?.time <= time);
  return group.filter((entry) => entry.isRead && isFirst(entry)).length;
}

/** All entries of the last words, in the order of the input. */
function entriesIn(accounts) {
  const words = accounts.flatMap((account) => lastWordsIn(account)).filter(({ one }) => one.claims.cache);
  words.sort((a, b) => a.one.number - b.one.number);
  return words.flatMap(({ time, one: { claims, number, file } }) =>
    entriesOf(claims.cache).map((entry) => {
      const [recipe, id] = [entry.get(1n), hex(entry.get(2n))];
      const model = isVllm(recipe) ? null : claims.model;
      return { recipe, id, prefix: entry.get(3n), model, issuer: claims.issuer, account: claims.account, isRead: entry === claims.cache.get(1n), time: time ?? claims.time, item: number, file };
    }),
  );
}

function tellConflict([first, ...others], failed, findings) {
  const other = others.find(({ prefix, model }) => prefix !== first.prefix || model !== first.model);
  if (!other) return;
  failed.add(JSON.stringify([first.recipe, first.id]));
  const [was, is] = [first, other].map(({ prefix, model }) => `${prefix} tokens of ${model ?? "any model"}`);
  const message = `${first.recipe} ${first.id} is ${was} in item ${first.item}, ${is} here`;
  findings.add("cache-id-conflict", "R-13.1", { item: other.item, file: other.file, field: "cache", expected: was, actual: first.id, message });
}

function tellShared([first, ...others], failed, findings) {
  const other = KEYED.has(first.recipe) && others.find(({ account }) => account !== first.account);
  if (!other) return;
  failed.add(JSON.stringify([first.recipe, first.id]));
  const message = `${first.recipe} ${first.id} is of account '${first.account}' in item ${first.item}`;
  findings.add("cache-id-shared", "R-13.2", { item: other.item, file: other.file, field: "cache", expected: first.account, actual: first.id, message });
}

function entriesOf(cache) {
  if (!cache) return [];
  return [...(cache.has(1n) ? [cache.get(1n)] : []), ...(cache.get(2n) ?? []), ...(cache.get(3n) ?? [])];
}
