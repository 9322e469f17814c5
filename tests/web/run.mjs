// The second verifier under Node: a JSON line in, a JSON line out, until the input ends. tests/web_verifier.py is the other side.
//
// In: {"files": [hex], "keys": [JWK Set as text], "options": {...}}. Out: {"verdict", "findings": [[code, rule, item, count]], "cards", "error"}.
// Or in: {"card": hex}. Out: {"digest"}, or {"field"} of what is wrong with it.

import { createInterface } from "node:readline";
import { readCard } from "../../verifier/web/card.js";
import { InputError, readKeys, unhex, verify } from "../../verifier/web/verifier.js";

async function answer(question) {
  return question.card === undefined ? verdictOn(question) : readingOf(unhex(question.card));
}

async function readingOf(card) {
  try {
    return { digest: (await readCard(card)).id };
  } catch (error) {
    return error instanceof InputError ? { field: error.field } : { field: `CRASH ${error.stack}` };
  }
}

async function verdictOn({ files, keys, options }) {
  try {
    const trusted = await readKeys(keys.map((set) => new TextEncoder().encode(set)));
    const { period, known, cards, ...others } = options;
    const more = { ...others, period: period?.map(BigInt), known: (known ?? []).map(unhex), cards: (cards ?? []).map(unhex) };
    const report = await verify(files.map((file, n) => ({ name: `input ${n}`, bytes: Uint8Array.from(Buffer.from(file, "hex")) })), { ...more, keys: trusted });
    return { verdict: report.verdict, findings: report.findings.map(({ code, rule, item, count }) => [code, rule, item ?? null, Number(count)]), cards: report.cards };
  } catch (error) {
    return error instanceof InputError ? { verdict: null, error: error.message } : { verdict: "CRASH", error: error.stack };
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line)), (_, value) => (typeof value === "bigint" ? String(value) : value)));
