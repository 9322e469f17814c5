"""The middleware's settings from the environment, for servers that take the name of a class and nothing else.

| | |
|---|---|
| ``RECEIPT_KEYS`` | the folder of `receipt keygen`, whose keys sign each in its time |
| ``RECEIPT_KEY_PASSPHRASE`` | that of the key, if it has one |
| ``RECEIPT_JOURNAL`` | where receipts are issued: a file, or ``postgresql://...`` |
| ``RECEIPT_ACCOUNT`` | who is billed, if it is one account; or |
| ``RECEIPT_ACCOUNT_HEADER`` | the header in which a trusted proxy says it; or |
| ``RECEIPT_KEY_TABLE`` | the file with the hashes of the API keys, and whose they are |
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
from dataclasses import dataclass
from typing import Self

from receipts.callers import KeyTable, TagContract, trusted_header
from receipts.emitting import Account, Emitter, OriginOf
from receipts.journal import Journal
from receipts.key_folder import KeyFolder
from receipts.prefixes import Identifiers, KvEvents, Vllm, read_cache_keys


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
            metrics=os.environ.get("RECEIPT_METRICS") or None,
        )


def emitter_from_environment(
    account: Account | None = None, origin: OriginOf | None = None
) -> Emitter:
    """Open the journal that the environment names.

    Args:
        account: who is billed; None: as the environment says, which says nothing of it otherwise.
        origin: what is known of an answer besides what it says.

    Raises:
        SettingError: a setting is missing.
        TomlFileError: the key table or the tagging contract is wrong.
        KeyFileError: the key cannot be used.
        JournalError: the journal cannot be opened.
        OSError: a file cannot be read.
    """
    keys, place = _required("RECEIPT_KEYS"), _required("RECEIPT_JOURNAL")
    billed = _account(account)
    passphrase = os.environ.get("RECEIPT_KEY_PASSPHRASE")
    folder = KeyFolder(keys, passphrase.encode() if passphrase else None)
    contract, cache_keys = os.environ.get("RECEIPT_TAGS"), os.environ.get("RECEIPT_CACHE_KEYS")
    return Emitter(
        Journal(place, folder.issuer, folder),
        billed,
        provider=os.environ.get("RECEIPT_PROVIDER") or None,
        tags=TagContract.from_file(contract) if contract else None,
        identifiers=Identifiers(read_cache_keys(cache_keys), vllm=_vllm()) if cache_keys else None,
        origin=origin,
    )


def _vllm() -> Vllm | None:
    """The engine behind."""
    size, events = os.environ.get("RECEIPT_VLLM_BLOCK_SIZE"), os.environ.get("RECEIPT_VLLM_EVENTS")
    if not size:
        return None
    if not size.isdecimal():
        raise SettingError(f"RECEIPT_VLLM_BLOCK_SIZE: expected a number of tokens, found {size!r}")
    seed = os.environ.get("RECEIPT_VLLM_SEED") or "vllm-none-hash"
    return Vllm(int(size), seed, KvEvents(events.split(",")) if events else None)


def _account(known: Account | None) -> Account:
    names = ("RECEIPT_ACCOUNT", "RECEIPT_ACCOUNT_HEADER", "RECEIPT_KEY_TABLE")
    given = [(name, value) for name in names if (value := os.environ.get(name))]
    if known is not None:
        if given:
            raise SettingError(f"{given[0][0]}: expected not to be set, since the server says who is billed")  # fmt: skip
        return known
    if len(given) != 1:
        found = " and ".join(name for name, _ in given) or "none"
        raise SettingError(f"expected one of {', '.join(names)}, found {found}: see receipts.asgi.settings")  # fmt: skip
    name, value = given[0]
    if name == "RECEIPT_KEY_TABLE":
        return KeyTable.from_file(value).find
    return trusted_header(value) if name == "RECEIPT_ACCOUNT_HEADER" else value


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "no", "false", "off")


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingError(f"{name} is not set: see receipts.asgi.settings")
    return value
