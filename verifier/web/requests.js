// Step 9, what needs all receipts: requests and corrections.

import { hex } from "./bytes.js";
import { about, accountKey } from "./findings.js";
import { billed, billedBefore } from "./totals.js";
import { sameValue, show } from "./values.js";

/** notes in `corrected` the ids of receipts that another one corrects. */
export function checkRequests(account, findings) {
  const byId = new Map(account.receipts.map((one) => [one.id, one]));
  const requests = new Set();
  const corrections = new Set();
  account.corrected = new Set();
  for (const one of account.receipts) {
    const { corrects, request } = one.claims;
    const named = corrects && hex(corrects.get(1n));
    const target = byId.get(named);
    const aside = corrects && !one.valid && target?.valid;
    if (!corrects || (one.valid && !target)) {
      if (requests.has(request)) findings.add("request-duplicate", "R-9.6", about(one, { field: "request", actual: request }));
      requests.add(request);
    }
    if (!corrects || aside) continue;
    if (corrections.has(named)) findings.add("correction-repeated", "R-9.8", about(one, { field: "corrects.receipt", actual: named }));
    corrections.add(named);
    account.corrected.add(named);
    if (!target) findings.addTogether("correction-unknown", "R-9.9", accountKey(one.claims), about(one, { field: "corrects.receipt", actual: named }));
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
    ...["input", "output", "units", "currency", "amount"].map((name) => [`corrects.${name}`, had[name], says[name]]),
  ]; // prettier-ignore
  const wrong = pairs.find(([, expected, actual]) => !sameValue(expected, actual));
  if (wrong) findings.add("correction-differs", "R-9.10", about(one, { field: wrong[0], expected: show(wrong[1]), actual: show(wrong[2]) }));
}
