"""The counters as OpenTelemetry metrics. Needs the package ``opentelemetry-api``; without an SDK nothing is exported."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from receipts.emitting.counters import Counters


def observe(counters: Counters, meter: Meter | None = None) -> None:
    """Have a meter read the counters: ``token_receipts.answers`` by outcome, ``.undelivered``, ``.tag_faults`` by tag and reason.

    Args:
        counters: what is read.
        meter: default: that of the global provider.
    """
    meter = meter or get_meter("token_receipts")

    def answers(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, {"outcome": name}) for name, n in counters.outcomes().items()]

    def undelivered(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(counters.undelivered)]

    def tag_faults(_: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(n, {"tag": tag, "reason": reason})
            for (tag, reason), n in counters.tag_faults().items()
        ]

    for name, callback, unit in (
        ("token_receipts.answers", answers, "{answer}"),
        ("token_receipts.undelivered", undelivered, "{receipt}"),
        ("token_receipts.tag_faults", tag_faults, "{request}"),
    ):
        meter.create_observable_counter(name, [callback], unit=unit)
