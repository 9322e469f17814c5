// Step 14, the customer's record: calls, received receipts, prompts. spec/record.md.

import { Calls, compareCalls, compareDue, coveredBy, findLateApart, findUnconfirmed, lastWordsOf } from "./twosided.js";
import { checkReceived, compareCorrections, compareReceived, compareTied, findMissing, readReceived } from "./received.js";
import { CALLS_NOT_GIVEN, RECEIVED_NOT_GIVEN, checksOfCalls, checksOfPrompts, checksOfReceived } from "./record_checks.js";
import { DAY_MS, isDue, readCalls, unknownColumns } from "./calls.js";
import { InputError } from "./faults.js";
import { comparePrompts } from "./prompts.js";
import { divide } from "./ownership.js";

export const MARGIN = 300000n;
const TEN_YEARS = 3653n * DAY_MS;

/**
 * Hold a batch that went through steps 1 to 13 against the customer's record.
 *
 * @param {object} batch what was collected; its findings get those of step 14
 * @param {object} record requests, received, prompts: files ({name, bytes}) or undefined, where that is not given; cacheKey: a file;
 *   margin: between the clocks, in ms (a BigInt; 300000n unless stated); aliases: other names of models, an object of texts
 * @returns {Promise<object[]>} checks: {check, passed, of, failed, notChecked}, where notChecked says why the rest was not, or is null
 * @throws {InputError} the record cannot be read, or does not go with the batch
 */
export async function compareRecord(batch, record) {
  if (batch.accounts.size > 1) throw new InputError("the batch is of several accounts: name the one whose record this is");
  const [account = nobody(batch.options)] = batch.accounts.values();
  const { requests, received: files } = record;
  const context = {
    findings: batch.findings, covered: coveredBy(account, batch.options.period), margin: record.margin ?? MARGIN,
    aliases: new Map(Object.entries(record.aliases ?? {})),
  }; // prettier-ignore
  const columns = new Set();
  const all = readCalls(requests ?? [], columns);
  checkTimesOf(all, account);
  const received = readReceived(all, files ?? []);
  await checkReceived(received, account, batch.options);
  const words = lastWordsOf(account);
  const { mixed } = divide(all, account.account, account.receipts, accountsThatCame(received));
  const calls = new Calls(all.filter((call) => call.owner === "ours"));
  const checks = requests ? compareRequests(words, calls, all, mixed, context, columns) : [CALLS_NOT_GIVEN];
  compareCorrections(received, account, context);
  compareReceived(received, account, context);
  const tied = compareTied(received, account, calls, context);
  const without = findMissing(received, calls, all, context);
  if (requests) findLateApart(account, context);
  checks.push(...(requests || files ? checksOfReceived(received, { ...tied, without }) : [RECEIVED_NOT_GIVEN]));
  if (record.prompts) checks.push(...checksOfPrompts(await comparePrompts(words, record.prompts, record.cacheKey, account, context.findings)));
  return checks;
}

function compareRequests(words, calls, all, mixed, context, columns) {
  compareCalls(words, calls, context);
  const due = compareDue(words, calls, context);
  findUnconfirmed(words, context);
  const unknown = BigInt(all.filter((call) => call.owner === "unknown" && isDue(call)).length) + mixed;
  if (unknown) context.findings.add("request-account-unknown", "R-14.16", { count: unknown, message: "nothing tells whose these calls are, or their credentials are of two accounts" });
  const others = BigInt(all.filter((call) => call.owner !== "ours").length) - unknown;
  return checksOfCalls(words, due, unknownColumns(columns), others);
}

const nobody = ({ account }) => ({ issuer: undefined, account, receipts: [], statements: [], corrected: new Set() });

/** Of each call, whose the receipts are that came with it. */
function accountsThatCame(received) {
  const came = new Map();
  for (const { call, usable, ours } of received) if (call && usable) came.set(call, [...(came.get(call) ?? []), ours ? "ours" : "other"]);
  return came;
}

/** That the times of the calls can be those of the batch, and are not in another unit. */
function checkTimesOf(calls, { statements }) {
  if (!statements.length) return;
  const start = statements.map(({ claims }) => claims.start).reduce((a, b) => (a < b ? a : b)) - TEN_YEARS;
  const end = statements.map(({ claims }) => claims.end).reduce((a, b) => (a > b ? a : b)) + TEN_YEARS;
  for (const { where, sent, answered } of calls) {
    for (const time of [sent, answered]) if (time !== undefined && (time < start || time > end)) throw new InputError(`${where}: a time is far from every period of the batch: ${time}`);
  }
}
