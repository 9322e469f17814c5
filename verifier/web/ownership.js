// Whose call it is: spec/record.md. Sets `owner` of each call: "ours", "unknown", or "other".

import { hex } from "./bytes.js";

const groupOf = ({ host, credential }) => (host === undefined && credential === undefined ? undefined : JSON.stringify([host ?? null, credential ?? null]));

/** `came`: the accounts of the receipts that came with each call, as "ours" or "other"; receipts: the collected ones of the account. */
export function divide(calls, name, receipts, came) {
  const requests = new Set(receipts.map(({ claims }) => claims.request));
  const clients = new Set(receipts.filter(({ claims }) => claims.client).map(({ claims }) => hex(claims.client)));
  const groups = new Map();
  for (const call of calls) {
    const named = requests.has(call.request) || (call.commitment && clients.has(hex(call.commitment)));
    call.told = call.account !== undefined && call.account !== name ? "other" : named ? "ours" : came.get(call)?.[0];
    call.owner = call.told;
    const group = groupOf(call);
    if (group === undefined) call.owner = call.told === "other" && call.account !== undefined ? "other" : "ours";
    else groups.set(group, [...(groups.get(group) ?? []), call]);
  }
  for (const group of groups.values()) spreadOver(group);
  settleRest([...groups.values()], name);
  return { mixed: [...groups.values()].reduce((total, group) => total + ofFewer(group, name), 0n) };
}

/** Calls of one host with one credential are of one account. */
function spreadOver(group) {
  const owners = new Set(group.map((call) => call.told).filter((owner) => owner !== undefined));
  const whose = group[0].credential === undefined && owners.has("other") && owners.has("ours") ? undefined : owners.has("ours") ? "ours" : [...owners][0];
  for (const call of group) call.owner ??= whose;
}

/** Of the calls of one host with one credential, of which nothing is known, all are as the one that states the account. */
function settleRest(groups, name) {
  const calls = groups.flat();
  const hosts = new Set(calls.filter(({ owner }) => owner === "ours").map(({ host }) => host));
  const nothing = calls.every((call) => call.told === undefined);
  for (const group of groups) {
    const near = hosts.has(group[0].host) || nothing;
    const isStated = group.some((call) => call.account === name);
    for (const call of group) call.owner ??= isStated && near ? "ours" : isStated || near ? "unknown" : "other";
  }
}

/** receipts name two accounts for calls of one host with one credential; the calls of the one with fewer. */
function ofFewer(group, name) {
  if (group[0].credential === undefined || group.some((call) => call.account === name)) return 0n;
  const of = (owner) => BigInt(group.filter((call) => call.account === undefined && call.told === owner).length);
  return of("ours") < of("other") ? of("ours") : of("other");
}
