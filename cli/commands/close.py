"""``receipt close``: close a period with a signed statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from cli import batches, closing_places, key_folder
from cli.closing_places import ClosingPlaces
from cli.files import input_file, output_file
from cli.options import PERIOD, key_folder_option, out_option, output_options
from cli.terminal import CliError, print_json, progress, say, warn
from receipts import (
    LATE,
    REGULAR,
    BatchError,
    Check,
    Closed,
    Closing,
    JournalError,
    NoKeyError,
    ReceiptError,
    close_batch,
    close_journal,
)
from receipts.closing import OldJournalError
from verifier import (
    Policy,
    Severity,
    Verdict,
    batch_file,
    by_kid,
    plural,
    show_instant,
    show_period,
    verify,
)

_HELP = """Close a period: append the signed statement over its receipts.

The receipts are verified first. Receipts of a later time stay behind the statement, for the next period. A period without
receipts is closed too: name the --account.

Statements are numbered, and each names the one before. If that is not in the batch, give the batch that holds it with
--previous; without, this is the account's first statement, number 0. A journal knows its statements; closing a period of it
once more writes the same batch again.

An account is closed at one place, which the key folder remembers. If several machines issue, each into a journal of its own, give
all of them.

\b
receipt close batch.cbor --keys keys/ --period 2026-11
receipt close --journal issuer.db --keys keys/ --account acme \\
  --period 2026-11 --out batch.cbor
"""
_HINTS = {
    "account": "name the one whose idle period you close: --account",
    "start": "periods of an account follow each other without a gap; close the one before first",
    "end": "a late statement is for a period that is closed already",
    "kind": "close the period without --late",
    "time": "there are receipts of an earlier time: close their period first, or use --late",
}
_HINT = "the batch with the statement before goes with --previous"
_SPELLING = "look at the spelling; --empty closes an account that is new and had no request"
_JOURNAL_HINT = "a journal is the FILE that receipt issue --journal wrote, with streams of its own"
_OLD_HINT = "a journal is an old copy: bring back the newer one; or one is missing: give all of the account's journals"
_NO_KEY_HINT = "receipt key list prints the keys; receipt key rotate makes the next one"
_MOMENT = re.compile(r"\b[0-9]{12,15}\b")


@click.command(help=_HELP)
@click.argument("batch", type=click.Path(), required=False)
@key_folder_option
@click.option("--period", type=PERIOD, required=True, help="2026-11, 2026-11-22, or start/end.")
@click.option("--account", help="The account to close. Default: every account in the batch.")
@click.option(
    "--late", is_flag=True, help="The period is closed already; these receipts came late."
)
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    help="The batch with the statement before this one.",
)
@click.option(
    "--journal",
    "journals",
    multiple=True,
    metavar="FILE",
    help="The journal to close from, instead of a BATCH; all of an account's together.",
)
@click.option("--early", is_flag=True, help="Close a period that is not over yet.")
@click.option("--empty", is_flag=True, help="Close an account of which nothing is known yet.")
@out_option("Where the closed batch goes. Default: BATCH itself.")
@output_options()
def close(
    batch: str | None,
    keys: str,
    period: tuple[int, int],
    account: str | None,
    late: bool,
    previous: tuple[str, ...],
    journals: tuple[str, ...],
    early: bool,
    empty: bool,
    out: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Close a period of a batch, or of an account in journals."""
    if not (early or late):  # what is late is of a period that is closed
        _check_over(period)
    folder = key_folder.load(keys)
    kind = LATE if late else REGULAR
    closing = Closing(folder.issuer, folder.signing, *period, kind, empty)
    with _refusals(period, account):
        if batch is not None and not journals:
            target = out or batch
            rows = _batch(batch, target, closing, account, previous, folder)
        elif journals and batch is None:
            if account is None or out is None or previous:
                raise click.UsageError("--journal needs --account and --out, and no --previous")
            target = out
            rows = [_journals(journals, target, closing, account, folder)]
        else:
            raise click.UsageError("give either BATCH or --journal")
    _tell(target, rows, first_is_news=not journals, as_json=as_json)


