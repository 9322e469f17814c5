"""A wallet as lines of usage: what ``receipt issue --wallet`` signs as an observer, and what it leaves out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cli.batches import items, kept
from cli.files import read_bytes
from cli.terminal import CliError
from cli.usage import Entry, Reject, message
from receipts import Cache, CacheEntry, KeyFileError
from receipts.cache_id import CacheKey
from receipts.journal import is_journal
from receipts.observing import (
    Observation,
    Places,
    Prefixes,
    check_call,
    first_answers,
    is_one_pass,
    left_out,
    observe,
    token_prefixes,
)
from receipts.prefixes import MarkedPrefixes, is_billed_by_marks
from receipts.wallet import WalletError, is_wallet, sent_prefixes, wallet_calls, wallet_prefixes
from verifier import CacheEntry as KnownEntry
from verifier import Prompt, Receipt, RecordError, read_prompts


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose calls they are: what the call says, or else by its credential, or else the default."""

    default: str | None
    by_credential: Mapping[bytes, str]

    def of(self, call: Mapping[str, Any]) -> str:
        """The account of a call.

        Raises:
            ValueError: nothing says it.
        """
        found = call["account"] or self.by_credential.get(call["credential"], self.default)
        if found is None:
            raise ValueError("account: whose call it is, neither the call says nor --account")
        return str(found)


@dataclass(slots=True)
class Seen:
    """A wallet's calls: those of which a receipt can be issued, or not, as lines; and how many are left out, by the reason."""

    lines: list[Entry | Reject] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Identifiers:
    """What identifiers can be computed from: the wallet's own, or the customer's prompts with the account's cache key."""

    lengths: Prefixes
    noted: Mapping[int, MarkedPrefixes]
    key: CacheKey | None = None
    prompts: Mapping[str, Prompt] = field(default_factory=dict)

    def of(self, number: int, account: str, seen: Observation) -> Cache | None:
        """What the receipt of a call says of its prefixes."""
        prompt = self.prompts.get(seen.request)
        if not is_one_pass(seen.usage, seen.counts) or (self._is_other(account) and prompt):
            return None
        if self.key is not None and prompt is not None and prompt.tokens is not None:
            key = self.key.for_time(seen.time)
            return token_prefixes(prompt.tokens, seen.model, seen.counts, key)
        sent = self._sent(number, account, seen, prompt)
        return (
            None
            if sent is None or not is_billed_by_marks(seen.source)
            else self.lengths.of(sent, seen.counts)
        )

    def _is_other(self, account: str) -> bool:
        return self.key is not None and self.key.account != account

    def _sent(
        self, number: int, account: str, seen: Observation, prompt: Prompt | None
    ) -> MarkedPrefixes | None:
        if self.key is not None and prompt is not None and prompt.body is not None:
            return sent_prefixes(prompt.body, seen.model, seen.time, self.key)
        noted = self.noted.get(number)
        return noted if noted is not None and noted.is_for(account, seen.model, seen.time) else None


def read_wallet(path: str, places: Places, accounts: Accounts, identifiers: Identifiers) -> Seen:
    """The calls of a wallet.

    Raises:
        CliError: it is none, or cannot be read.
        OSError: the same.
    """
    seen = Seen()
    try:
        if not Path(path).exists():
            raise CliError(f"{path} is not there", "a wallet is what receipts.wallet writes")
        if not is_wallet(path):
            raise CliError(f"{path} is not a wallet", "a wallet is what receipts.wallet writes")
        calls = list(wallet_calls(path))
    except WalletError as error:
        raise CliError(str(error), "restore it from a copy") from None
    first = first_answers(calls)
    for call in calls:
        line = _line(call, first, places, accounts, identifiers)
        if isinstance(line, str):
            seen.left_out[line] += 1
        else:
            seen.lines.append(line)
    return seen


def _line(
    call: Mapping[str, Any],
    first: frozenset[str],
    places: Places,
    accounts: Accounts,
    identifiers: Identifiers,
) -> Entry | Reject | str:
    """A call as a line, or why it is left out."""
    number = call["number"]
    raw = json.dumps(_plain(call)).encode()
    try:
        check_call(call)
        reason = left_out(call, first)
        if reason is not None:
            return reason
        seen, account = observe(call, places), accounts.of(call)
        cache = identifiers.of(number, account, seen)
        return _entry(number, raw, account, seen, cache)
    except (ValueError, RecursionError) as error:
        return Reject(number, raw, message(error))


def _entry(number: int, raw: bytes, account: str, seen: Observation, cache: Cache | None) -> Entry:
    return Entry(
        number, raw, seen.request, seen.model, seen.time, seen.counts, seen.source, account, None, None, seen.client, cache,
        seen.shape, seen.models, seen.unread,
    )  # fmt: skip


def _plain(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call as JSON-ready data."""
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in call.items() if v is not None}


def observed(line: Entry | Reject) -> Entry | Reject:
    """A line of usage that was observed, and not billed, by who signs."""
    return replace(line, source=replace(line.source, observed=True)) if isinstance(line, Entry) else line  # fmt: skip


def identifiers(
    wallet: str, key: str | None, prompts: tuple[str, ...], journal: str | None
) -> Identifiers:
    """What identifiers can be computed from.

    Args:
        wallet: the wallet.
        key: the file of the account's cache key.
        prompts: files of the customer's prompts.
        journal: where earlier receipts are, whose identifiers keep their lengths.

    Raises:
        CliError: a file is not what it has to be.
        OSError: a file cannot be read.
    """
    try:
        noted = wallet_prefixes(wallet) if is_wallet(wallet) else {}
        own = None if key is None else CacheKey.from_json(read_bytes(key))
        sent = {prompt.request: prompt for name in prompts for prompt in read_prompts(name)}
    except WalletError as error:
        raise CliError(str(error), "restore it from a copy") from None
    except KeyFileError as error:
        raise CliError(f"{key}: {error}", "make one with receipt keygen --new-cache-key") from None
    except RecordError as error:
        raise CliError(str(error), "a prompt has request, and tokens or body") from None
    lengths = Prefixes()
    if journal is not None and (noted or sent) and is_journal(journal):
        _learn(lengths, journal)
    return Identifiers(lengths, noted, own, sent)


def _learn(lengths: Prefixes, journal: str) -> None:
    for item in items(kept((journal,))):
        said = item.claims
        if isinstance(said, Receipt):
            for entry in (said.cache_read, *said.cache_writes, *said.commitments):
                if entry is not None:
                    lengths.know(said.account, said.model, _known(entry))


def _known(entry: KnownEntry) -> CacheEntry:
    return CacheEntry(entry.recipe, entry.id, entry.prefix)
