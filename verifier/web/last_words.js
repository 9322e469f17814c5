// The last word on each request, which counts in place of what it corrects (spec/receipt.md, corrects; ).

import { hex } from "./bytes.js";

/**
 * The last words of an account: [{one, time}], those that correct nothing first. `time` is that of the receipt that was corrected first;
 * undefined where it is not in the input.
 */
export function lastWordsIn({ receipts, corrected }) {
  const byId = new Map(receipts.map((one) => [one.id, one]));
  const named = new Set(); // what an earlier correction corrects: a second one is no last word
  const words = [];
  for (const one of receipts) {
    const { corrects } = one.claims;
    const target = corrects && byId.get(hex(corrects.get(1n)));
    if (corrects && !one.valid && target?.valid) continue; // left aside
    const isRepeated = corrects && named.has(hex(corrects.get(1n)));
    if (corrects) named.add(hex(corrects.get(1n)));
    if (isRepeated || corrected.has(one.id)) continue;
    words.push({ one, time: originOf(one, byId)?.claims.time });
  }
  return words.sort((a, b) => !!a.one.claims.corrects - !!b.one.claims.corrects || a.one.number - b.one.number);
}

function originOf(one, byId) {
  let origin = one;
  while (origin?.claims.corrects) origin = byId.get(hex(origin.claims.corrects.get(1n)));
  return origin;
}
