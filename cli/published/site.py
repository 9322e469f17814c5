"""Where an issuer publishes: a folder, or an address on the network (spec/publication.md, Files)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

WELL_KNOWN: Final = "/.well-known/token-receipts/"
KEY_FILE, CHECKPOINT, ENTRIES = "issuer.jwks.json", "checkpoint", "entries"
_SMALL: Final = 1 << 20
_LARGE: Final = 1 << 28
"""Bytes: four million entries."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site by its name, and how a file of it is read."""

    name: str
    _read: Callable[[str, int], bytes]

    def checkpoint(self) -> bytes:
        """The newest checkpoint."""
        return self._read(CHECKPOINT, _SMALL)

    def entries(self) -> bytes:
        """The entries of the log."""
        return self._read(ENTRIES, _LARGE)


def is_address(place: str) -> bool:
    """Whether it is a place on the network, and no file."""
    return place.startswith(("https://", "http://"))


def open_site(place: str) -> Site:
    """The site at a folder or an address; nothing is read yet."""
    return Site(place, partial(_fetched if is_address(place) else _from_folder, place))


def key_file(address: str) -> bytes:
    """The key file of an issuer at an address, which is its own or that of a site.

    Raises:
        CliError: it cannot be had.
    """
    if address.endswith(".json"):
        return _fetch(address, _SMALL)
    return _fetched(address, KEY_FILE, _SMALL)


def _fetched(place: str, name: str, limit: int) -> bytes:
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    folder = f"/{path.rstrip('/')}/" if path else WELL_KNOWN
    return _fetch(f"{scheme}://{host}{folder}{name}", limit)


def _fetch(url: str, limit: int) -> bytes:
    from cli.published.fetching import fetch  # not at every start

    return fetch(url, limit)


def _from_folder(place: str, name: str, _limit: int) -> bytes:
    return Path(place, name).read_bytes()
