"""What selects the price besides model, time and size: the service tier, and the terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from receipts.ingest.expressions import names
from receipts.ingest.members import Members

if TYPE_CHECKING:
    from receipts.ingest.form import Form

_TIERS: Final = (
    "service_tier",
    "serviceTier",
    "serviceTier.type",
    "response.service_tier",
    "response.serviceTier",
    "response.serviceTier.type",
)
_TRAFFIC: Final = "trafficType"
_TRAFFIC_TYPES: Final = {1: "ON_DEMAND", 2: "PROVISIONED_THROUGHPUT"}
"""Vertex AI's enumeration TrafficType, where it comes as a number."""
_PROCESSING: Final = {
    "batch": "batch",
    "flex": "flex",
    "on_demand_flex": "flex",
    "priority": "priority",
    "on_demand_priority": "priority",
    "provisioned_throughput": "provisioned_throughput",
}
"""The tiers that are not plain, and how they process a request."""
_PLAIN: Final = ("standard", "default", "auto", "global", "not_available", "unknown")
"""What is no term: the usual price, and no place."""


def tier(members: Members) -> str | None:
    """The service tier, wherever it stands; of Vertex AI, the traffic type."""
    return members.text(_TIERS) or _traffic(members)


def terms(form: Form, members: Members, tier: str | None) -> dict[str, str]:
    """The terms that the object states, or that the API implies."""
    stated = {name: members.text(names(where)) for name, where in form.terms.items()}
    selected = {name: term for name, term in stated.items() if term and term.lower() not in _PLAIN}
    for word in (form.processing, tier, _traffic(members)):
        processing = _PROCESSING.get((word or "").lower())
        if processing is not None:
            return {"processing": processing, **selected}
    return selected


def _traffic(members: Members) -> str | None:
    if members.peek(_TRAFFIC) is None:
        return None
    return members.text((_TRAFFIC,)) or members.word(_TRAFFIC, _TRAFFIC_TYPES)
