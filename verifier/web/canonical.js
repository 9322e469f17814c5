// The canonical form of JSON (RFC 8785).

import { isObject } from "./log.js";

const byMemberName = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0); // by UTF-16, as RFC 8785 has it

/** The canonical text of a value. `scalar` gives that of what is neither array nor object; members that are undefined are left out. */
export function canonicalText(value, scalar) {
  if (Array.isArray(value)) return `[${value.map((one) => canonicalText(one, scalar)).join(",")}]`;
  if (!isObject(value)) return scalar(value);
  const entries = value instanceof Map ? [...value].map(([name, one]) => [String(name), one]) : Object.entries(value);
  const members = entries.filter(([, one]) => one !== undefined).sort(byMemberName);
  return `{${members.map(([name, one]) => `${scalar(name)}:${canonicalText(one, scalar)}`).join(",")}}`;
}
