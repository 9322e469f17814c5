// The totals of a statement. spec/statement.md, "Totals".

import { PICOUNITS } from "./claims.js";
import { sum, sumMaps } from "./values.js";

export const TOTAL_NAMES = ["logical", "cached", "attributed", "writes", "output", "reasoning", "amounts", "units", "corrected", "corrections"].map((name, n) => [BigInt(n + 1), name]);

/** The totals of statement.md over the claims of receipts. */
export function totalsOf(receipts) {
  const corrections = receipts.filter(({ corrects }) => corrects);
  const totals = sumsOf(receipts.filter(({ corrects }) => !corrects).map(billed));
  if (corrections.length) {
    totals.set(9n, sumsOf(corrections.map(({ corrects }) => billedBefore(corrects))));
    totals.set(10n, sumsOf(corrections.map(billed)));
  }
  return totals;
}

export const billed = ({ input, output, units, charge }) => ({ input, output, units, currency: charge?.get(1n), amount: charge?.get(3n) });
export const billedBefore = (corrects) => ({ input: corrects.get(2n), output: corrects.get(3n), units: corrects.get(4n), currency: corrects.get(5n), amount: corrects.get(6n) });

function sumsOf(parts) {
  const totals = new Map();
  const put = (label, total) => total !== undefined && totals.set(label, total);
  const count = (values) => {
    const stated = values.filter((value) => value !== undefined);
    return stated.length ? sum(stated) : undefined;
  };
  for (const label of [1n, 2n, 3n]) put(label, count(parts.map(({ input }) => input.get(label))));
  put(4n, sumMaps(parts.map(({ input }) => input.get(4n))));
  put(5n, count(parts.map(({ output }) => output?.get(1n))));
  put(6n, count(parts.map(({ output }) => output?.get(2n))));
  const amounts = sumMaps(parts.map(({ currency: code, amount }) => code && new Map([[code, amount]])));
  if (amounts) put(7n, new Map([...amounts].map(([code, amount]) => [code, [amount / PICOUNITS, amount % PICOUNITS]])));
  put(8n, sumMaps(parts.map(({ units }) => units)));
  return totals;
}
