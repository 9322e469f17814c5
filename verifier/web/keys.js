// Key sets. spec/receipt.md, "Keys".

import { base64url, concat, decodeText, sameBytes, sha256 } from "./bytes.js";
import { weaknessOf } from "./ed25519.js";
import { InputError } from "./faults.js";
import { parseJson } from "./json.js";

const refuse = (why) => new InputError(`the key set is refused: ${why}`);
const seconds = (value) => typeof value === "bigint" && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);

/** SHA-256 of the COSE_Key {1: 1, -1: 6, -2: x}. */
function thumbprint(x) {
  return sha256(concat(Uint8Array.of(0xa3, 1, 1, 0x20, 6, 0x21), byteStringHead(x.length), x));
}

/** The head of a byte string in CBOR: a key may have another size than 32 bytes, which is its weakness. */
function byteStringHead(size) {
  if (size < 24) return Uint8Array.of(0x40 + size);
  const info = size < 2 ** 8 ? 0 : size < 2 ** 16 ? 1 : 2;
  return concat(Uint8Array.of(0x58 + info), Uint8Array.from({ length: 2 ** info }, (_, n) => (size / 256 ** (2 ** info - 1 - n)) & 255));
}

async function readKey(entry, issuer) {
  const kid = base64url(entry.get("kid"));
  const x = base64url(entry.get("x"));
  if (!kid || !x) throw refuse("a key without kid or x in base64url");
  if (!sameBytes(await thumbprint(x), kid)) throw refuse(`the kid ${entry.get("kid")} is not the thumbprint of x`);
  if (entry.has("d")) throw refuse("it holds a private key (d)");
  if (entry.has("alg") && !["Ed25519", "EdDSA"].includes(entry.get("alg"))) throw refuse("alg is neither Ed25519 nor EdDSA");
  if (entry.has("use") && entry.get("use") !== "sig") throw refuse("use is not sig");
  const revoked = entry.get("revoked");
  if (entry.has("revoked") && !(revoked instanceof Map && revoked.has("revoked_at"))) throw refuse("revoked without revoked_at");
  const times = { nbf: entry.get("nbf"), exp: entry.get("exp"), revokedAt: revoked?.get("revoked_at") };
  for (const time of Object.values(times)) if (time !== undefined && !seconds(time)) throw refuse("a time is no whole number of seconds");
  const weak = weaknessOf(x);
  const verifier = weak ? null : await crypto.subtle.importKey("raw", x, { name: "Ed25519" }, false, ["verify"]);
  return { kid: entry.get("kid"), issuer, x, weak, verifier, ...times };
}

/**
 * The trusted keys of key sets (JWK Set with `iss`), by kid.
 * @param {Uint8Array[]} sets the files' bytes
 * @throws {InputError} one of them breaks a rule, or they contradict each other (R-0.2)
 */
export async function readKeys(sets) {
  const keys = new Map();
  for (const bytes of sets) {
    for (const key of await readKeySet(bytes)) {
      const other = keys.get(key.kid);
      const same = other && ["issuer", "nbf", "exp", "revokedAt"].every((name) => other[name] === key[name]);
      if (other && !same) throw refuse(`the key ${key.kid} is listed in two ways`);
      keys.set(key.kid, key);
    }
  }
  return keys;
}

async function readKeySet(bytes) {
  const source = decodeText(bytes);
  if (source === null) throw refuse("not UTF-8");
  const set = parseJson(source, refuse);
  const issuer = set instanceof Map ? set.get("iss") : undefined;
  if (typeof issuer !== "string" || !issuer || !issuer.isWellFormed()) throw refuse("no iss");
  const entries = set.get("keys");
  if (!Array.isArray(entries)) throw refuse("no keys");
  const keys = [];
  for (const entry of entries) {
    if (!(entry instanceof Map) || typeof entry.get("kty") !== "string") throw refuse("an entry of keys without kty");
    if (entry.get("kty") === "OKP" && entry.get("crv") === "Ed25519") keys.push(await readKey(entry, issuer));
  }
  if (!keys.length) throw refuse("it has no Ed25519 key");
  return keys;
}
