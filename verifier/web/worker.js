// In the page's worker.

import { withoutCards } from "./mistaken.js";
import { InputError, report } from "./verifier.js";

self.onmessage = async ({ data: { files, keys, options } }) => {
  try {
    const { batch, cards, record } = withoutCards(files, options.record);
    const { summary, text, csv } = await report(batch, { ...options, keys, cards, record, progress: (done, of) => self.postMessage({ done, of }) });
    self.postMessage({ report: { ...summary, findings: summary.findings.slice(0, 10000).map(toShow), found: summary.findings.length, text, csv } });
  } catch (error) {
    self.postMessage({ error: error.message, usual: error instanceof InputError });
  }
};

/** What the page shows of a finding: what it is worth is in the report, and may be another finding. */
const toShow = ({ worth, ...shown }) => shown;
