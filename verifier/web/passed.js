// How many items passed what: the scope lines of a report are made of these (spec/report-words.md, Checks).

import { RECEIPT, STATEMENT } from "./envelope.js";

export class Passed {
  items = 0;
  receipts = 0; // by what their headers say
  statements = 0;
  formed = 0; // items whose envelope, header and claims are as the format says
  signed = 0; // by a trusted key that may sign them
  agreeing = 0; // receipts whose numbers satisfy every identity
  cached = 0; // receipts with cached tokens
  identified = 0; // receipts that identify the prefix that was read
  identifying = 0; // receipts with any cache identifier
  charged = 0;
  timestamps = 0; // statements with timestamps or transparency receipts
  untrusted = 0; // statements by a key that is not trusted
  signers = new Set(); // trusted keys that signed something, as far as signatures were checked

  /** An item after steps 2 to 8. */
  add(one) {
    this.items++;
    if (one.kind === RECEIPT) this.receipts++;
    if (one.kind === STATEMENT) this.statements++;
    if (one.claims) this.formed++;
    if (one.signed) this.signed++;
    if (one.unprotected) this.timestamps++;
    if (one.kind === STATEMENT && one.digest && !one.key) this.untrusted++;
    if (one.signed && !one.unchecked) this.signers.add(one.key);
    if (one.kind === RECEIPT && one.claims) this.addReceipt(one);
  }

  addReceipt({ agrees, claims: { input, cache, charge } }) {
    if (agrees) this.agreeing++;
    if (input.get(2n)) this.cached++;
    if (cache?.has(1n)) this.identified++;
    if (cache) this.identifying++;
    if (charge) this.charged++;
  }
}