def _check_over(period: tuple[int, int]) -> None:
    if period[1] > key_folder.now():
        ends = show_instant(period[1])
        hint = (
            f"close it from {ends} on, or now with --early: what comes later needs a late statement"
        )
        raise CliError(f"{show_period(*period)} is not over", hint)


@contextmanager
def _refusals(period: tuple[int, int], account: str | None) -> Iterator[None]:
    """Why nothing was signed, with the next step."""
    try:
        yield
    except NoKeyError as error:
        message = f"cannot close {show_period(*period)}: {error}"
        raise CliError(message, _NO_KEY_HINT) from None
    except ReceiptError as error:
        message = f"cannot close {show_period(*period)}: {_readable(error)}"
        hint = _HINTS.get(error.field, _HINT)
        hint = _SPELLING if error.field == "account" and account is not None else hint
        raise CliError(message, hint) from None
    except OldJournalError as error:
        raise CliError(str(error), _OLD_HINT) from None
    except JournalError as error:
        raise CliError(str(error), _JOURNAL_HINT) from None


def _batch(
    batch: str,
    out: str,
    closing: Closing,
    account: str | None,
    previous: tuple[str, ...],
    folder: key_folder.Keys,
) -> list[Closed]:
    with ExitStack() as files:
        source = files.enter_context(input_file(batch))
        before = [files.enter_context(input_file(name)) for name in previous]
        target = files.enter_context(output_file(out))
        check = _accepted(batch, folder)
        places = files.enter_context(ClosingPlaces(folder.path))
        claimed = replace(closing, claim=places.claim_batch)
        try:
            return close_batch(
                source, target, claimed, account=account, previous=before, check=check
            )
        except BatchError as error:
            raise CliError(str(error), "see what is wrong with it: receipt verify") from None


def _journals(
    paths: tuple[str, ...], out: str, closing: Closing, account: str, folder: key_folder.Keys
) -> Closed:
    with ClosingPlaces(folder.path) as places:
        given = places.in_order(account, closing_places.journals(paths, closing.issuer))
        claimed = replace(
            closing,
            claim=lambda name, *_: places.claim_journals(name, given),
            standing=lambda name, read, told: places.check_journal(name, given, read, told),
        )
        check = _accepted(f"the journal's part of {account}", folder)
        first, *others = [place.location for place in given]
        with output_file(out) as target:
            return close_journal(first, target, claimed, account, others=others, check=check)


def _accepted(name: str, folder: key_folder.Keys) -> Check:
    """An issuer signs a statement only over receipts that its customers would accept; what is checked is ``name`` to the user."""

    def check(path: str) -> None:
        with progress("verifying", Path(path).stat().st_size) as advance, batches.readable():
            report = verify([batch_file(path, advance)], Policy(by_kid(folder.public)))
        if report.verdict is Verdict.REJECTED:
            first = next(f for f in report.findings if f.severity is Severity.REJECTED)
            where = "" if first.item is None else f"item {first.item}: "
            hint = f"receipt verify {name} --keys {folder.path}/{key_folder.PUBLIC}"
            raise CliError(f"{name} would be rejected: {where}{first.message}", hint)
        if "key-unknown" in report.findings:
            message = f"{name} has items that are not signed by this issuer's keys"
            raise CliError(message, "is it the right key folder?")

    return check


def _readable(error: ReceiptError) -> str:
    """The message, with moments as people write them."""
    if error.field not in ("start", "end", "time"):
        return str(error)
    return _MOMENT.sub(lambda ms: show_instant(int(ms[0])), str(error))


def _tell(out: str, rows: list[Closed], *, first_is_news: bool, as_json: bool) -> None:
    if as_json and out != "-":
        print_json({"batch": out, "statements": [_row(row) for row in rows]})
    for row in rows:
        if row.left:
            those = plural(row.left, "receipt")
            warn(f"{those} of {row.account} came after this was closed: receipt close --late")
        say(f"statement {row.number} of {row.account} closes {plural(row.receipts, 'receipt')}")
        if row.number == 0 and first_is_news:
            say("it is the account's first; the next one needs it: --previous")


def _row(closed: Closed) -> dict[str, Any]:
    return {**asdict(closed), "digest": closed.digest.hex()}
