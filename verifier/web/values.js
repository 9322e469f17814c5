// Values of claims: sums, and equality.

import { sameBytes } from "./bytes.js";

export const sum = (values) => values.reduce((total, value) => total + value, 0n);

/** Maps of counts, added up by key; undefined if there is none. */
export function sumMaps(maps) {
  let total;
  for (const map of maps) {
    if (!map) continue;
    total ??= new Map();
    for (const [key, value] of map) total.set(key, (total.get(key) ?? 0n) + value);
  }
  return total;
}

/** Whether two values of claims are equal, whatever they are. */
export function sameValue(a, b) {
  if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([key, value]) => b.has(key) && sameValue(value, b.get(key)));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return sameBytes(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, n) => sameValue(value, b[n]));
  return a === b;
}
