// Steps 2 to 7 for one item, apart from all others. What is wrong is noted in `faults`, and told when its turn comes in the input:
// {code, rule, details, cause}, where a cause is what findings told once have in common.

import { bytesOf, concat, hex, sha256, toBase64url } from "./bytes.js";
import { decodeContent, otherVersion } from "./cbor.js";
import { RECEIPT_CLAIMS, STATEMENT_CLAIMS, receiptOf, statementOf } from "./claims.js";
import { INCOMPLETE } from "./codes.js";
import { hasSmallOrder, isBelowL } from "./ed25519.js";
import { RECEIPT, STATEMENT, headerFault, readEnvelope, readHeader } from "./envelope.js";
import { Fault } from "./faults.js";
import { about } from "./findings.js";
import { LIMITS } from "./limits.js";
import { showInstant } from "./words.js";

export async function checkItem(item, options, { sealed = false, ownSignature = true } = {}) {
  const one = { ...item, faults: [], lost: false, kind: null };
  try {
    await throughSteps(one, options, sealed, ownSignature);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    one.faults.push(fault);
    one.lost = true;
  }
  one.valid = !!one.key && !one.faults.length;
  return one;
}

async function throughSteps(one, options, sealed, ownSignature) {
  const { content, contentAt, header, signature, unprotected } = readEnvelope(one.bytes);
  one.unprotected = unprotected;
  const known = readHeader(header);
  if (!known) throw headerFault(header);
  Object.assign(one, { kind: known.kind, kid: toBase64url(known.kid) });
  one.digest = await sha256(content);
  one.id = hex(one.digest);
  one.key = options.keys.get(one.kid);
  if (!one.key) {
    one.faults.push(Object.assign(new Fault("key-unknown", "R-4.1", { actual: one.kid, message: `key ${one.kid} is not trusted` }), { cause: one.kid }));
    if (one.kind === STATEMENT) throw new Unknown();
  } else if (one.key.weak) throw new Fault("key-weak", "R-4.2", { message: `the key must not be used: ${one.key.weak}` });
  const left = sealed && one.kind === RECEIPT;
  if (one.key && !left && ownSignature) await checkSignature(one, header, signature);
  one.unchecked = !!one.key && (left || !ownSignature);
  one.signed = !!one.key;
  const claims = readClaims(one, content, contentAt, known);
  checkAuthority(one, claims, options);
  one.claims = claims;
}

/** The item is lost by a fault that is noted already. */
class Unknown extends Fault {}

const SIGNED_FRONT = concat(Uint8Array.of(0x84, 0x6a), bytesOf("Signature1"));
const SIGNED_MIDDLE = Uint8Array.of(0x40, 0x58, 0x20);

export async function checkSignature(one, header, signature) {
  const r = signature.subarray(0, 32);
  if (hasSmallOrder(r)) throw new Fault("signature-invalid", "R-5.1", { message: "the signature does not hold: R is a point of small order" });
  const size = header.length < 256 ? [0x58, header.length] : [0x59, header.length >> 8, header.length & 255];
  const signed = concat(SIGNED_FRONT, size, header, SIGNED_MIDDLE, one.digest);
  const holds = isBelowL(signature.subarray(32)) && (await crypto.subtle.verify({ name: "Ed25519" }, one.key.verifier, signature, signed));
  if (!holds) throw new Fault("signature-invalid", "R-5.2", { message: "the signature does not hold for the content and the key" });
}

function readClaims(one, content, contentAt, header) {
  const isReceipt = one.kind === RECEIPT;
  if (content.length > (isReceipt ? LIMITS.receiptContent : LIMITS.statementContent)) throw new Fault("item-too-large", "R-6.1", { message: `a content of ${content.length} bytes` });
  const other = otherVersion(content);
  if (other) {
    const details = { field: "version", expected: 1n, actual: other.version, offset: contentAt + other.offset, message: `version ${other.version} of the format` };
    throw Object.assign(new Fault("version-unknown", "R-6.2", details), { cause: "" });
  }
  const claims = decodeContent(content, isReceipt ? Infinity : LIMITS.statementItems, contentAt);
  const wrong = (isReceipt ? RECEIPT_CLAIMS : STATEMENT_CLAIMS)(claims, "");
  if (wrong) throw new Fault("claims-invalid", "R-6.4", { ...wrong, message: `${wrong.field}: expected ${wrong.expected}, found ${wrong.actual}` });
  const found = isReceipt ? receiptOf(claims) : statementOf(claims);
  if (!isReceipt && (header.issuer !== found.issuer || header.account !== found.account)) {
    throw new Fault("claims-invalid", "R-6.5", {
      field: "header 15", expected: `${found.issuer}, ${found.account}`, actual: `${header.issuer}, ${header.account}`,
      message: "the header names another issuer or account than the claims",
    }); // prettier-ignore
  }
  return found;
}

function checkAuthority(one, claims, options) {
  const { key } = one;
  if (key && claims.issuer !== key.issuer) one.signed = false;
  if (key && claims.issuer !== key.issuer) throw new Fault("issuer-mismatch", "R-7.1", { field: "issuer", expected: key.issuer, actual: claims.issuer, message: "the key belongs to another issuer" });
  if (options.account !== undefined && claims.account !== options.account) {
    throw new Fault("account-unexpected", "R-7.2", { field: "account", expected: options.account, actual: claims.account, message: `the item is for account '${claims.account}'` });
  }
  if (!key) return;
  const [field, time] = one.kind === RECEIPT ? ["time", claims.time] : ["end", claims.end];
  const tell = (code, rule, expected) => {
    const actual = showInstant(time);
    one.signed = false;
    one.faults.push(new Fault(code, rule, { field, expected, actual, message: `${field} is ${actual}, the key may sign ${expected}` }));
  };
  if (one.kind === RECEIPT && key.nbf !== undefined && time < key.nbf * 1000n) tell("key-outside-window", "R-7.3", `from ${showInstant(key.nbf * 1000n)}`);
  else if (key.exp !== undefined && time >= key.exp * 1000n) tell("key-outside-window", "R-7.3", `before ${showInstant(key.exp * 1000n)}`);
  if (key.revokedAt !== undefined && time >= key.revokedAt * 1000n) tell("key-revoked", "R-7.4", `before ${showInstant(key.revokedAt * 1000n)}`);
}

/** Tell what steps 2 to 7 found. */
export function tellFaults(one, findings, number = one.number) {
  for (const fault of one.faults) {
    if (fault instanceof Unknown) continue;
    const offset = one.offset + (fault.details.offset ?? 0);
    const where = about(one, { ...fault.details, item: number, offset });
    if (fault.cause !== undefined) findings.addTogether(fault.code, fault.rule, fault.cause, where);
    else findings.add(fault.code, fault.rule, where);
  }
}

/** Whether an item is lost by a finding of severity rejected. */
export const isLostRejected = (one) => one.lost && !INCOMPLETE.has(one.faults.at(-1).code) && !(one.faults.at(-1) instanceof Unknown);
