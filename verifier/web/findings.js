// What is wrong or missing, and where.

import { INCOMPLETE, MEANINGS } from "./codes.js";

export class Findings {
  list = [];
  #together = new Map(); // findings that have one cause for many items (*), by what they have in common

  /** `about`: {item, file, offset, issuer, account, stream, sequence, request, number, field, expected, actual, count} as far as known. */
  add(code, rule, about = {}) {
    const finding = { code, rule, severity: INCOMPLETE.has(code) ? "incomplete" : "rejected", meaning: MEANINGS[code], message: MEANINGS[code], count: 1n, ...about };
    this.list.push(finding);
    return finding;
  }

  addTogether(code, rule, cause, about) {
    const key = `${code} ${cause}`;
    const before = this.#together.get(key);
    if (before) before.count += 1n;
    else this.#together.set(key, this.add(code, rule, about));
  }

  /** In the order of the input, those without an item last. */
  sorted() {
    const place = (finding) => finding.item ?? Infinity;
    return this.list.map((finding, n) => [finding, n]).sort(([a, n], [b, m]) => (place(a) === place(b) ? n - m : place(a) - place(b))).map(([finding]) => finding);
  }
}

export const accountKey = (one) => `${one.issuer.length}:${one.issuer}${one.account}`;

/** The same for a finding against statements or the customer's record: where it stands, but not at which byte. */
export const aboutStatement = (one, more = {}) => about(one, { offset: undefined, ...more });

/** What a finding says of the item that it names. */
export function about(one, more = {}) {
  const claims = one.claims ?? {};
  return {
    item: one.number, file: one.file, offset: one.offset, issuer: claims.issuer, account: claims.account, stream: claims.stream,
    sequence: claims.sequence, request: claims.request, number: claims.number, ...more,
  }; // prettier-ignore
}
