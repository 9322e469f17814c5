// CBOR (RFC 8949) as far as the format has it: heads, whole items (step 1), and the content of claims (step 6).

import { compareBytes, decodeText } from "./bytes.js";
import { Fault } from "./faults.js";
import { LIMITS } from "./limits.js";

export const [UINT, , BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
export const NULL = 22;
export const MALFORMED = { fault: "malformed" };
const TRUNCATED = { fault: "truncated" };

/** The head at an offset: {type, value, next}, or MALFORMED or TRUNCATED. A simple value other than null has no value. */
export function readHead(bytes, at) {
  if (at >= bytes.length) return TRUNCATED;
  const type = bytes[at] >> 5;
  const short = bytes[at] & 31;
  if (type === SIMPLE) return short === NULL ? { type, value: NULL, next: at + 1 } : MALFORMED;
  if (short < 24) return { type, value: short, next: at + 1 };
  if (short > 27) return MALFORMED;
  const size = 1 << (short - 24);
  if (at + 1 + size > bytes.length) return TRUNCATED;
  if (size === 8) return longHead(bytes, at, type);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i];
  const least = size === 1 ? 24 : 256 ** (size / 2);
  return value < least ? MALFORMED : { type, value, next: at + 1 + size };
}

/** A head with an argument of eight bytes; its value is a BigInt where a number would be rounded. */
function longHead(bytes, at, type) {
  let value = 0n;
  for (let i = 1; i <= 8; i++) value = value * 256n + BigInt(bytes[at + i]);
  if (value < 2n ** 32n) return MALFORMED;
  return { type, value: value <= Number.MAX_SAFE_INTEGER ? Number(value) : value, next: at + 9 };
}

/** The end of the item at an offset, without looking into its strings. Throws. */
export function endOfItem(bytes, start) {
  const left = []; // items that are due in each open array, map and tag
  let at = start;
  let strings = 0n;
  for (let heads = 0; ; heads++) {
    if (heads === LIMITS.itemHeads) throw new Fault("item-too-large", "R-1.3");
    const head = readHead(bytes, at);
    if (head === MALFORMED) throw new Fault("item-malformed", "R-1.1", { offset: at });
    if (head === TRUNCATED) throw new Fault("item-truncated", "R-1.2", { offset: at });
    at = head.next;
    if (head.type === BYTES || head.type === TEXT) {
      strings += BigInt(head.value);
      if (strings > LIMITS.itemStrings) throw new Fault("item-too-large", "R-1.3");
      at += Number(head.value);
      if (at > bytes.length) throw new Fault("item-truncated", "R-1.2", { offset: at });
    }
    if (head.type === ARRAY || head.type === MAP || head.type === TAG) {
      if (left.length === LIMITS.nesting) throw new Fault("item-malformed", "R-1.1", { offset: at });
      left.push(head.type === TAG ? 1 : Number(head.value) * (head.type === MAP ? 2 : 1));
    } else if (left.length) left[left.length - 1]--;
    while (left.length && left[left.length - 1] === 0) {
      left.pop();
      if (left.length) left[left.length - 1]--;
    }
    if (!left.length) return at;
  }
}

/** The items of the files: {file, offset, bytes}; the last one is {fault} if reading found one. */
export function* readItems(files) {
  for (const file of files) {
    for (let offset = 0; offset < file.bytes.length; ) {
      const place = { file: file.name, offset };
      try {
        const end = endOfItem(file.bytes, offset);
        yield { ...place, bytes: file.bytes.subarray(offset, end), end };
        offset = end;
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        yield { ...place, fault };
        return;
      }
    }
  }
}

/** The value of claims, or in the order of the bytes. */
export function decodeContent(content, mostItems) {
  let at = 0;
  let items = 0;
  const malformed = (offset) => new Fault("content-malformed", "R-6.3", { offset });

  function value(depth) {
    const start = at;
    const head = readHead(content, at);
    if (head.fault) throw malformed(start);
    if (++items > mostItems) throw new Fault("item-too-large", "R-6.1");
    at = head.next;
    if (head.type === UINT) return BigInt(head.value);
    if (head.type === BYTES || head.type === TEXT) return string(head, start);
    if (head.type !== ARRAY && head.type !== MAP) throw malformed(start);
    if (depth === LIMITS.nesting) throw malformed(start);
    return head.type === ARRAY ? array(head.value, depth + 1) : map(head.value, depth + 1);
  }

  function string(head, start) {
    const end = at + Number(head.value);
    if (end > content.length) throw malformed(start);
    const bytes = content.subarray(at, end);
    at = end;
    if (head.type === BYTES) return bytes;
    const text = decodeText(bytes);
    if (text === null) throw malformed(start);
    return text;
  }

  function array(count, depth) {
    const values = [];
    for (let n = 0; n < count; n++) values.push(value(depth));
    return values;
  }

  function map(count, depth) {
    const entries = new Map();
    let before = null;
    for (let n = 0; n < count; n++) {
      const start = at;
      const type = content[at] >> 5;
      if (at < content.length && type !== UINT && type !== TEXT) {
        value(depth); // the fault may be an earlier one of
        throw malformed(start);
      }
      const key = value(depth);
      const encoded = content.subarray(start, at);
      if (before && (before[0] >> 5 !== encoded[0] >> 5 || compareBytes(before, encoded) >= 0)) throw malformed(start);
      before = encoded;
      entries.set(key, value(depth));
    }
    return entries;
  }

  const claims = value(0);
  if (at !== content.length) throw malformed(at);
  return claims;
}

/** the version, if the content begins as that of another one. */
export function otherVersion(content) {
  const map = readHead(content, 0);
  if (map.type !== MAP || map.value === 0 || content[map.next] !== 1) return null;
  const version = readHead(content, map.next + 1);
  return version.type === UINT && version.value !== 1 ? version.value : null;
}
