// The second verifier of token receipts: the procedure of spec/verification.md, without dependencies.
//
//     import { readKeys, verify } from "./verifier.js";
//     const keys = await readKeys([jwksBytes]);
//     const report = await verify([{ name: "batch.cbor", bytes }], { keys });
//     report.verdict;   // "verified", "rejected" or "incomplete"
//
// It was written from spec/ alone, so that two programs that never met can be held against each other. It runs in a browser, in a worker
// and under Node; SHA-256 and Ed25519 are those of WebCrypto. It opens no connection, and reads no clock.
//
// Unsigned integers of claims are BigInts, texts are strings, byte strings are Uint8Arrays, maps are Maps. The comments name the rules.

import { beginsAsPack } from "./archive.js";
import { verifyBatch } from "./batch.js";
import { readCard } from "./card.js";
import { cardsOf } from "./charge.js";
import { subjectOfContainer, verifyContainer } from "./container.js";
import { InputError } from "./faults.js";
import { filesOfRecord, inputsOf, readAliases } from "./inputs.js";
import { readKeys } from "./keys.js";
import { verifyPack } from "./pack.js";
import { objectOfReport, verdictOf } from "./report.js";
import { totalsOf } from "./totals.js";

export { hex, unhex } from "./bytes.js";
export { InputError } from "./faults.js";
export { readKeys } from "./keys.js";
export { merkleRoot, pathHolds } from "./merkle.js";

/** What a file, alone, is. */
export function subjectOf(files) {
  if (files.length === 1 && beginsAsPack(files[0].bytes)) return "pack";
  for (const { name, bytes } of files) {
    if (beginsAsPack(bytes)) throw new InputError(`${name} is a pack: it is verified by itself`);
    if (bytes.length && bytes[0] !== 0x82 && bytes[0] !== 0x83) throw new InputError(`${name} is neither a batch, nor a proof, nor an equivocation, nor a pack`);
  }
  return (files.length === 1 && subjectOfContainer(files[0].bytes)) || "batch";
}

/**
 * Verify a batch (one file or more), a proof, an equivocation or a pack.
 *
 * @param {{name: string, bytes: Uint8Array}[]} files in the order of the input
 * @param {object} options
 *   keys: what `readKeys` gave; account: the expected account name; period: [start, end] in ms, BigInts, end exclusive;
 *   known: bytes of earlier statements, or of batches with them; cards: bytes of rate cards; requireCacheId; observers: issuers;
 *   signatures: "every" or "statement"; record: the customer's own (`compareRecord` in record.js says what is in it);
 *   progress: called with bytes done and of how many.
 * @returns {Promise<object>} subject, verdict, findings, and what was read
 * @throws {InputError} there is no verdict (R-0.1, or a rate card that is none)
 */
export async function verify(files, options) {
  return summaryOf(await answered(files, options));
}

/** What came of it: {subject, found, policy}. */
async function answered(files, options) {
  const cards = await Promise.all((options.cards ?? []).map(readCard));
  const policy = { known: [], requireCacheId: false, signatures: "every", ...options, observers: new Set(options.observers ?? []), cards };
  if (policy.period && policy.period[0] >= policy.period[1]) throw new InputError("the period ends before it begins");
  const subject = subjectOf(files);
  if (subject !== "batch" && policy.record) throw new InputError(`a record does not go with a ${subject}`);
  if (subject === "pack") return { subject, policy, found: await verifyPack(files[0], policy) };
  if (subject !== "batch") return { subject, policy, found: await verifyContainer(files[0], policy, subject) };
  const sealed = policy.signatures === "statement";
  let batch = await verifyBatch(files, policy, sealed);
  if (sealed && batch.findings.list.length) batch = await verifyBatch(files, policy, false);
  return { subject, policy, found: batch };
}

/**
 * Verify, and say all of it as the object of spec/report.md.
 *
 * @param {{name: string, bytes: Uint8Array}[]} files in the order of the input
 * @param {object} options those of `verify`, but that everything that is read is a file ({name, bytes}), so that the report can name it:
 *   keys, previous and memory (together `known`), cards, and what a record consists of; `record.aliases` is a file too;
 *   dated: the date that the report gets, in ms, a BigInt
 * @returns {Promise<object>} summary: what `verify` gives; object: JSON-ready data; text: its canonical form; csv: the file beside it, or null
 * @throws {InputError} there is no verdict
 */
export async function report(files, options) {
  const { keys = [], previous = [], memory = [], cards = [], record, dated, ...others } = options;
  const bytesOfAll = (list) => list.map(({ bytes }) => bytes);
  const aliases = record?.aliases && readAliases(record.aliases);
  const given = { ...others, record: record && { ...record, aliases }, keys: await readKeys(bytesOfAll(keys)), known: bytesOfAll([...previous, ...memory]), cards: bytesOfAll(cards) };
  const answer = await answered(files, given);
  const inputs = await inputsOf({ batch: files, keys, previous, memory, card: cards, ...filesOfRecord(record ?? {}) });
  return { summary: summaryOf(answer), ...(await objectOfReport(answer, inputs, dated)) };
}

/** What the page shows. */
function summaryOf({ found, subject }) {
  const findings = found.findings.sorted();
  const verdict = verdictOf(findings);
  if (subject === "pack") return { subject, verdict, findings, claims: found.claims, maker: found.maker, ownKeys: found.ownKeys };
  if (subject !== "batch") return { subject, verdict, findings, cards: cardsOf(found.cards), objects: found.objects.map(objectOf) };
  return {
    subject, verdict, findings, items: found.items, receipts: found.receipts, statements: found.statements, observed: found.observed,
    checks: found.checks, cards: cardsOf(found.cards), accounts: [...found.accounts.values()].map(accountOf),
  }; // prettier-ignore
}

function accountOf({ issuer, account, receipts, streams, statements }) {
  const listed = statements.map(({ claims, id }) => ({ number: claims.number, start: claims.start, end: claims.end, late: claims.late, id }));
  return { issuer, account, receipts: receipts.length, streams: streams.size, statements: listed, totals: totalsOf(receipts.map(({ claims }) => claims)) };
}

function objectOf({ kind, kid, id, claims, lost }) {
  return { kind, kid, digest: id, lost, issuer: claims?.issuer, account: claims?.account, stream: claims?.stream, sequence: claims?.sequence, number: claims?.number };
}
