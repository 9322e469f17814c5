"""The table of the APIs whose usage can be read, and what is read with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any, Final

from receipts.canonical import CanonicalError, canonical_json
from receipts.errors import UsageError
from receipts.ingest.bodies import joined, split
from receipts.ingest.form import Form
from receipts.ingest.members import Members
from receipts.ingest.providers import API_ALIASES, PROVIDERS, Provider
from receipts.ingest.reading import Reading, Shape
from receipts.request import Source


@dataclass(frozen=True, slots=True)
class Api:
    """An API, under the names that a receipt has for it, and how its usage is read."""

    provider: str
    name: str
    form: Form

    @property
    def shape(self) -> Shape:
        """Whether its input count includes the cache."""
        return self.form.shape


APIS: dict[tuple[str, str], Api] = {
    (provider.name, api): Api(provider.name, api, form)
    for provider in PROVIDERS
    for api, form in provider.apis.items()
}
"""Every API that can be read. A usage object is never read as that of an API that it only resembles."""

Document = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A usage object, a response that holds one, or the list of those of a stream."""

_PROVIDERS: Final[dict[str, Provider]] = {
    name: provider for provider in PROVIDERS for name in (provider.name, *provider.aliases)
}


def find(provider: str, api: str, shape: str | None = None) -> Api:
    """The API of that name.

    Args:
        provider: its name, or another one by which it is known.
        api: the same.
        shape: for a host that is not known, the provider whose shape it has taken over.

    Raises:
        UsageError: there is none, or the provider is known and needs no shape.
    """
    api = API_ALIASES.get(api, api)
    known = _PROVIDERS.get(provider)
    if shape is None:
        if known is None:
            near = _near(provider, _PROVIDERS) or "; if it has taken over the API of another one, say its shape"  # fmt: skip
            raise UsageError("provider", f"there is no provider {provider!r}{near}")
        return _api(known, known.name, api)
    if known is not None and is_known(provider, api):
        raise UsageError("shape", f"{known.name} {api} is read in a way of its own, without a shape")  # fmt: skip
    if shape not in _PROVIDERS:
        raise UsageError("shape", f"there is no shape {shape!r}{_near(shape, _PROVIDERS)}")
    return _api(_PROVIDERS[shape], known.name if known else provider, api)


def canonical(provider: str) -> str:
    """What a receipt calls a provider. One that is not known keeps its name."""
    known = _PROVIDERS.get(provider)
    return provider if known is None else known.name


def is_known(provider: str, api: str) -> bool:
    """Whether there is such an API, without a shape."""
    known = _PROVIDERS.get(provider)
    return known is not None and API_ALIASES.get(api, api) in known.apis


def read_usage(provider: str, api: str, usage: Document, *, shape: str | None = None) -> Reading:
    """What a usage object says, or a response that holds one; of a stream, the list of them.

    Raises:
        UsageError: the API is not known (`find`), or the object does not say what a receipt needs.
    """
    known = find(provider, api, shape)
    return _read(known, *_split(known, usage))


def take_usage(
    provider: str, api: str, usage: Document, *, shape: str | None = None
) -> tuple[Reading, Source]:
    """The same, and what a receipt says of where the counts come from.

    Raises:
        UsageError: as `read_usage`, or the object has no hash (`usage_hash`).
    """
    known = find(provider, api, shape)
    return _taken(known, *_split(known, usage))


def take_parts(
    provider: str,
    api: str,
    usage: Mapping[str, Any],
    beside: Mapping[str, Any],
    *,
    shape: str | None = None,
) -> tuple[Reading, Source]:
    """The same of an answer that was read along: its final usage object, and what else of it bills (`part_of`).

    Raises:
        UsageError: as `take_usage`.
    """
    return _taken(find(provider, api, shape), usage, beside)


def _taken(api: Api, usage: Mapping[str, Any], beside: Mapping[str, Any]) -> tuple[Reading, Source]:
    reading = _read(api, usage, beside)
    source = Source(api.provider, api.name, usage_hash(usage), reading.tier, terms=reading.terms)
    return reading, source


def usage_hash(usage: Mapping[str, Any]) -> bytes:
    """SHA-256 of a usage object in the form of RFC 8785, by which a customer can find its own copy.

    Raises:
        UsageError: the object has no such form: a number is not finite, or is an integer beyond 2^53; or it is nested too deeply.
    """
    try:
        return sha256(canonical_json(dict(usage))).digest()
    except CanonicalError as error:
        raise UsageError("usage", f"cannot be canonicalised (RFC 8785): {error}") from None


def _split(api: Api, document: Document) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The usage object, and what bills beside it."""
    if isinstance(document, Mapping):
        return split(document)
    if document and isinstance(document, list | tuple) and all(isinstance(one, Mapping) for one in document):  # fmt: skip
        return joined(document, last=api.form.last)
    raise UsageError("usage", f"expected an object, found {document!r:.40}")


def _read(api: Api, usage: Mapping[str, Any], beside: Mapping[str, Any]) -> Reading:
    return api.form.read(Members(usage, api.form.lists, beside))


def _api(provider: Provider, name: str, api: str) -> Api:
    form = provider.apis.get(api)
    if form is None:
        raise UsageError("api", f"{provider.name} has no api {api!r}{_near(api, provider.apis)}")
    return Api(name, api, form)


def _near(name: str, known: Iterable[str]) -> str:
    """Which of the known names is meant, if one is like it."""
    low = name.lower()
    close = get_close_matches(low, known, n=1, cutoff=0.7) or [one for one in known if len(low) > 2 and low in one]  # fmt: skip
    return f": did you mean {close[0]}?" if close else ""
