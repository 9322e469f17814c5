// Step 12: what is missing.

import { compareTexts } from "./bytes.js";
import { aboutStatement, accountKey } from "./findings.js";
import { plural, showPeriod } from "./words.js";

export function checkCompleteness(batch, known) {
  const { findings, options } = batch;
  const accounts = [...batch.accounts.values()];
  const whole = !batch.lostStatements && !batch.ended;
  if (!batch.items && !batch.ended) findings.add("batch-empty", "R-12.1", { message: "the input holds no item" });
  if (whole) {
    for (const account of accounts) {
      const { issuer, account: name, firstUnclosed: first, unclosed: count } = account;
      const message = `no statement closes ${plural(count, "receipt")}`;
      if (first) findings.add("statement-missing", "R-12.2", { item: first.number, file: first.file, issuer, account: name, count, message });
    }
    if (options.account !== undefined && !accounts.length) findings.add("statement-missing", "R-12.2", { account: options.account, message: `there is nothing of account '${options.account}'` });
    const ordered = accounts.toSorted((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.account, b.account));
    if (options.period) for (const account of ordered) checkCovered(account, options.period, findings);
  }
  for (const account of accounts) checkReplayed(account, known.filter((one) => accountKey(one.claims) === accountKey(account)), options.period, findings);
}

/** */
function checkCovered(account, [from, to], findings) {
  const periods = account.statements.filter((one) => !one.claims.late).map(({ claims }) => [claims.start, claims.end]);
  periods.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  let at = from;
  for (const [start, end] of [...periods, [to, to]]) {
    const stop = start < to ? start : to;
    if (stop > at) {
      const hole = showPeriod(at, stop);
      const words = { expected: showPeriod(from, to), actual: `not ${hole}`, message: `no statement of '${account.account}' covers ${hole}` };
      findings.add("period-uncovered", "R-12.3", { issuer: account.issuer, account: account.account, ...words });
    }
    if (end > at) at = end;
  }
}

/** */
function checkReplayed(account, known, period, findings) {
  if (!account.statements.length) return;
  const highest = account.statements.reduce((best, one) => (one.claims.number > best.claims.number ? one : best));
  const here = new Set(account.statements.map((one) => one.id));
  const later = known.filter(({ id, claims }) => {
    if (here.has(id)) return false;
    return period ? claims.late && claims.start < period[1] && claims.end > period[0] : claims.number > highest.claims.number;
  });
  if (!later.length) return;
  const number = later.reduce((most, { claims }) => (claims.number > most ? claims.number : most), 0n);
  findings.add("statement-replayed", "R-12.4", aboutStatement(highest, { message: `statement ${number} is known, and not in the input` }));
}
