"""Every figure of spec/attribution.md once more, as it says them: plain Python over lists and exact fractions, slow, for tests to compare with.

Nothing of the project is used, but the requests themselves: prices and registry are read from the texts of card.toml and finance.toml.
"""

from tests.finance.plain.document import document

__all__ = ["document"]
