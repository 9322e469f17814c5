// Types of claims. A check of a value gives the path of what is wrong with it, or null.

import { sizeOf } from "./bytes.js";
import { U64, YEAR_10000 } from "./limits.js";

export const uint = (least = 0n, most = U64) => (value, path) => (typeof value === "bigint" && value >= least && value <= most ? null : path);
export const bstr = (least, most = least) => (value, path) => (value instanceof Uint8Array && value.length >= least && value.length <= most ? null : path);
export const text = (least = 1) => (value, path) => (typeof value === "string" && sizeOf(value) >= least && sizeOf(value) <= 512 ? null : path);
export const currency = (value, path) => (typeof value === "string" && /^[A-Z]{3}$/.test(value) ? null : path);
export const digest = bstr(32);
export const instant = uint(0n, YEAR_10000 - 1n);
export const periodEnd = uint(1n, YEAR_10000);

export const arrayOf = (check, least, most) => (value, path) => {
  if (!Array.isArray(value) || value.length < least || value.length > most) return path;
  return first(value, (one, n) => check(one, `${path}[${n}]`));
};

export const mapOf = (key, check, least, most) => (value, path) => {
  if (!(value instanceof Map) || value.size < least || value.size > most) return path;
  return first([...value], ([name, one]) => key(name, path) ?? check(one, `${path}.${name}`));
};

/** A map with integer keys. `fields`: label: [name, check, required]; `also`: what holds between them. */
export const struct = (fields, also = () => null) => {
  const known = Object.entries(fields).map(([label, [name, check, required]]) => ({ label: BigInt(label), name, check, required }));
  const labels = new Set(known.map((field) => field.label));
  return (value, path) => {
    if (!(value instanceof Map)) return path || "claims";
    for (const label of value.keys()) if (!labels.has(label)) return join(path, String(label));
    for (const { label, name, check, required } of known) {
      const one = value.get(label);
      if (one === undefined ? required : check(one, join(path, name))) return one === undefined ? join(path, name) : check(one, join(path, name));
    }
    const wrong = also(value);
    return wrong ? join(path, wrong) : null;
  };
};

const join = (path, name) => (path ? `${path}.${name}` : name);

function first(values, check) {
  for (let n = 0; n < values.length; n++) {
    const wrong = check(values[n], n);
    if (wrong) return wrong;
  }
  return null;
}
