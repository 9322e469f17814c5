// Proofs and equivocations.

import { compareBytes, hex, sameBytes } from "./bytes.js";
import { ARRAY, BYTES, endOfItem, readHead } from "./cbor.js";
import { cardFigures, checkCharge } from "./charge.js";
import { checkChain, knownStatements, orderedStatements } from "./chain.js";
import { RECEIPT, STATEMENT } from "./envelope.js";
import { Fault } from "./faults.js";
import { Findings, about, accountKey } from "./findings.js";
import { checkIdentities } from "./identities.js";
import { checkItem, tellFaults } from "./item.js";
import { LIMITS } from "./limits.js";
import { rootOfPath } from "./merkle.js";
import { Passed } from "./passed.js";
import { showInstant, showPeriod } from "./words.js";

/** {receipt, path, statement} of a proof at an offset, as bytes. A fault of is thrown. */
function readProof(bytes, start) {
  const head = readHead(bytes, start);
  const afterReceipt = endOfItem(bytes, head.next);
  const receipt = bytes.subarray(head.next, afterReceipt);
  const { path, next } = readPath(bytes, afterReceipt);
  const end = endOfItem(bytes, next);
  return { receipt: { bytes: receipt, offset: head.next }, path, statement: { bytes: bytes.subarray(next, end), offset: next }, end };
}

function readPath(bytes, start) {
  const wrong = (offset) => new Fault("envelope-invalid", "R-16.1", { field: "path", offset, message: `the path is not an array of at most ${LIMITS.path} byte strings` });
  const list = readHead(bytes, start);
  if (list.type !== ARRAY || list.value > LIMITS.path) throw wrong(start);
  const path = [];
  let at = list.next;
  for (let n = 0; n < list.value; n++) {
    const head = readHead(bytes, at);
    if (head.type !== BYTES || Number(head.value) > bytes.length - head.next) throw wrong(at);
    path.push(bytes.subarray(head.next, head.next + head.value));
    at = head.next + head.value;
  }
  return { path, next: at };
}

/** between the two items of a proof; the rules have one number in an equivocation. Whether the proof holds; null: not looked at. */
async function checkProof(receipt, statement, path, findings, rule) {
  if (receipt.kind === STATEMENT || statement.kind === RECEIPT) {
    throw new Fault("envelope-invalid", rule ?? "R-16.2", { offset: 0, message: "a proof is a receipt, a path and a statement" });
  }
  if (receipt.lost || statement.lost) return null;
  const tell = (code, own, details) => findings.add(code, rule ?? own, about(receipt, { number: statement.claims.number, ...details }));
  const [claims, closing] = [receipt.claims, statement.claims];
  const entry = closing.streams.find(({ stream }) => stream === claims.stream);
  const wrong = proofFault(claims, closing, entry);
  if (wrong) tell("proof-mismatch", "R-16.3", wrong);
  const broken = wrong ? null : await pathFault(receipt.digest, claims.sequence, entry, path);
  if (broken) tell("path-invalid", "R-16.4", broken);
  return !wrong && !broken;
}

function proofFault(claims, closing, entry) {
  if (claims.issuer !== closing.issuer || claims.account !== closing.account) return { message: "receipt and statement have another issuer or account" };
  if (!entry) return { field: "streams", message: "the statement does not list the stream" };
  const last = entry.first + entry.count - 1n;
  if (claims.sequence < entry.first || claims.sequence > last) {
    return { field: "sequence", expected: `${entry.first} to ${last}`, actual: claims.sequence, message: "the statement does not list the sequence" };
  }
  if (claims.time >= closing.start && claims.time < closing.end) return null;
  const expected = `within ${showPeriod(closing.start, closing.end)}`;
  return { field: "time", expected, actual: showInstant(claims.time), message: "the statement is for another time than the receipt's" };
}

async function pathFault(leaf, sequence, { first, count, root: expected }, path) {
  const { root, fault } = await rootOfPath(leaf, sequence - first, count, path);
  if (fault) return { field: "path", message: fault };
  return sameBytes(root, expected) ? null : { field: "root", expected: hex(expected), actual: hex(root), message: "the path leads to another root" };
}

