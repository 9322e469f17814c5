// The members of a pack, and its manifest (R-19.2; spec/pack.md, "Members", "Manifest").

import { compareTexts, decodeText } from "./bytes.js";
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
const TOLD_ALWAYS = ["code", "rule", "count"];
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
  for (const name of [...new Set([...manifest.members.keys(), ...there])].sort(compareTexts)) {
    if (!manifest.members.has(name)) throw malformedPack("not listed", name);
    if (!members.has(name) || !there.includes(name)) throw malformedPack("the member is not there", name);
  }
  if (!there.some((name) => name.startsWith("keys/"))) throw malformedPack("there is no key file");
  if ((manifest.maker === null) === members.has(MAKER)) throw malformedPack("a maker is named and its key file is there, or neither", MAKER);
  checkEvidence(manifest, members);
  return manifest;
}

const isText = (value) => typeof value === "string";
const isTexts = (value) => Array.isArray(value) && value.every(isText);
const isMap = (value) => value instanceof Map;
const isMapOf = (is) => (value) => isMap(value) && [...value.values()].every(is);
const isDigest = (value) => isText(value) && /^[0-9a-f]{64}$/.test(value);
const isWithin = (value, least, most) => typeof value === "bigint" && value >= least && value <= most;

function expect(isSo, path, expected) {
  if (!isSo) throw malformedPack(`${path}: expected ${expected}`, MANIFEST);
}

/** The values of an object that has just these members, in their order. */
function valuesOf(value, names, path) {
  expect(isMap(value) && value.size === names.length && names.every((name) => value.has(name)), path, `the members ${names.join(", ")}`);
  return names.map((name) => value.get(name));
}

function manifestOf(bytes) {
  const [pack, batches, options, maker, claims, members] = valuesOf(parsedManifest(bytes), ["pack", "batches", "options", "maker", "claims", "members"], "the manifest");
  expect(pack === 1n, "pack", "1");
  expect(Array.isArray(batches) && batches.every(isDigest), "batches", "an array of SHA-256 in hexadecimal");
  const known = optionsInPack(options);
  expect(maker === null || isText(maker), "maker", "a text or null");
  const listed = claimsOf(claims);
  expect(isMapOf(isDigest)(members), "members", "an object of SHA-256 in hexadecimal");
  return { options: known, maker, claims: listed, members };
}

function optionsInPack(options) {
  const [margin, aliases, observers] = valuesOf(options, ["margin_ms", "aliases", "observers"], "options");
  expect(isWithin(margin, 0n, MOST_MARGIN), "options.margin_ms", `0 to ${MOST_MARGIN}`);
  expect(isMapOf(isText)(aliases), "options.aliases", "an object of texts");
  expect(isTexts(observers), "options.observers", "an array of texts");
  return { margin, aliases: Object.fromEntries(aliases), observers };
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

function claimsOf(values) {
  expect(Array.isArray(values) && values.length > 0 && values.length <= MOST_CLAIMS, "claims", `an array of 1 to ${MOST_CLAIMS}`);
  const claims = [];
  for (const [n, value] of values.entries()) claims.push(claimOf(value, `claims.${n}`, n ? claims[n - 1].number + 1n : 1n));
  return claims;
}

function claimOf(value, path, least) {
  const [number, standing, finding, evidence] = valuesOf(value, ["number", "standing", "finding", "evidence"], path);
  expect(isWithin(number, least, 2n ** 53n), `${path}.number`, `a number of at least ${least}`);
  expect(STANDINGS.includes(standing), `${path}.standing`, "signed, record or asserted");
  expect(isFinding(finding), `${path}.finding`, "texts: code, rule, count, and what else a finding has");
  expect(isTexts(evidence), `${path}.evidence`, "an array of texts");
  return { number, standing, finding: Object.fromEntries(finding), evidence };
}

function isFinding(value) {
  if (!isMapOf(isText)(value)) return false;
  const isKnown = (name) => TOLD_ALWAYS.includes(name) || FINDING_FIELDS.includes(name);
  return TOLD_ALWAYS.every((name) => value.has(name)) && [...value.keys()].every(isKnown) && Object.hasOwn(MEANINGS, value.get("code"));
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
