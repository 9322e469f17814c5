"""The customer's own side of a disputed receipt: its lines of the record, what came with the response, its prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cli import batches
from receipts.wallet import is_wallet, wallet_calls, wallet_receipts, wallet_receipts_by_call
from verifier import Call, Finding, Receipt, Record, log_rows, read_calls, read_item

_UNSHARED: Final = frozenset({"number", "credential", "receipts"})
"""What a wallet knows of a call, and nobody else needs."""


class Received(NamedTuple):
    """A receipt that came with a response: its bytes, and its claims."""

    raw: bytes
    claims: Receipt


class OwnSide:
    """The record of a customer, read as often as is needed.

    Args:
        record: its files; None: there are none.
    """

    def __init__(self, record: Record | None) -> None:
        self._record = record or Record()

    def received(self, finding: Finding) -> list[Received]:
        """The receipts that came with responses and that a finding is about."""
        place = finding.issuer, finding.account, finding.stream, finding.sequence
        found = (Received(raw, claims) for raw in self._received() if isinstance(claims := read_item(raw).claims, Receipt))  # fmt: skip
        here = {
            one.raw: one
            for one in found
            if (one.claims.issuer, one.claims.account, one.claims.stream, one.claims.sequence)
            == place
        }
        return list(here.values())

    def _received(self) -> Iterator[bytes]:
        for path in dict.fromkeys((*self._record.requests, *self._record.received)):
            if is_wallet(path):
                yield from wallet_receipts(path)
            elif path in self._record.requests:
                yield from (raw for _, call in read_calls(path, set()) for raw in call.receipts)
            else:
                yield from (item.raw for item in batches.items(batches.files((path,))))

    def lines(self, requests: set[str], clients: set[bytes], came: set[bytes]) -> list[bytes]:
        """The calls of some receipts, as lines of a log (spec/record.md).

        Args:
            requests: their request ids.
            clients: the commitments that they echo.
            came: those of them that came with responses, byte for byte.

        Raises:
            WalletError: a wallet cannot be read.
        """
        found = []
        for path in dict.fromkeys(
            (*self._record.requests, *filter(is_wallet, self._record.received))
        ):
            carriers = _carriers(path, came) if is_wallet(path) else set()
            calls = {
                number: call
                for number, call in read_calls(path, set())
                if call.request in requests or call.commitment in clients or number in carriers or came & {*call.receipts}
            }  # fmt: skip
            if calls:
                found += _of_wallet(path, calls) if is_wallet(path) else _of_log(path, calls)
        return [json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in found]

    def prompts(self, request: str) -> list[bytes]:
        """The prompts of a request, as they stand in their files."""
        found = []
        for path in self._record.prompts:
            for _, row in log_rows(path):
                if row.get("request") == request:
                    found.append(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        return found


def _of_log(path: str, calls: Mapping[int, Call]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name != "credential"}
        for number, (_, row) in enumerate(log_rows(path))
        if number in calls
    ]


def _of_wallet(path: str, calls: Mapping[int, Call]) -> list[dict[str, Any]]:
    rows = {row["number"]: row for row in wallet_calls(path) if row["number"] in calls}
    came = _came_with(path, calls)
    return [_line(rows[number], call, came.get(number, [])) for number, call in calls.items()]


def _carriers(path: str, came: set[bytes]) -> set[int]:
    """The calls of a wallet with which some receipts came."""
    return {number for number, raw in wallet_receipts_by_call(path) if raw in came}


def _came_with(path: str, calls: Mapping[int, Call]) -> dict[int, list[str]]:
    """The receipts that came with calls, in hexadecimal."""
    found: dict[int, list[str]] = {}
    for number, raw in wallet_receipts_by_call(path):
        if number in calls:
            found.setdefault(number, []).append(raw.hex())
    return found


def _line(row: Mapping[str, Any], call: Call, came: Sequence[str]) -> dict[str, Any]:
    """A line of a wallet as one of a log, with what a log does not follow from the usage (spec/record.md, A call)."""
    line = {name: _plain(name, value) for name, value in row.items() if name not in _UNSHARED}
    line |= {
        "outcome": call.outcome,
        "replay": bool(row["replay"]),
        "units": call.usage.units or None,
    }
    line |= {"usage_sha256": call.usage.digest.hex() if call.usage.digest else None}
    line |= {"receipts": list(came) or None}
    return {name: value for name, value in line.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it: bytes in hexadecimal, none where there are none."""
    if isinstance(value, bytes):
        return value.hex() or None
    return _document(value) if name in ("usage", "tools") and value is not None else value


def _document(text: str) -> Any:
    """What a provider wrote; what is no JSON says nothing, as the verifier has it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
