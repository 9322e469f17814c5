// Elements of the page, and figures as it writes them. Every text goes in as text.

export const at = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const count = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
export const plural = (number, noun) => `${count(number)} ${noun}${BigInt(number) === 1n ? "" : "s"}`;
export const instant = (ms) => new Date(Number(ms)).toISOString().replace(".000Z", "Z").replace("T00:00:00Z", "");

/** A table without the columns that say nothing. */
export function table(allHeads, allRows) {
  const kept = allHeads.map((_, n) => n).filter((n) => allRows.some((row) => row[n] !== ""));
  const heads = kept.map((n) => allHeads[n]);
  const rows = allRows.map((row) => kept.map((n) => row[n]));
  const head = element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name))));
  return element("table", {}, head, element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, n) => cellOf(cell, heads[n]))))));
}

/** On a narrow screen a row is a list, and each cell says what it is. */
function cellOf(text, head) {
  const cell = element("td", {}, text);
  cell.dataset.head = head;
  return cell;
}
