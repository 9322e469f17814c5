// What the format allows. spec/receipt.md, spec/statement.md and spec/verification.md, "Limits".

export const U64 = 2n ** 64n - 1n;
export const YEAR_10000 = 253402300800000n;

export const LIMITS = {
  receiptContent: 65536,
  statementContent: 16777216,
  statementItems: 1500000,
  itemStrings: 16842752n,
  itemHeads: 256,
  container: 34000000,
  path: 64,
  nesting: 8,
  streams: 65536,
  quantities: 65536,
  lost: 1000,
};

export const CHUNK = 256; // items whose signatures are checked side by side
