// The canonical form of JSON (RFC 8785) of values that have no fractions.

/** The text of a value: objects are Maps, integers are BigInts. Null if it has no such text: a larger integer than a Number holds, half a character. */
export function canonicalJson(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return value.isWellFormed() ? JSON.stringify(value) : null;
  if (typeof value === "bigint") return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? String(value) : null;
  if (Array.isArray(value)) return bracketed("[", value.map(canonicalJson), "]");
  const entries = [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return bracketed("{", entries.flatMap(([name, one]) => [memberText(canonicalJson(name), canonicalJson(one))]), "}");
}

const memberText = (name, value) => (name === null || value === null ? null : `${name}:${value}`);
const bracketed = (open, parts, close) => (parts.includes(null) ? null : open + parts.join(",") + close);
