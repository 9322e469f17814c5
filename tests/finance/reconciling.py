"""Receipts of two days and an invoice of them, which tests spoil."""

from fractions import Fraction

import pytest

from attribution.money import KINDS, Invoice, Ledger, Naming, Registry, compare, reconciled
from tests.finance.cards import card
from tests.finance.running import DAY, SONNET, START, request

CARD = card(
    SONNET | {"writes": {300: 3_750_000, 3600: 6_000_000}, "units": {"requests.web_search": [10**10, 1]}},
    {"provider": "openai", "model": "sol", "input": 4_000_000, "cached": 400_000, "output": 20_000_000,
     "writes": {1800: 5_000_000, 43_200: 10_000_000}},
)  # fmt: skip
ROWS = [
    request(1, logical=10_001, writes={300: 5000, 3600: 3000}, output=1003),
    request(2, logical=10_000, cached=8000, output=1000, units={"requests.web_search": 3}),
    request(3, logical=10_000, cached=8000, output=1000, time=START + DAY),
    request(4, logical=7000, cached=1000, writes={1800: 2000, 43_200: 500}, output=77, provider="openai", model="sol"),
]  # fmt: skip


def loaded(rows=ROWS):
    """A ledger, to be closed."""
    ledger = Ledger()
    ledger.load(rows, CARD, Registry("USD"))
    return ledger


def read(kind, *files, naming=None):
    """Texts as files of an export."""
    invoice = Invoice(KINDS[kind].binary)
    for number, text in enumerate(files, 1):
        KINDS[kind].read(f"{number}.txt", text.encode(), naming or Naming(), invoice)
    invoice.end()
    return invoice


def against(kind, *files, naming=None, rows=ROWS, known=()):
    """The document of an export against receipts."""
    invoice = read(kind, *files, naming=naming)
    ledger = loaded(rows)
    try:
        return reconciled(compare(ledger, invoice, KINDS[kind], known), invoice)
    finally:
        ledger.close()


def told(document):
    """The differences in short."""
    return [
        (one["day"], one["model"], one["class"], one["kind"], one["quantity"], one["amount"])
        for one in document["differences"]
    ]


def micros(amount):
    """Picounits with six decimals, half up, as an invoice has them."""
    whole = (2 * Fraction(amount) + 10**6) // (2 * 10**6)
    return f"{whole // 10**6}.{whole % 10**6:06}"


@pytest.fixture(scope="module")
def ledger():
    """The receipts, once for a module."""
    made = loaded()
    yield made
    made.close()
