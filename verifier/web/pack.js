// A pack: what a dispute needs in one file, and whether its claims are reached again (R-19.1 to; spec/pack.md).

import { readArchive } from "./archive.js";
import { readCard } from "./card.js";
import { compareTexts } from "./bytes.js";
import { MEANINGS } from "./codes.js";
import { Fault, InputError } from "./faults.js";
import { Findings } from "./findings.js";
import { readKeys } from "./keys.js";
import { readManifest } from "./manifest.js";
import { isToldTwice, whyUnproven } from "./proving.js";
import { scope } from "./scope.js";
import { alterations, makerOf } from "./seal.js";
import { plural } from "./words.js";

/** The pack: findings, claims with what became of them, who made it, and which keys counted that are its own. */
export async function verifyPack({ name, bytes }, options) {
  const pack = { subject: "pack", findings: new Findings(), claims: [], maker: null, ownKeys: [], checks: [] };
  try {
    await throughPack(bytes, options, pack);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    tellFault(fault, pack.findings);
  }
  if (options.period) pack.findings.add("period-uncovered", "R-19.9", { message: "a pack does not show that a period is complete" });
  for (const finding of pack.findings.list) finding.file = name;
  return pack;
}

const tellFault = ({ code, rule, details }, findings) => findings.add(code, rule, details);

async function throughPack(bytes, options, pack) {
  const members = readArchive(bytes);
  const manifest = readManifest(members);
  const { faults, opened } = await alterations(manifest, members);
  for (const fault of faults) tellFault(fault, pack.findings);
  const sealed = members.size - 1; // the seal is what the others are held against
  pack.checks.push(scope("members as sealed", sealed - Math.min(sealed, faults.length), sealed, faults.length));
  if (faults.length) return;
  pack.maker = await makerOf(manifest, opened, members, options.keys);
  pack.checks.push(ofMaker(pack.maker));
  const inPack = await keysOfPack(members);
  const cards = await cardsOfPack(members);
  const keys = keysThatCount(inPack, options.keys, pack);
  const evidence = { members, options: manifest.options, keys, cards, account: options.account, observers: options.observers };
  for (const [n, claim] of manifest.claims.entries()) {
    await proveClaim(claim, evidence, pack);
    options.progress?.(n + 1, manifest.claims.length);
  }
  pack.checks.push(ofClaims(pack.claims));
}

function ofMaker(maker) {
  if (!maker) return scope("signature of the maker", 0, 0, 0, "nobody signed the pack");
  const own = maker.trusted ? null : `by the pack's own key of ${maker.name}, key ${maker.kid}: compare it`;
  return scope("signature of the maker", maker.trusted ? 1 : 0, 1, 0, own);
}

function ofClaims(claims) {
  const reached = claims.filter((claim) => claim.reached).length;
  const told = claims.filter(({ standing }) => standing === "asserted").length;
  const words = told ? `${plural(told, "claim")} on the maker's word` : null;
  return scope("claims reached again", reached, claims.length, claims.length - reached - told, words);
}

const inFolder = (members, folder) => [...members].filter(([name]) => name.startsWith(`${folder}/`)).sort(([a], [b]) => compareTexts(a, b));

/** The caller's keys, and of issuers of which it has none the pack's own. */
function keysThatCount(inPack, trusted, pack) {
  const issuers = new Set([...trusted.values()].map(({ issuer }) => issuer));
  const own = [...inPack.values()].filter((key) => !issuers.has(key.issuer) && !trusted.has(key.kid));
  for (const { kid, issuer } of own) {
    pack.findings.addTogether("pack-keys", "R-19.6", issuer, { issuer, actual: kid, message: `the key ${kid} of ${issuer} came with the pack` });
  }
  pack.ownKeys = own.map(({ kid, issuer }) => ({ kid, issuer }));
  const all = new Set([...inPack.values()].map(({ issuer }) => issuer)).size;
  const untrusted = new Set(own.map(({ issuer }) => issuer)).size;
  const shown = own.length ? `the pack's own: ${own.map(({ kid, issuer }) => `${kid} of ${issuer}`).join(", ")}` : null;
  pack.checks.push(scope("issuers with trusted keys", all - untrusted, all, 0, shown));
  return new Map([...own.map((key) => [key.kid, key]), ...trusted]);
}

async function keysOfPack(members) {
  const files = inFolder(members, "keys");
  for (const [name, bytes] of files) await usable(name, "it is no key file that can be used", () => readKeys([bytes]));
  return usable("keys/", "the key files list a key in two ways", () => readKeys(files.map(([, bytes]) => bytes)));
}

async function cardsOfPack(members) {
  const cards = [];
  for (const [name, bytes] of inFolder(members, "cards")) cards.push(await usable(name, "it is no rate card that can be used", () => readCard(bytes)));
  return cards;
}

/** What is read from members, or. */
async function usable(field, otherwise, reading) {
  try {
    return await reading();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new Fault("pack-malformed", "R-19.5", { field, message: `${field}: ${otherwise}` });
  }
}

/** */
async function proveClaim(claim, evidence, { findings, claims }) {
  const { number, standing, finding } = claim;
  const asserted = standing === "asserted";
  const why = asserted ? null : await whyUnproven(claim, evidence);
  const { issuer, account, stream, request } = finding;
  const about = (words) => ({ issuer, account, stream, request, field: `claims.${number}`, message: `claim ${number}, ${finding.code}: ${words}` });
  if (asserted) findings.add("claim-asserted", "R-19.8", about("it rests on words"));
  else if (why !== null) findings.add("claim-unproven", "R-19.7", about(why));
  claims.push({ claim: number, standing, finding, reached: !asserted && why === null, why_not: why, meaning: MEANINGS[finding.code], toldTwice: isToldTwice(claim) });
}
