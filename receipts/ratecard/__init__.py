"""Rate cards for who issues: from a source to a signed card, and from a card to the charge of a receipt (spec/rate-card.md).

from receipts.ratecard import price, read_card

card = read_card(Path("card.cbor").read_bytes())
charge = price(card, model, counts, source, time)
"""

from receipts.ratecard.card import PriceRow, Rate, RateCard, UnpricedError
from receipts.ratecard.content import RateCardError, decode, encode, read_card, sign
from receipts.ratecard.pricing import price
from receipts.ratecard.source import CardSource, read_source

__all__ = [
    "CardSource",
    "PriceRow",
    "Rate",
    "RateCard",
    "RateCardError",
    "UnpricedError",
    "decode",
    "encode",
    "price",
    "read_card",
    "read_source",
    "sign",
]
