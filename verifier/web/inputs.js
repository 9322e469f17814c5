// The files that a report names (spec/report.md, Inputs).

import { decodeText, hex, sha256 } from "./bytes.js";
import { InputError } from "./faults.js";
import { lastPart } from "./listing.js";

/** {role, name, size, sha256} of files by role, in the order of the roles. */
export async function inputsOf(filesByRole) {
  const inputs = [];
  for (const [role, files] of Object.entries(filesByRole)) {
    for (const { name, bytes } of files) inputs.push({ role, name: lastPart(name), size: bytes.length, sha256: hex(await sha256(bytes)) });
  }
  return inputs;
}

/** The files of the customer's record, by role. */
export function filesOfRecord({ requests = [], received = [], prompts = [], cacheKey, aliases }) {
  return { requests, received, prompts, "cache-key": cacheKey ? [cacheKey] : [], aliases: aliases ? [aliases] : [] };
}

/** Other names of models, from a file of JSON. */
export function readAliases({ name, bytes }) {
  const names = jsonOf(decodeText(bytes));
  const isObject = names !== null && typeof names === "object" && !Array.isArray(names);
  if (!isObject || Object.values(names).some((one) => typeof one !== "string")) throw new InputError(`${name} is not an object of texts`);
  return names;
}

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
