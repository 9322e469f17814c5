"""The peer: python-cwt verifies COSE_Sign1 messages. Runs in an environment of its own, since it needs another cbor2.

Reads JSON from stdin: the public key and its kid, and messages, each with its payload if that is detached, in hexadecimal.
Prints for each message the payload that was verified, in hexadecimal, or the name of the error.
"""

import json
import sys

from cwt import COSE, COSEKey
from cwt.exceptions import CWTError

work = json.load(sys.stdin)
labels = {"kty": 1, "kid": 2, "alg": 3, "crv": -1, "x": -2}
kid, x = (bytes.fromhex(work[name]) for name in ("kid", "x"))
key = COSEKey.new(
    {labels["kty"]: 1, labels["kid"]: kid, labels["alg"]: -19, labels["crv"]: 6, labels["x"]: x}
)
found = []
for message, payload in work["messages"]:
    detached = None if payload is None else bytes.fromhex(payload)
    try:
        verified = COSE.new().decode(bytes.fromhex(message), key, detached_payload=detached)
        found.append(verified.hex())
    except (CWTError, ValueError) as error:
        found.append(type(error).__name__)
print(json.dumps(found))
