// Whether a claim of a pack is reached again from its evidence (R-19.7; spec/pack.md, "Claims").

import { verifyBatch } from "./batch.js";
import { concat, sameBytes } from "./bytes.js";
import { isOneItem } from "./cbor.js";
import { receiptOfProof, subjectOfContainer, verifyContainer } from "./container.js";
import { RECEIPT, STATEMENT } from "./envelope.js";
import { InputError } from "./faults.js";
import { checkItem } from "./item.js";
import { CACHE_KEY, FINDING_FIELDS } from "./manifest.js";

const TOLD_TWICE = new Set([
  "receipt-equivocation", "request-duplicate", "correction-repeated", "statement-equivocation", "statement-chain-broken", "statement-rollback",
]); // prettier-ignore
const LEFT_OUT = new Set(["stream-unstated", "receipt-unstated", "received-omitted"]);
const SIGNED = new Set([
  ...TOLD_TWICE, ...LEFT_OUT, "cached-exceeds-logical", "attributed-mismatch", "writes-exceed-attributed", "reasoning-exceeds-output",
  "cache-entry-mismatch", "charge-mismatch", "parts-mismatch", "models-mismatch", "span-mismatch", "chain-broken", "time-reversed",
  "correction-differs", "root-mismatch", "head-mismatch", "time-outside-period", "period-gap", "first-mismatch", "cache-id-conflict",
  "cache-id-shared", "charge-row-missing", "charge-differs",
]); // prettier-ignore
const RECORDED = new Set([
  "commitment-repeated", "request-differs", "commitment-differs", "request-not-billable", "count-differs", "model-differs", "tier-differs",
  "usage-differs", "time-differs", "received-differs", "cache-id-mismatch",
]); // prettier-ignore

class Unproven extends Error {}

/** Whether a claim rests on two signed objects that contradict each other. */
export const isToldTwice = ({ standing, finding }) => standing === "signed" && TOLD_TWICE.has(finding.code);

/**
 * Come to a claim again.
 * @param {object} evidence members of the pack by name; options of the manifest; keys that count; cards; account that the caller expects, and
 *   its observers
 * @returns {Promise<string|null>} why it is not reached, or null
 */
export async function whyUnproven(claim, evidence) {
  try {
    await prove(claim, evidence);
    return null;
  } catch (error) {
    if (!(error instanceof Unproven)) throw error;
    return error.message;
  }
}

async function prove(claim, evidence) {
  const { code } = claim.finding;
  const best = SIGNED.has(code) ? "signed" : RECORDED.has(code) ? "record" : "asserted";
  if (claim.standing !== best) throw new Unproven(`${code} cannot be ${claim.standing}`);
  if (!["objects", "received", "equivocations"].some((folder) => within(claim, folder).length)) throw new Unproven("it has no evidence");
  const objects = [];
  for (const name of [...within(claim, "objects"), ...within(claim, "received")]) objects.push(await signedObject(name, evidence));
  for (const name of within(claim, "proofs")) await checkProofOf(name, claim, evidence);
  if (TOLD_TWICE.has(code)) return checkToldTwice(claim, evidence);
  if (LEFT_OUT.has(code)) checkLeftOut(objects);
  const found = await findingsOf(claim, evidence);
  if (!found.some((finding) => isSameFinding(finding, claim.finding))) throw new Unproven("the evidence does not come to this finding");
}

/** The members of a folder in the evidence of a claim, in their order. */
const within = (claim, folder) => claim.evidence.filter((name) => name.startsWith(`${folder}/`));

async function signedObject(name, evidence) {
  const bytes = evidence.members.get(name);
  if (!isOneItem(bytes)) throw new Unproven(`${name} is not one signed object`);
  const { keys, account } = evidence;
  const one = await checkItem({ bytes, file: name, number: 0, offset: 0 }, { keys, account });
  if (!one.valid) throw new Unproven(`${name} is not validly signed: ${one.faults[0].details.message}`);
  return one;
}

