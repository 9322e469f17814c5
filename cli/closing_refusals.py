"""Why a period is not closed, with the next step; and the check that its receipts would be accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli import batches, key_folder
from cli.journal_hints import journal_hint
from cli.terminal import CliError, RefusedError, progress
from receipts import BatchError, Check, ClosedError, JournalError, NoKeyError, ReceiptError
from receipts.closing import AccountError, ArchivedError, OldJournalError
from receipts.journal import shown
from verifier import (
    Policy,
    Severity,
    Verdict,
    batch_file,
    by_kid,
    show_instant,
    show_period,
    verify,
)

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
_ARCHIVED_HINT = "that file is the batch; receipt archive checked it before it deleted anything"
_NO_KEY_HINT = "receipt key list prints the keys; receipt key rotate makes the next one"
_MOMENT = re.compile(r"\b[0-9]{12,15}\b")


@contextmanager
def refusals(period: tuple[int, int], account: str | None) -> Iterator[None]:
    """Why nothing was signed, or written, inside of this, with the next step.

    Raises:
        RefusedError: it is because of the account, or of its receipts.
        CliError: no account can be closed.
    """
    try:
        yield
    except NoKeyError as error:
        message = f"cannot close {show_period(*period)}: {error}"
        raise CliError(message, _NO_KEY_HINT) from None
    except ClosedError as error:
        by = f"statement {error.number}, period {show_period(*error.period)}"
        message = f"{show_period(*period)} of {error.account} is closed already ({by})"
        raise RefusedError(message, "what came late: --late") from None
    except ReceiptError as error:
        message = f"cannot close {show_period(*period)}: {_readable(error)}"
        hint = _HINTS.get(error.field, _HINT)
        hint = _SPELLING if error.field == "account" and account is not None else hint
        raise RefusedError(message, hint) from None
    except ArchivedError as error:
        raise RefusedError(str(error), _ARCHIVED_HINT) from None
    except OldJournalError as error:
        raise RefusedError(str(error), _OLD_HINT) from None
    except AccountError as error:
        raise RefusedError(str(error), _JOURNAL_HINT) from None
    except BatchError as error:
        raise RefusedError(f"the journal is damaged: {error}", "restore it from a copy") from None
    except JournalError as error:
        raise CliError(str(error), journal_hint(error, _JOURNAL_HINT)) from None


def accepted(
    name: str, folder: key_folder.Keys, *, hint: str | None = None, bar: bool = True
) -> Check:
    """An issuer signs a statement only over receipts that its customers would accept.

    Args:
        name: what is checked, to the user.
        folder: whose receipts they are.
        hint: how to see what is wrong; without, ``name`` is a file that can be verified.
        bar: whether progress is shown.
    """

    def check(path: str) -> None:
        size = Path(path).stat().st_size if bar else None
        with progress("verifying", size) as advance, batches.readable():
            report = verify([batch_file(path, advance)], Policy(by_kid(folder.public)))
        if report.verdict is Verdict.REJECTED:
            first = next(f for f in report.findings if f.severity is Severity.REJECTED)
            where = "" if first.item is None else f"item {first.item}: "
            look = hint or f"receipt verify {name} --keys {Path(folder.path, key_folder.PUBLIC)}"
            raise RefusedError(f"{name} would be rejected: {where}{first.message}", look)
        if "key-unknown" in report.findings:
            message = f"{name} has items that are not signed by this issuer's keys"
            raise RefusedError(message, "is it the right key folder?")

    return check


def look_into(locations: Sequence[str]) -> str:
    """The hint for what is wrong in journals."""
    return "see it: " + "; ".join(f"receipt show {shown(location)}" for location in locations)


def _readable(error: ReceiptError) -> str:
    """The message, with moments as people write them."""
    if error.field not in ("start", "end", "time"):
        return str(error)
    return _MOMENT.sub(lambda ms: show_instant(int(ms[0])), str(error))
