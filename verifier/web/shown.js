// What the page shows of a report.

import { count, element, instant, plural, table } from "./elements.js";

const SHOWN = 100; // findings of one code

/** All of it, in its order. `report`: the summary with the canonical text; took: in ms. */
export function partsOf(report, took) {
  const whole = JSON.parse(report.text);
  return [
    verdictOf(report, whole.options.period !== null), figuresOf(report), ...claimsOf(report), ...findingsOf(report), ...accountsOf(report), ...cardsOf(whole), ...checkedOf(whole),
    ...notShownBy(whole), ...inputsOf(whole), actionsOf(report, took),
  ]; // prettier-ignore
}

export const VERDICTS = {
  verified: ["✓", "Verified", "nothing is false."],
  rejected: ["✕", "Rejected", "something is false, changed or malformed."],
  incomplete: ["…", "Incomplete", "nothing is false, but it was not shown that nothing is missing."],
};
const SUBJECTS = { batch: "batch", proof: "proof of one receipt", equivocation: "proof that the issuer told two stories", pack: "pack" };


function verdictOf(report, isNamed) {
  const { verdict, subject, observed } = report;
  const [mark, name, meaning] = VERDICTS[verdict];
  const lines = [element("h2", {}, name), element("p", {}, `In this ${SUBJECTS[subject]}, ${meaning}`)];
  if (subject === "equivocation" && verdict === "verified") lines[1].textContent = "The issuer is proven to have told two stories: both objects are its own, and they cannot both be honest.";
  if (subject === "batch" && verdict === "verified") lines[1].textContent = `Nothing is false, and the receipts are complete for the period${isNamed ? "" : " that the statements name: no month was named"}.`;
  if (subject === "pack") lines[1].textContent = meaningOfPack(report);
  if (observed) lines.push(element("p", {}, `${plural(observed, "receipt")} from an observer: no word of the provider.`));
  const sign = element("span", { className: "mark" }, mark);
  sign.setAttribute("aria-hidden", "true");
  const box = element("section", { className: `verdict ${verdict}`, id: "verdict" }, sign, element("div", {}, ...lines));
  box.dataset.verdict = verdict;
  return box;
}

function meaningOfPack({ verdict, findings }) {
  if (verdict === "verified") return "Each claim of the pack was reached again from its evidence.";
  if (verdict === "rejected") return "It was altered, or a claim does not follow from its evidence.";
  if (findings.some(({ code }) => code === "claim-asserted")) return "Nothing is false, but a claim rests on the word of who made the pack.";
  if (findings.some(({ code }) => code === "pack-keys")) return "Nothing is false, but under the pack's own keys: compare them with the issuer's.";
  return "Each claim was reached again, but a pack does not show that a period is complete.";
}

function figuresOf(report) {
  if (report.subject === "pack") return figuresFrom([["Claims", report.claims.length], ["Reached again", report.claims.filter(({ reached }) => reached).length], ["Findings", report.found]]);
  const figures = report.subject === "batch" ? [["Receipts", report.receipts], ["Statements", report.statements], ["Accounts", report.accounts.length], ["Findings", report.found]] : [["Signed objects", report.objects.length], ["Findings", report.found]];
  return figuresFrom(figures);
}

function figuresFrom(figures) {
  return element("dl", { className: "figures" }, ...figures.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, count(value)))));
}

const WORTH = {
  signed: "reached again, from the issuer's own signatures",
  record: "reached again, from the issuer's signature and the customer's record",
  asserted: "not shown: it rests on the word of who made the pack",
};

function claimsOf({ subject: kind, claims, maker, ownKeys }) {
  if (kind !== "pack" || !claims.length) return [];
  const signed = maker ? `Signed by ${maker.name}, key ${maker.kid}${maker.trusted ? "" : ", which came with the pack: compare it"}.` : "Nobody signed the pack: who made it is not shown.";
  const own = ownKeys.map(({ kid, issuer }) => `The key ${kid} of ${issuer} came with the pack. Compare it with the issuer's, on another way, and drop the issuer's key file here.`);
  const notes = [signed, ...own].map((words) => element("p", { className: "quiet" }, words));
  return [element("h2", {}, "Claims"), ...notes, element("ul", { className: "claims" }, ...claims.map(claimOf))];
}

