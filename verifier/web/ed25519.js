// Points of Ed25519. WebCrypto leaves open which keys and which R it takes; spec/receipt.md, "Keys", and do not.

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (a) => ((a % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));
const SQRT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
const IDENTITY = [0n, 1n, 1n, 0n];

function littleEndian(bytes) {
  const words = new DataView(bytes.buffer, bytes.byteOffset, 32);
  return [24, 16, 8, 0].reduce((value, at) => (value << 64n) | words.getBigUint64(at, true), 0n);
}

/** Extended coordinates of a canonical encoding (RFC 8032, 5.1.3), or null. */
function decodePoint(bytes) {
  const whole = littleEndian(bytes);
  const sign = whole >> 255n;
  const y = whole & (2n ** 255n - 1n);
  if (y >= P) return null;
  const u = mod(y * y - 1n);
  const v = mod(D * y * y + 1n);
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (mod(v * x * x) !== u) x = mod(x * SQRT_OF_MINUS_1);
  if (mod(v * x * x) !== u || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * D * t1 * t2);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function multiplyPoint(scalar, point) {
  let result = IDENTITY;
  for (let p = point, s = scalar; s > 0n; s >>= 1n, p = addPoints(p, p)) if (s & 1n) result = addPoints(result, p);
  return result;
}

const isIdentity = ([x, y, z]) => x === 0n && y === z;

/** Why a key must not be trusted, or null. */
export function weaknessOf(key) {
  if (key.length !== 32) return `it has ${key.length} bytes, not 32`;
  const whole = littleEndian(key);
  if ((whole & (2n ** 255n - 1n)) >= P) return "its y coordinate is not reduced modulo p";
  const point = decodePoint(key);
  if (!point) return [1n, P - 1n].includes(whole & (2n ** 255n - 1n)) ? "it is zero with the sign bit set" : "it is not a point of the curve";
  if (isIdentity(multiplyPoint(8n, point))) return "it is a point of small order";
  return isIdentity(multiplyPoint(L, point)) ? null : "it is outside the prime-order subgroup";
}

/** y of the points of small order, as the 255 bits of an encoding can have it: 1, -1, 0, and those of order 8; 0 and 1 also with p added. */
const Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;

const SMALL_ORDER = new Set([0n, 1n, P - 1n, P, P + 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);
export const hasSmallOrder = (r) => SMALL_ORDER.has(littleEndian(r) & (2n ** 255n - 1n));
export const isBelowL = (s) => s[31] < 0x10 || littleEndian(s) < L; // most are seen at the first look
