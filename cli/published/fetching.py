"""One file over TLS, from the host that was named and no other, of a size and in a time that are bounded."""

from __future__ import annotations

import ssl
import time
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from cli.terminal import CliError

_SILENCE: Final = 10
"""Seconds without a byte."""
_WHOLE: Final = 120
"""Seconds for all of it."""
_BLOCK: Final = 1 << 16


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        """Follow none: where it leads is told as an error."""


def fetch(url: str, limit: int) -> bytes:
    """The file at an address.

    Args:
        url: begins with ``https://``.
        limit: the most bytes that it may have.

    Raises:
        CliError: it cannot be had so.
    """
    if not url.startswith("https://"):
        raise CliError(f"{url}: not asked without TLS", "name an address that begins with https://")
    try:
        with _opener().open(Request(url), timeout=_SILENCE) as answer:  # noqa: S310  # https, see above
            return _body(url, answer, limit)
    except HTTPError as error:
        if leads_to := error.headers.get("Location"):
            hint = "nothing else is asked than what was named: name that, if it is the issuer's"
            raise CliError(f"{url}: it leads to {leads_to}", hint) from None
        raise CliError(f"{url}: the server says {error.code}", "is the address right?") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise CliError(f"{url}: {reason}", "is the address right, and the network there?") from None


def _opener() -> OpenerDirector:
    return build_opener(_NoRedirect, HTTPSHandler(context=ssl.create_default_context()))


def _body(url: str, answer: HTTPResponse | Any, limit: int) -> bytes:
    until, data = time.monotonic() + _WHOLE, bytearray()
    while block := answer.read1(_BLOCK):
        data += block
        if len(data) > limit:
            raise CliError(f"{url}: more than {limit:,} bytes", "is the address right?")
        if time.monotonic() > until:
            raise CliError(f"{url}: not done in {_WHOLE} seconds", "try it again")
    expected = answer.headers.get("Content-Length")
    if expected is not None and int(expected) != len(data):
        raise CliError(f"{url}: expected {expected} bytes, found {len(data)}", "try it again")
    return bytes(data)