function claimOf({ claim, standing, finding, reached, why_not: why, meaning, toldTwice }) {
  const worth = toldTwice ? "reached again, from two signed objects: a proof that the issuer told two stories" : WORTH[standing];
  const where = ["account", "stream", "sequence", "request"].filter((name) => finding[name] !== undefined).map((name) => `${name} ${finding[name]}`).join(", ");
  const values = finding.expected === undefined && finding.actual === undefined ? null : `${finding.field === undefined ? "" : `${finding.field}: `}expected ${finding.expected ?? "-"}, found ${finding.actual ?? "-"}`;
  const state = why !== null ? "rejected" : reached ? "verified" : "incomplete";
  const tag = element("span", { className: `tag ${state}` }, why !== null ? "not reached" : reached ? "reached" : "asserted");
  const lines = [where, values, why === null ? worth : `NOT reached: ${why}`].filter(Boolean).map((words) => element("p", {}, words));
  return element("li", { className: "claim" }, element("p", { className: "head" }, element("strong", {}, `Claim ${claim}: ${meaning}`), tag, element("code", {}, finding.code)), ...lines);
}

function findingsOf({ findings, found }) {
  if (!found) return [element("h2", {}, "Findings"), element("p", {}, "None.")];
  const groups = new Map();
  for (const finding of findings) groups.set(finding.code, [...(groups.get(finding.code) ?? []), finding]);
  const ordered = [...groups.values()].sort(([a], [b]) => (a.severity < b.severity ? 1 : a.severity > b.severity ? -1 : 0));
  const more = found > findings.length ? [element("p", { className: "quiet" }, `The first ${count(findings.length)} of ${count(found)}.`)] : [];
  return [element("h2", {}, "Findings"), ...more, ...ordered.map(groupOf)];
}

function groupOf(group, n, all) {
  const [{ code, severity, meaning }] = group;
  const items = group.reduce((sum, finding) => sum + finding.count, 0n);
  const summary = element("summary", {}, element("strong", {}, meaning), element("span", { className: `tag ${severity}` }, `${severity} · ${count(items)}`), element("code", {}, code));
  const rows = group.slice(0, SHOWN).map((f) => [place(f), f.rule, subject(f), f.message]);
  const body = element("div", { className: "scroll" }, table(["Item", "Rule", "Of", "What is wrong"], rows));
  if (group.length > SHOWN) body.append(element("p", { className: "more quiet" }, `The first ${SHOWN} of ${count(group.length)}.`));
  return element("details", { className: "group", open: all.length <= 3 || n === 0 }, summary, body);
}

const text = (value) => (value === undefined ? "" : String(value));
const place = ({ item, file, offset }) => (item === undefined ? "the whole input" : `${count(item)}${offset === undefined ? "" : ` (${file}, byte ${count(offset)})`}`);

function subject({ stream, sequence, number, request, account }) {
  if (stream !== undefined && sequence !== undefined) return `${stream}, sequence ${sequence}${request === undefined ? "" : `, request ${request}`}`;
  if (number !== undefined) return `statement ${number}${stream === undefined ? "" : `, stream ${stream}`}`;
  return account ?? "";
}

const TOTALS = ["logical", "cached", "attributed", "writes", "output", "reasoning", "amounts", "units", "corrected", "corrections"];

