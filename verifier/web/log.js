// A log of the customer's calls as rows: JSON lines (RFC 8259) or CSV (RFC 4180). spec/record.md, "A log".

import { decodeText } from "./bytes.js";
import { InputError } from "./faults.js";

const TEXTS = new Set([
  "request", "request_id", "id", "commitment", "model", "requested_model", "host", "path", "credential", "account", "outcome", "tier",
  "service_tier", "usage_sha256",
]); // prettier-ignore

/** A number with a fraction or an exponent, as it was written. */
export class Decimal {
  constructor(text) {
    this.text = text;
  }
}

/** Whether a value of JSON is an object. */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Decimal);

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const MARK = "\u0000n";

/** JSON in which no number was rounded: one that is too large for a Number is a BigInt, one that is no integer is a Decimal. */
export function parseExact(source) {
  const plain = JSON.parse(source);
  if (!/\d[.eE]|\d{16}/.test(source)) return plain;
  const marked = source.replace(TOKEN, (token) => (token[0] === '"' ? token : JSON.stringify(MARK + token)));
  return JSON.parse(marked, (_, value) => (typeof value === "string" && value.startsWith(MARK) ? numberOf(value.slice(MARK.length)) : value));
}

function numberOf(text) {
  if (!/^-?\d+$/.test(text)) return new Decimal(text);
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

/** The lines of JSON in a file: {where, value}. Throws an InputError. */
export function* jsonLines({ name, bytes }) {
  let number = 0;
  for (const line of textOf(name, bytes).split("\n")) {
    number++;
    const where = `${name}, line ${number}`;
    if (line.trim()) yield { where, value: parsed(where, line) };
  }
}

function parsed(where, line) {
  try {
    return parseExact(line);
  } catch (error) {
    if (error instanceof SyntaxError) throw new InputError(`${where}: not JSON`);
    throw error;
  }
}

function textOf(name, bytes) {
  const text = decodeText(bytes);
  if (text === null) throw new InputError(`${name} is not UTF-8 text`);
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The rows of a log: {where, row}, where a cell that is empty, or null, is not there. Throws an InputError. */
export function* logRows(file) {
  const text = textOf(file.name, file.bytes);
  if (!/^\s*[{[]/.test(text)) return yield* csvRows(file.name, text);
  for (const { where, value } of jsonLines(file)) {
    if (!isObject(value)) throw new InputError(`${where}: no object`);
    yield { where, row: new Map(Object.entries(value).filter(([, cell]) => cell !== null)) };
  }
}

function* csvRows(name, text) {
  let heads = null;
  let number = 0;
  for (const cells of csvRecords(name, text)) {
    number++;
    if (cells.length === 1 && cells[0] === "") continue;
    if (!heads) {
      heads = cells;
      continue;
    }
    const where = `${name}, line ${number}`;
    if (cells.length !== heads.length) throw new InputError(`${where}: not as many cells as the header`);
    yield { where, row: new Map(heads.map((head, n) => [head, cellOf(head, cells[n])]).filter(([, cell]) => cell !== "")) };
  }
}

/** Digits are a number where the column is one of numbers. */
const cellOf = (head, cell) => (!TEXTS.has(head) && /^\d+$/.test(cell) ? numberOf(cell) : cell);

/** The cells of one record after the other. */
function* csvRecords(name, text) {
  const cell = /("[^"]*(?:""[^"]*)*"|[^",\r\n]*)(,|\r\n|\n|\r|$)/y;
  let cells = [];
  while (cell.lastIndex < text.length || cells.length) {
    const found = cell.exec(text);
    if (!found) throw new InputError(`${name}: a quote inside of a cell that is not quoted, or no closing quote`);
    const [, content, end] = found;
    cells.push(content.startsWith('"') ? content.slice(1, -1).replaceAll('""', '"') : content);
    if (end === ",") continue;
    yield cells;
    cells = [];
  }
}
