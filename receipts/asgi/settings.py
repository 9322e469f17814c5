"""The middleware's settings from the environment, for servers that take the name of a class and nothing else.

| | |
|---|---|
| ``RECEIPT_KEYS`` | the folder of `receipt keygen`, whose keys sign each in its time |
| ``RECEIPT_KEY_PASSPHRASE`` | that of the key, if it has one |
| ``RECEIPT_JOURNAL`` | where receipts are issued: a file, or ``postgresql://...`` |
| ``RECEIPT_ACCOUNT`` | who is billed, if it is one account; or |
| ``RECEIPT_ACCOUNT_HEADER`` | the header in which a trusted proxy says it; or |
| ``RECEIPT_KEY_TABLE`` | the file with the hashes of the API keys, and whose they are |
| ``RECEIPT_CARD`` | the signed rate card that receipts are charged by |
| ``RECEIPT_TAGS`` | the file with the tagging contract |
| ``RECEIPT_CACHE_KEYS`` | the folder with the accounts' cache keys: receipts say which prefixes were cached |
| ``RECEIPT_VLLM_BLOCK_SIZE``, ``RECEIPT_VLLM_SEED`` | of the vLLM behind (its ``--block-size``, its ``PYTHONHASHSEED``): what was read is named by its own hashes |
| ``RECEIPT_VLLM_EVENTS`` | where that vLLM publishes the events of its cache (``tcp://127.0.0.1:5557``), several with commas |
| ``RECEIPT_PROVIDER`` | whose API it is, for instance vllm; default: as the path says |
| ``RECEIPT_INCLUDE_USAGE``, ``RECEIPT_REQUIRED`` | ``1``: the options of that name of `ReceiptMiddleware` |
| ``RECEIPT_METRICS`` | the path at which the counters are given |
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from receipts.callers import KeyTable, TagContract, trusted_header
from receipts.emitting import Account, Emitter, OriginOf
from receipts.journal import Journal
from receipts.key_folder import KeyFolder
from receipts.prefixes import NONE_HASH, Identifiers, KvEvents, Vllm, read_cache_keys
from receipts.ratecard import RateCard, read_card


class SettingError(ValueError):
    """A setting is missing, or says nothing that is known."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the middleware does besides issuing (`ReceiptMiddleware`)."""

    include_usage: bool = False
    required: bool = False
    metrics: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """As the environment says. What is not understood asks for receipts rather than not."""
        return cls(
            include_usage=_is_on("RECEIPT_INCLUDE_USAGE"),
            required=_is_on("RECEIPT_REQUIRED"),
            metrics=_get("RECEIPT_METRICS"),
        )


def emitter_from_environment(
    account: Account | None = None, origin: OriginOf | None = None
) -> Emitter:
    """Open the journal that the environment names.

    Args:
        account: who is billed; None: as the environment says, which says nothing of it otherwise.
        origin: what is known of an answer besides what it says.

    Raises:
        SettingError: a setting is missing, or what it names cannot be used.
        JournalError: the journal cannot be opened.
        OSError: a file cannot be read.
    """
    place, billed, contract = _required("RECEIPT_JOURNAL"), _account(account), _get("RECEIPT_TAGS")
    passphrase = _get("RECEIPT_KEY_PASSPHRASE")
    with _named("RECEIPT_KEYS"):
        folder = KeyFolder(_required("RECEIPT_KEYS"), passphrase.encode() if passphrase else None)
    with _named("RECEIPT_TAGS"):
        tags = TagContract.from_file(contract) if contract else None
    card = _card()
    with ExitStack() as opened:
        identifiers = _identifiers(opened)
        journal = Journal(place, folder.issuer, folder)  # the last thing that can fail
        opened.pop_all()
    return Emitter(
        journal, billed, provider=_get("RECEIPT_PROVIDER"), tags=tags, identifiers=identifiers, origin=origin, card=card,
    )  # fmt: skip


def _card() -> RateCard | None:
    path = _get("RECEIPT_CARD")
    with _named("RECEIPT_CARD"):
        return read_card(Path(path).read_bytes()) if path else None


def _identifiers(opened: ExitStack) -> Identifiers | None:
    folder, size = _get("RECEIPT_CACHE_KEYS"), _get("RECEIPT_VLLM_BLOCK_SIZE")
    _check_needs("RECEIPT_VLLM_BLOCK_SIZE", "RECEIPT_CACHE_KEYS")
    for name in ("RECEIPT_VLLM_SEED", "RECEIPT_VLLM_EVENTS"):
        _check_needs(name, "RECEIPT_VLLM_BLOCK_SIZE")
    if folder is None:
        return None
    with _named("RECEIPT_CACHE_KEYS"):
        keys = read_cache_keys(folder)
    return Identifiers(keys, vllm=None if size is None else _vllm(size, opened))


def _vllm(size: str, opened: ExitStack) -> Vllm:
    """The engine behind."""
    endpoints, events = _get("RECEIPT_VLLM_EVENTS"), None
    if endpoints is not None:
        with _named("RECEIPT_VLLM_EVENTS"):
            events = opened.enter_context(KvEvents(endpoints.split(",")))
    with _named("RECEIPT_VLLM_BLOCK_SIZE"):
        return Vllm(int(size), _get("RECEIPT_VLLM_SEED") or NONE_HASH, events)


def _account(known: Account | None) -> Account:
    names = ("RECEIPT_ACCOUNT", "RECEIPT_ACCOUNT_HEADER", "RECEIPT_KEY_TABLE")
    given = [(name, value) for name in names if (value := _get(name))]
    if known is not None:
        if given:
            raise SettingError(f"{given[0][0]}: expected not to be set, since the server says who is billed")  # fmt: skip
        return known
    if len(given) != 1:
        found = " and ".join(name for name, _ in given) or "none"
        raise SettingError(f"expected one of {', '.join(names)}, found {found}: see receipts.asgi.settings")  # fmt: skip
    name, value = given[0]
    with _named(name):
        if name == "RECEIPT_KEY_TABLE":
            return KeyTable.from_file(value).find
        return trusted_header(value) if name == "RECEIPT_ACCOUNT_HEADER" else value


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What is wrong with what a setting names, with its name."""
    try:
        yield
    except (ValueError, ImportError) as error:
        known = isinstance(error, SettingError)
        raise error if known else SettingError(f"{name}: {error}") from None


def _check_needs(name: str, other: str) -> None:
    """A setting that says nothing without another one is a mistake."""
    if _get(name) is not None and _get(other) is None:
        raise SettingError(f"{name}: expected {other} to be set as well")


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "no", "false", "off")


def _get(name: str) -> str | None:
    return os.environ.get(name) or None


def _required(name: str) -> str:
    value = _get(name)
    if value is None:
        raise SettingError(f"{name} is not set: see receipts.asgi.settings")
    return value
