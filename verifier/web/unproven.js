// What a report does not show, in plain words. spec/report-words.md.

const ALWAYS_UNPROVEN = {
  counts: "That the counts are true. Output and reasoning tokens, and what the hardware did, cannot be checked from outside.",
  requests: "That each request was made. Only the customer's own record can tell.",
  time: "Real time. A time is what the signer says; sequence and chain give an order, nothing more.",
  elsewhere: "That there is no other receipt: after the last statement, under another account, or of another issuer.",
  others: "That others were told the same. Two who hold statements of one account have to compare them.",
  apart: "That a request is billed once in batches that are verified apart.",
  corrected: "That a receipt was not corrected later, in a batch that is not here.",
  price: "That the parties agreed on a price. A charge is held against the rates and the card that it names.",
  person: "Who did it, and whether it was on purpose.",
};

const OBSERVED = ["observer", "Anything by who bills. What an observer signed shows that the observer did not change it since."];
const NO_RECORD = ["record", "Anything about requests that were really made: no record of the customer's own was given."];
const NO_PERIOD = ["period", "That a period is complete: none was named, and the statements' own is what is reported."];
const OF_SUBJECTS = {
  proof: ["proof", "Anything about other receipts, or about totals: a proof is of one receipt."],
  equivocation: ["equivocation", "Which of the two objects is true: only that both cannot be."],
  pack: ["pack", "Anything about receipts that are not in the pack, and that the words and amounts of its README are right."],
};

/** What depends on the input first, then what no report shows. */
export function notProven({ subject, observed, roles, period }) {
  const own = observed ? [OBSERVED] : [];
  if (subject in OF_SUBJECTS) own.push(OF_SUBJECTS[subject]);
  else {
    if (!["requests", "received", "prompts"].some((role) => roles.has(role))) own.push(NO_RECORD);
    if (!period) own.push(NO_PERIOD);
  }
  return [...own, ...Object.entries(ALWAYS_UNPROVEN)].map(([what, text]) => ({ what, text }));
}
