// Half-open periods: joined, and what they leave.

const byStart = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

/** Periods that meet or overlap, as one. */
export function joinedPeriods(periods) {
  const whole = [];
  for (const [start, end] of periods.toSorted(byStart)) {
    const last = whole.at(-1);
    if (last && start <= last[1]) last[1] = end > last[1] ? end : last[1];
    else whole.push([start, end]);
  }
  return whole;
}

/** The parts of a period that joined ones leave. */
export function holesOf(joined, [from, to]) {
  const holes = [];
  let at = from;
  for (const [start, end] of [...joined, [to, to]]) {
    const stop = start < to ? start : to;
    if (stop > at) holes.push([at, stop]);
    if (end > at) at = end;
  }
  return holes;
}
