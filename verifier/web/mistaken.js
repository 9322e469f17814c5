// Signed files that are no batches, where the page expects a batch: an honest one is not called false, and a rate card is read as one.

import { isOneItem } from "./cbor.js";
import { kidOf, readEnvelope } from "./envelope.js";
import { Fault, InputError } from "./faults.js";

/**
 * Rate cards apart from what they were dropped with: the batch, and the record, which is none where nothing else is left of it.
 * @throws {InputError} one of the files is a signed report, or those of the batch are cards
 */
export function withoutCards(files, record) {
  const received = record?.received ?? [];
  const report = [...files, ...received].find((file) => isOfKind(file, "report"));
  if (report) throw new InputError(`${report.name} is a signed report, and no batch: receipt report check reads it`);
  const [batch, rest] = [files, received].map((all) => all.filter((file) => !isOfKind(file, "rate-card")));
  if (!batch.length) throw new InputError(`${files[0].name} is a rate card, and no batch: drop the receipts too`);
  const cards = [...files, ...received].filter((file) => !batch.includes(file) && !rest.includes(file));
  return { batch, cards, record: record && recordWith(record, rest) };
}

function recordWith(record, received) {
  const left = { ...record, received: received.length ? received : undefined };
  return ["requests", "received", "prompts"].some((kind) => left[kind]?.length) ? left : undefined;
}

function isOfKind({ bytes }, kind) {
  const header = headerOf(bytes);
  return header !== null && kidOf(header, kind) !== null;
}

/** The protected header of a file that is one signed object, or null. */
function headerOf(bytes) {
  if (!isOneItem(bytes)) return null;
  try {
    return readEnvelope(bytes).header;
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return null;
  }
}
