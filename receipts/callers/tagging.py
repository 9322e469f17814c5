"""The tagging contract of a gateway: which tags a receipt must have, where they come from, which values they may have.

    owner = "platform"              # who owns what comes untagged

    [tags.team]
    required = true                 # default: false
    from = ["key:team", "header:x-team", "metadata:team"]
    allowed = ["search", "support"] # default: every value

The first source that states a value counts. ``key:`` and ``value:`` are the server's; ``header:``, ``metadata:`` and ``path:`` are claims of
the client, so they stand behind. What breaks the contract is served all the same, and its receipt says what is wrong with its tags, and
who owns that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from receipts import limits
from receipts.callers.asked import Asked, Caller
from receipts.callers.followed import Told
from receipts.callers.tag_names import UNTAGGED, check_tag_names
from receipts.callers.tag_sources import Request, TagSource, read_source
from receipts.toml_file import Member, read_toml


class Reason(StrEnum):
    """What is wrong with a tag."""

    MISSING = "missing"
    """It is required, and no source states it."""
    NOT_ALLOWED = "not-allowed"
    """It has a value that the contract does not list."""
    INVALID = "invalid"
    """What was stated is no text, longer than 512 bytes, or a header that came twice."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A tag that breaks the contract, and how."""

    tag: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags for a receipt, and what is wrong with them.

    Attributes:
        tags: those that are right, and if there are faults ``untagged``, the owner, and ``untagged/NAME``, the reason, for each.
        faults: what to count.
    """

    tags: dict[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class TagRule:
    """What the contract says of one tag; without a list of them (None), all values are allowed."""

    name: str
    required: bool
    sources: tuple[TagSource, ...]
    allowed: frozenset[str] | None

    def stated(self, request: Request) -> object:
        """What the first source states that states something; None: none does."""
        for source in self.sources:
            value = source.state(request)
            if value is not None and value != "":
                return value
        return None

    def reason(self, value: object) -> Reason | None:
        """What is wrong with a value."""
        if value is None:
            return Reason.MISSING if self.required else None
        if not isinstance(value, str) or not _is_tag(value):
            return Reason.INVALID
        if self.allowed is None or value in self.allowed:
            return None
        return Reason.NOT_ALLOWED


def _is_tag(value: str) -> bool:
    """Whether a text can be the value of a tag. What a client sent is in no error here: it may be long, deep and hostile."""
    if value.isascii():
        return len(value) <= limits.MAX_NAME
    try:
        return len(value.encode()) <= limits.MAX_NAME
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape
        return False


@dataclass(frozen=True, slots=True)
class _Contract:
    owner: str
    rules: tuple[TagRule, ...]


class TagContract(Told[_Contract]):
    """Takes the tags of a receipt from a request, as the contract says."""

    _KIND = "tagging contract"

    @property
    def owner(self) -> str:
        """Who owns what comes untagged."""
        return self._current().owner

    @property
    def rules(self) -> tuple[TagRule, ...]:
        """What it says of each tag, in the order of the file."""
        return self._current().rules

    def tags(self, asked: Asked, caller: Caller) -> Tagged:
        """The tags of a request. Whatever a client sends, this does not fail, and `receipts.Issuer` takes the tags."""
        contract = self._current()
        request = Request(asked, caller)
        tags: dict[str, str] = {}
        faults: list[Fault] = []
        for rule in contract.rules:
            value = rule.stated(request)
            reason = rule.reason(value)
            if reason is not None:
                faults.append(Fault(rule.name, reason))
            elif isinstance(value, str):
                tags[rule.name] = value
        if not faults:
            return Tagged(tags)
        marks = {f"{UNTAGGED}/{fault.tag}": fault.reason.value for fault in faults}
        return Tagged({**tags, UNTAGGED: contract.owner, **marks}, tuple(faults))

    @staticmethod
    def _read(data: bytes, file: str) -> _Contract:
        members = read_toml(data, file).members(("owner", "tags"))
        rules = [_rule(name, rule) for name, rule in check_tag_names(members["tags"]).items()]
        return _Contract(members["owner"].text(), tuple(rules))


def _rule(name: str, rule: Member) -> TagRule:
    members = rule.members(("from",), ("required", "allowed"))
    required = "required" in members and members["required"].flag()
    allowed = None
    if "allowed" in members:
        allowed = frozenset(value.text() for value in members["allowed"].texts())
    texts = members["from"].texts()
    sources = tuple(read_source(text, name) for text in texts)
    for text, source in zip(texts, sources, strict=True):
        if source.kind != "value":
            continue
        if text is not texts[-1]:
            raise text.error("a value: at the end, since it is always stated")
        if allowed is not None and source.text.removeprefix("value:") not in allowed:
            raise text.error("an allowed value")
    return TagRule(name, required, sources, allowed)
