// Signed files that are no batches, where the page expects a batch: an honest one is not called false.

import { isOneItem } from "./cbor.js";
import { kidOf, readEnvelope } from "./envelope.js";
import { Fault, InputError } from "./faults.js";

const OTHERS = [["report", "a signed report", "receipt report check"], ["rate-card", "a rate card", "receipt verify --card"]]; // prettier-ignore

/** That none of the files is a signed report or a rate card. @throws {InputError} one is */
export function refuseOtherObjects(files) {
  for (const { name, bytes } of files) {
    const header = headerOf(bytes);
    const other = header && OTHERS.find(([kind]) => kidOf(header, kind));
    if (other) throw new InputError(`${name} is ${other[1]}, and no batch: ${other[2]} reads it`);
  }
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
