// The receipts that came with the responses.

import { hex, sameBytes } from "./bytes.js";
import { isOneItem, readItems } from "./cbor.js";
import { firstPlace, isClosed, isDue, windowOf } from "./calls.js";
import { differences } from "./differences.js";
import { RECEIPT } from "./envelope.js";
import { InputError } from "./faults.js";
import { about, aboutStatement, accountKey } from "./findings.js";
import { checkItem } from "./item.js";
import { isIn, shownWindow } from "./twosided.js";
import { checkCorrection } from "./requests.js";

const signatureOf = (bytes) => hex(bytes.subarray(-64));

/** All received receipts: {call, where, bytes}, those of the calls first. Throws an InputError. */
export function readReceived(calls, files) {
  const found = calls.flatMap((call) => call.receipts.map((bytes) => ({ call, where: `${call.where}, receipt`, bytes })));
  for (const file of files) {
    let number = 0;
    for (const item of readItems([file])) {
      if (item.fault) throw new InputError(`${file.name}: no receipts can be read at byte ${item.offset}`);
      found.push({ where: `${file.name}, item ${number++}`, bytes: item.bytes });
    }
  }
  return found;
}

/** Steps 2 to 7 for each: sets `one`, whether it is `usable`, and `same`, the collected item that it is byte for byte. */
export async function checkReceived(received, account, options) {
  const there = new Map(account.receipts.map((one) => [signatureOf(one.bytes), one]));
  const policy = { ...options, account: undefined };
  for (const item of received) {
    const same = there.get(signatureOf(item.bytes));
    item.same = same && sameBytes(same.bytes, item.bytes) ? same : undefined;
    item.one = item.same ?? (await checkItem({ bytes: item.bytes }, policy));
    item.usable = !!item.same || (item.one.valid && item.one.kind === RECEIPT);
    item.ours = item.usable && isOf(account, item.one.claims);
  }
}

/** Of a batch without an account only the name is known, if the caller named one. */
function isOf(account, claims) {
  if (account.issuer !== undefined) return accountKey(claims) === accountKey(account);
  return account.account === undefined || claims.account === account.account;
}

/** */
export function compareReceived(received, account, { findings, covered }) {
  const places = new Map(account.receipts.map((one) => [placeOf(one.claims), one]));
  const billing = firstBy(account.receipts, ({ claims }) => (claims.corrects ? undefined : claims.request));
  const correcting = firstBy(account.receipts, ({ claims }) => claims.corrects && hex(claims.corrects.get(1n)));
  for (const item of received) {
    const { one } = item;
    if (!item.usable) {
      item.fate = "invalid";
      findings.add("received-invalid", "R-14.12", { message: `${item.where}: ${whyInvalid(one)}` });
      continue;
    }
    item.fate = fateOf(item, places);
    if (item.fate !== "open") continue;
    const inside = covered.some(([start, end]) => one.claims.time >= start && one.claims.time < end);
    const [code, there] = contradiction(one, places, billing, correcting) ?? (inside ? ["received-omitted"] : []);
    if (!code) continue;
    item.fate = "failed";
    findings.add(code, "R-14.13", { ...(there ? aboutStatement(there) : apart(one)), message: toldOf(code, item) });
  }
}

function toldOf(code, { where, one: { claims } }) {
  const { request, sequence, stream } = claims;
  if (code === "receipt-equivocation") return `the receipt that was received for request '${request}' (${where}) has other claims`;
  if (code === "received-omitted") return `the receipt that was received for request '${request}' (${where}) is not here`;
  return `another one was received (${where}), at sequence ${sequence} of stream '${stream}'`;
}

function whyInvalid(one) {
  if (!isOneItem(one.bytes)) return "it is not one CBOR item";
  return one.faults.length ? one.faults[0].details.message : "it is not a receipt";
}

/** What a finding says of a receipt that is not in the batch. */
const apart = (one) => ({ ...about(one), item: undefined, file: undefined, offset: undefined });

