// The last word on each request, which counts in place of what it corrects (spec/verification.md, after ).

import { hex } from "./bytes.js";

/**
 * The last words of an account: [{one, origin, time}], those that correct nothing first. `origin` is the receipt that was corrected first, and
 * `time` that of it; undefined where it is not in the input.
 */
export function lastWordsIn({ receipts, corrected }) {
  const byId = new Map(receipts.map((one) => [one.id, one]));
  const good = goodCorrections(receipts, byId);
  const words = receipts.filter((one) => !corrected.has(one.id) && isReached(one, byId, good));
  words.sort((a, b) => !!a.claims.corrects - !!b.claims.corrects || a.number - b.number);
  return words.map((one) => {
    const origin = originOf(one, byId);
    return { one, origin, time: origin?.claims.time };
  });
}

const targetOf = (one, byId) => byId.get(hex(one.claims.corrects.get(1n)));

/** Corrections that count: the first of each receipt, but for those that are left aside. */
function goodCorrections(receipts, byId) {
  const named = new Set();
  const good = new Set();
  for (const one of receipts) {
    if (!one.claims.corrects || (!one.valid && targetOf(one, byId)?.valid)) continue;
    const id = hex(one.claims.corrects.get(1n));
    if (!named.has(id)) good.add(one);
    named.add(id);
  }
  return good;
}

/** Whether all corrections from a receipt back to the one that was corrected first count. */
function isReached(one, byId, good) {
  for (let at = one; at?.claims.corrects; at = targetOf(at, byId)) if (!good.has(at)) return false;
  return true;
}

function originOf(one, byId) {
  let origin = one;
  while (origin?.claims.corrects) origin = targetOf(origin, byId);
  return origin;
}
