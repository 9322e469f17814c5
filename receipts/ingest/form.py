"""The form of a usage object, as data: where the counts stand, and what is inside of what.

An expression names members by dotted path. ``a | b`` are two names of one count; ``a + b`` are parts that add up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Final

from receipts.errors import UsageError
from receipts.ingest import terms
from receipts.ingest.expressions import names, parsed
from receipts.ingest.inputs import additive_input, subset_input
from receipts.ingest.members import Lists, Members
from receipts.ingest.reading import Reading, Shape
from receipts.ingest.units import parts, units_beside
from receipts.request import Counts

FREE: Final = (
    "response.copilot_usage.*", "response.tool_calls.function_call", "response.tool_calls.mcp_call",
    "response.tool_calls.custom_tool_call", "response.tool_calls.computer_call",
    "response.tool_calls.*shell_call", "response.tool_calls.apply_patch_call",
    "response.tool_calls.tool_search_call",
)  # fmt: skip
"""What stands beside the usage of a response and bills nothing: calls that the customer runs, and prices of what is counted."""


@dataclass(frozen=True)
class Form:
    """How the usage objects of an API are read. All counts are in tokens unless said.

    Attributes:
        source: the page that says what the members mean.
        logical: all input, what was read from a cache and written to one included. Without it, the API is additive.
        uncached: the input that was neither read nor written; of an API that is not additive, one more identity to check.
        cached: what was read from a cache.
        cached_within: the part of the input that ``cached`` is inside of, if it is not all of it.
        writes: what was written to a cache, by TTL in s; 0: all of it.
        output: all output; an API without output (embeddings) has no such expression.
        reasoning: the part of the output that was reasoning.
        total: the provider's own total, which is checked: input and output.
        beyond_total: what the total leaves out.
        parts: by ``input``, ``cached``, ``output``: where the parts by modality stand; ``{}`` is the modality.
        units: further units by their name; of several names of one, the first that is stated counts.
        seconds: units in ms that are stated in s.
        fees: units that count one where an amount is not zero.
        calls: how many tools were called, of whatever kind: left unread unless ``units`` say which.
        terms: what selects the price, by name.
        processing: how the API is processed, if it is named for that (batch).
        lists: arrays that are tallied (`Members`).
        free: members that bill nothing, with wildcards: prices, durations, names, and what is stated once more.
        no_zeros: the provider leaves out what is zero, so what is absent is zero; say in a comment how that is known.
        no_tokens: the API can bill by another unit alone; then there are no tokens.
        open_counts: counts that are refused unless they are zero, since what they are a part of is not known; with how that is known.
        open_where: the member by which an object with such counts is known; without it, every object is one.
        prompted: the host is recorded to state no input where there was some, so an input of no tokens is refused.
        refused: why an object of this form says too little.
        last: of a stream the last object is whole, and the only one that counts.
    """

    source: str
    _: KW_ONLY
    logical: str = ""
    uncached: str = ""
    cached: str = ""
    cached_within: str = ""
    writes: Mapping[int, str] = field(default_factory=dict)
    output: str = ""
    reasoning: str = ""
    total: str = ""
    beyond_total: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, str] = field(default_factory=dict)
    fees: Mapping[str, str] = field(default_factory=dict)
    calls: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)
    processing: str = ""
    lists: Lists = field(default_factory=dict)
    free: tuple[str, ...] = ()
    no_zeros: bool = False
    no_tokens: bool = False
    open_counts: Mapping[str, str] = field(default_factory=dict)
    open_where: str = ""
    prompted: bool = False
    refused: str = ""
    last: bool = False

    @property
    def shape(self) -> Shape:
        """Whether the input count includes the cache."""
        return Shape.SUBSET if self.logical else Shape.ADDITIVE

    @cached_property
    def unit_names(self) -> frozenset[str]:
        """All members that state units."""
        parts = (part for where in self.units.values() for part in parsed(where))
        return frozenset(name for part in parts for name in part)

    def read(self, members: Members) -> Reading:
        """What a usage object says.

        Raises:
            UsageError: a count is missing, is none, or contradicts another one.
        """
        if self.refused:
            raise UsageError("usage", self.refused)
        beside = units_beside(self, members)
        counts = self._alone(members, beside) or self.counts(members)
        inside, doubts = parts(self, members, counts)
        tier = terms.tier(members)
        selected = terms.terms(self, members, tier)
        unread = {**members.unread(_pattern(self.free)), **doubts}
        for duration in unread.keys() & set(self.seconds.values()):
            unread[duration] = "is no whole number of milliseconds"
        return Reading(
            replace(counts, units={**inside, **beside}) if inside or beside else counts,
            tier=tier,
            terms=selected or None,
            unread=unread,
        )

    def _alone(self, members: Members, units: Mapping[str, int]) -> Counts | None:
        """The counts where another unit bills alone; None: there are tokens."""
        of_input = parsed(self.logical or self.uncached)
        if not (self.no_tokens and units) or any(members.count(part) for part in of_input):
            return None
        return Counts(logical=0, cached=0)

    def counts(self, members: Members) -> Counts:
        """The tokens alone.

        Raises:
            UsageError: a count is missing, is none, or contradicts another one.
        """
        of_input = subset_input if self.logical else additive_input
        logical, cached, writes = of_input(self, members)
        self._check_open(members)
        if self.prompted and not logical:
            raise UsageError(self.logical, "is 0, and no prompt is empty")
        output = self._output(members, logical)
        reasoning = self.stated(members, self.reasoning)
        if reasoning is not None and reasoning > (output or 0):
            where = members.where(names(self.reasoning))
            raise UsageError(where, f"expected at most the output, {output}, found {reasoning}")
        counts = Counts(logical, cached, writes, output, reasoning)
        self._check_total(members, counts)
        return counts

    def stated(self, members: Members, expression: str) -> int | None:
        """A count; None: it is not stated, which is zero where the provider leaves out zeros."""
        return self._or_zero(members.count(names(expression))) if expression else None

    def sum(self, members: Members, expression: str) -> int | None:
        """The sum of an expression; None: its first part is not stated, and is not known to be zero.

        A further part that is absent counts as zero where a total is there to check it, or does not count it.

        Raises:
            UsageError: a further part is absent, and nothing shows that it is zero.
        """
        first, *others = parsed(expression)
        total = self._or_zero(members.count(first))
        checked = members.states(*names(self.total)) or bool(self.beyond_total)
        for part in others:
            count = self._or_zero(members.count(part))
            if count is None and not checked:
                raise UsageError(members.where(part), "is not stated, and no total shows that it is zero")  # fmt: skip
            total = None if total is None else total + (count or 0)
        return total

    def _or_zero(self, count: int | None) -> int | None:
        return 0 if count is None and self.no_zeros else count

    def _output(self, members: Members, logical: int) -> int | None:
        if not self.output:
            return None
        output = self.sum(members, self.output)
        if output is None and members.count(names(self.total)) == logical:
            return 0
        if output is None:
            raise UsageError(members.where(parsed(self.output)[0]), "is missing")
        return output

    def _check_open(self, members: Members) -> None:
        for name, why in self.open_counts.items():
            is_one = not self.open_where or members.states(*names(self.open_where))
            if members.count((name,)) and is_one:
                raise UsageError(name, f"is not known to be a part of the input: {why}")

    def _check_total(self, members: Members, counts: Counts) -> None:
        total = members.count(names(self.total))
        beyond = sum(members.count(part) or 0 for part in parsed(self.beyond_total))
        expected = counts.logical + (counts.output or 0) - beyond
        if total is not None and total != expected:
            where = members.where(names(self.total))
            raise UsageError(where, f"expected input plus output, {expected}, found {total}")


@lru_cache(maxsize=256)
def _pattern(free: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in (*FREE, *free)))
