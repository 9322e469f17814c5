// The findings of a report: what is kept of them, the list, the counts, and the CSV file beside it (spec/report.md, Findings).

import { compareTexts, hex, sha256, utf8 } from "./bytes.js";
import { INCOMPLETE, MEANINGS } from "./codes.js";
import { CODES } from "./hints.js";
import { sumsOfWorth } from "./worth.js";

const KEPT = 10000; // of one code
const LISTED = 100; // of one code
const LISTED_IN_ALL = 1000;
const ORDER = new Map(Object.keys(CODES).map((code, n) => [code, n]));
const CSV_COLUMNS = [
  "finding", "severity", "code", "rule", "file", "item", "offset", "issuer", "account", "stream", "sequence", "request", "number", "time", "field",
  "expected", "actual", "count", "currency", "lower", "upper", "by", "with", "unknown", "message",
]; // prettier-ignore

/** The first findings of each code, in the order of the input; those without an item last. */
export function keptOf(findings) {
  const told = new Map();
  const kept = findings.filter(({ code }) => {
    told.set(code, (told.get(code) ?? 0) + 1);
    return told.get(code) <= KEPT;
  });
  return kept.sort((a, b) => itemOrLast(a) - itemOrLast(b) || ORDER.get(a.code) - ORDER.get(b.code) || compareTexts(a.stream ?? "", b.stream ?? "") || bySequence(a, b));
}

const itemOrLast = ({ item }) => item ?? Number.MAX_SAFE_INTEGER;
const bySequence = ({ sequence: a = 0n }, { sequence: b = 0n }) => (a < b ? -1 : a > b ? 1 : 0);

/** The members of a report on findings, and `csv`: the lines of the file beside it, or null. */
export async function listingOf(findings, kept) {
  const all = kept.map((finding, n) => objectOfFinding(finding, n + 1, kept));
  const listed = listedOf(all);
  const counts = countsByCode(findings);
  const codes = Object.keys(counts).sort().map((code) => objectOfCode(code, counts[code], listed, kept));
  const csv = listed.length === all.length ? null : csvOf(all);
  const left = Object.values(counts).reduce((total, count) => total + count, 0n) - total(kept);
  return {
    findings: listed, finding_counts: counts, codes,
    findings_csv: csv && { rows: all.length, sha256: hex(await sha256(utf8(csv))), left_out: left },
    worth: { amounts: sumsOfWorth(kept), unknown: codes.reduce((count, { unknown }) => count + unknown, 0n) },
    csv,
  }; // prettier-ignore
}

const total = (findings) => findings.reduce((count, finding) => count + BigInt(finding.count), 0n);

function countsByCode(findings) {
  const counts = {};
  for (const { code, count } of findings) counts[code] = (counts[code] ?? 0n) + BigInt(count);
  return counts;
}

function listedOf(all) {
  const told = new Map();
  let shown = 0;
  return all.filter(({ code }) => {
    told.set(code, (told.get(code) ?? 0) + 1);
    return told.get(code) <= LISTED && shown < LISTED_IN_ALL && ++shown;
  });
}

function objectOfFinding(finding, number, kept) {
  const { code, rule, severity, message, count, file, item, offset, issuer, account, stream, sequence, request, number: statement, time, field, expected, actual } = finding;
  const worded = (value) => (value === undefined || value === null ? undefined : String(value));
  return {
    finding: number, severity, code, rule, message, count, file: file && lastPart(file), item, offset, issuer, account, stream, sequence, request,
    number: statement, time, field, expected: worded(expected), actual: worded(actual), hint: CODES[code][1], worth: objectOfWorth(finding.worth, kept),
  }; // prettier-ignore
}

/** The name of a file without its folders. */
export const lastPart = (name) => name.split("/").filter(Boolean).pop() ?? name;

function objectOfWorth(worth, kept) {
  if (typeof worth === "string") return { unknown: worth };
  if (worth.currency === undefined) return { with: kept.indexOf(worth) + 1 };
  return { currency: worth.currency, lower: String(worth.lower), upper: String(worth.upper), by: worth.by };
}

function objectOfCode(code, count, listed, kept) {
  const own = kept.filter((finding) => finding.code === code);
  const known = total(own.filter(({ worth }) => typeof worth !== "string"));
  const left = count - total(listed.filter((finding) => finding.code === code));
  return {
    code, severity: INCOMPLETE.has(code) ? "incomplete" : "rejected", rules: CODES[code][0].split(" "), meaning: MEANINGS[code], count, left_out: left,
    amounts: sumsOfWorth(own), unknown: count - known,
  }; // prettier-ignore
}

function csvOf(all) {
  const line = (cells) => `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
  const row = (finding) => CSV_COLUMNS.map((name) => csvCell(finding[name] ?? finding.worth[name], name));
  return [line(CSV_COLUMNS), ...all.map((finding) => line(row(finding)))].join("");
}

/** A value as text; a spreadsheet must not compute what somebody else wrote. */
function csvCell(value, name) {
  if (value === undefined) return "";
  const isFormula = typeof value === "string" && name !== "lower" && name !== "upper" && /^[=+\-@\t\r]/.test(value);
  return isFormula ? `'${value}` : String(value);
}
