// Signed files that are no batches, where the page expects a batch: an honest one is not called false, and a rate card is read as one.

import { isOneItem } from "./cbor.js";
import { kidOf, readEnvelope } from "./envelope.js";
import { Fault, InputError } from "./faults.js";

/** Rate cards apart from what they were dropped with. @throws {InputError} one of the files is a signed report, or all are cards */
export function withoutCards(files) {
  const isOfKind = ({ bytes }, kind) => {
    const header = headerOf(bytes);
    return header !== null && kidOf(header, kind) !== null;
  };
  const report = files.find((file) => isOfKind(file, "report"));
  if (report) throw new InputError(`${report.name} is a signed report, and no batch: receipt report check reads it`);
  const cards = files.filter((file) => isOfKind(file, "rate-card"));
  if (cards.length === files.length) throw new InputError(`${cards[0].name} is a rate card, and no batch: drop the receipts too`);
  return { cards, batch: files.filter((file) => !cards.includes(file)) };
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
