"""Cache policies: what a provider has published about its cache, as data (attribution/cache/policies)."""

from __future__ import annotations

from enum import StrEnum
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Count = Annotated[int, Field(strict=True, ge=0)]


class Strength(StrEnum):
    """What a policy is good for against the provider."""

    PROMISED = "promised"
    """A credit that is missing is due."""
    BEST_EFFORT = "best-effort"
    """It was to be expected, no more."""
    NONE = "none"
    """Nothing is promised."""


class PolicyError(ValueError):
    """A policy file cannot be used."""


class CachePolicy(BaseModel):
    """A published cache policy. Lengths in tokens, times in s, prices in thousandths of the plain input price."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    provider: str
    """As in the receipts' source."""
    source: str
    """The page that says so."""
    as_of: str
    """When it said so."""
    strength: Strength
    marked: bool
    """Whether only prefixes that the request marks are written; else all are."""
    minimum: Count
    """The shortest prefix that is cached, for models that are not listed."""
    minimum_by_model: dict[str, Count]
    """By the beginning of the model's name."""
    step: Annotated[int, Field(strict=True, ge=1)]
    """Beyond the minimum, prefixes are cached in steps of so many tokens."""
    ttl_s: Count | None
    """How long an entry is kept at least; None: not published."""
    renewed_by_read: bool
    read_permille: Count
    write_permille: Count
    write_permille_by_model: dict[str, Count]
    note: str = ""

    def minimum_of(self, model: str) -> int:
        """The shortest prefix that is cached of a model."""
        return _by_model(self.minimum_by_model, model, self.minimum)

    def write_price(self, model: str) -> int:
        """What a written token costs, in thousandths of a plain one."""
        return _by_model(self.write_permille_by_model, model, self.write_permille)

    def creditable(self, model: str, length: int) -> int:
        """How much of a shared prefix of this length would be read from the cache."""
        minimum = self.minimum_of(model)
        return 0 if length < minimum else minimum + (length - minimum) // self.step * self.step


def _by_model(values: dict[str, int], model: str, otherwise: int) -> int:
    listed = [name for name in values if model.startswith(name)]
    return values[max(listed, key=len)] if listed else otherwise


def shipped() -> dict[str, CachePolicy]:
    """The policies that come with the package, by name."""
    folder = resources.files("attribution").joinpath("cache/policies")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    policies = [read_policy(file.read_bytes()) for file in files if file.name.endswith(".json")]
    return {policy.name: policy for policy in policies}


def read_policy(data: bytes) -> CachePolicy:
    """A policy file.

    Raises:
        PolicyError: it is none.
    """
    try:
        return CachePolicy.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "policy"
        raise PolicyError(f"{field}: {first['msg']}") from None


class Policies:
    """Which policy holds for a request: that of its provider, and for writes of one hour the one with that lifetime."""

    def __init__(self, policies: list[CachePolicy]) -> None:
        self._by_provider: dict[str, list[CachePolicy]] = {}
        for policy in policies:
            self._by_provider.setdefault(policy.provider.lower(), []).append(policy)

    def of(self, provider: str, ttl_s: int | None = None) -> CachePolicy | None:
        """The policy of a provider; of several the one with this lifetime, or else the one with the shortest."""
        known = self._by_provider.get(provider.lower(), [])
        exact = [policy for policy in known if policy.ttl_s == ttl_s]
        return min(exact or known, key=lambda policy: policy.ttl_s or 0, default=None)
