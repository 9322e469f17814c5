"use strict";
// The page verifies its receipts when it is opened, and says beside the verdict whether the page shows what comes out. What it shows is read
// from its own text, as a reader sees it. Every text goes in as text.
(() => {
  const place = document.getElementById("recheck");
  const command = place.querySelector("code");
  const embedded = (name) => JSON.parse(document.getElementById(`embedded-${name}`)?.textContent ?? "null");
  const ORDER = ["verified", "incomplete", "rejected"];
  const worst = (verdicts) => ORDER[Math.max(...verdicts.map((one) => ORDER.indexOf(one)))];
  const NONE = "\u2014";

  function element(kind, text) {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  function say(state, headline, ...more) {
    place.className = state;
    const words = "A page can be made to say anything; to be sure, take the inputs from elsewhere and use ";
    place.replaceChildren(element("strong", headline), ...[...more, words].filter(Boolean).map((text) => element("span", `${text} `)), command);
  }

  // ---- what a reader sees

  /** Values side by side. The page writes out what cannot be seen: that is done here with all letters beyond ASCII, of both sides. */
  const lineOf = (values) => values.join(", ").replace(/[^\n -~]/gu, (letter) => `\\u${letter.codePointAt(0).toString(16).padStart(4, "0")}`);
  const cellsOf = (row) => [...row.cells].map((cell) => cell.textContent);
  const digits = (number) => number.replaceAll(",", "");

  /** The claims of a pack, as the page has them. */
  const shownClaims = () => [...document.querySelectorAll("#claims tbody tr")].map(cellsOf).map(([number, ...cells]) => lineOf([digits(number), ...cells]));

  const shownVerdict = () => document.querySelector("h1").lastChild.textContent.toLowerCase();
  const shownCodes = () => [...document.querySelectorAll("#findings-by-money tbody a")].map((link) => link.textContent).sort();
  /** Whether the page says that it does not list all findings. */
  const isCutShort = () => document.querySelector("#findings > .note") !== null;

  /** A finding, if the page lists it: its number, code, clause, what was expected, what is there, and where. */
  function shownFinding(number) {
    const row = document.getElementById(`finding-${number}`)?.closest("tr");
    if (!row) return null;
    const [shown, rule, where, , expected, actual] = cellsOf(row);
    return lineOf([`${digits(shown)} is ${row.closest(".of-code").id.slice("of-".length)}`, rule, expected, actual, where]);
  }

  // ---- the whole report

  const listed = (verdict, codes) => `${verdict}, ${codes.length ? codes.join(", ") : "no findings"}`;

  /** The first member in which two reports differ, and what each has there; null: they are the same. */
  function differenceOf(ours, theirs, member = "report") {
    const areObjects = [ours, theirs].every((one) => one !== null && typeof one === "object");
    if (!areObjects || Array.isArray(ours) !== Array.isArray(theirs)) return ours === theirs ? null : { member, ours, theirs };
    for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const found = differenceOf(ours[name], theirs[name], `${member}.${name}`);
      if (found) return found;
    }
    return null;
  }

  /** A value in a line. */
  function shortly(value) {
    const text = value === undefined ? "nothing" : JSON.stringify(value);
    return text.length > 200 ? `${text.slice(0, 200)}...` : text;
  }

  const PLACE = ["account", "stream", "sequence", "request", "number"];
  /** Where a finding is, as the page words it; number: its word for the number of a statement. */
  const placeIn = (finding, names, number) => names.filter((name) => finding[name] !== undefined).map((name) => `${name === "number" ? number : name} ${finding[name]}`);

  function claimLine({ claim, finding, standing, reached, why_not: why }, shownBy) {
    const { code, expected = NONE, actual = NONE } = finding;
    return lineOf([claim, code, placeIn(finding, ["issuer", ...PLACE], "number").join(", "), expected, actual, shownBy[standing], reached ? "yes" : (why ?? "no")]);
  }

  /** Who made them is in a report, too: that differs. */
  const withoutVerifier = (text) => ({ ...JSON.parse(text), verifier: null });

  /** Hold what came out against the page. notChecked: the other findings of the report, code to severity; shownBy: words for a standing. */
  function compare({ verdict, codes, claims, text }, { not_checked: notChecked, shown_by: shownBy }) {
    const shown = { verdict: shownVerdict(), codes: shownCodes() };
    const inputs = document.getElementById("inputs").textContent;
    const foreign = JSON.parse(text).inputs.find(({ sha256 }) => !inputs.includes(sha256));
    if (foreign) return say("differs", `NOT the same: ${foreign.name} is another file than the report names (SHA-256 ${foreign.sha256}).`);
    const other = Object.keys(notChecked);
    const all = worst([verdict, ...Object.values(notChecked)]);
    const expected = [...new Set([...codes, ...other])].sort();
    if (all !== shown.verdict || expected.join() !== shown.codes.join()) {
      return say("differs", `NOT the same: the page shows ${listed(shown.verdict, shown.codes)}; checked again it is ${listed(all, expected)}.`);
    }
    const [again, there] = [claims.map((one) => claimLine(one, shownBy)), shownClaims()];
    const first = [...again, ...there].findIndex((_, n) => again[n] !== there[n]);
    if (first >= 0) return say("differs", `NOT the same: checked again, there is ${again[first] ? `claim ${again[first]}` : "no other claim"}. The page shows ${there[first] ?? "none"}.`);
    const whole = embedded("report");
    if (whole === null) return sayInPart(verdict, shown.verdict, other);
    const found = differenceOf(withoutVerifier(text), withoutVerifier(whole));
    if (found) return say("differs", `NOT the same: ${found.member} is ${shortly(found.ours)} when checked again, and not ${shortly(found.theirs)}.`);
    say("same", "Checked again in this page: the same report.", "Of what you see, verdict, codes, claims and the SHA-256 of the inputs were compared with it, and nothing else.");
  }

  function sayInPart(verdict, shown, other) {
    const left = other.length ? `Not checked in this page: ${other.join(", ")}.` : "";
    const limits = "The customer's record or a rate card is not in the page, so it compares the verdict and the codes of findings, not counts and amounts.";
    if (verdict === shown) return say("same", "Checked again in this page: same verdict.", left, limits);
    say("part", `Checked again in this page: ${verdict} without the findings that it does not check. “${shown}” comes from these.`, left, limits);
  }

  // ---- the findings that are disputed

  /** The numbers of claims, in runs: 1, 3 to 7. */
  function numbers(claims) {
    const runs = [];
    for (const { claim } of claims) {
      if (runs.length && claim === runs.at(-1)[1] + 1) runs.at(-1)[1] = claim;
      else runs.push([claim, claim]);
    }
    return runs.map(([first, last]) => [...new Set([first, last])].join(last > first + 1 ? " to " : ", ")).join(", ");
  }

  const findings = (claims) => `${claims.length === 1 ? "finding" : "findings"} ${numbers(claims)}`;
  const follows = (claims) => `${findings(claims)} ${claims.length === 1 ? "follows" : "follow"}`;

  /** Hold the claims of a pack against the findings of the page. Each one that receipts can show is of something false. */
  function compareDisputed({ verdict, wrong, claims, ownKeys, maker }) {
    if (verdict === "rejected") return say("differs", `NOT shown by the receipts in this page: ${wrong}.`);
    for (const { claim, finding } of claims) {
      const { code, rule, expected = NONE, actual = NONE } = finding;
      const [shown, again] = [shownFinding(claim), lineOf([`${claim} is ${code}`, rule, expected, actual, ...placeIn(finding, PLACE, "statement")])];
      if (!shown && !(isCutShort() && shownCodes().includes(code))) return say("differs", `NOT the same: finding ${again}. The page has no such finding.`);
      if (shown && !`${shown}, `.startsWith(`${again}, `)) return say("differs", `NOT the same: finding ${again}. The page shows: ${shown}.`);
    }
    const [reached, asserted] = [claims.filter((one) => one.reached), claims.filter((one) => !one.reached)];
    const keys = ownKeys.map(({ kid, issuer }) => `The key ${kid} of ${issuer} came with the page: compare it with the issuer's.`);
    const word = asserted.length ? `Not shown, and resting on the word of who made the page: ${findings(asserted)}.` : "";
    const whose = maker ? `The evidence was put together and signed by ${maker.name}, key ${maker.kid}.` : "Who put the evidence together is not shown.";
    const rest = "The other receipts are not in the page, so nothing else in it was checked.";
    if (!reached.length) return say("part", "Checked again in this page: none of the disputed findings can be shown by receipts.", word, whose, rest);
    if (shownVerdict() !== "rejected") return say("differs", `NOT the same: ${follows(reached)} from the receipts in this page, and it shows ${shownVerdict()}.`);
    say("same", `Checked again in this page: ${follows(reached)} from the receipts in it, and “rejected” from that.`, ...keys, word, whose, rest);
  }

  const unable = (why) => say("unable", `Not checked in this page: ${why}.`);

  function begin() {
    const { files, options, ...more } = JSON.parse(embedded("recheck"));
    const bar = document.createElement("progress");
    place.replaceChildren("Checking again in this page ", bar);
    const url = URL.createObjectURL(new Blob([embedded("verifier")], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onerror = () => unable("the browser does not start its verifier");
    worker.onmessage = ({ data }) => {
      if (data.of !== undefined) {
        bar.value = data.of ? data.done / data.of : 1;
        return;
      }
      worker.terminate();
      URL.revokeObjectURL(url);
      if (data.error !== undefined) unable(data.error);
      else if (more.disputed) compareDisputed(data);
      else compare(data, more);
    };
    worker.postMessage({ files, options });
  }

  try {
    begin();
  } catch (error) {
    unable(error.message);
  }
})();
