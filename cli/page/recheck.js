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

  /** What a reader sees: the verdict, the codes of findings, and all that is said of the inputs. */
  function shown() {
    const verdict = document.querySelector("h1").lastChild.textContent.toLowerCase();
    const codes = [...document.querySelectorAll("#findings-by-money tbody a")].map((link) => link.textContent).sort();
    return { verdict, codes, inputs: document.getElementById("inputs").textContent };
  }

  const listed = (verdict, codes) => `${verdict}, ${codes.length ? codes.join(", ") : "no findings"}`;

  /** Hold what came out against the page. notChecked: the other findings of the report, code to severity. */
  function compare({ subject, verdict, codes, inputs }, notChecked) {
    const page = shown();
    const foreign = inputs.find(({ sha256 }) => !page.inputs.includes(sha256));
    if (foreign) return say("differs", `NOT the same: ${foreign.name} is another file than the report names (SHA-256 ${foreign.sha256}).`);
    const other = Object.keys(notChecked);
    const all = worst([verdict, ...Object.values(notChecked)]);
    const expected = [...new Set([...codes, ...other])].sort();
    if (all !== page.verdict || expected.join() !== page.codes.join()) {
      return say("differs", `NOT the same: the page shows ${listed(page.verdict, page.codes)}; checked again it is ${listed(all, expected)}.`);
    }
    const left = other.length ? `Not checked in this page: ${other.join(", ")}.` : "";
    const without = subject === "pack" ? "" : ", and has no customer's record and no rate card";
    const limits = `${left} It compares the verdict and the codes of findings, not counts and amounts${without}.`;
    if (verdict === page.verdict) return say("same", "Checked again in this page: same verdict.", limits.trim());
    say("part", `Checked again in this page: ${verdict} without the findings that it does not check. “${page.verdict}” comes from these.`, limits);
  }

  const unable = (why) => say("unable", `Not checked in this page: ${why}.`);

  function begin() {
    const { not_checked: notChecked, ...work } = JSON.parse(embedded("recheck"));
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
      else compare(data, notChecked);
    };
    worker.postMessage(work);
  }

  try {
    begin();
  } catch (error) {
    unable(error.message);
  }
})();
