// Bytes and texts.

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

export function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

export const sameBytes = (a, b) => a !== undefined && b !== undefined && a.length === b.length && compareBytes(a, b) === 0;
export const startsWith = (bytes, front) => bytes.length >= front.length && compareBytes(bytes.subarray(0, front.length), front) === 0;

/** By the bytes of UTF-8, which is the order of the code points, and not that of UTF-16. */
export const compareTexts = (a, b) => (a === b ? 0 : compareBytes(ENCODER.encode(a), ENCODER.encode(b)));

/** Bytes of a text in UTF-8, exactly where they may be more than 512. */
export const sizeOf = (text) => (text.length * 3 <= 512 ? text.length : ENCODER.encode(text).length);
export const utf8 = (text) => ENCODER.encode(text);

export function decodeText(bytes) {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

export const bytesOf = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

export function base64url(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = bytesOf(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  return toBase64url(bytes) === text ? bytes : null;
}

export function toBase64url(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte); // one by one: a call has not so many arguments
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