export const WITH_ARTICLE = { proof: "a proof", equivocation: "an equivocation" };

export async function verifyContainer(file, options, subject) {
  const container = { subject, findings: new Findings(), objects: [], cards: cardFigures(options.cards), passed: new Passed(), checks: [] };
  const [reading, period] = subject === "proof" ? ["R-16.1", "R-16.6"] : ["R-17.1", "R-17.5"];
  try {
    if (file.bytes.length > LIMITS.container) throw new Fault("item-too-large", reading, { offset: 0, message: `more than ${LIMITS.container} bytes` });
    await (subject === "proof" ? verifyProof : verifyEquivocation)(file, options, container);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    const rule = /^R-1[67]\.[2-9]/.test(fault.rule) ? fault.rule : reading;
    container.findings.add(fault.code, rule, { item: 0, file: file.name, ...fault.details });
  }
  const message = `${WITH_ARTICLE[subject]} does not show that a period is complete`;
  if (options.period) container.findings.add("period-uncovered", period, { file: file.name, message });
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
  if (end !== bytes.length) throw new Fault("item-malformed", "R-16.1", { offset: end, message: `${bytes.length - end} bytes after the end` });
}

async function verifyProof(file, options, { findings, objects, cards, passed, checks }) {
  const { receipt: first, path, statement: second, end } = readProof(file.bytes, 0);
  noMore(file.bytes, end);
  objects.push(await checkItem({ ...first, file: file.name, number: 0 }, options));
  objects.push(await checkItem({ ...second, file: file.name, number: 1 }, options));
  for (const one of objects) {
    tellFaults(one, findings);
    if (!one.lost && one.kind === RECEIPT) one.agrees = checkIdentities(one, findings, options);
    passed.add(one);
  }
  const [receipt, statement] = objects;
  const holds = await checkProof(receipt, statement, path, findings);
  checks.push(checkOf("inclusion in the statement", holds, "receipt or statement could not be read"));
  if (statement.valid) await checkAgainstKnown(statement, options, findings);
  if (cards.size && !receipt.lost && !receipt.claims.corrects) checkCharge(receipt, receipt.claims.time, cards, findings);
}

/** The scope of the one thing that such a file proves; null: it was not looked at. */
const checkOf = (check, holds, unread) => ({ check, passed: holds ? 1 : 0, of: 1, failed: holds === false ? 1 : 0, notChecked: holds === null ? unread : null });

/** */
async function checkAgainstKnown(statement, options, findings) {
  const known = (await knownStatements(options)).filter((one) => accountKey(one.claims) === accountKey(statement.claims));
  checkChain(orderedStatements({ statements: [statement] }, known), findings, true);
}

async function verifyEquivocation(file, options, container) {
  const { bytes } = file;
  const { findings, objects, checks } = container;
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
  for (let number = 0; number < 2; number++) objects.push(await checkWitness(witnesses[number], file.name, number, options, container));
  const [a, b] = objects;
  const bothRead = !a.lost && !b.lost;
  if (bothRead && compareBytes(a.digest, b.digest) > 0) throw new Fault("envelope-invalid", "R-17.3", { offset: 0, message: "the object with the smaller digest comes first" });
  const holds = bothRead ? conflictOf(a, b) > 0 : null;
  if (holds === false) findings.add("conflict-unproven", "R-17.4", { item: 0, file: file.name, message: "the two objects do not contradict each other" });
  checks.push(checkOf("contradiction", holds, "one of the two could not be read"));
}

/** a signed object, or a proof that stands for its receipt. */
async function checkWitness(witness, file, number, options, { findings, passed }) {
  const isProof = witness.path !== undefined;
  const read = async (part, how) => {
    const one = await checkItem({ ...part, file, number }, options, how);
    tellFaults(one, findings);
    passed.add({ ...one, agrees: true });
    return one;
  };
  const one = await read(isProof ? witness.receipt : witness, { ownSignature: !isProof });
  if (!isProof) return one;
  const statement = await read(witness.statement);
  const holds = await checkProof(one, statement, witness.path, findings, "R-17.2");
  one.lost ||= !holds;
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
