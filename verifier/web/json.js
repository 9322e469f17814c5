// JSON as the format has it: no member twice, and integers only. JSON.parse takes the second of two members, and 1e3 for a whole number: so it
// is not used.

const DEEPEST = 64; // arrays and objects inside each other
const MOST_DIGITS = 4300; // of an integer, as the first verifier has it

/** The value of a text; integers are BigInts. `refuse` makes the error that is thrown for a reason. */
export function parseJson(source, refuse) {
  let at = 0;
  const fail = () => refuse(`not JSON at character ${at}`);
  const space = () => {
    while (" \t\n\r".includes(source[at] ?? "x")) at++;
  };
  const expect = (token) => {
    if (!source.startsWith(token, at)) throw fail();
    at += token.length;
  };

  function value(depth) {
    space();
    const c = source[at];
    if ((c === "{" || c === "[") && depth === DEEPEST) throw refuse(`nested deeper than ${DEEPEST}`);
    if (c === "{") return object(depth);
    if (c === "[") return list(depth);
    if (c === '"') return string();
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) if (source.startsWith(word, at)) return (at += word.length), meaning;
    const number = /^-?(0|[1-9][0-9]*)(\.|[eE])?/.exec(source.slice(at, at + MOST_DIGITS + 2));
    if (!number || number[1].length > MOST_DIGITS) throw fail();
    if (number[2]) throw refuse("a number with a fraction or an exponent");
    at += number[0].length;
    return BigInt(number[0]);
  }

  function object(depth) {
    const members = new Map();
    between("{", "}", () => {
      space();
      const name = string();
      space();
      expect(":");
      if (members.has(name)) throw refuse(`the member ${JSON.stringify(name)} occurs twice`);
      members.set(name, value(depth + 1));
    });
    return members;
  }

  function list(depth) {
    const values = [];
    between("[", "]", () => values.push(value(depth + 1)));
    return values;
  }

  function between(open, close, element) {
    expect(open);
    space();
    for (let n = 0; source[at] !== close; n++) {
      if (n) expect(",");
      element();
      space();
    }
    expect(close);
  }

  /** A text of any length: a regular expression would need a stack for it. */
  function string() {
    if (source[at] !== '"') throw fail();
    let end = at;
    do end = source.indexOf('"', end + 1);
    while (isEscaped(end));
    let text;
    try {
      text = JSON.parse(source.slice(at, end + 1));
    } catch {
      throw fail();
    }
    at = end + 1;
    return text;
  }

  function isEscaped(end) {
    let first = end;
    while (source[first - 1] === "\\") first--;
    return (end - first) % 2 === 1;
  }

  const whole = value(0);
  space();
  if (at !== source.length) throw fail();
  return whole;
}
