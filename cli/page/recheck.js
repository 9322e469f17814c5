"use strict";
// The page verifies its receipts when it is opened, and says beside the verdict whether the page shows what comes out. What it shows is read
// from its own text, as a reader sees it. Every text goes in as text.
(() => {
  const place = document.getElementById("recheck");
  const command = place.querySelector("code");
  const embedded = (name) => JSON.parse(document.getElementById(`embedded-${name}`).textContent);
  const ORDER = ["verified", "incomplete", "rejected"];
  const worst = (verdicts) => ORDER[Math.max(...verdicts.map((one) => ORDER.indexOf(one)))];

  function element(kind, text) {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  function say(state, headline, ...more) {
    place.className = state;
    const words = "A page can be made to say anything; to be sure, take the inputs from elsewhere and use ";
    place.replaceChildren(element("strong", headline), ...[...more, words].map((text) => element("span", `${text} `)), command);
  }

  /** What a reader sees of the claims of a pack: number, code, what shows it, and whether it was reached again. */
  function shownClaims() {
    const rows = [...document.querySelectorAll("#claims tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
    return rows.map((cells) => [cells[0].replaceAll(",", ""), cells[1], cells[5], cells[6] === "yes" ? "reached" : "not reached"].join(", "));
  }

  /** What a reader sees: the verdict, the codes of findings, and all that is said of the inputs. */
  function shown() {
    const verdict = document.querySelector("h1").lastChild.textContent.toLowerCase();
    const codes = [...document.querySelectorAll("#findings-by-money tbody a")].map((link) => link.textContent).sort();
    return { verdict, codes, inputs: document.getElementById("inputs").textContent };
  }

  const listed = (verdict, codes) => `${verdict}, ${codes.length ? codes.join(", ") : "no findings"}`;

  /** Hold what came out against the page. notChecked: the other findings of the report, code to severity; shownBy: words for a standing. */
  function compare({ subject, verdict, codes, claims, inputs }, notChecked, shownBy) {
    const page = shown();
    const foreign = inputs.find(({ sha256 }) => !page.inputs.includes(sha256));
    if (foreign) return say("differs", `NOT the same: ${foreign.name} is another file than the report names (SHA-256 ${foreign.sha256}).`);
    const other = Object.keys(notChecked);
    const all = worst([verdict, ...Object.values(notChecked)]);
    const expected = [...new Set([...codes, ...other])].sort();
    if (all !== page.verdict || expected.join() !== page.codes.join()) {
      return say("differs", `NOT the same: the page shows ${listed(page.verdict, page.codes)}; checked again it is ${listed(all, expected)}.`);
    }
    const again = claims.map(({ claim, code, standing, reached }) => [claim, code, shownBy[standing], reached ? "reached" : "not reached"].join(", "));
    const changed = shownClaims().filter((one, n) => one !== again[n]).concat(again.slice(shownClaims().length));
    if (changed.length) return say("differs", `NOT the same: the claims are ${again.join("; ")}. The page shows another one: ${changed[0]}.`);
    const left = other.length ? `Not checked in this page: ${other.join(", ")}.` : "";
    const without = subject === "pack" ? "" : ", and has no customer's record and no rate card";
    const limits = `${left} It compares the verdict, the codes of findings and the claims of a pack, not counts and amounts${without}.`;
    if (verdict === page.verdict) return say("same", "Checked again in this page: same verdict.", limits.trim());
    say("part", `Checked again in this page: ${verdict} without the findings that it does not check. “${page.verdict}” comes from these.`, limits);
  }

  const unable = (why) => say("unable", `Not checked in this page: ${why}.`);

  function begin() {
    const { not_checked: notChecked, shown_by: shownBy, ...work } = JSON.parse(embedded("recheck"));
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
      else compare(data, notChecked, shownBy);
    };
    worker.postMessage(work);
  }

  try {
    begin();
  } catch (error) {
    unable(error.message);
  }
})();
