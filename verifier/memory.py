"""Known statements, opened: what a caller remembers, or was given, takes part in step 11."""

from __future__ import annotations

from verifier import cbor
from verifier.batch import MAX_ITEM
from verifier.chain import Seen
from verifier.claims import Statement
from verifier.item import Opened, Policy, open_item
from verifier.known import KnownStatement


class DamagedMemoryError(ValueError):
    """Something that the caller remembers as a verified statement is none."""


def known_statement(known: KnownStatement, account: tuple[str, str], policy: Policy) -> Seen | None:
    """A known statement of an issuer and account; None if it is not one that the caller may rely on.

    Raises:
        DamagedMemoryError: it is remembered as verified, but is no statement of this account.
    """
    try:
        whole = cbor.item_end(known.signed, 0, MAX_ITEM) == len(known.signed)
    except cbor.CborError:
        whole = False
    opened = open_item(known.signed, policy) if whole else Opened(lost=True)
    claims = opened.claims
    if (
        opened.lost
        or not isinstance(claims, Statement)
        or (claims.issuer, claims.account) != account
    ):
        if known.verified:
            raise DamagedMemoryError("a remembered statement is damaged")
        return None
    if not known.verified and not opened.signed:
        return None
    return Seen(claims, opened.digest, known.signed)
