// In the page's worker.

import { InputError, report } from "./verifier.js";

self.onmessage = async ({ data: { files, keys, options } }) => {
  try {
    const { summary, text, csv } = await report(files, { ...options, keys, progress: (done, of) => self.postMessage({ done, of }) });
    if (isUndecided(summary.claims)) throw new InputError("a claim of the pack rests on the customer's record, and this page cannot say whether it is reached: receipt verify does");
    self.postMessage({ report: { ...summary, findings: summary.findings.slice(0, 10000).map(toShow), found: summary.findings.length, text, csv } });
  } catch (error) {
    self.postMessage({ error: error.message, usual: error instanceof InputError });
  }
};

/** Whether a claim that rests on the customer's record was not reached: the words of step 14 are not all those of a claim. */
const isUndecided = (claims) => !!claims?.some(({ standing, reached }) => standing === "record" && !reached);

/** What the page shows of a finding: what it is worth is in the report, and may be another finding. */
const toShow = ({ worth, ...shown }) => shown;
