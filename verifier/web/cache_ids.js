// Step 13: identifiers of cached prefixes.

import { hex } from "./bytes.js";
import { about } from "./findings.js";

const KEYED = new Set(["tokens-hmac-sha256", "text-hmac-sha256"]);
const isVllm = (recipe) => /^vllm-sha256-cbor;block=0*[1-9][0-9]*;seed=/.test(recipe);

export function checkCacheIds(accounts, findings) {
  const conflicts = new Map();
  const shared = new Map();
  const told = new Set();
  const tell = (key, finding) => {
    if (told.has(finding[0] + key)) return;
    told.add(finding[0] + key);
    findings.add(...finding);
  };
  for (const one of lastWords(accounts)) {
    for (const entry of entriesOf(one.claims.cache)) {
      const [recipe, id, prefix] = [entry.get(1n), hex(entry.get(2n)), entry.get(3n)];
      const own = JSON.stringify([one.claims.issuer, recipe, id]);
      const seen = conflicts.get(own);
      if (!seen) conflicts.set(own, { prefix, model: one.claims.model });
      else if (seen.prefix !== prefix || (seen.model !== one.claims.model && !isVllm(recipe))) tell(own, ["cache-id-conflict", "R-13.1", about(one, { field: "cache", actual: id })]);
      if (!KEYED.has(recipe)) continue;
      const any = JSON.stringify([recipe, id]);
      if (!shared.has(any)) shared.set(any, one.claims.account);
      else if (shared.get(any) !== one.claims.account) tell(any, ["cache-id-shared", "R-13.2", about(one, { field: "cache", actual: id })]);
    }
  }
}

function entriesOf(cache) {
  if (!cache) return [];
  return [...(cache.has(1n) ? [cache.get(1n)] : []), ...(cache.get(2n) ?? []), ...(cache.get(3n) ?? [])];
}

/** The collected receipts that no other one corrects, in the order of the input, corrections last. */
function lastWords(accounts) {
  const all = accounts.flatMap((account) => account.receipts.filter((one) => !account.corrected.has(one.id) && one.claims.cache));
  return all.sort((a, b) => !!a.claims.corrects - !!b.claims.corrects || a.number - b.number);
}
