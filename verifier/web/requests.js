// Step 9, what needs all receipts: requests and corrections.

import { hex } from "./bytes.js";
import { about, accountKey } from "./findings.js";
import { billed, billedBefore } from "./totals.js";
import { sameValue } from "./values.js";
import { shown, shownSpan } from "./words.js";

/** notes in `corrected` the ids of receipts that another one corrects. */
export function checkRequests(account, findings) {
  const byId = new Map(account.receipts.map((one) => [one.id, one]));
  const requests = new Map(); // the first item of each
  const corrections = new Map(); // the first item that corrects each
  account.corrected = new Set();
  for (const one of account.receipts) {
    const { corrects, request } = one.claims;
    const named = corrects && hex(corrects.get(1n));
    const target = byId.get(named);
    const aside = corrects && !one.valid && target?.valid;
    if (!corrects || (one.valid && !target)) {
      const first = requests.get(request);
      if (first !== undefined) findings.add("request-duplicate", "R-9.6", about(one, { message: `request '${request}' has a receipt already: item ${first}` }));
      else requests.set(request, one.number);
    }
    if (!corrects || aside) continue;
    const first = corrections.get(named);
    if (first !== undefined) findings.add("correction-repeated", "R-9.8", about(one, { message: `item ${first} corrects the same receipt, ${named}` }));
    else corrections.set(named, one.number);
    account.corrected.add(named);
    if (!target) findings.addTogether("correction-unknown", "R-9.9", accountKey(one.claims), about(one, { stream: undefined, sequence: undefined, request: undefined, message: `the receipt with the digest ${named} is not here` }));
    else checkCorrection(one, target, findings);
  }
}

/** */
export function checkCorrection(one, target, findings) {
  const { claims } = one;
  const was = target.claims;
  const says = billedBefore(claims.corrects);
  const had = billed(was);
  const pairs = [
    ["request", was.request, claims.request], ["client", was.client, claims.client], ["span", was.span, claims.span],
    ["source.observed", was.source?.get(7n), claims.source?.get(7n)],
    ...["logical", "cached", "attributed", "writes"].map((name, n) => [`corrects.${name}`, had.input.get(BigInt(n + 1)), says.input.get(BigInt(n + 1))]),
    ...["output", "reasoning"].map((name, n) => [`corrects.${name}`, had.output?.get(BigInt(n + 1)), says.output?.get(BigInt(n + 1))]),
    ...["units", "currency", "amount"].map((name) => [`corrects.${name}`, had[name], says[name]]),
  ]; // prettier-ignore
  const wrong = pairs.find(([, expected, actual]) => !sameValue(expected, actual));
  if (!wrong) return;
  const [expected, actual] = wrong.slice(1).map(wrong[0] === "span" ? shownSpan : shown);
  const first = target.number === undefined ? { offset: undefined, name: "the received receipt" } : { offset: one.offset, name: `item ${target.number}` };
  findings.add("correction-differs", "R-9.10", about(one, { offset: first.offset, field: wrong[0], expected, actual, message: `${wrong[0]}: ${first.name} has ${expected}, its correction ${actual}` }));
}
