// A batch: steps 1 to 14.

import { checkCacheIds } from "./cache_ids.js";
import { readItems } from "./cbor.js";
import { checkChain, knownStatements, orderedStatements } from "./chain.js";
import { cardFigures, checkCharge } from "./charge.js";
import { Batch } from "./collection.js";
import { checkCompleteness } from "./completeness.js";
import { accountKey } from "./findings.js";
import { checkItem } from "./item.js";
import { lastWordsIn } from "./last_words.js";
import { CHUNK } from "./limits.js";
import { compareRecord } from "./record.js";
import { RECORD_NOT_GIVEN } from "./record_checks.js";
import { checkRequests } from "./requests.js";

export async function verifyBatch(files, options, sealed) {
  const batch = Object.assign(new Batch(options), { sealed });
  const reading = readItems(files);
  const total = files.reduce((size, file) => size + file.bytes.length, 0);
  let passed = 0;
  let number = 0;
  for (let goes = true; goes && !batch.ended; ) {
    const chunk = [];
    for (let next; chunk.length < CHUNK && !(next = reading.next()).done; ) chunk.push({ ...next.value, number: number++ });
    if (!chunk.length) break;
    const checked = await Promise.all(chunk.map((item) => (item.fault ? item : checkItem(item, options, { sealed }))));
    for (const one of checked) {
      if (one.fault) {
        batch.findings.add(one.fault.code, one.fault.rule, { item: one.number, file: one.file, ...one.fault.details });
        batch.end("fault");
      } else goes = await batch.take(one);
      if (!goes || batch.ended) break;
    }
    passed += chunk.reduce((size, item) => size + (item.fault ? 0 : item.end - item.offset), 0);
    options.progress?.(passed, total);
  }
  await finish(batch);
  return batch;
}

/** What needs the whole input: the rest of step 9, and steps 11 to 14. */
async function finish(batch) {
  const { findings, options } = batch;
  const known = await knownStatements(options);
  const accounts = [...batch.accounts.values()];
  for (const account of accounts) checkRequests(account, findings);
  batch.linked = 0;
  for (const account of accounts) batch.linked += checkChain(orderedStatements(account, known.filter((one) => accountKey(one.claims) === accountKey(account))), findings);
  checkCompleteness(batch, known);
  batch.identifiers = checkCacheIds(accounts, findings);
  checkCharges(batch, accounts);
  batch.checks = options.record ? await compareRecord(batch, options.record) : [RECORD_NOT_GIVEN];
}

function checkCharges(batch, accounts) {
  batch.cards = cardFigures(batch.options.cards);
  if (!batch.cards.size) return;
  const words = accounts.flatMap((account) => lastWordsIn(account)).filter(({ time }) => time !== undefined); // a correction has the time of the first one
  for (const { one, time } of words) checkCharge(one, time, batch.cards, batch.findings);
}
