"use strict";
// The page is whole without this: it filters the findings, and opens what is folded before it is printed.
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
});
const place = document.querySelector("#findings h2");
const groups = [...document.querySelectorAll("#findings .of-code")];
if (place && document.querySelectorAll("#findings tbody tr").length > 8) {
  const label = document.createElement("label");
  const field = document.createElement("input");
  const said = document.createElement("span");
  label.className = "filter";
  field.type = "search";
  said.setAttribute("role", "status");
  label.append("Filter", field, said);
  place.after(label);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase();
    let shown = 0;
    for (const group of groups) {
      let here = 0;
      for (const row of group.querySelectorAll("tbody tr")) {
        row.hidden = !row.textContent.toLowerCase().includes(words) &&
          !group.id.toLowerCase().includes(words);
        here += row.hidden ? 0 : 1;
      }
      group.hidden = here === 0;
      if (words) group.querySelector("details").open = true;
      shown += here;
    }
    said.textContent = words ? `${shown} shown` : "";
  });
}
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target && (target.closest("details") || target.querySelector("details"));
  if (fold) fold.open = true;
});