function fateOf({ one, same, ours }, places) {
  if (same) return "matched";
  if (!ours) return "other";
  return places.get(placeOf(one.claims))?.id === one.id ? "matched" : "open";
}

const placeOf = ({ stream, sequence }) => `${sequence} ${stream}`;

/** The validly signed receipts by a key, the first of each. */
function firstBy(receipts, keyOf) {
  const found = new Map();
  for (const one of receipts) {
    const key = keyOf(one);
    if (one.valid && key !== undefined && !found.has(key)) found.set(key, one);
  }
  return found;
}

/** The receipt of the batch that proves the issuer to have told something else, and the code. */
function contradiction(one, places, billing, correcting) {
  const { claims } = one;
  const there = places.get(placeOf(claims));
  if (there?.valid) return ["receipt-equivocation", there];
  const other = claims.corrects ? correcting.get(hex(claims.corrects.get(1n))) : billing.get(claims.request);
  if (!other) return null;
  return [claims.corrects ? "correction-repeated" : "request-duplicate", other];
}

/** for corrections of a receipt that was received and is not in the batch. */
export function compareCorrections(received, account, { findings }) {
  const known = new Set(account.receipts.map((one) => one.id));
  const byId = new Map(received.filter(({ ours, one }) => ours && !known.has(one.id)).map(({ one }) => [one.id, one]));
  for (const one of account.receipts) {
    const target = one.valid && one.claims.corrects && byId.get(hex(one.claims.corrects.get(1n)));
    if (target) checkCorrection(one, target, findings);
  }
}

/** whether what came with a call is of it; returns how many are, and how many not. */
export function compareTied(received, account, calls, { findings, margin, aliases }) {
  let [fitting, misfits] = [0, 0];
  for (const item of received) {
    const { call, one } = item;
    if (call?.owner !== "ours" || !item.usable) continue;
    const corrects = one.claims.corrects || account.corrected.has(one.id);
    if (!item.same && (call.replay || corrects)) continue;
    const settled = item.same && (call.replay || corrects || calls.of(one.claims).includes(call));
    const wrong = settled ? null : strangeTo(item, account, margin, aliases);
    if (wrong) {
      misfits++;
      const what = item.same ? "the receipt" : "the receipt that came";
      const message = `${item.where}: ${wrong.field}: the customer has ${wrong.expected}, ${what} says ${wrong.actual}`;
      findings.add("received-differs", "R-14.14", { ...(item.same ? aboutStatement(one) : apart(one)), ...wrong, message });
    } else fitting++;
  }
  return { fitting, misfits };
}

/** The first way in which a receipt is not of the call that it came with. */
function strangeTo({ call, one: { claims }, ours }, account, margin, aliases) {
  if (!ours) {
    const field = account.issuer === undefined || account.issuer === claims.issuer ? "account" : "issuer";
    return { field, expected: account[field], actual: claims[field] };
  }
  if (call.request !== undefined && call.request !== claims.request) return { field: "request", expected: call.request, actual: claims.request };
  if (claims.client && call.commitment && !sameBytes(claims.client, call.commitment)) return { field: "client", expected: hex(call.commitment), actual: hex(claims.client) };
  if (isClosed(call)) return { field: "status", expected: "a call that is billed", actual: "none" };
  const [first] = differences(claims, call, aliases);
  if (first) return { field: first.field, expected: first.expected, actual: first.actual };
  const window = windowOf(call, margin);
  return isIn(claims.time, window) ? null : { field: "time", expected: shownWindow(window), actual: String(claims.time) };
}

/** */
export function findMissing(received, calls, all, { findings }) {
  const tied = new Set(received.filter(({ call, usable }) => call && usable).map(({ call }) => call));
  const hosts = new Set(all.filter((call) => tied.has(call)).map(({ host }) => host));
  const without = calls.all.filter((call) => isDue(call) && call.answered !== undefined && !tied.has(call) && hosts.has(call.host));
  if (without.length) findings.add("received-missing", "R-14.15", { count: BigInt(without.length), message: `no receipt came with the response, first of ${firstPlace(without)}` });
  return without.length;
}
