// Steps 8 to 10 over a batch: what was collected of each account and stream.

import { sameBytes } from "./bytes.js";
import { RECEIPT, STATEMENT } from "./envelope.js";
import { Findings, about, accountKey } from "./findings.js";
import { checkIdentities } from "./identities.js";
import { isLostRejected, tellFaults } from "./item.js";
import { LIMITS } from "./limits.js";
import { Passed } from "./passed.js";
import { checkStatement } from "./settlement.js";

/** What one stream of an account is known to hold. */
class Stream {
  ids = new Map(); // digest and item by sequence, over all of the input
  highest = -1n;
  open = new Map(); // receipts since the last statement, by sequence, ascending
  broken = false;
}

class Account {
  streams = new Map();
  quantities = new Set(); // TTLs of writes and names of units
  receipts = []; // all that were collected
  statements = []; // those of the input, each digest once, in its order
  unclosed = 0n; // receipts that no statement has followed yet
  firstUnclosed = null;

  constructor(issuer, account) {
    Object.assign(this, { issuer, account });
  }

  stream(name) {
    if (!this.streams.has(name)) this.streams.set(name, new Stream());
    return this.streams.get(name);
  }

  /** A statement clears what it was held against (R-10.1 too). */
  clear() {
    for (const stream of this.streams.values()) {
      stream.open = new Map();
      stream.broken = false;
    }
    this.unclosed = 0n;
    this.firstUnclosed = null;
  }
}

/** The state of one pass over a batch. */
export class Batch {
  accounts = new Map();
  findings = new Findings();
  settlements = []; // of each statement that was held against its receipts: what was compared
  items = 0;
  streams = 0;
  quantities = 0;
  lost = 0n; // items that may be receipts
  lostRejected = 0;
  lostStatements = false; // an item was lost that was or may have been a statement
  lostItems = 0;
  ended = null; // why the reading ended early: "fault" or "lost"
  passed = new Passed();
  receipts = 0;
  statements = 0;
  observed = 0;

  constructor(options) {
    this.options = options;
  }

  account(claims) {
    const key = accountKey(claims);
    if (!this.accounts.has(key)) this.accounts.set(key, new Account(claims.issuer, claims.account));
    return this.accounts.get(key);
  }

  /** Steps 8 to 10 for an item that went through step 7. Whether reading goes on. */
  async take(one) {
    this.items++;
    tellFaults(one, this.findings);
    if (!one.lost && one.kind === RECEIPT) one.agrees = checkIdentities(one, this.findings, this.options);
    this.passed.add(one);
    if (!one.lost && one.kind === RECEIPT) {
      if (!this.collect(one)) return this.end("fault");
    } else if (!one.lost) await this.close(one);
    if (one.lost) this.countLost(one);
    return this.lostRejected < LIMITS.lost || this.end("lost");
  }

  end(why) {
    this.ended = why;
    return false;
  }

  countLost(one) {
    this.lostItems++;
    if (one.kind !== STATEMENT) this.lost += 1n;
    if (one.kind !== RECEIPT) this.lostStatements = true;
    if (one.orderFault || isLostRejected(one)) this.lostRejected++;
  }

  /** Step 9 for one receipt. False: the input is too large. */
  collect(one) {
    const { claims } = one;
    const account = this.accounts.get(accountKey(claims));
    const stream = account?.streams.get(claims.stream);
    const fault = stream && orderFault(stream, one);
    if (fault) {
      const [code, rule, message] = fault;
      this.findings.add(code, rule, about(one, { message }));
      Object.assign(one, { lost: true, orderFault: true });
      return true;
    }
    const message = this.tooMany(account, stream, claims);
    if (message) {
      this.findings.add("input-too-large", "R-9.7", about(one, { message }));
      return false;
    }
    this.addReceipt(one);
    return true;
  }

  /** Counts a receipt's stream, TTLs and units; or says of what there are too many with it. */
  tooMany(account, stream, claims) {
    const quantities = this.quantities + quantitiesOf(claims).filter((name) => !account?.quantities.has(name)).length;
    const streams = this.streams + (stream ? 0 : 1);
    if (quantities > LIMITS.quantities) return `with this receipt there are ${quantities} TTLs and units, of which an input may have ${LIMITS.quantities}`;
    if (streams > LIMITS.streams) return `this receipt begins stream number ${streams}`;
    Object.assign(this, { quantities, streams });
    return null;
  }

  addReceipt(one) {
    const { claims } = one;
    const account = this.account(claims);
    const stream = account.stream(claims.stream);
    for (const name of quantitiesOf(claims)) account.quantities.add(name);
    const before = stream.open.get(claims.sequence - 1n);
    if (before && !sameBytes(before.digest, claims.previous)) {
      stream.broken = true;
      this.findings.add("chain-broken", "R-9.4", about(one, { field: "previous", message: "previous is not the digest of the receipt before it" }));
    }
    if (before && claims.time < before.claims.time) this.findings.add("time-reversed", "R-9.5", about(one, { field: "time", message: "the time is before that of the receipt before it" }));
    if (!this.options.record) delete one.bytes;
    stream.ids.set(claims.sequence, { id: one.id, number: one.number });
    stream.highest = claims.sequence;
    stream.open.set(claims.sequence, one);
    account.receipts.push(one);
    account.unclosed += 1n;
    account.firstUnclosed ??= one;
    this.receipts++;
    if (claims.source?.has(7n)) this.observed++;
  }

  /** Step 10 for one statement. */
  async close(one) {
    const account = this.account(one.claims);
    this.statements++;
    if (account.statements.some((other) => other.id === one.id)) this.findings.add("statement-duplicate", "R-10.1", about(one, { message: `statement ${one.claims.number} is in the input already` }));
    else {
      const repeated = account.statements.some((other) => other.claims.number === one.claims.number);
      one.firsts = firstsOf(account, one.claims);
      account.statements.push(one);
      if (!repeated) this.settlements.push({ account, ...(await checkStatement(account, one, this.findings, this.lost)) });
    }
    account.clear();
  }
}

const quantitiesOf = ({ input, units }) => [...[...(input.get(4n)?.keys() ?? [])], ...(units?.keys() ?? [])];

/** why a receipt is not above what was collected of its stream. */
function orderFault(stream, one) {
  const { sequence } = one.claims;
  if (sequence > stream.highest) return null;
  const there = stream.ids.get(sequence);
  if (there === undefined) return ["receipt-order", "R-9.3", `sequence ${sequence} stands after a later one of its stream`];
  const where = `item ${there.number} has the same stream and sequence`;
  return there.id === one.id ? ["receipt-duplicate", "R-9.1", `${where}, and is the same`] : ["receipt-equivocation", "R-9.2", `${where}, but other claims`];
}

/** The receipts with which the streams of a statement begin, by stream. */
function firstsOf(account, { streams }) {
  return new Map(streams.map(({ stream, first }) => [stream, account.streams.get(stream)?.open.get(first)]));
}