const policyOf = ({ keys, options, cards, observers }) => ({ keys, known: [], requireCacheId: false, observers: new Set([...observers, ...options.observers]), cards });

/** The outcome for a member that is a proof or an equivocation. */
async function containerOf(name, subject, evidence) {
  const bytes = evidence.members.get(name);
  if (subjectOfContainer(bytes) !== subject) throw new Unproven(`${name} is not ${subject === "proof" ? "a proof" : "an equivocation"}`);
  return verifyContainer({ name, bytes }, { ...policyOf({ ...evidence, cards: [] }), account: evidence.account }, subject);
}

/** That the receipt of a proof is one of the objects, and that the statement lists it. What step 8 finds in it may be what is claimed. */
async function checkProofOf(name, claim, evidence) {
  const { findings } = await containerOf(name, "proof", evidence);
  if (findings.list.some(({ rule }) => !rule.startsWith("R-8."))) throw new Unproven(`${name} is no valid proof`);
  const receipt = receiptOfProof(evidence.members.get(name));
  if (!within(claim, "objects").some((object) => sameBytes(evidence.members.get(object), receipt))) throw new Unproven(`${name} is a proof of another receipt`);
}

async function checkToldTwice(claim, evidence) {
  const names = within(claim, "equivocations");
  if (!names.length) throw new Unproven("it has no equivocation");
  for (const name of names) {
    const { findings, objects } = await containerOf(name, "equivocation", evidence);
    if (findings.list.length) throw new Unproven(`${name} is no valid equivocation`);
    const { issuer, account } = claim.finding;
    if (objects.some(({ claims }) => claims.issuer !== issuer || claims.account !== account)) throw new Unproven(`${name} is of another account`);
  }
}

/** That no statement lists one of the receipts, and that none is late: so the issuer cannot have closed it there. */
function checkLeftOut(objects) {
  const statements = objects.filter(({ kind }) => kind === STATEMENT).map(({ claims }) => claims);
  const receipts = objects.filter(({ kind }) => kind === RECEIPT).map(({ claims }) => claims);
  if (statements.some(({ late }) => late)) throw new Unproven("a late statement says nothing of what it does not list");
  if (statements.some((statement) => receipts.some((receipt) => lists(statement, receipt)))) throw new Unproven("a statement lists the receipt");
}

function lists(statement, { issuer, account, stream, sequence }) {
  if (statement.issuer !== issuer || statement.account !== account) return false;
  return statement.streams.some((entry) => entry.stream === stream && entry.first <= sequence && sequence < entry.first + entry.count);
}

/** What the procedure finds in the evidence. */
async function findingsOf(claim, evidence) {
  const bytes = concat(...within(claim, "objects").map((name) => evidence.members.get(name)));
  try {
    const batch = await verifyBatch([{ name: "objects", bytes }], { ...policyOf(evidence), record: recordOf(claim, evidence) }, false);
    return batch.findings.list;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new Unproven("the record cannot be used");
  }
}

function recordOf(claim, { members, options: { margin, aliases } }) {
  const files = (names) => names.map((name) => ({ name, bytes: members.get(name) }));
  const [requests, received, prompts] = ["record", "received", "prompts"].map((folder) => files(within(claim, folder)));
  if (!requests.length && !received.length && !prompts.length) return undefined;
  const [cacheKey] = prompts.length && members.has(CACHE_KEY) ? files([CACHE_KEY]) : [];
  const given = (list) => (list.length ? list : undefined);
  return { requests: given(requests), received: given(received), prompts: given(prompts), cacheKey, margin, aliases };
}

/** Whether a finding is equal to that of a claim in all that a claim has of it. */
function isSameFinding(finding, claimed) {
  const texts = { code: finding.code, rule: finding.rule, count: String(finding.count) };
  for (const name of FINDING_FIELDS) if (finding[name] !== undefined) texts[name] = String(finding[name]);
  const names = new Set([...Object.keys(texts), ...Object.keys(claimed)]);
  return [...names].every((name) => texts[name] === claimed[name]);
}
