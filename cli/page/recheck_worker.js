
// ---------------------------------------------------------------------------------------------------------------- in the worker of a report's page

// What it declares is its own: the verifier's names are in the same script.
(() => {
  const decoded = ({ name, base64 }) => ({ name, bytes: Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)) });

  /** The files by role, as `report` takes them. */
  function optionsOf({ batch: _, card, requests, received, prompts, "cache-key": cacheKey, aliases, ...others }, { margin, dated, period, account, ...options }) {
    const record = { requests, received, prompts, cacheKey: cacheKey?.[0], aliases: aliases?.[0], margin: BigInt(margin ?? 0) };
    return {
      ...options, ...others, cards: card, period: period?.map(BigInt), account: account ?? undefined, dated: dated === null ? undefined : BigInt(dated),
      record: margin === null ? undefined : record,
      progress: (done, of) => self.postMessage({ done, of }),
    }; // prettier-ignore
  }

  self.onmessage = async ({ data: { files, options } }) => {
    try {
      const read = Object.fromEntries(Object.entries(files).map(([role, list]) => [role, list.map(decoded)]));
      const { summary, text } = await report(read.batch, optionsOf(read, options));
      const { subject, verdict, findings, ownKeys = [], maker } = summary;
      const codes = [...new Set(findings.map(({ code }) => code))];
      const wrong = findings.find(({ severity }) => severity === "rejected")?.message;
      const { claims } = JSON.parse(text);
      self.postMessage({ subject, verdict, codes, wrong, claims, ownKeys, maker, text });
    } catch (error) {
      self.postMessage({ error: error.message });
    }
  };
})();
