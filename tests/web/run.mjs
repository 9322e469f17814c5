// The second verifier under Node: a JSON line in, a JSON line out, until the input ends. tests/web_verifier.py is the other side.
//
// In: {"files": [hex], "keys": [JWK Set as text], "options": {...}}. Out: {"verdict", "findings": [[code, rule, item, count]], "error"}.

import { createInterface } from "node:readline";
import { InputError, readKeys, unhex, verify } from "../../verifier/web/verifier.js";

async function answer({ files, keys, options }) {
  try {
    const trusted = await readKeys(keys.map((set) => new TextEncoder().encode(set)));
    const { period, known, ...others } = options;
    const more = { ...others, period: period?.map(BigInt), known: (known ?? []).map(unhex) };
    const report = await verify(files.map((file, n) => ({ name: `input ${n}`, bytes: Uint8Array.from(Buffer.from(file, "hex")) })), { ...more, keys: trusted });
    return { verdict: report.verdict, findings: report.findings.map(({ code, rule, item, count }) => [code, rule, item ?? null, Number(count)]) };
  } catch (error) {
    return error instanceof InputError ? { verdict: null, error: error.message } : { verdict: "CRASH", error: error.stack };
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))));
