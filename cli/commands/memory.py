"""``receipt memory``: list, export, compare and forget the statements that were seen."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli import batches, proofs
from cli.files import STDIN, output_file
from cli.memory import Memory, Remembered
from cli.options import out_option, output_options, trust_store_option
from cli.terminal import CliError, plural, print_json, say, warn
from cli.trust_store import TrustStore
from receipts import equivocation
from verifier import (
    LATE,
    Comparison,
    DamagedMemoryError,
    Policy,
    compare_statements,
    escape,
    read_item,
    show_period,
)

_HELP = """List, export, compare and forget the statements that you have seen.

Every statement that a pinned key has signed is remembered when its batch is verified, and the next batch is held against it.
What an issuer told somebody else, your memory cannot know: exchange exports, and compare.
"""
_EXPORT_HELP = """Write the remembered statements into a FILE.

They are signed objects, one after the other, as in a batch. Whoever has the same account, or audits it, compares them with what the issuer told them. Give no more than you want to show: a
statement has the totals of its period.

\b
receipt memory export --account acme --out acme.cbor
"""
_COMPARE_HELP = """Hold the statements in a FILE against the remembered ones.

FILE is somebody else's export, or a batch. Where the issuer told two stories, the two signed statements are written as a proof,
which anybody can verify. Nothing in FILE is remembered.

Exit codes: 0 nothing contradicts, 1 two stories, 3 no statement is of an account that you remember.

\b
receipt memory compare theirs.cbor
"""
_REJECTED, _INCOMPLETE = 1, 3


@click.group(help=_HELP)
def memory() -> None:
    """List, export, compare and forget statements."""


@memory.command("list")
@trust_store_option
@output_options()
def list_(trust_store: str | None, as_json: bool, quiet: bool) -> None:
    """Print the remembered statements."""
    store = TrustStore(trust_store)
    statements = store.memory.all()
    if as_json:
        print_json([_row(one) for one in statements])
        return
    last = None
    for one in statements:
        claims = one.claims
        if (claims.issuer, claims.account) != last:
            last = claims.issuer, claims.account
            click.echo(f"{escape(claims.issuer)}, account {escape(claims.account)}")
        late = " late" if claims.kind == LATE else ""
        period = show_period(claims.start, claims.end)
        click.echo(f"  statement {claims.number}, {period}{late}, {_digest(one)[:16]}")
    if not statements and not quiet:
        click.echo(f"receipt: no statement is remembered in {store.memory.folder}", err=True)


@memory.command(help=_EXPORT_HELP)
@click.option("--account", help="Only this account.")
@click.option("--issuer", metavar="URL", help="Only this issuer.")
@out_option("The file to write; - is stdout.", required=True)
@trust_store_option
@output_options()
def export(
    account: str | None,
    issuer: str | None,
    out: str,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Write the remembered statements into a file."""
    statements = _found(TrustStore(trust_store).memory, issuer, account)
    with output_file(out) as stream:
        stream.writelines(one.signed for one in statements)
    if as_json and out != STDIN:
        print_json({"export": out, "statements": [_row(one) for one in statements]})
    say(f"wrote {plural(len(statements), 'statement')}; to compare: receipt memory compare {out}")


@memory.command(help=_COMPARE_HELP)
@click.argument("file", type=click.Path())
@click.option("--proofs", "folder", metavar="FOLDER", help="Where proofs go. Default: beside FILE.")
@trust_store_option
@output_options()
@click.pass_context
def compare(
    ctx: click.Context,
    file: str,
    folder: str | None,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Compare the statements in a file with the remembered ones."""
    store = TrustStore(trust_store)
    policy = Policy(store.trusted(()))
    try:
        with batches.readable("ask for the file once more"):
            found = compare_statements(batches.files((file,)), policy, store.memory.known)
    except DamagedMemoryError as error:
        hint = (
            f"look below {store.memory.folder}; restore it from a copy, or remove what is damaged"
        )
        raise CliError(str(error), hint) from None
    beside = "." if file == STDIN else str(Path(file).parent)
    proofs.keep(found.conflicts, folder or beside, store.key_files(()))
    if as_json:
        print_json(_comparison(found))
    _tell(file, found)
    if found.conflicts:
        ctx.exit(_REJECTED)
    if not found.shared:
        ctx.exit(_INCOMPLETE)


@memory.command()
@click.option("--account", required=True, help="The account whose statements are forgotten.")
@click.option("--issuer", metavar="URL", help="Only this issuer's. Default: every issuer's.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@trust_store_option
@output_options()
def forget(
    account: str,
    issuer: str | None,
    yes: bool,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Forget the statements of an account.

    A story that was forgotten can be told differently without being caught. Export it first.
    """
    store = TrustStore(trust_store)
    statements = _found(store.memory, issuer, account)
    for one in statements:
        click.echo(f"{_name(one)}, {show_period(one.claims.start, one.claims.end)}", err=True)
    if not yes and not _confirmed():
        raise CliError("nothing was forgotten", "answer y, or use --yes")
    store.memory.forget(statements)
    if as_json:
        print_json({"forgotten": [_row(one) for one in statements]})
    say(f"forgot {plural(len(statements), 'statement')}")


def _found(memory: Memory, issuer: str | None, account: str | None) -> list[Remembered]:
    """The statements that are asked for, of which there must be one."""
    statements = memory.all(issuer, account)
    if not statements:
        of = f" of account {account}" if account else ""
        by = f" by {issuer}" if issuer else ""
        raise CliError(f"no statement{of}{by} is remembered", "receipt memory list prints what is")
    return statements


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CliError(
            "this needs an answer, and there is no terminal",
            "use --yes if these statements may be forgotten",
        )
    return click.confirm("Forget these statements?", err=True)


def _tell(file: str, found: Comparison) -> None:
    if found.by_others:
        those = plural(found.by_others, "statement")
        warn(f"{those} in {file} left out: no pinned key may have signed them")
    if found.conflicts:
        warn(f"{file} and your memory contradict each other: the issuer told two stories")
    elif found.shared:
        say(f"{plural(found.shared, 'statement')} compared: one story")
    else:
        warn(f"{file} has no statement of an account that you remember: nothing was compared")


def _comparison(found: Comparison) -> dict[str, object]:
    return {
        "statements": found.given, "left_out": found.by_others, "compared": found.shared,
        "conflicts": [
            {"code": one.code, "proof": proofs.name(equivocation(one.one, one.two))}
            for one in found.conflicts[: proofs.MOST]
        ],
    }  # fmt: skip


def _row(one: Remembered) -> dict[str, object]:
    """Times in ms."""
    claims = one.claims
    return {
        "issuer": claims.issuer, "account": claims.account, "number": claims.number,
        "kind": "late" if claims.kind == LATE else "regular",
        "start": claims.start, "end": claims.end, "digest": _digest(one),
    }  # fmt: skip


def _name(one: Remembered) -> str:
    claims = one.claims
    return f"{escape(claims.issuer)}, account {escape(claims.account)}, statement {claims.number}"


def _digest(one: Remembered) -> str:
    return read_item(one.signed).digest.hex()
