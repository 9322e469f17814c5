"""The peer: python-cwt verifies plain COSE_Sign1 messages. Runs in an environment of its own, since it needs another cbor2.

Arguments: a JSON file with the public key and the payloads' messages in hexadecimal. Prints the seconds that it took.
"""

import json
import sys
import time

from cwt import COSE, COSEKey

with open(sys.argv[1]) as stream:
    work = json.load(stream)
key = COSEKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": work["x"]})
messages = [bytes.fromhex(message) for message in work["messages"]]
cose = COSE.new()
cose.decode(messages[0], key)
started = time.perf_counter()
for message in messages:
    cose.decode(message, key)
print(time.perf_counter() - started)
