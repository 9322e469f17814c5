// What binds the members of a pack: their digests, and the seal (R-19.3, R-19.4; spec/pack.md, "Seal").

import { compareTexts, concat, hex, sameBytes, sha256, toBase64url } from "./bytes.js";
import { isOneItem } from "./cbor.js";
import { kidOf, readEnvelope } from "./envelope.js";
import { Fault, InputError } from "./faults.js";
import { checkSignature } from "./item.js";
import { readKeys } from "./keys.js";
import { MAKER, MANIFEST, SEAL } from "./manifest.js";

const altered = (message, rule, field) => new Fault("pack-altered", rule, { field, message: `${field}: ${message}` });
const unsigned = (message) => altered(message, "R-19.4", SEAL);

/** what is not as the manifest or the seal says, and with it the seal as a signed object, if it has a maker. */
export async function alterations(manifest, members) {
  const faults = [];
  for (const [name, digest] of [...manifest.members].sort(([a], [b]) => compareTexts(a, b))) {
    if (hex(await sha256(members.get(name))) !== digest) faults.push(altered("it is not what the manifest lists", "R-19.3", name));
  }
  const seal = members.get(SEAL);
  const opened = manifest.maker === null ? null : openedSeal(seal);
  const sealed = concat(Uint8Array.of(0x58, 0x20), await sha256(members.get(MANIFEST)));
  if (!sameBytes(opened ? opened.content : seal, sealed)) faults.push(altered("the seal is of another manifest", "R-19.3", SEAL));
  return { faults, opened };
}

/** A seal that is signed. @throws {Fault} */
function openedSeal(seal) {
  if (!isOneItem(seal)) throw unsigned("it is not one CBOR item");
  try {
    return readEnvelope(seal);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    throw unsigned(fault.details.message);
  }
}

/** who signed the seal, {name, kid, trusted}; null: nobody did. */
export async function makerOf(manifest, opened, members, trusted) {
  if (!opened) return null;
  const kid = kidOf(opened.header, "pack");
  if (!kid) throw unsigned("the protected header is not that of the seal of a pack");
  const own = await keysOfMaker(members.get(MAKER));
  const name = toBase64url(kid);
  const key = trusted.get(name) ?? own.get(name);
  if (!key || name !== manifest.maker) throw unsigned("the key is not the maker's");
  if (key.weak) throw unsigned(`the key must not be used: ${key.weak}`);
  await checkSealed(opened, key);
  return { name: key.issuer, kid: name, trusted: trusted.has(name) };
}

async function checkSealed({ content, header, signature }, key) {
  try {
    await checkSignature({ digest: await sha256(content), key }, header, signature);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    throw unsigned(fault.details.message);
  }
}

async function keysOfMaker(bytes) {
  try {
    return await readKeys([bytes]);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw unsigned(`${MAKER} is no key file that can be used`);
  }
}
