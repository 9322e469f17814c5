"""Options and arguments that several commands have, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import click

from cli.period import moment
from cli.trust_store import VARIABLE
from verifier import PeriodError, parse_period

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Option(Protocol):
    """Puts an option on a command."""

    def __call__(self, command: _Command, /) -> _Command:
        """The command with the option."""


class _Period(click.ParamType[tuple[int, int]]):
    name = "period"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_period(value)
        except PeriodError as error:
            self.fail(str(error), param, ctx)


class _Moment(click.ParamType[int]):
    name = "time"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            found = moment(value)
        except PeriodError as error:
            self.fail(str(error), param, ctx)
        return found


class _Instant(_Moment):
    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        found = super().convert(value, param, ctx)
        if found % 1000:
            self.fail(f"{value!r} is not a whole second, as key files have it", param, ctx)
        return found


PERIOD = _Period()
"""``2026-11``, ``2026-11-22`` or ``start/end``, as (start, end) in ms."""
MOMENT = _Moment()
"""A day or an RFC 3339 time, as ms."""
INSTANT = _Instant()
"""The same in whole seconds, as ms."""


def output_options(quiet: str = "No progress, no words on success.") -> Option:
    """``--json`` and ``--quiet``, which every command has."""

    def decorate(command: _Command, /) -> _Command:
        command = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(
            command
        )
        return click.option("-q", "--quiet", is_flag=True, help=quiet)(command)

    return decorate


def out_option(text: str, *, required: bool = False, metavar: str = "FILE") -> Option:
    """``-o`` or ``--out``: where the command writes."""
    return click.option("-o", "--out", required=required, metavar=metavar, help=text)


def batches_argument(command: _Command) -> _Command:
    """The files of a batch."""
    return click.argument("batch", nargs=-1, required=True, type=click.Path())(command)


def key_folder_option(command: _Command) -> _Command:
    """``--keys`` of who signs."""
    return click.option("--keys", required=True, metavar="FOLDER", help="The issuer's key folder.")(
        command
    )


def key_files_option(command: _Command) -> _Command:
    """``--keys`` of who verifies."""
    text = "Trust this key file, and not the pinned ones."
    return click.option("--keys", multiple=True, metavar="FILE", help=text)(command)


def observer_option(command: _Command) -> _Command:
    """``--observer`` of who verifies: the issuers that need not bill."""
    text = "This issuer observes usage, and does not bill (your own observer, say)."
    return click.option("--observer", multiple=True, metavar="ISSUER", help=text)(command)


class _Named(click.ParamType[tuple[str, str]]):
    """Two texts with ``=`` between them."""

    name = "pair"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, _, of = str(value).rpartition("=")
        if not name or not of:
            self.fail(f"{value!r} is not of the form NAME=VALUE", param, ctx)
        return name, of


class _Credential(click.ParamType[tuple[bytes, str]]):
    """A credential of a wallet in hexadecimal, ``=``, and an account."""

    name = "credential"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[bytes, str]:
        digits, _, account = str(value).partition("=")
        try:
            credential = bytes.fromhex(digits)
        except ValueError:
            credential = b""
        if not credential or not account:
            self.fail(f"{value!r} is not a credential as receipt show --json has it, and an account: HEX=ACCOUNT", param, ctx)  # fmt: skip
        return credential, account


def wallet_options(command: _Command) -> _Command:
    """What a wallet does not say by itself, for who observes."""
    host = "Who answers at a host that is not known."
    credential = "Whose calls they are, by a credential of the wallet (receipt show --json)."
    prompts = "What you sent (JSONL), for identifiers of prefixes; with --cache-key."
    for option in (
        click.option("--prompts", multiple=True, metavar="FILE", help=prompts),
        click.option("--cache-key", metavar="FILE", help="The account's cache key."),
        click.option(
            "--credential", "credentials", multiple=True, type=_Credential(), metavar="HEX=ACCOUNT", help=credential,
        ),
        click.option("--host", "hosts", multiple=True, type=_Named(), metavar="HOST=PROVIDER", help=host),
    ):  # fmt: skip
        command = option(command)
    return command


def trust_store_option(command: _Command) -> _Command:
    """``--trust-store``: the folder of pins and memory."""
    text = f"Where pins and memory are; also {VARIABLE}."
    return click.option("--trust-store", metavar="FOLDER", envvar=VARIABLE, help=text)(command)


def jobs_option(command: _Command) -> _Command:
    """``--jobs``: how many processes work."""
    text = "Processes to use (1)."
    return click.option("--jobs", type=click.IntRange(1), default=1, metavar="N", help=text)(
        command
    )


def rejects_option(command: _Command) -> _Command:
    """``--rejects``: where lines go that are not issued."""
    text = (
        "Where rejected lines go. Default: USAGE's name with .rejects.jsonl, in the working folder."
    )
    return click.option("--rejects", "rejects_file", metavar="FILE", help=text)(command)


def provider_options(command: _Command) -> _Command:
    """``--provider`` and ``--shape``: whose API it was, for lines that do not say it."""
    provider = "Who was asked, in lines that name no provider."
    shape = "Whose shape the usage of an unknown provider has, for instance openai."
    command = click.option("--shape", metavar="NAME", help=shape)(command)
    return click.option("--provider", metavar="NAME", help=provider)(command)


_QUESTION: Final = (
    key_files_option,
    click.option(
        "--period",
        type=PERIOD,
        help="The period that must be complete: 2026-11, 2026-11-22, start/end.",
    ),
    click.option("--account", help="The account that every item must be for."),
    click.option(
        "--previous",
        multiple=True,
        metavar="FILE",
        help="The batch or statement before, to check the link to it.",
    ),
    click.option(
        "--requests",
        multiple=True,
        metavar="FILE",
        help="Your own calls: a wallet, or a log (JSONL, CSV, Parquet).",
    ),
    click.option(
        "--received",
        multiple=True,
        metavar="FILE",
        help="The receipts that you received: a wallet.",
    ),
    click.option("--prompts", multiple=True, metavar="FILE", help="Your own prompts (JSONL)."),
    click.option("--cache-key", metavar="FILE", help="The account's cache key, for --prompts."),
    click.option(
        "--card",
        "cards",
        multiple=True,
        metavar="FILE",
        help="A rate card: charges that name it are computed again.",
    ),
    click.option(
        "--margin",
        type=click.IntRange(0, 86_400),
        default=300,
        metavar="SECONDS",
        help="How far your clock and theirs may be apart (300).",
    ),
    click.option("--aliases", metavar="FILE", help="Other names of models (JSON: name to name)."),
    click.option(
        "--require-cache-id",
        is_flag=True,
        help="Report cached receipts without a cache identifier.",
    ),
    observer_option,
    click.option(
        "--signatures",
        type=click.Choice(["every", "statement"]),
        default="every",
        help="Which signatures are checked: every one, or those of statements (every).",
    ),
    jobs_option,
    click.option(
        "--no-remember", is_flag=True, help="Neither use nor update the memory of statements seen."
    ),
    trust_store_option,
)
"""What says how a batch is verified."""


def question_options(command: _Command) -> _Command:
    """All that says how a batch is verified: keys, period, record, cards (`cli.verifying.Asked`), and the trust store."""
    for option in reversed(_QUESTION):
        command = option(command)
    return command
