// The file of a pack: a ZIP archive in the one form of spec/pack.md.

import { bytesOf, concat, sameBytes, startsWith } from "./bytes.js";
import { Fault } from "./faults.js";

const MOST_BYTES = 134217728;
const MOST_MEMBERS = 4096;
const LOCAL_FRONT = Uint8Array.of(0x50, 0x4b, 3, 4, 0x14, 0, 0, 0, 0, 0, 0, 0, 0x21, 0);
const CENTRAL_FRONT = Uint8Array.of(0x50, 0x4b, 1, 2, 0x14, 3, 0x14, 0, 0, 0, 0, 0, 0, 0, 0x21, 0);
const CENTRAL_BACK = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81);
const END_FRONT = Uint8Array.of(0x50, 0x4b, 5, 6, 0, 0, 0, 0);
const LOCAL_SIZE = 30; // bytes before the name

const CRCS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRCS[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

/** Whether a file begins as a pack. */
export const beginsAsPack = (bytes) => startsWith(bytes, LOCAL_FRONT);

const malformedArchive = (message, field) => new Fault("pack-malformed", "R-19.1", { field, message: field === undefined ? message : `${field}: ${message}` });

/**
 * The members by name, in the order of the file.
 * @throws {Fault} it is not byte for byte the file that these members make
 */
export function readArchive(bytes) {
  if (bytes.length > MOST_BYTES) throw malformedArchive(`more than ${MOST_BYTES} bytes`);
  const members = new Map();
  let at = 0;
  while (beginsAsPack(bytes.subarray(at)) && at + LOCAL_SIZE <= bytes.length) {
    const head = new DataView(bytes.buffer, bytes.byteOffset + at, LOCAL_SIZE);
    const begin = at + LOCAL_SIZE + head.getUint16(26, true);
    const end = begin + head.getUint32(18, true);
    const name = String.fromCharCode(...bytes.subarray(at + LOCAL_SIZE, begin));
    if (members.has(name) || members.size === MOST_MEMBERS) throw malformedArchive(`a member twice, or more than ${MOST_MEMBERS} of them`, name);
    members.set(name, bytes.subarray(begin, end));
    at = end;
  }
  if (!isWritten(bytes, members)) throw malformedArchive("the file is not the one that its members make");
  return members;
}

const little = (size, number) => Uint8Array.from({ length: size }, (_, n) => (number / 256 ** n) & 255);

/** Whether a file is what its members, in ascending order, make. */
function isWritten(bytes, members) {
  let at = 0;
  const follows = (part) => {
    const is = sameBytes(bytes.subarray(at, at + part.length), part);
    at += part.length;
    return is;
  };
  const central = [];
  for (const name of [...members.keys()].sort()) {
    const data = members.get(name);
    const size = little(4, data.length);
    const middle = concat(little(4, crc32(data)), size, size, little(2, name.length), little(2, 0));
    central.push(concat(CENTRAL_FRONT, middle, CENTRAL_BACK, little(4, at), bytesOf(name)));
    if (!follows(concat(LOCAL_FRONT, middle, bytesOf(name))) || !follows(data)) return false;
  }
  const offset = at;
  if (!central.every(follows)) return false;
  const count = little(2, members.size);
  return follows(concat(END_FRONT, count, count, little(4, at - offset), little(4, offset), little(2, 0))) && at === bytes.length;
}
