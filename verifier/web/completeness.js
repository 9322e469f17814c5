// Step 12: what is missing.

import { about, accountKey } from "./findings.js";

export function checkCompleteness(batch, known) {
  const { findings, options } = batch;
  const accounts = [...batch.accounts.values()];
  const whole = !batch.lostStatements && !batch.ended;
  if (!batch.items && !batch.ended) findings.add("batch-empty", "R-12.1");
  if (whole) {
    for (const account of accounts) {
      if (account.firstUnclosed) findings.add("statement-missing", "R-12.2", about(account.firstUnclosed, { count: account.unclosed }));
      if (options.period) checkCovered(account, options.period, findings);
    }
    if (options.account !== undefined && !accounts.length) findings.add("statement-missing", "R-12.2", { account: options.account });
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
    if (stop > at) findings.add("period-uncovered", "R-12.3", { issuer: account.issuer, account: account.account, field: "period", expected: `${at} to ${stop}` });
    if (end > at) at = end;
  }
}

/** */
function checkReplayed(account, known, period, findings) {
  if (!account.statements.length) return;
  const highest = account.statements.reduce((best, one) => (one.claims.number > best.claims.number ? one : best));
  const here = new Set(account.statements.map((one) => one.id));
  const later = known.some(({ id, claims }) => {
    if (here.has(id)) return false;
    return period ? claims.late && claims.start < period[1] && claims.end > period[0] : claims.number > highest.claims.number;
  });
  if (later) findings.add("statement-replayed", "R-12.4", about(highest));
}
