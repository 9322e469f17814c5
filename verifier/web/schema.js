// Types of claims. A check of a value gives what is wrong, {field, expected, actual}, or null. The words are those of spec/report-words.md.

import { sizeOf, utf8 } from "./bytes.js";
import { U64, YEAR_10000 } from "./limits.js";

const ANY_UINT = "an unsigned integer";

export const wrongField = (field, expected, value) => ({ field, expected, actual: described(value) });
export const uint = (least = 0n, most = U64, expected = ANY_UINT) => (value, path) => {
  if (typeof value !== "bigint") return wrongField(path, ANY_UINT, value);
  return value >= least && value <= most ? null : wrongField(path, expected, value);
};
export const bstr = (least, most = least) => (value, path) => {
  if (value instanceof Uint8Array && value.length >= least && value.length <= most) return null;
  return wrongField(path, `a byte string of ${least === most ? least : `${least} to ${most}`}`, value);
};
export const text = (least = 1) => (value, path) => (typeof value === "string" && sizeOf(value) >= least && sizeOf(value) <= 512 ? null : wrongField(path, `text of ${least} to 512 bytes`, value));
export const currency = (value, path) => (typeof value === "string" && /^[A-Z]{3}$/.test(value) ? null : wrongField(path, "three capital letters", value));
export const digest = bstr(32);
export const positive = uint(1n, U64, "at least 1");
export const instant = uint(0n, YEAR_10000 - 1n, `ms before the year 10000, less than ${YEAR_10000}`);
export const periodEnd = uint(1n, YEAR_10000, `1 to ${YEAR_10000}`);
export const exactly = (values, expected) => (value, path) => (values.includes(value) ? null : wrongField(path, expected, value));

export const arrayOf = (check, least, most) => (value, path) => {
  if (!Array.isArray(value) || value.length < least || value.length > most) return wrongField(path, `an array of ${least ? `${least} to` : "at most"} ${most}`, value);
  return first(value, (one, n) => check(one, `${path}.${n}`));
};

export const mapOf = (key, check, least, most) => (value, path) => {
  const size = most === Infinity ? `at least ${least} entry` : `${least} to ${most} entries`;
  if (!(value instanceof Map) || value.size < least || value.size > most) return wrongField(path, `a map of ${size}`, value);
  return first([...value], ([name, one]) => key(name, `${path} key`) ?? check(one, `${path}.${name}`));
};

/**
 * A map with integer keys: its fields in their order, then unknown ones, then `also`, which says what is wrong between them.
 * `fields`: label: [name, check, required], where `required` may be a function of the map: then the field is there if and only if it says so.
 * `others`: names of fields that stand elsewhere, by label.
 */
export const struct = (fields, also = () => null, others = {}) => {
  const known = Object.entries(fields).map(([label, [name, check, required]]) => ({ label: BigInt(label), name, check, required }));
  const names = new Map([...Object.entries(others), ...known.map(({ label, name }) => [String(label), name])]);
  return (value, path) => {
    if (!(value instanceof Map) || [...value.keys()].some((label) => typeof label !== "bigint")) return wrongField(path || "claims", "a map with integer keys", value);
    const left = new Set(value.keys());
    for (const { label, name, check, required } of known) {
      const due = typeof required === "function" ? required(value) : required;
      if (due === false) continue;
      left.delete(label);
      const one = value.get(label);
      const wrong = one === undefined ? due && wrongField(inside(path, name), "this field", one) : check(one, inside(path, name), value);
      if (wrong) return wrong;
    }
    for (const label of left) return wrongField(inside(path, names.get(String(label)) ?? label), "no such field here", value.get(label));
    return also(value, path);
  };
};

export const inside = (path, name) => (path ? `${path}.${name}` : `${name}`);

export function first(values, check) {
  for (let n = 0; n < values.length; n++) {
    const wrong = check(values[n], n);
    if (wrong) return wrong;
  }
  return null;
}

/** What claims have, where the format wants something else. */
function described(value) {
  if (value === undefined) return "nothing";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return [...value].length > 64 ? `text of ${utf8(value).length} bytes` : `'${value}'`;
  if (value instanceof Uint8Array) return `a byte string of ${value.length}`;
  return Array.isArray(value) ? `an array of ${value.length}` : `a map of ${value.size}`;
}
