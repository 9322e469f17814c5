"""An equivocation as a pack with one claim, which needs nothing of the customer's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cbor2

from cli.dispute.claims import Disputed
from cli.dispute.packing import Pack
from cli.dispute.readme import Told, readme
from receipts import equivocation
from verifier import Conflict, Finding, Receipt, Standing, Statement, read_item, read_jwks

NO_RECORD = {"margin_ms": 0, "aliases": {}, "observers": []}
"""The options of a pack whose claims compare nothing with a record."""


def told_twice(conflict: Conflict, key_files: Sequence[bytes]) -> bytes:
    """The pack for two signed objects that cannot both be honest.

    Args:
        conflict: the two.
        key_files: those of the issuer's are taken.
    """
    told = [claims for one in (conflict.one, conflict.two) if (claims := _claims(one)) is not None]
    issuer, account = told[0].issuer, told[0].account
    message = "the issuer told two stories"
    finding = Finding(conflict.code, message, issuer=issuer, account=account, worth=_NO_AMOUNT)
    receipts = [one for one in told if isinstance(one, Receipt)]
    claim = Disputed(1, finding, receipts, standing=Standing.SIGNED)
    pack = Pack()
    claim.evidence.append(pack.add("equivocations", equivocation(conflict.one, conflict.two)))
    listed = [(data, read_jwks(data)) for data in key_files]
    own = [(data, keys) for data, keys in listed if keys[0].issuer == issuer]
    for data, _ in own:
        pack.add("keys", data, "jwks.json")
    keys = [key for _, found in own for key in found]
    words = readme(Told([claim], keys, [], sorted(pack.members), None))
    return replace(pack, members={**pack.members, "README.md": words}).data([claim.claim], [], NO_RECORD, None)  # fmt: skip


_NO_AMOUNT = "two stories are no amount"


def _claims(signed: bytes) -> Receipt | Statement | None:
    """What an object claims; a proof stands for its receipt."""
    if signed[:1] == b"\x83":
        signed = cbor2.dumps(cbor2.loads(signed)[0])
    return read_item(signed).claims
