"""Rows of a rate card from the data of genai-prices (extra ``prices``), and what of them a card cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any, Final, NamedTuple

from receipts.errors import ReceiptError
from receipts.ingest import canonical
from receipts.ratecard.amounts import TOKENS, read_rate
from receipts.ratecard.card import PriceRow
from receipts.ratecard.checks import check_rows
from receipts.ratecard.genai_times import When, start_of, times

_PROVIDERS: Final = {"aws": "aws.bedrock", "moonshotai": "moonshot", "voyageai": "voyage", "x-ai": "x_ai"}  # fmt: skip
"""Those that are not known by this name (`receipts.ingest.canonical`)."""
_TOKENS: Final = {"input_mtok": "input", "cache_read_mtok": "cached", "output_mtok": "output"}
_PARTS: Final = {
    **{f"input_{kind}_mtok": f"input.{kind}" for kind in ("audio", "image", "video")},
    **{f"cache_{kind}_read_mtok": f"cached.{kind}" for kind in ("audio", "image", "video")},
    **{f"output_{kind}_mtok": f"output.{kind}" for kind in ("audio", "image", "video", "citation")},
    "output_reasoning_mtok": "reasoning",
}
_WRITES: Final = {"cache_write_5m_mtok": 300, "cache_write_1h_mtok": 3600}
_WRITE: Final = "cache_write_mtok"
"""A write of no stated TTL; where writes of an hour have a price too, or of Anthropic, the one of five minutes."""
_UNITS: Final = {
    "audio_hours": ("audio.ms", 3_600_000),
    "input_audio_hours": ("audio.input_ms", 3_600_000),
    "output_audio_hours": ("audio.output_ms", 3_600_000),
    "input_mchars": ("input.characters", 1_000_000),
    "input_text_messages_kcount": ("input.messages", 1_000),
    "input_gpixels": ("input.pixels", 1_000_000_000),
    "input_document_kpages": ("pages.document", 1_000),
    "input_annotated_document_kpages": ("pages.annotated", 1_000),
    "requests_kcount": ("requests.model", 1_000),
    "rerank_searches_kcount": ("requests.rerank", 1_000),
    "web_searches_kcount": ("requests.web_search", 1_000),
    "social_searches_kcount": ("requests.social_search", 1_000),
    "storage_searches_kcount": ("requests.file_search", 1_000),
    "code_executions_kcount": ("requests.code_execution", 1_000),
}
_TERMS: Final = {
    ("processing", "batch"): {"processing": "batch"},
    ("service_tier", "flex"): {"processing": "flex"},
    ("service_tier", "priority"): {"processing": "priority"},
    ("service_tier", "fast"): {"tier": "fast"},
    ("speed", "fast"): {"speed": "fast"},
}
"""What a receipt says for a context of genai-prices (`receipts.ingest`)."""


_BY_CODE: Final = dict.fromkeys(
    (("groq", "whisper-large-v3"), ("groq", "whisper-large-v3-turbo")),
    "that at least 10 seconds are billed",
)
"""What genai-prices has in its code, and not in its data."""


class Unexpressed(NamedTuple):
    """What a card cannot say: of which model, and what."""

    provider: str
    model: str
    what: str


@dataclass(slots=True)
class Imported:
    """What came of an import.

    Attributes:
        rows: checked, by themselves and with each other.
        unexpressed: what is missing in them.
        comments: what the source says in words, by provider and model.
        unknown: models that were asked for and are not there.
    """

    rows: list[PriceRow] = field(default_factory=list)
    unexpressed: list[Unexpressed] = field(default_factory=list)
    comments: dict[tuple[str, str], str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def import_genai_prices(models: Sequence[str] = (), day: int | None = None) -> Imported:
    """The prices that the installed genai-prices has; it needs no network.

    Args:
        models: ids, or ``provider/id``; none: all.
        day: as of this day, in days since 1970-01-01, without dates; None: at all times.

    Raises:
        ImportError: genai-prices is not installed.
    """
    snapshot = import_module("genai_prices.data_snapshot").get_snapshot()
    listed = [(provider.id, model) for provider in snapshot.providers for model in provider.models]
    full = {f"{provider}/{model.id}" for provider, model in listed} & set(models)
    plain = set(models) - full  # an id can have a slash, too
    found = Imported(unknown=sorted(plain - {model.id for _, model in listed}))
    for provider, model in listed:
        if not models or model.id in plain or f"{provider}/{model.id}" in full:
            _add(found, _Model(provider, model), day)
    return found


class _Model:
    """A model, and what cannot be said of it."""

    def __init__(self, provider: str, model: Any) -> None:
        self.provider, self.info = _provider(provider), model
        special = _BY_CODE.get((self.provider, model.id))
        self.missing: dict[str, None] = {} if special is None else {special: None}

    def rows(self, day: int | None) -> Iterator[PriceRow]:
        """Its rows, of all terms."""
        aliases = tuple(self._aliases())
        yield from self._of_terms({}, [], aliases, day)
        for context, variants in self._variants().items():
            terms = _TERMS.get(context)
            if terms is not None:
                yield from self._of_terms(terms, variants, aliases, day)
            elif context != ("service_tier", "default"):
                self.missing[f"prices with {context[0]} {context[1]}, which no receipt states so"] = None  # fmt: skip

    def _aliases(self) -> Iterator[str]:
        """Other names; patterns of names are none."""
        match = self.info.match
        for clause in getattr(match, "or_", [match]):
            name = getattr(clause, "equals", None)
            if name is None:
                ((kind, pattern),) = list(vars(clause).items())[:1]
                self.missing[f"names by a pattern: {kind.rstrip('_').replace('_', ' ')} {pattern!r}"[:200]] = None  # fmt: skip
            elif name != self.info.id:
                yield name

    def _variants(self) -> Mapping[tuple[str, str], list[Any]]:
        found: dict[tuple[str, str], list[Any]] = {}
        for variant in self.info.price_variants or ():
            if len(variant.when) > 1:
                self.missing[f"prices with {variant.when} together"] = None
                continue
            (context,) = variant.when.items()
            found.setdefault(context, []).append(variant)
        return found

    def _of_terms(
        self, terms: Mapping[str, str], variants: Sequence[Any], aliases: tuple[str, ...], day: int | None
    ) -> Iterator[PriceRow]:  # fmt: skip
        prices = self.info.prices
        entries = prices if isinstance(prices, list) else [_Always(prices)]
        begins = [b for v in variants if (b := start_of(v)) is not None]
        for when, own, meets in times(entries, begins, day):
            at = day if day is not None else when.start
            active = [
                v for v in variants if (b := start_of(v)) is None or (at is not None and b <= at)
            ]
            if variants and not active:
                continue
            if meets:
                self.missing["hours that overlap"] = None
                continue
            merged: dict[str, Any] = {}
            for one in (*(v.prices for v in active), own):
                for key, value in vars(one).items():
                    if value is not None and not key.startswith("_"):
                        merged.setdefault(key, value)
            yield from self._of_sizes(merged, terms, aliases, when)

    def _of_sizes(
        self, prices: Mapping[str, Any], terms: Mapping[str, str], aliases: tuple[str, ...], when: When
    ) -> Iterator[PriceRow]:  # fmt: skip
        sizes = {tier.start for price in prices.values() for tier in getattr(price, "tiers", ())}
        for above in (None, *sorted(sizes)):
            flat = {key: _at_size(price, above) for key, price in prices.items()}
            rates = self._rates(flat)
            if rates is not None:
                yield PriceRow(
                    self.provider, self.info.id, aliases, dict(terms), when.start, when.end, above,
                    hours=when.hours, **rates,
                )  # fmt: skip

    def _rates(self, prices: Mapping[str, Decimal]) -> dict[str, Any] | None:
        """The rates of a row; None: it has no price that a card can say."""
        found: dict[str, Any] = {"writes": {}, "parts": {}, "units": {}}
        for key, price in prices.items():
            if key in _UNITS:
                unit, quantity = _UNITS[key]
                rate = read_rate(f"{price:f}", quantity)
                if rate is not None:
                    found["units"][unit] = rate
                continue
            rate = read_rate(f"{price:f}", TOKENS)
            if not (key in _TOKENS or key in _PARTS or key in _WRITES or key == _WRITE):
                self.missing[f"a price of {key}"] = None
            elif rate is None or rate.per != 1:
                self.missing[f"{key} {price:f}, which is no whole number of picounits a token"] = None  # fmt: skip
            elif key in _TOKENS:
                found[_TOKENS[key]] = rate.rate
            elif key in _PARTS:
                found["parts"][_PARTS[key]] = rate.rate
            else:
                found["writes"][self._ttl(key, prices)] = rate.rate
        return self._sound(found)

    def _ttl(self, key: str, prices: Mapping[str, Decimal]) -> int:
        if key in _WRITES:
            return _WRITES[key]
        return 300 if "cache_write_1h_mtok" in prices or self.provider == "anthropic" else 0

    def _sound(self, rates: dict[str, Any]) -> dict[str, Any] | None:
        """The rates without those that others lack."""
        if "input" not in rates and (rates["writes"] or "cached" in rates):
            self.missing["prices of cached input without one of input"] = None
            rates.pop("cached", None)
            rates["writes"] = {}
        for part in list(rates["parts"]):
            base = {"in": "input", "ca": "cached"}.get(part[:2], "output")
            if base not in rates or (base == "cached" and "input" not in rates):
                self.missing[f"a price of {part} without one of {base}"] = None
                del rates["parts"][part]
        if "input" not in rates and "output" not in rates and not rates["units"]:
            self.missing["a price at all"] = None
            return None
        return rates


class _Always(NamedTuple):
    prices: Any
    constraint: None = None


def _at_size(price: Any, above: int | None) -> Decimal:
    tiers = [t for t in getattr(price, "tiers", ()) if above is not None and t.start <= above]
    found: Decimal = tiers[-1].price if tiers else getattr(price, "base", price)
    return found


def _provider(name: str) -> str:
    return _PROVIDERS.get(name) or canonical(name)


def _add(found: Imported, model: _Model, day: int | None) -> None:
    rows = [*model.rows(day)]
    provider, name = model.provider, model.info.id
    if rows:
        try:
            check_rows(rows)
        except ReceiptError as error:
            model.missing[f"rows that go together: {error}"] = None
            rows = []
    found.rows += rows
    found.unexpressed += [Unexpressed(provider, name, what) for what in model.missing]
    if model.info.price_comments:
        found.comments[provider, name] = model.info.price_comments
