// Proofs and equivocations.

import { compareBytes, sameBytes } from "./bytes.js";
import { ARRAY, BYTES, endOfItem, readHead } from "./cbor.js";
import { cardFigures, checkCharge } from "./charge.js";
import { checkChain, knownStatements, orderedStatements } from "./chain.js";
import { RECEIPT, STATEMENT } from "./envelope.js";
import { Fault } from "./faults.js";
import { Findings, about, accountKey } from "./findings.js";
import { checkIdentities } from "./identities.js";
import { checkItem, tellFaults } from "./item.js";
import { LIMITS } from "./limits.js";
import { pathHolds } from "./merkle.js";

/** {receipt, path, statement} of a proof at an offset, as bytes. A fault of is thrown. */
function readProof(bytes, start) {
  const head = readHead(bytes, start);
  if (head.type !== ARRAY || head.value !== 3) throw new Fault("envelope-invalid", "R-16.1", { field: "proof" });
  const afterReceipt = endOfItem(bytes, head.next);
  const receipt = bytes.subarray(head.next, afterReceipt);
  const { path, next } = readPath(bytes, afterReceipt);
  const end = endOfItem(bytes, next);
  return { receipt: { bytes: receipt, offset: head.next }, path, statement: { bytes: bytes.subarray(next, end), offset: next }, end };
}

function readPath(bytes, start) {
  const wrong = () => new Fault("envelope-invalid", "R-16.1", { field: "path" });
  const list = readHead(bytes, start);
  if (list.type !== ARRAY || list.value > LIMITS.path) throw wrong();
  const path = [];
  let at = list.next;
  for (let n = 0; n < list.value; n++) {
    const head = readHead(bytes, at);
    if (head.type !== BYTES || Number(head.value) > bytes.length - head.next) throw wrong();
    path.push(bytes.subarray(head.next, head.next + head.value));
    at = head.next + head.value;
  }
  return { path, next: at };
}

/** between the two items of a proof. False ends the work. */
async function checkProof(receipt, statement, path, findings, number, rule = (own) => own) {
  if (receipt.kind === STATEMENT || statement.kind === RECEIPT) {
    findings.add("envelope-invalid", rule("R-16.2"), about(receipt, { item: 0 }));
    return false;
  }
  if (receipt.lost || statement.lost) return true;
  const [claims, closing] = [receipt.claims, statement.claims];
  const entry = closing.streams.find(({ stream }) => stream === claims.stream);
  const listed = entry && claims.sequence >= entry.first && claims.sequence < entry.first + entry.count;
  const wrong = proofFault(claims, closing, entry, listed);
  if (wrong) {
    findings.add("proof-mismatch", rule("R-16.3"), about(receipt, { item: number, field: wrong }));
    return false;
  }
  const holds = path.every((step) => step.length === 32) && (await pathHolds(receipt.digest, claims.sequence - entry.first, entry.count, path, entry.root));
  if (!holds) findings.add("path-invalid", rule("R-16.4"), about(receipt, { item: number, field: "path" }));
  return holds;
}

function proofFault(claims, closing, entry, listed) {
  if (claims.issuer !== closing.issuer) return "issuer";
  if (claims.account !== closing.account) return "account";
  if (!entry) return "stream";
  if (!listed) return "sequence";
  return claims.time < closing.start || claims.time >= closing.end ? "time" : null;
}

export async function verifyContainer(file, options, subject) {
  const container = { subject, findings: new Findings(), objects: [], cards: cardFigures(options.cards) };
  try {
    if (file.bytes.length > LIMITS.container) throw new Fault("item-too-large", "R-16.1");
    await (subject === "proof" ? verifyProof : verifyEquivocation)(file, options, container);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    container.findings.add(fault.code, subject === "proof" ? "R-16.1" : "R-17.1", { item: 0, file: file.name, ...fault.details });
  }
  if (options.period) container.findings.add("period-uncovered", subject === "proof" ? "R-16.6" : "R-17.5", { field: "period" });
  return container;
}

/** What a file is by its first bytes: a proof, an equivocation, or neither (null). */
export function subjectOfContainer([first, second]) {
  if (first === 0x83) return "proof";
  return first === 0x82 && (second === 0x82 || second === 0x83) ? "equivocation" : null;
}

