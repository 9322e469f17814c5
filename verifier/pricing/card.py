"""A rate card, read strictly and ready to price (spec/rate-card.md)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from verifier.crypto.ed25519 import BACKENDS, SignatureError
from verifier.crypto.keys import TrustedKey, kid_text
from verifier.format import cbor
from verifier.format.card import PriceRow
from verifier.format.card_schema import rate_card
from verifier.format.envelope import Envelope, Fault, open_envelope, read_card_header, to_be_signed
from verifier.format.fields import ClaimsError
from verifier.pricing.selection import Selection
from verifier.pricing.usage import Usage

MAX_CONTENT: Final = 4_194_304
"""Bytes of the content of a card."""
MAX_PARTS: Final = 1_500_000
MAX_CARD: Final = MAX_CONTENT + 512
"""Bytes of a card, with its envelope."""


class CardError(ValueError):
    """Bytes are no rate card that can be used: what is wrong, and where."""


class CardSignatureError(ValueError):
    """The signature of a rate card is false."""


class RateCard:
    """A rate card. Nothing here says that anybody should believe its signature.

    Attributes:
        issuer: who sets the prices.
        name: the issuer's name for it.
        currency: of all its prices.
        rows: in the order of the card.
        digest: SHA-256 of the content: what a charge names.
    """

    def __init__(self, content: bytes) -> None:
        self.digest = sha256(content).digest()
        claims = rate_card(cbor.decode(content, MAX_PARTS))
        self.issuer, self.name, self.currency, self.rows = claims
        self._selection = Selection(self.rows)

    def row(self, usage: Usage, logical: int) -> PriceRow | None:
        """The row for a request with so many input tokens; None: there is none."""
        return self._selection.row(usage, logical)


def read_card(data: bytes) -> RateCard:
    """A signed rate card, whose signature is not looked at: its digest is what a charge names.

    Raises:
        CardError: it breaks a rule of spec/rate-card.md.
    """
    return _opened(data)[0]


def check_card(data: bytes, keys: Mapping[bytes, TrustedKey]) -> tuple[RateCard, str, str | None]:
    """A signed rate card, and whether its issuer signed it.

    Args:
        data: the signed card.
        keys: the trusted public keys by their ``kid`` (`by_kid`).

    Returns:
        The card; the ``kid`` as text; and why the signature proves nothing, None if it holds: it is by a key that is not trusted.

    Raises:
        CardError: it breaks a rule of spec/rate-card.md.
        CardSignatureError: a trusted key did not sign it, is weak, or is another issuer's.
    """
    card, envelope, kid = _opened(data)
    key, shown = keys.get(kid), kid_text(kid)
    if key is None:
        return card, shown, f"key {shown} is not trusted"
    if key.weakness is not None:
        raise CardSignatureError(f"the key must not be used: {key.weakness}")
    try:
        key.verifier(BACKENDS[0])(envelope.signature, to_be_signed(envelope.protected, card.digest))
    except SignatureError as error:
        raise CardSignatureError(str(error)) from None
    if key.issuer != card.issuer:
        raise CardSignatureError(f"the key belongs to {key.issuer}, and the card is of {card.issuer}")  # fmt: skip
    return card, shown, None


def _opened(data: bytes) -> tuple[RateCard, Envelope, bytes]:
    """A card, its envelope, and the ``kid`` of who signed it."""
    if len(data) > MAX_CARD:
        raise CardError(f"{len(data)} bytes are more than a rate card may have, {MAX_CARD}")
    try:
        end = cbor.item_end(data, 0, MAX_CARD)
        if end != len(data):
            raise CardError(f"{len(data) - end} bytes after the rate card")
        envelope = open_envelope(data)
        kid = read_card_header(envelope.protected)
        if len(envelope.content) > MAX_CONTENT:
            raise CardError(f"a content of {len(envelope.content)} bytes, more than {MAX_CONTENT}")
        return RateCard(envelope.content), envelope, kid
    except cbor.CborError as error:
        raise CardError(f"{error}, at byte {error.offset}") from None
    except (Fault, ClaimsError) as error:
        raise CardError(str(error)) from None
