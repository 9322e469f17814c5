// Merkle trees (RFC 9162).

import { concat, sameBytes, sha256 } from "./bytes.js";
import { CHUNK } from "./limits.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const leafHash = (leaf) => sha256(concat(LEAF, leaf));
const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** The Merkle tree hash of digests. Pairing from the left, level by level, is the tree of RFC 9162. */
export async function merkleRoot(digests) {
  if (!digests.length) return sha256(new Uint8Array());
  let level = [];
  for (let n = 0; n < digests.length; n += CHUNK) level.push(...(await Promise.all(digests.slice(n, n + CHUNK).map(leafHash))));
  while (level.length > 1) {
    const above = [];
    for (let n = 0; n < level.length; n += 2 * CHUNK) {
      const pairs = [];
      for (let m = n; m < Math.min(n + 2 * CHUNK, level.length); m += 2) pairs.push(m + 1 < level.length ? nodeHash(level[m], level[m + 1]) : level[m]);
      above.push(...(await Promise.all(pairs)));
    }
    level = above;
  }
  return level[0];
}

/** The root that a path leads to from a leaf (RFC 9162, 2.1.3.2): {root}, or {fault}: why it leads to none. */
export async function rootOfPath(leaf, index, count, path) {
  let [fn, sn, hash] = [index, count - 1n, await leafHash(leaf)];
  for (const step of path) {
    if (step.length !== 32) return { fault: `a hash of ${step.length} bytes` };
    if (sn === 0n) return { fault: "the path is too long" };
    if (fn & 1n || fn === sn) {
      hash = await nodeHash(step, hash);
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else hash = await nodeHash(hash, step);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n ? { root: hash } : { fault: "the path is too short" };
}

/** Whether a path leads from a leaf to the root. */
export async function pathHolds(leaf, index, count, path, root) {
  return sameBytes((await rootOfPath(leaf, index, count, path)).root, root);
}
