"""One verification, from the files and options that a command names to its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import click

from cli import batches, ratecards
from cli.files import inputs, read_bytes, total_size
from cli.memory import remembered_files
from cli.mistaken import refuse_other_objects
from cli.parquet import readable_logs
from cli.terminal import CliError, progress
from cli.trust_store import TrustStore
from verifier import (
    DamagedMemoryError,
    Input,
    Known,
    NoStatementError,
    Policy,
    Record,
    RecordError,
    Report,
    WrongKeyError,
    bound,
    statements_in,
    verify,
)

_ALIASES_HINT: Final = 'like this: {"fast": "claude-haiku-4-5"}'
_KEY_HINT: Final = (
    "--cache-key takes the key of the account that the batch is for, or its key of one month"
)
_RECORD_HINT: Final = (
    "a request has request, time, model and optional counts; see receipt verify --help"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verification is given, as ``receipt verify`` names it: files by name, ``margin`` in s."""

    batch: tuple[str, ...]
    keys: tuple[str, ...] = ()
    period: tuple[int, int] | None = None
    account: str | None = None
    previous: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    received: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    cache_key: str | None = None
    cards: tuple[str, ...] = ()
    margin: int = 300
    aliases: str | None = None
    require_cache_id: bool = False
    observer: tuple[str, ...] = ()
    signatures: str = "every"
    jobs: int = 1
    no_remember: bool = False
    memory: tuple[str, ...] = ()
    """Remembered statements, as files: of a verification that is done again."""
    alone: bool = False
    """Whether nothing is taken from the trust store."""

    @property
    def bound(self) -> list[Input]:
        """The files besides the batch, each with its size and SHA-256.

        Raises:
            OSError: one cannot be read.
        """
        files: dict[str, tuple[str | None, ...]] = {
            "keys": self.keys, "previous": self.previous, "memory": self.memory, "card": self.cards, "requests": self.requests,
            "received": self.received, "prompts": self.prompts, "cache-key": (self.cache_key,), "aliases": (self.aliases,),
        }  # fmt: skip
        given = {role: filter(None, names) for role, names in files.items()}
        return [one for role, names in given.items() for one in bound(role, names)]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verification, and what it was made with.

    Attributes:
        report: what came of it; it binds all files that were read.
        policy: the trusted keys, and what else was demanded.
        record: the customer's own record, in files that can be read while the answer is open.
        known: the statements from earlier.
    """

    report: Report
    policy: Policy
    record: Record | None
    known: Known


def verified(asked: Asked, store: TrustStore, *, figures: bool) -> Report:
    """The report, which binds all files that were read. Raises as `answered` does."""
    with answered(asked, store, figures=figures) as answer:
        return answer.report


@contextmanager
def answered(asked: Asked, store: TrustStore, *, figures: bool) -> Iterator[Answer]:
    """The same with what it was made with; ``figures``: with figures and worth.

    Raises:
        CliError: the user can mend it: a file that is not what it should be.
        OSError: a file cannot be read.
    """
    refuse_other_objects(asked.batch)
    trusted = {} if asked.alone and not asked.keys else store.trusted(asked.keys)
    observers = frozenset(asked.observer)
    policy = Policy(trusted, asked.account, asked.require_cache_id, signatures=asked.signatures, observers=observers)  # fmt: skip
    priced = ratecards.to_check(asked.cards)
    used: dict[str, Input] = {}
    files = asked.bound if figures else []
    remembered = (
        remembered_files(asked.memory)
        if asked.no_remember or asked.alone
        else store.memory.noting(used)
    )
    known = _known(remembered, asked.previous)
    with ExitStack() as opened:
        advance = opened.enter_context(progress("verifying", total_size(asked.batch)))
        opened.enter_context(_mendable(store))
        logs = opened.enter_context(readable_logs(asked.requests))
        record = _record(asked, logs)
        report = verify(
            inputs(asked.batch, advance), policy, period=asked.period, known=known, jobs=asked.jobs, record=record,
            cards=priced, figures=figures,
        )  # fmt: skip
        if figures:
            if asked.bound != files:
                raise CliError("a file was changed while it was read", "verify again, with files that nobody writes to")  # fmt: skip
            report.inputs += [*files, *used.values()]
            if not asked.keys and not asked.alone:
                issuers = {key.issuer for key in report.named} | {
                    one.issuer for one in report.accounts
                }
                report.inputs += bound("keys", store.pinned_files(issuers))
        yield Answer(report, policy, record, known)


def _known(remembered: Known, previous: tuple[str, ...]) -> Known:
    """The statements that are remembered, and those in files."""
    try:
        with batches.readable("--previous takes a batch"):
            given = statements_in(batches.files(previous))
    except NoStatementError as error:
        raise CliError(str(error), "--previous takes the batch or the statement before") from None
    return lambda issuer, account: [*remembered(issuer, account), *given(issuer, account)]


def _record(asked: Asked, requests: tuple[str, ...]) -> Record | None:
    """The customer's own record, if there is one; ``requests``: the logs in a form that can be read."""
    if asked.cache_key is not None and not asked.prompts:
        raise click.UsageError("--cache-key goes with --prompts")
    if requests or asked.received or asked.prompts:
        names = {} if asked.aliases is None else _aliases(asked.aliases)
        return Record(requests, asked.received, asked.prompts, asked.cache_key, asked.margin * 1000, names)  # fmt: skip
    return None


def _aliases(path: str) -> dict[str, str]:
    try:
        names = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path} is not JSON: {error}", _ALIASES_HINT) from None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise CliError(f"{path} is not an object of texts", _ALIASES_HINT)
    return names


@contextmanager
def _mendable(store: TrustStore) -> Iterator[None]:
    """What the user can mend is an error with a hint."""
    try:
        with batches.readable():
            yield
    except WrongKeyError as error:
        raise CliError(str(error), _KEY_HINT) from None
    except RecordError as error:
        raise CliError(str(error), _RECORD_HINT) from None
    except DamagedMemoryError as error:
        hint = (
            f"look below {store.memory.folder}; restore it from a copy, or remove what is damaged"
        )
        raise CliError(str(error), hint) from None