function accountsOf({ subject: kind, accounts, objects }) {
  if (kind === "pack") return [];
  if (kind !== "batch") {
    const rows = objects.map((one) => [one.kind ?? "unknown", text(one.issuer), text(one.account), one.stream === undefined ? text(one.number) : `${one.stream} ${one.sequence}`, one.kid ?? "", one.digest ?? ""]);
    return [element("h2", {}, "Signed objects"), element("div", { className: "sheet scroll" }, table(["Kind", "Issuer", "Account", "Which", "Key", "Digest"], rows))];
  }
  const rows = accounts.slice(0, 1000).map((one) => [one.issuer, one.account, count(one.receipts), count(one.streams), one.statements.map(statement).join("; ") || "none", [...one.totals].map(total).join("; ")]);
  return rows.length ? [element("h2", {}, "Accounts"), element("div", { className: "sheet scroll" }, table(["Issuer", "Account", "Receipts", "Streams", "Periods closed", "Tokens and charges"], rows))] : [];
}

const statement = ({ number, start, end, late }) => `${number}: ${instant(start)} up to ${instant(end)}${late ? " (late)" : ""}`;
const total = ([label, value]) => `${TOTALS[Number(label) - 1]} ${totalText(value)}`;

function totalText(value) {
  if (!(value instanceof Map)) return count(value);
  return [...value].map(([name, one]) => `${typeof name === "bigint" && value.size && one instanceof Map ? TOTALS[Number(name) - 1] : name}: ${Array.isArray(one) ? `${one[0]}.${String(one[1]).padStart(12, "0").replace(/0+$/, "") || "0"}` : totalText(one)}`).join(", ");
}

function cardsOf({ cards }) {
  return cards.flatMap((one) => [
    element("h2", {}, `Rate card ${one.name} of ${one.issuer}`),
    figuresFrom([["Charges by it", one.charges], ["Receipts without a charge", one.priced], ["Receipts without a price", one.unpriced]]),
    element("p", { className: "quiet" }, `Digest ${one.digest}.${priceOf(one)}`),
  ]); // prettier-ignore
}

function priceOf({ priced, lower, upper, currency }) {
  return priced ? ` The receipts without a charge would cost ${[...new Set([lower, upper])].map(money).join(" to ")} ${currency} by it: nobody has charged that.` : "";
}

/** Picounits, exactly. */
const money = (picounits) => `${count(String(BigInt(picounits) / 10n ** 12n))}.${String(BigInt(picounits) % 10n ** 12n).padStart(12, "0").replace(/0{0,10}$/, "")}`;

function checkedOf({ checks }) {
  const rows = checks.map((one) => [one.check, one.result === "passed" && !one.of ? "nothing to check" : one.result, `${count(one.passed)} of ${count(one.of)}`, one.not_checked ?? ""]);
  return [element("h2", {}, "What was checked"), element("div", { className: "sheet scroll" }, table(["Check", "Result", "Passed", "Not checked, because"], rows))];
}

function notShownBy({ not_proven: notProven }) {
  return [element("h2", {}, "What this does not show"), element("ul", { className: "plain" }, ...notProven.map(({ text }) => element("li", {}, text)))];
}

function inputsOf({ inputs }) {
  const rows = inputs.map(({ role, name, size, sha256 }) => [role, name, count(size), sha256]);
  return [element("h2", {}, "Files"), element("div", { className: "sheet scroll" }, table(["Role", "Name", "Bytes", "SHA-256"], rows))];
}

/** The report is saved from memory: the page opens no connection. */
function actionsOf({ text: canonical, csv }, took) {
  const saves = [saving("save", "Save the report", "report.json", "application/json", canonical)];
  if (csv !== null) saves.push(" ", saving("save-csv", "Save all findings", "findings.csv", "text/csv", csv));
  return element("p", { className: "actions" }, ...saves, element("span", { className: "quiet" }, ` Checked in ${(took / 1000).toFixed(1)} s.`));
}

function saving(id, label, name, type, content) {
  const button = element("button", { type: "button", className: "plain", id }, label);
  button.onclick = () => {
    const url = URL.createObjectURL(new Blob([content], { type }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return button;
}
