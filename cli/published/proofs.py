"""Proofs that a statement is in a log (c2sp.org/tlog-proof), as an account gets them (spec/publication.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cli.published.entries import BLIND_SIZE, NUMBER_SIZE
from cli.published.notes import (
    HASH_SIZE,
    Checkpoint,
    MalformedError,
    base64,
    number,
    read_checkpoint,
)

_FIRST: Final = "c2sp.org/tlog-proof@v1\n"
_MOST_HASHES: Final = 64


@dataclass(frozen=True, slots=True)
class LogProof:
    """A proof that was read, and not checked: for which statement, and what leads to which checkpoint."""

    blind: bytes
    number: int
    account: str
    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint


def read_proof(data: bytes) -> LogProof:
    """The proof in a file.

    Raises:
        MalformedError: it is none.
    """
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8") from None
    if not blank or not text.startswith(_FIRST):
        raise MalformedError(f"it does not begin with {_FIRST.strip()}, or has no checkpoint")
    lines = text.removeprefix(_FIRST).split("\n")
    if len(lines) < 2:  # extra and index
        raise MalformedError("no extra data and index")
    extra = base64(_after("extra ", lines[0]))
    index = number(_after("index ", lines[1]))
    blind, rest = extra[:BLIND_SIZE], extra[BLIND_SIZE:]
    account = _account(rest[NUMBER_SIZE:])
    path = tuple(_hash(line) for line in lines[2:])
    if len(path) > _MOST_HASHES:
        raise MalformedError(f"{len(path)} hashes")
    place = int.from_bytes(rest[:NUMBER_SIZE], "big")
    return LogProof(blind, place, account, index, path, read_checkpoint(checkpoint))


def _after(word: str, line: str) -> str:
    if not line.startswith(word):
        raise MalformedError(f"expected {word.strip()}, found {line[:80]!r}")
    return line.removeprefix(word)


def _account(raw: bytes) -> str:
    try:
        account = raw.decode()
    except UnicodeDecodeError:
        account = ""
    if not account:
        raise MalformedError("extra names no account")
    return account


def _hash(line: str) -> bytes:
    value = base64(line)
    if len(value) != HASH_SIZE:
        raise MalformedError(f"a hash of {len(value)} bytes")
    return value
