// CBOR (RFC 8949) as far as the format has it: heads, whole items (step 1), and the content of claims (step 6).

import { compareBytes, decodeText } from "./bytes.js";
import { Fault } from "./faults.js";
import { LIMITS } from "./limits.js";

export const [UINT, , BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
export const NULL = 22;
const malformedHead = (words) => ({ fault: "item-malformed", words });
const truncatedHead = (words) => ({ fault: "item-truncated", words });
const SIMPLE_HEAD = malformedHead("a float or a simple value other than null");
const RESERVED_HEAD = malformedHead("an indefinite length or a reserved head");
const longer = (value) => malformedHead(`${value} is not in its shortest form`);
const NO_HEAD = truncatedHead("the data ends where an item should begin");
const HALF_HEAD = truncatedHead("the data ends inside a head");

/** The head at an offset: {type, value, next}, or {fault, words}. */
export function readHead(bytes, at) {
  if (at >= bytes.length) return NO_HEAD;
  const type = bytes[at] >> 5;
  const short = bytes[at] & 31;
  if (type === SIMPLE) return short === NULL ? { type, value: NULL, next: at + 1 } : SIMPLE_HEAD;
  if (short < 24) return { type, value: short, next: at + 1 };
  if (short > 27) return RESERVED_HEAD;
  const size = 1 << (short - 24);
  if (at + 1 + size > bytes.length) return HALF_HEAD;
  if (size === 8) return longHead(bytes, at, type);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i];
  const least = size === 1 ? 24 : 256 ** (size / 2);
  return value < least ? longer(value) : { type, value, next: at + 1 + size };
}

/** A head with an argument of eight bytes; its value is a BigInt where a number would be rounded. */
function longHead(bytes, at, type) {
  let value = 0n;
  for (let i = 1; i <= 8; i++) value = value * 256n + BigInt(bytes[at + i]);
  if (value < 2n ** 32n) return longer(value);
  return { type, value: value <= Number.MAX_SAFE_INTEGER ? Number(value) : value, next: at + 9 };
}

const TOO_DEEP = `nested deeper than ${LIMITS.nesting} levels`;
const stringBeyond = (head) => `a string of ${head.value} bytes ends after the data`;

/** The end of the item at an offset, without looking into its strings. Throws. */
export function endOfItem(bytes, start) {
  const left = []; // items that are due in each open array, map and tag
  let at = start;
  let strings = 0n;
  for (let heads = 0; ; heads++) {
    if (heads === LIMITS.itemHeads) throw new Fault("item-too-large", "R-1.3", { offset: at, message: `more than ${LIMITS.itemHeads} parts` });
    const head = readHead(bytes, at);
    const headAt = at;
    const wrong = (code, rule, message) => new Fault(code, rule, { offset: headAt, message });
    if (head.fault) throw wrong(head.fault, head.fault === "item-malformed" ? "R-1.1" : "R-1.2", head.words);
    at = head.next;
    if (head.type === BYTES || head.type === TEXT) {
      strings += BigInt(head.value);
      if (strings > LIMITS.itemStrings) throw wrong("item-too-large", "R-1.3", `strings of more than ${LIMITS.itemStrings} bytes`);
      at += Number(head.value);
      if (at > bytes.length) throw wrong("item-truncated", "R-1.2", stringBeyond(head));
    }
    if (head.type === ARRAY || head.type === MAP || head.type === TAG) {
      if (left.length === LIMITS.nesting) throw wrong("item-malformed", "R-1.1", TOO_DEEP);
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

/** Whether bytes are one item, and nothing else. */
export function isOneItem(bytes) {
  try {
    return endOfItem(bytes, 0) === bytes.length;
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return false;
  }
}

const KINDS_OF_ITEMS = ["an unsigned integer", "a negative integer", "a byte string", "a text string", "an array", "a map", "a tag", "a simple value or float"];

/** The value of claims, which begin at an offset of their item; or in the order of the bytes. */
export function decodeContent(content, mostItems, contentAt = 0) {
  let at = 0;
  let items = 0;
  const malformed = (offset, message) => new Fault("content-malformed", "R-6.3", { offset: contentAt + offset, field: "content", message });
  const notAllowed = (type, offset) => malformed(offset, `${KINDS_OF_ITEMS[type]} is not allowed in claims`);

  function headAt(start) {
    if (content[start] >> 5 === SIMPLE) throw notAllowed(SIMPLE, start);
    const head = readHead(content, start);
    if (head.fault) throw malformed(start, head.words);
    if (items === mostItems) throw new Fault("item-too-large", "R-6.1", { message: "more items than the format allows" });
    return head;
  }

  function value(depth) {
    const start = at;
    const head = headAt(start);
    items++;
    at = head.next;
    if (head.type === UINT) return BigInt(head.value);
    if (head.type === BYTES || head.type === TEXT) return string(head, start);
    if (head.type !== ARRAY && head.type !== MAP) throw notAllowed(head.type, start);
    if (depth === LIMITS.nesting) throw malformed(start, TOO_DEEP);
    return head.type === ARRAY ? array(head.value, depth + 1) : map(head.value, depth + 1);
  }

  function string(head, start) {
    const end = at + Number(head.value);
    if (end > content.length) throw malformed(start, stringBeyond(head));
    const bytes = content.subarray(at, end);
    at = end;
    if (head.type === BYTES) return bytes;
    const text = decodeText(bytes);
    if (text === null) throw malformed(start, "text that is not valid UTF-8");
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
      const { type } = headAt(start);
      const isKind = before ? before[0] >> 5 === type : type === UINT || type === TEXT;
      if (!isKind) throw malformed(start, `${KINDS_OF_ITEMS[type]} as a map key is not allowed here`);
      const key = value(depth);
      const encoded = content.subarray(start, at);
      const order = before ? compareBytes(before, encoded) : -1;
      if (order >= 0) throw malformed(start, order ? "a map key out of order" : "a map key twice");
      before = encoded;
      entries.set(key, value(depth));
    }
    return entries;
  }

  const claims = value(0);
  if (at !== content.length) throw malformed(at, `${content.length - at} bytes after the end`);
  return claims;
}

/** the version and its offset, if the content begins as that of another one. */
export function otherVersion(content) {
  const map = readHead(content, 0);
  if (map.type !== MAP || map.value === 0 || content[map.next] !== 1) return null;
  const version = readHead(content, map.next + 1);
  return version.type === UINT && version.value !== 1 ? { version: version.value, offset: map.next } : null;
}
