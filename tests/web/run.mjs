// The second verifier under Node: a JSON line in, a JSON line out, until the input ends. tests/web_verifier.py is the other side.
//
// In: {"files": [hex], "keys": [JWK Set as text], "options": {...}}. Out: {"verdict", "findings": [[code, rule, item, count]], "told", "cards", "error"}.
// Or in: {"card": hex}. Out: {"digest"}, or {"field"} of what is wrong with it.
// Or in: {"report": [[name, hex]], "keys": [[name, hex]], "options": {...}}. Out: {"text", "csv"}, or {"error"}.

import { createInterface } from "node:readline";
import { readCard } from "../../verifier/web/card.js";
import { InputError, readKeys, report, unhex, verify } from "../../verifier/web/verifier.js";

/** The customer's record: texts of files, and received receipts in hexadecimal. */
function recordOf({ requests, received, prompts, cacheKey, ...others }) {
  const texts = (role, list) => list?.map((text, n) => ({ name: `${role}${n || ""}.jsonl`, bytes: new TextEncoder().encode(text) }));
  return {
    ...others, requests: texts("requests", requests), received: received?.map((file, n) => ({ name: `received${n || ""}.cbor`, bytes: unhex(file) })),
    prompts: texts("prompts", prompts), cacheKey: texts("cache key", cacheKey && [cacheKey])?.[0], margin: others.margin && BigInt(others.margin),
  }; // prettier-ignore
}

async function answer(question) {
  if (question.report) return reportOn(question);
  return question.card === undefined ? verdictOn(question) : readingOf(unhex(question.card));
}

async function readingOf(card) {
  try {
    return { digest: (await readCard(card)).id };
  } catch (error) {
    return error instanceof InputError ? { field: error.field } : { field: `CRASH ${error.stack}` };
  }
}

const filesOf = (list) => list?.map(([name, file]) => ({ name, bytes: Uint8Array.from(Buffer.from(file, "hex")) }));

async function reportOn({ report: files, keys, options: { period, dated, previous, cards, record, ...others } }) {
  try {
    const mine = record && { ...record, requests: filesOf(record.requests), received: filesOf(record.received), prompts: filesOf(record.prompts), cacheKey: filesOf(record.cacheKey)?.[0], aliases: filesOf(record.aliases)?.[0], margin: record.margin && BigInt(record.margin) };
    const options = { ...others, period: period?.map(BigInt), dated: dated && BigInt(dated), previous: filesOf(previous), cards: filesOf(cards), record: mine ?? undefined, keys: filesOf(keys) };
    const { text, csv } = await report(filesOf(files), options);
    return { text, csv };
  } catch (error) {
    return error instanceof InputError ? { error: error.message } : { error: `CRASH ${error.stack}` };
  }
}

/** What a claim of a pack would have of a finding, and its message. */
function toldOf(finding) {
  const names = ["code", "rule", "item", "issuer", "account", "stream", "sequence", "request", "number", "field", "expected", "actual", "count", "message"];
  return Object.fromEntries(names.filter((name) => finding[name] !== undefined && finding[name] !== null).map((name) => [name, String(finding[name])]));
}

async function verdictOn({ files, keys, options }) {
  try {
    const trusted = await readKeys(keys.map((set) => new TextEncoder().encode(set)));
    const { period, known, cards, record, ...others } = options;
    const more = { ...others, period: period?.map(BigInt), known: (known ?? []).map(unhex), cards: (cards ?? []).map(unhex), record: record && recordOf(record) };
    const report = await verify(files.map((file, n) => ({ name: `input ${n}`, bytes: Uint8Array.from(Buffer.from(file, "hex")) })), { ...more, keys: trusted });
    return { verdict: report.verdict, findings: report.findings.map(({ code, rule, item, count }) => [code, rule, item ?? null, Number(count)]), told: report.findings.map(toldOf), cards: report.cards, checks: report.checks?.map(({ check, passed, of, failed, notChecked }) => [check, passed, of, failed, notChecked]) };
  } catch (error) {
    return error instanceof InputError ? { verdict: null, error: error.message } : { verdict: "CRASH", error: error.stack };
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line)), (_, value) => (typeof value === "bigint" ? String(value) : value)));
