// The members of a pack, and its manifest (R-19.2; spec/pack.md, "Members", "Manifest").

import { decodeText } from "./bytes.js";
import { canonicalText } from "./canonical.js";
import { MEANINGS } from "./codes.js";
import { Fault, InputError } from "./faults.js";
import { parseJson } from "./json.js";

export const MANIFEST = "manifest.json";
export const SEAL = "seal.cbor";
export const MAKER = "maker.jwks.json";
export const CACHE_KEY = "cache-key.json";
const README = "README.md";
const ALONE = new Set([README, CACHE_KEY, MAKER, MANIFEST, SEAL, "report.json", "report.html"]);
const NAME = /^(?:(?:cards|equivocations|objects|proofs|received)\/[a-z0-9-]{1,64}\.cbor|(?:prompts|record)\/[a-z0-9-]{1,64}\.jsonl|keys\/[a-z0-9-]{1,64}\.jwks\.json)$/;
const EVIDENCE = new Set(["equivocations", "objects", "prompts", "proofs", "received", "record"]);
const MOST_CLAIMS = 1000;
const MOST_EVIDENCE = 268435456;
const MOST_MARGIN = 86400000n;
export const FINDING_FIELDS = ["issuer", "account", "stream", "sequence", "request", "number", "field", "expected", "actual"];
const STANDINGS = ["signed", "record", "asserted"];

const malformedPack = (message, field) => new Fault("pack-malformed", "R-19.2", { field, message: field === undefined ? message : `${field}: ${message}` });

/**
 * The manifest of a pack, which lists just the members that are there.
 * @param {Map<string, Uint8Array>} members
 * @returns {object} options {margin, aliases, observers}, maker (or null), claims, members: SHA-256 in hexadecimal by name
 * @throws {Fault}
 */
export function readManifest(members) {
  for (const name of members.keys()) if (!ALONE.has(name) && !NAME.test(name)) throw malformedPack("a pack has no member of this name", name);
  for (const name of [README, MANIFEST, SEAL]) if (!members.has(name)) throw malformedPack("the member is missing", name);
  const manifest = manifestOf(members.get(MANIFEST));
  const there = [...members.keys()].filter((name) => name !== MANIFEST && name !== SEAL);
  for (const name of [...new Set([...manifest.members.keys(), ...there])].sort()) {
    if (!manifest.members.has(name)) throw malformedPack("not listed", name);
    if (!members.has(name) || !there.includes(name)) throw malformedPack("the member is not there", name);
  }
  if (!there.some((name) => name.startsWith("keys/"))) throw malformedPack("there is no key file");
  if ((manifest.maker === null) === members.has(MAKER)) throw malformedPack("a maker is named and its key file is there, or neither", MAKER);
  checkEvidence(manifest, members);
  return manifest;
}

const isText = (value) => typeof value === "string";
const isInteger = (value) => typeof value === "bigint";
const isTexts = (value) => Array.isArray(value) && value.every(isText);
const isMap = (value) => value instanceof Map;
const isDigest = (value) => isText(value) && /^[0-9a-f]{64}$/.test(value);

/** That an object has just these members, each as its check says. */
function checkMembers(value, checks, what) {
  const wrong = () => malformedPack(`${what} is not as it should be`, MANIFEST);
  if (!isMap(value) || value.size !== Object.keys(checks).length) throw wrong();
  for (const [name, check] of Object.entries(checks)) if (!value.has(name) || !check(value.get(name))) throw wrong();
}

function manifestOf(bytes) {
  const whole = parsedManifest(bytes);
  checkMembers(whole, {
    pack: (value) => value === 1n, batches: (value) => Array.isArray(value) && value.every(isDigest), options: isMap, maker: (value) => value === null || isText(value),
    claims: (value) => Array.isArray(value) && value.length > 0 && value.length <= MOST_CLAIMS, members: (value) => isMap(value) && [...value.values()].every(isDigest),
  }, "the manifest"); // prettier-ignore
  const options = whole.get("options");
  const isMargin = (value) => isInteger(value) && value >= 0n && value <= MOST_MARGIN;
  checkMembers(options, { margin_ms: isMargin, aliases: (value) => isMap(value) && [...value.values()].every(isText), observers: isTexts }, "options");
  const claims = whole.get("claims").map(claimOf);
  if (claims.some(({ number }, n) => number < 1n || (n && number <= claims[n - 1].number))) throw malformedPack("claims with ascending numbers", MANIFEST);
  return {
    options: { margin: options.get("margin_ms"), aliases: Object.fromEntries(options.get("aliases")), observers: options.get("observers") },
    maker: whole.get("maker"), claims, members: whole.get("members"),
  }; // prettier-ignore
}

/** Integers that a Number holds, and whole characters: nothing else has a canonical form here. */
function strictScalar(value) {
  const isKept = typeof value === "bigint" ? Number.isSafeInteger(Number(value)) : typeof value !== "string" || value.isWellFormed();
  if (!isKept) throw new InputError("a value without a canonical form");
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

function parsedManifest(bytes) {
  const refuse = (why) => new InputError(why);
  const source = decodeText(bytes);
  try {
    const whole = source === null ? null : parseJson(source, refuse);
    if (source !== null && canonicalText(whole, strictScalar) === source) return whole;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  throw malformedPack("the manifest is not JSON in the form of RFC 8785", MANIFEST);
}

function claimOf(value) {
  const isFinding = (finding) =>
    isMap(finding) && [...finding].every(([name, one]) => isText(one) && (["code", "rule", "count"].includes(name) || FINDING_FIELDS.includes(name))) &&
    finding.has("rule") && finding.has("count") && Object.hasOwn(MEANINGS, finding.get("code")); // prettier-ignore
  checkMembers(value, { number: isInteger, standing: (one) => STANDINGS.includes(one), finding: isFinding, evidence: isTexts }, "a claim");
  const [number, standing, finding, evidence] = ["number", "standing", "finding", "evidence"].map((name) => value.get(name));
  return { number, standing, finding: Object.fromEntries(finding), evidence };
}

/** That the members that claims rest on are there, and no endless work. */
function checkEvidence({ claims }, members) {
  let size = 0;
  for (const { evidence } of claims) {
    if (new Set(evidence).size < evidence.length) throw malformedPack("a claim names a member twice", MANIFEST);
    for (const name of evidence) {
      if (!members.has(name) || !EVIDENCE.has(name.split("/")[0])) throw malformedPack("a claim rests on what is no evidence of the pack", name);
      size += members.get(name).length;
    }
  }
  if (size > MOST_EVIDENCE) throw malformedPack(`the evidence has more than ${MOST_EVIDENCE} bytes`, MANIFEST);
}
