// The canonical form of JSON (RFC 8785). Numbers are integers; a BigInt that readers would round is decimal text (spec/report.md, Form).

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/** The canonical text of a value. Members that are undefined are left out. */
export function canonicalText(value) {
  if (typeof value === "bigint") return value <= LARGEST && value >= -LARGEST ? String(value) : `"${value}"`;
  if (value instanceof Map) return canonicalText(Object.fromEntries(value));
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).filter((name) => value[name] !== undefined).sort(); // by UTF-16, as RFC 8785 has it
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name])}`).join(",")}}`;
}
