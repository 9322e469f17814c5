"""What became of the answers that could have had a receipt, for whoever watches the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter


class Outcome(StrEnum):
    """What became of an answer of an API that reports usage."""

    ISSUED = "issued"
    """It has its receipt."""
    REPLAYED = "replayed"
    """It is a stored answer once more, and went out with the receipt that it has already."""
    STORED = "stored"
    """It is a stored answer of which the account has no receipt: nobody is billed for it."""
    WITHOUT_USAGE = "without_usage"
    """It states no usage: an error, or a stream without ``include_usage``."""
    PENDING = "pending"
    """Its result comes later, and gets the receipt then."""
    WITHOUT_ACCOUNT = "without_account"
    """Nobody is billed for it."""
    UNREADABLE = "unreadable"
    """It is neither JSON nor a stream that is known, or is compressed in an unknown way."""
    REFUSED = "refused"
    """Its usage contradicts itself, or a field breaks a rule; the log says which."""
    FAILED = "failed"
    """The journal could not be written, no key may sign any more, or a function that was given raised; the log says why."""
    HUNG_UP = "hung_up"
    """It ended before it was whole: the client went away, or the server failed. No final usage is known."""


_OUTCOMES: Final = "token_receipts_answers_total"
_UNDELIVERED: Final = "token_receipts_undelivered_total"
_IDENTIFIERS: Final = "token_receipts_identifiers_total"
_UNCHARGED: Final = "token_receipts_uncharged_total"
_TAG_FAULTS: Final = "token_receipts_tag_faults_total"


class Counters:
    """Counts. Calls from several threads are safe.

    ``undelivered`` are receipts that are in the journal but could not go out with their answer (counted as issued as well).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._outcomes: Counter[Outcome] = Counter()
        self._tag_faults: Counter[tuple[str, str]] = Counter()
        self._undelivered = 0
        self._uncharged = 0

    def __getitem__(self, outcome: Outcome | str) -> int:
        """How many answers came to that."""
        return self._outcomes[Outcome(outcome)]

    @property
    def undelivered(self) -> int:
        """Receipts that no answer carried: of streams in a form that has no room for them."""
        return self._undelivered

    @property
    def uncharged(self) -> int:
        """Receipts without a charge, since the rate card has no price for them, or none that is one number."""
        return self._uncharged

    def count(self, outcome: Outcome) -> None:
        """One more answer came to that."""
        with self._lock:
            self._outcomes[outcome] += 1

    def count_undelivered(self) -> None:
        """One more receipt could not go out with its answer."""
        with self._lock:
            self._undelivered += 1

    def count_uncharged(self) -> None:
        """One more receipt has no charge."""
        with self._lock:
            self._uncharged += 1

    def count_tag_fault(self, tag: str, reason: str) -> None:
        """One more request broke the tagging contract."""
        with self._lock:
            self._tag_faults[tag, reason] += 1

    def outcomes(self) -> dict[str, int]:
        """How many answers came to what, all of them named."""
        with self._lock:
            return {outcome.value: self._outcomes[outcome] for outcome in Outcome}

    def tag_faults(self) -> dict[tuple[str, str], int]:
        """How many requests broke the tagging contract, by tag and reason."""
        with self._lock:
            return dict(self._tag_faults)

    def observe(self, meter: Meter | None = None) -> None:
        """Have a meter of OpenTelemetry read them, under the names ``token_receipts.*``.

        Args:
            meter: default: that of the global provider.

        Raises:
            ImportError: the package ``opentelemetry-api`` is not installed.
        """
        from receipts.emitting.telemetry import observe

        observe(self, meter)

    def prometheus(self, identifiers: Mapping[str, int] | None = None) -> str:
        """All of them in the text format of Prometheus 0.0.4.

        Args:
            identifiers: what became of identifiers of cached prefixes (`receipts.prefixes.IdentifierCounters`).
        """
        lines = _head(_OUTCOMES, "What became of answers that could have a receipt.")
        lines += [f'{_OUTCOMES}{{outcome="{name}"}} {n}' for name, n in self.outcomes().items()]
        lines += _head(_UNDELIVERED, "Receipts that could not go out with their answer.")
        lines.append(f"{_UNDELIVERED} {self.undelivered}")
        lines += _head(_UNCHARGED, "Receipts without a charge, since the rate card has no price.")
        lines.append(f"{_UNCHARGED} {self.uncharged}")
        lines += _head(_TAG_FAULTS, "Requests that broke the tagging contract.")
        lines += [
            f'{_TAG_FAULTS}{{tag="{_escaped(tag)}",reason="{_escaped(reason)}"}} {n}'
            for (tag, reason), n in sorted(self.tag_faults().items())
        ]
        if identifiers:
            lines += _head(_IDENTIFIERS, "Cached prefixes, by whether the receipt names them.")
            lines += [f'{_IDENTIFIERS}{{outcome="{name}"}} {n}' for name, n in identifiers.items()]
        return "\n".join(lines) + "\n"


def _head(name: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} counter"]


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
