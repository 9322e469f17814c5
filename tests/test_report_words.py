"""spec/report-words.md has the words that both verifiers write: of codes, of what is not proven, and why there is no amount."""

import re
from pathlib import Path

import pytest

from verifier.report import unproven, worth
from verifier.report.codes import RULES

ROOT = Path(__file__).parents[1]
WORDS = (ROOT / "spec/report-words.md").read_text()
SECOND = "".join(path.read_text() for path in (ROOT / "verifier/web").glob("*.js"))


def test_codes():
    rows = re.findall(r"^\| `([a-z-]+)` \| (R-[^|]*) \| (.*) \|$", WORDS.split("## Codes")[1], re.MULTILINE)  # fmt: skip
    assert rows == [(code, ", ".join(rule.rules), rule.hint) for code, rule in RULES.items()]


@pytest.mark.parametrize("text", [*unproven.UNPROVEN.values(), worth.NO_RECEIPT, worth.NOT_MONEY, worth.NO_PRICE, worth.TWO_PRICES, worth.NO_CARD, worth.NOT_REPRICED, worth.NOT_COMPUTED])  # fmt: skip
def test_texts(text):
    assert text in WORDS
    assert text in SECOND
