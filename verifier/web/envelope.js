// Steps 2 and 3: the envelope of a signed object, and its protected header.

import { bytesOf, concat, decodeText, hex, sameBytes, startsWith } from "./bytes.js";
import { ARRAY, BYTES, MAP, NULL, SIMPLE, TAG, TEXT, UINT, endOfItem, readHead } from "./cbor.js";
import { Fault } from "./faults.js";

export const RECEIPT = "receipt";
export const STATEMENT = "statement";

const tail = (name, length) =>
  concat(
    Uint8Array.of(0x10, 0x78, length), bytesOf(`application/vnd.token-${name}+cose`),
    Uint8Array.of(0x19, 0x01, 0x02, 0x2f, 0x19, 0x01, 0x03, 0x78, length), bytesOf(`application/vnd.token-${name}+cbor`),
  ); // prettier-ignore

const RECEIPT_FRONT = Uint8Array.of(0xa5, 0x01, 0x32, 0x04, 0x58, 0x20);
const STATEMENT_FRONT = Uint8Array.of(0xa6, 0x01, 0x32, 0x04, 0x58, 0x20);
const RECEIPT_TAIL = tail(RECEIPT, 0x22);
const STATEMENT_TAIL = tail(STATEMENT, 0x24);

/** The kid of a header that is like a receipt's but for the types, which are those of another object; null if it is none. */
export function kidOf(header, name) {
  const same = startsWith(header, RECEIPT_FRONT) && sameBytes(header.subarray(38), tail(name, 27 + name.length));
  return same ? header.subarray(6, 38) : null;
}

/** Content, protected header and signature of `Signed`. The item was read, so its heads and strings are whole. */
export function readEnvelope(item) {
  let at = 0;
  const due = (field, expected, type, value) => {
    const head = at < item.length ? readHead(item, at) : {};
    if (head.type === undefined && field !== "payload") throw envelopeFault("R-2.1", "envelope", "more", "the end of the item", at);
    if (head.type !== type || (value !== undefined && head.value !== value)) throw envelopeFault("R-2.1", field, expected, hex(item.subarray(at, at + 4)), at);
    at = head.next;
    return head.value;
  };
  const string = (field, size) => {
    const length = due(field, size === undefined ? "a byte string" : `a byte string of ${size}`, BYTES, size);
    at += length;
    return item.subarray(at - length, at);
  };
  due("envelope", "an array of two", ARRAY, 2);
  const content = string("content");
  const contentAt = at - content.length;
  due("envelope", "tag 18 (COSE_Sign1)", TAG, 18);
  due("envelope", "an array of four", ARRAY, 4);
  const header = string("protected");
  const unprotectedAt = at;
  const entries = due("unprotected", "a map", MAP);
  at = endOfItem(item, unprotectedAt);
  due("payload", "nil", SIMPLE, NULL);
  const signature = string("signature", 64);
  const wrong = entries === 0 ? null : startsWith(header, STATEMENT_FRONT) ? faultOfUnprotected(item, unprotectedAt) : ["an empty map", `${hex(item.subarray(unprotectedAt, unprotectedAt + 8))}...`];
  if (wrong) throw envelopeFault("R-2.2", "unprotected", ...wrong, unprotectedAt);
  return { content, contentAt, header, signature, unprotected: entries !== 0 };
}

function envelopeFault(rule, field, expected, actual, offset) {
  return new Fault("envelope-invalid", rule, { field, expected, actual, offset, message: `${field}: expected ${expected}, found ${actual || "nothing"}` });
}

/** What is wrong with a map that is not empty: it has 270 (bstr) and 394 (array of bstr), one or both, in this order. */
function faultOfUnprotected(item, start) {
  const map = readHead(item, start);
  let at = map.next;
  let before = 0;
  for (let entry = 0; entry < map.value; entry++) {
    const key = readHead(item, at);
    if (key.type !== UINT || key.value <= before || (key.value !== 270 && key.value !== 394)) return ["the labels 270 and 394, in this order", String(key.value)];
    before = key.value;
    const value = readHead(item, key.next);
    const wrong = ["a byte string in 270, an array of them in 394", String(before)];
    if (value.type !== (before === 270 ? BYTES : ARRAY)) return wrong;
    at = endOfItem(item, key.next);
    let inside = value.next;
    for (let n = 0; before === 394 && n < value.value; n++) {
      if (readHead(item, inside).type !== BYTES) return wrong;
      inside = endOfItem(item, inside);
    }
  }
  return null;
}

/** for a header that is neither. */
export function headerFault(header) {
  return new Fault("header-invalid", "R-3.1", {
    field: "protected", expected: `${hex(RECEIPT_FRONT)} <kid> ${hex(RECEIPT_TAIL)}, or that of a statement`,
    actual: header.length > 256 ? `${header.length} bytes` : hex(header) || "nothing", message: "the protected header is not the one that the format prescribes",
  }); // prettier-ignore
}

/** Kind and kid, and of a statement the subject (15); null if the bytes are neither header. */
export function readHeader(header) {
  if (startsWith(header, RECEIPT_FRONT)) {
    if (!sameBytes(header.subarray(38), RECEIPT_TAIL)) return null;
    return { kind: RECEIPT, kid: header.subarray(6, 38) };
  }
  if (!startsWith(header, STATEMENT_FRONT) || header[38] !== 0x0f || header[39] !== 0xa2 || header[40] !== 1) return null;
  const issuer = shortText(header, 41);
  if (!issuer || header[issuer.next] !== 2) return null;
  const account = shortText(header, issuer.next + 1);
  if (!account || !sameBytes(header.subarray(account.next), STATEMENT_TAIL)) return null;
  return { kind: STATEMENT, kid: header.subarray(6, 38), issuer: issuer.text, account: account.text };
}

/** A text of 1 to 512 bytes, encoded as in claims; null if it is none. */
function shortText(bytes, at) {
  const head = readHead(bytes, at);
  if (head.type !== TEXT || head.value < 1 || head.value > 512 || head.next + head.value > bytes.length) return null;
  const text = decodeText(bytes.subarray(head.next, head.next + head.value));
  return text === null ? null : { text, next: head.next + head.value };
}
