"""How the page looks: on a screen, on a phone, in the dark, on A4. Colours are told apart by lightness and place, too."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #16202c; --soft: #51606f; --line: #d5dce3; --card: #f4f6f8;
  --over: #1f6f8b; --under: #c2571a;
  --c0: #1f6f8b; --c1: #c2571a; --c2: #4c7a34; --c3: #7b4ea3; --c4: #8a6d00; --c5: #b03060;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #11161c; --ink: #e6ebf0; --soft: #a3b0bd; --line: #36424e; --card: #1a222b;
    --over: #5bb8d4; --under: #f0935a;
    --c0: #5bb8d4; --c1: #f0935a; --c2: #8cc26f; --c3: #b99be0; --c4: #d9b843; --c5: #ee7fa6;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 2px solid var(--line); }
p { margin: .5rem 0; max-width: 46rem; }
.note, .lead { color: var(--soft); }
.warning { border: 2px solid var(--under); padding: .5rem .75rem; font-weight: 600; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
dl.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; }
dl.figures dt { font-size: .875rem; color: var(--soft); }
dl.figures dd { margin: 0; font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; }
dl.figures dd.note { font-size: .875rem; font-weight: 400; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 2rem; }
figure { margin: .75rem 0; max-width: 30rem; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg text.small { font-size: 11px; fill: var(--soft); }
svg text.end { text-anchor: end; }
svg text.middle { text-anchor: middle; }
.over { fill: var(--over); } .under { fill: var(--under); }
line.axis { stroke: var(--ink); } line.grid { stroke: var(--line); }
polyline { fill: none; stroke-width: 2; }
.s0 { stroke: var(--c0); fill: var(--c0); } .s1 { stroke: var(--c1); fill: var(--c1); stroke-dasharray: 8 3; }
.s2 { stroke: var(--c2); fill: var(--c2); stroke-dasharray: 2 3; } .s3 { stroke: var(--c3); fill: var(--c3); stroke-dasharray: 10 3 2 3; }
.s4 { stroke: var(--c4); fill: var(--c4); stroke-dasharray: 5 5; } .s5 { stroke: var(--c5); fill: var(--c5); stroke-dasharray: 14 4; }
polyline.s0, polyline.s1, polyline.s2, polyline.s3, polyline.s4, polyline.s5 { fill: none; }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .25rem 0 0; padding: 0; font-size: .875rem; }
.key li { display: flex; align-items: center; gap: .4rem; }
.key svg.swatch { width: 1.25rem; flex: none; }
.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 2px solid var(--over); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; max-width: 22rem;
  overflow-wrap: break-word; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 0; padding-left: .8rem; }
footer { margin-top: 2.5rem; padding-top: .75rem; border-top: 2px solid var(--line); font-size: .8125rem; color: var(--soft); }
@page { size: A4; margin: 14mm; }
@media print {
  :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --soft: #333333; --line: #bbbbbb; --card: #ffffff;
    --over: #1f6f8b; --under: #c2571a;
    --c0: #1f6f8b; --c1: #c2571a; --c2: #4c7a34; --c3: #7b4ea3; --c4: #8a6d00; --c5: #b03060; }
  body { padding: 0; max-width: none; font-size: 9.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .plots { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  h2, h2 + p, caption, figcaption { break-after: avoid; }
  figure, tr, dl.figures div { break-inside: avoid; }
}
"""
