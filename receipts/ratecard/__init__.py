"""Rate cards for who issues: from a source to a signed card, and from a card to the charge of a receipt (spec/rate-card.md).

from receipts.ratecard import price, read_card

card = read_card(Path("card.cbor").read_bytes())
charge = price(card, model, counts, source, time)
"""

from receipts.ratecard.card import PriceRow, Rate, RateCard, UnpricedError
from receipts.ratecard.content import RateCardError, decode, encode, read_card, sign
from receipts.ratecard.days import show_day, show_hours, show_weekdays
from receipts.ratecard.genai import Imported, Unexpressed, import_genai_prices
from receipts.ratecard.pricing import price
from receipts.ratecard.source import CardSource, read_source
from receipts.ratecard.writing import skeleton, source_text
from receipts.toml_file import TomlFileError

__all__ = [
    "CardSource",
    "Imported",
    "PriceRow",
    "Rate",
    "RateCard",
    "RateCardError",
    "TomlFileError",
    "Unexpressed",
    "UnpricedError",
    "decode",
    "encode",
    "import_genai_prices",
    "price",
    "read_card",
    "read_source",
    "show_day",
    "show_hours",
    "show_weekdays",
    "sign",
    "skeleton",
    "source_text",
]
