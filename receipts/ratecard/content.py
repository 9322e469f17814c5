"""Rate cards as bytes: encoded deterministically, signed, and read again (spec/rate-card.md)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import cbor2

from receipts import limits
from receipts.errors import ReceiptError
from receipts.keys import SigningKey
from receipts.labels import PRICE_ROW, RATE_CARD
from receipts.ratecard.card import PriceRow, Rate, RateCard
from receipts.ratecard.checks import check_rows
from receipts.signing import RATE_CARD as KIND
from receipts.signing import Signed, Signer, header_kind

MAX_CONTENT: Final = 4_194_304
"""Bytes of the content of a card."""
_NAMES: Final = {label: name for name, label in PRICE_ROW.items()}
_MEMBERS: Final = {"from": "start", "until": "end"}
"""Fields of a row that have another name in `PriceRow`."""


class RateCardError(ValueError):
    """Bytes are no rate card that can be used."""


def encode(issuer: str, name: str, currency: str, rows: list[PriceRow]) -> bytes:
    """The content of a card; the same for the same rows.

    Raises:
        RowError: a row breaks a rule of spec/rate-card.md, or two do together.
        ReceiptError: something else does.
    """
    check_rows(rows)
    claims: dict[int, Any] = {
        RATE_CARD["version"]: limits.VERSION,
        RATE_CARD["issuer"]: limits.name("issuer", issuer),
        RATE_CARD["name"]: limits.name("name", name),
        RATE_CARD["currency"]: limits.currency("currency", currency),
        RATE_CARD["rows"]: [_row_claims(row) for row in rows],
    }
    return limits.content("rate card", cbor2.dumps(claims, canonical=True), MAX_CONTENT)


def _row_claims(row: PriceRow) -> dict[int, Any]:
    values = {name: getattr(row, _MEMBERS.get(name, name)) for name in PRICE_ROW}
    values["units"] = {unit: [rate.rate, rate.per] for unit, rate in row.units.items()}
    return {
        PRICE_ROW[name]: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value not in ({}, (), [])
    }


def decode(content: bytes) -> RateCard:
    """The card with this content.

    Raises:
        RateCardError: it is none that `encode` would make.
    """
    try:
        claims = cbor2.loads(content)
        named = {name: claims[label] for name, label in RATE_CARD.items()}
        rows = [_row(row) for row in named["rows"]]
        again = encode(named["issuer"], named["name"], named["currency"], rows)
    except ReceiptError as error:
        raise RateCardError(str(error)) from None
    except (
        cbor2.CBORDecodeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ):
        raise RateCardError("the content is not that of a rate card") from None
    if again != content:
        raise RateCardError("the content is not that of a rate card of version 1")
    return RateCard(named["issuer"], named["name"], named["currency"], rows, sha256(content).digest())  # fmt: skip


def _row(claims: dict[int, Any]) -> PriceRow:
    values = {_NAMES[label]: value for label, value in claims.items()}
    members = {_MEMBERS.get(name, name): value for name, value in values.items()}
    for name in ("aliases", "days", "hours"):
        if name in members:
            members[name] = tuple(members[name])
    members["units"] = {unit: Rate(*rate) for unit, rate in values.get("units", {}).items()}
    return PriceRow(**members)


def sign(content: bytes, key: SigningKey) -> Signed:
    """A card with its signature."""
    return Signer(key.private, KIND).sign(content)


def read_card(data: bytes) -> RateCard:
    """A signed card. Whoever uses it to bill knows where it is from: its signature is not checked.

    Raises:
        RateCardError: it is none.
    """
    try:
        content, cose = cbor2.loads(data)
        is_card = header_kind(cose.value[0]) == KIND and cbor2.dumps([content, cose]) == data
    except (
        cbor2.CBORDecodeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ):
        is_card = False
    if not is_card:
        raise RateCardError("it is not a signed rate card")
    return decode(content)
