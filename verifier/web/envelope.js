// Steps 2 and 3: the envelope of a signed object, and its protected header.

import { bytesOf, concat, decodeText, sameBytes, startsWith } from "./bytes.js";
import { ARRAY, BYTES, MALFORMED, MAP, NULL, SIMPLE, TAG, TEXT, UINT, endOfItem, readHead } from "./cbor.js";
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
  const due = (type, value) => {
    const head = at < item.length ? readHead(item, at) : MALFORMED;
    if (head.type !== type || (value !== undefined && head.value !== value)) throw new Fault("envelope-invalid", "R-2.1", { field: "envelope" });
    at = head.next;
    return head.value;
  };
  const string = (size) => {
    const length = due(BYTES, size);
    at += length;
    return item.subarray(at - length, at);
  };
  due(ARRAY, 2);
  const content = string();
  due(TAG, 18);
  due(ARRAY, 4);
  const header = string();
  const unprotectedAt = at;
  const entries = due(MAP);
  at = unprotectedAt;
  at = endOfItem(item, at);
  due(SIMPLE, NULL);
  const signature = string(64);
  if (entries !== 0 && !(startsWith(header, STATEMENT_FRONT) && unprotectedOfStatement(item, unprotectedAt))) {
    throw new Fault("envelope-invalid", "R-2.2", { field: "unprotected" });
  }
  return { content, header, signature, unprotected: entries !== 0 };
}

/** Whether a map that is not empty has 270 (bstr) and 394 (array of bstr), one or both, in this order. */
function unprotectedOfStatement(item, start) {
  const map = readHead(item, start);
  let at = map.next;
  let before = 0;
  for (let entry = 0; entry < map.value; entry++) {
    const key = readHead(item, at);
    if (key.type !== UINT || key.value <= before || (key.value !== 270 && key.value !== 394)) return false;
    before = key.value;
    const value = readHead(item, key.next);
    if (value.type !== (before === 270 ? BYTES : ARRAY)) return false;
    at = endOfItem(item, key.next);
    let inside = value.next;
    for (let n = 0; before === 394 && n < value.value; n++) {
      if (readHead(item, inside).type !== BYTES) return false;
      inside = endOfItem(item, inside);
    }
  }
  return true;
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
