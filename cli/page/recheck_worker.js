
// ---------------------------------------------------------------------------------------------------------------- in the worker of a report's page

const decoded = ({ name, base64 }) => ({ name, bytes: Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)) });

async function digestOf({ name, bytes }) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { name, sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

self.onmessage = async ({ data: { batch, keys, known, options } }) => {
  try {
    const read = { batch: batch.map(decoded), keys: keys.map(decoded), known: known.map(decoded) };
    const inputs = await Promise.all([...read.batch, ...read.keys, ...read.known].map(digestOf));
    const report = await verify(read.batch, {
      ...options,
      account: options.account ?? undefined,
      period: options.period?.map(BigInt),
      keys: await readKeys(read.keys.map(({ bytes }) => bytes)),
      known: read.known.map(({ bytes }) => bytes),
      progress: (done, of) => self.postMessage({ done, of }),
    });
    const codes = [...new Set(report.findings.map(({ code }) => code))];
    const claims = (report.claims ?? []).map(({ claim, finding, standing, reached }) => ({ claim, code: finding.code, standing, reached }));
    self.postMessage({ subject: report.subject, verdict: report.verdict, codes, claims, inputs });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
};
