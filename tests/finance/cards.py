"""Rate cards for tests, written without the issuing side."""

from cbor2 import dumps

from verifier import RateCard
from verifier.format.labels import PRICE_ROW, RATE_CARD

_FIELDS = {name: label for label, name in RATE_CARD.items()}
_ROW = {name: label for label, name in PRICE_ROW.items()}


def card(*rows, currency="USD"):
    """A card of rows, which are maps of field names; ``from`` is ``start``."""
    named = [
        {_ROW["from" if name == "start" else name]: value for name, value in row.items()}
        for row in rows
    ]
    claims = {
        "version": 1,
        "issuer": "example",
        "name": "test",
        "currency": currency,
        "rows": named,
    }
    return RateCard(dumps({_FIELDS[name]: value for name, value in claims.items()}, canonical=True))
