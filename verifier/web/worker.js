// In the page's worker.

import { InputError, readKeys, verify } from "./verifier.js";

self.onmessage = async ({ data: { files, keys, options } }) => {
  try {
    const report = await verify(files, { ...options, keys: await readKeys(keys), progress: (done, of) => self.postMessage({ done, of }) });
    self.postMessage({ report: { ...report, findings: report.findings.slice(0, 10000), found: report.findings.length } });
  } catch (error) {
    self.postMessage({ error: error.message, usual: error instanceof InputError });
  }
};