/** The bytes of the receipt of a proof that finds nothing wrong with. */
export const receiptOfProof = (bytes) => readProof(bytes, 0).receipt.bytes;

function noMore(bytes, end) {
  if (end !== bytes.length) throw new Fault("item-malformed", "R-16.1", { offset: end });
}

async function verifyProof(file, options, { findings, objects, cards }) {
  const { receipt: first, path, statement: second, end } = readProof(file.bytes, 0);
  noMore(file.bytes, end);
  const receipt = await checkItem({ ...first, file: file.name, number: 0 }, options);
  const statement = await checkItem({ ...second, file: file.name, number: 1 }, options);
  objects.push(receipt, statement);
  for (const one of objects) {
    tellFaults(one, findings);
    if (!one.lost && one.kind === RECEIPT) checkIdentities(one, findings, options);
  }
  const goes = await checkProof(receipt, statement, path, findings, 0);
  if (!goes && (receipt.kind === STATEMENT || statement.kind === RECEIPT)) return;
  if (statement.valid) await checkAgainstKnown(statement, options, findings);
  if (cards.size && !receipt.lost && !receipt.claims.corrects) checkCharge(receipt, receipt.claims.time, cards, findings);
}

/** */
async function checkAgainstKnown(statement, options, findings) {
  const known = (await knownStatements(options)).filter((one) => accountKey(one.claims) === accountKey(statement.claims));
  checkChain(orderedStatements({ statements: [statement] }, known), findings, true);
}

async function verifyEquivocation(file, options, { findings, objects }) {
  const { bytes } = file;
  let at = 1;
  const witnesses = [];
  for (let number = 0; number < 2; number++) {
    const head = readHead(bytes, at);
    const proof = head.type === ARRAY && head.value === 3 ? readProof(bytes, at) : null;
    const end = proof ? proof.end : endOfItem(bytes, at);
    witnesses.push(proof ?? { bytes: bytes.subarray(at, end), offset: at });
    at = end;
  }
  noMore(bytes, at);
  for (let number = 0; number < 2; number++) objects.push(await checkWitness(witnesses[number], file.name, number, options, findings));
  const [a, b] = objects;
  if (a.lost || b.lost) return;
  if (compareBytes(a.digest, b.digest) > 0) findings.add("envelope-invalid", "R-17.3", about(a, { field: "order" }));
  else if (!conflictOf(a, b)) findings.add("conflict-unproven", "R-17.4", about(a));
}

/** a signed object, or a proof that stands for its receipt. */
async function checkWitness(witness, file, number, options, findings) {
  const isProof = witness.path !== undefined;
  const one = await checkItem({ ...(isProof ? witness.receipt : witness), file, number }, options, { ownSignature: !isProof });
  tellFaults(one, findings);
  if (!isProof) return one;
  const statement = await checkItem({ ...witness.statement, file, number }, options);
  tellFaults(statement, findings);
  const holds = await checkProof(one, statement, witness.path, findings, number, () => "R-17.2");
  one.lost ||= statement.lost || !holds;
  return one;
}

/** Which of the conflicts of statement.md two objects prove, from 1; 0 for none. */
function conflictOf(a, b) {
  if (a.kind !== b.kind || accountKey(a.claims) !== accountKey(b.claims) || a.id === b.id) return 0;
  if (a.kind === RECEIPT) return conflictOfReceipts(a.claims, b.claims);
  const [earlier, later] = a.claims.number <= b.claims.number ? [a, b] : [b, a];
  if (earlier.claims.number === later.claims.number) return 2;
  if (later.claims.number === earlier.claims.number + 1n && !sameBytes(later.claims.previous, earlier.digest)) return 3;
  return !earlier.claims.late && !later.claims.late && later.claims.start < earlier.claims.end ? 4 : 0;
}

function conflictOfReceipts(a, b) {
  if (a.stream === b.stream && a.sequence === b.sequence) return 1;
  if (a.corrects && b.corrects) return sameBytes(a.corrects.get(1n), b.corrects.get(1n)) ? 5 : 0;
  return a.request === b.request && !a.corrects && !b.corrects ? 1 : 0;
}
