"""What commands show of a wallet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cli.files import STDIN
from cli.terminal import CliError
from receipts.wallet import WalletError, is_wallet, wallet_calls, wallet_receipts
from verifier import UnverifiedItem, escape, read_item, show_instant

_HINT: Final = "open it with receipts.wallet, which makes it one of this version, or restore it from a copy"  # fmt: skip
_LINE: Final = "{:<20} {:<9} {:>6} {:>8} {:<16} {}"
_REQUEST: Final = 16
"""Columns of a line of 80 that are left for the request id."""
_FAR: Final = 253_402_300_800_000
"""The year 10000, in ms."""


def wallet_among(names: tuple[str, ...]) -> str | None:
    """The wallet that a command names; None: it names batches.

    Raises:
        CliError: it names more than one file, and one of them is a wallet.
        OSError: a file cannot be read.
    """
    found = next((name for name in names if name != STDIN and is_wallet(name)), None)
    if found is not None and len(names) > 1:
        raise CliError(f"{found} is a wallet, which is shown by itself", "name one file at a time")
    return found


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except WalletError as error:
        raise CliError(str(error), _HINT) from None


def lines(path: str, *, as_json: bool) -> Iterator[str]:
    """A wallet's calls, one a line of up to 80 columns, under a line that names them; or each as a JSON object.

    Raises:
        CliError: the wallet cannot be read.
    """
    if not as_json:
        yield _LINE.format("sent", "outcome", "status", "receipts", "model", "request").rstrip()
    with _readable():
        for call in wallet_calls(path):
            yield json.dumps(_document(call)) if as_json else _line(call)


def _line(call: dict[str, Any]) -> str:
    request, model = _text(call["request"]), _text(call["model"] or call["requested_model"])
    outcome = "replay" if call["replay"] else _text(call["outcome"])
    cells = (_time(call["sent"]), escape(outcome, 9), escape(_text(call["status"]), 6), call["receipts"], escape(model, 16), _tail(request))  # fmt: skip
    return _LINE.format(*cells).rstrip()


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _tail(request: str) -> str:
    """Of an id that is too long, its end: all of one provider begin alike."""
    shown = escape(request, 10 * len(request) + 3)
    return shown if len(shown) <= _REQUEST else f"...{shown[3 - _REQUEST :]}"


def _time(sent: Any) -> str:
    """In whole seconds, in UTC."""
    if not isinstance(sent, int) or not 0 <= sent < _FAR:
        return escape(_text(sent), 20)
    instant = show_instant(sent // 1000 * 1000)
    return instant if "T" in instant else f"{instant}T00:00:00Z"


def _document(call: dict[str, Any]) -> dict[str, Any]:
    """A call as JSON-ready data: bytes in hexadecimal, absent fields left out."""
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in call.items() if v is not None}
    usage = call["usage"]
    if isinstance(usage, str):
        try:
            shown["usage"] = json.loads(usage)
        except (ValueError, RecursionError):
            shown["usage"] = usage
    return {**shown, "replay": bool(call["replay"])}


def receipts(path: str) -> Iterator[UnverifiedItem]:
    """A wallet's receipts, in the order in which they came.

    Raises:
        CliError: the wallet cannot be read.
    """
    offset = 0
    with _readable():
        for number, raw in enumerate(wallet_receipts(path)):
            yield read_item(raw, number, offset)
            offset += len(raw)
