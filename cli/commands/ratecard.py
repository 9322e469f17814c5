"""``receipt ratecard``: make, check, sign, show, compare and import rate cards."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import click

from cli import key_folder, ratecards
from cli.files import output_file, read_bytes
from cli.options import (
    INSTANT,
    key_files_option,
    key_folder_option,
    out_option,
    output_options,
    trust_store_option,
)
from cli.period import moment
from cli.terminal import CliError, plural, print_json, safe, say, warn
from cli.trust_store import TrustStore
from receipts.ratecard import Imported, import_genai_prices, sign, skeleton, source_text
from verifier import CardSignatureError, check_card

_HELP = """Make, check, sign, show and compare rate cards: what tokens cost, by model, terms, size, date and hour.

A card is written as TOML and signed by whoever sets the prices. A receipt's charge names it by its digest, and receipt verify
--card computes the charge again.
"""
_NEW_HELP = """Write a source with one row, and comments with all that others can say.

\b
receipt ratecard new card.toml --provider anthropic
"""
_CHECK_HELP = """Check a source, or a signed card with its signature.

A source that is wrong is an error with file, line and column. Exit code 1: the signature is false; 3: nobody whom you trust signed it.

\b
receipt ratecard check card.toml
receipt ratecard check card.cbor --keys issuer.jwks.json
"""
_SIGN_HELP = """Sign a card. The same source, issuer and name give the same digest, whenever it is signed.

\b
receipt ratecard sign card.toml --keys keys/ --out card.cbor
"""
_SHOW_HELP = """Print the rows of a source or a signed card; with --at and --size, those that a request then has.

\b
receipt ratecard show card.cbor --model claude-sonnet-4-5
receipt ratecard show card.toml --at 2026-11-21T02:00:00Z --size 250000
"""
_DIFF_HELP = """Print what is not the same in two cards. Exit code 1: something is not.

\b
receipt ratecard diff card.cbor next.toml
"""
_IMPORT_HELP = """Write a source from another list of prices: genai-prices, which is to be installed (token-receipts[prices]).

What a card cannot say is listed, and left out: names of models that are patterns, prices that are no whole picounits a token. Exit
code 3: there is something. Check what it says before you sign it: the list is somebody else's.

\b
receipt ratecard import genai-prices --out card.toml
receipt ratecard import genai-prices --model gpt-5 --out card.toml
"""
_DAY_MS: Final = 86_400_000
_INSTALL: Final = "in the clone: pip install '.[prices]'"


@click.group(help=_HELP)
def ratecard() -> None:
    """Rate cards."""


@ratecard.command(help=_NEW_HELP)
@click.argument("source", type=click.Path())
@click.option("--provider", default="example", metavar="NAME", help="The provider of the first row.")  # fmt: skip
@output_options()
def new(source: str, provider: str, as_json: bool, quiet: bool) -> None:  # noqa: ARG001  # `say` reads quiet
    """Write a source to go on from."""
    try:
        with output_file(source, replace=False) as stream:
            stream.write(skeleton(source, provider).encode())
    except FileExistsError:
        hint = "name another file: what somebody wrote is not replaced"
        raise CliError(f"{source} is there already", hint) from None
    if as_json:
        print_json({"source": source})
    say(f"{source}: put your prices in, then receipt ratecard check {source}")


@ratecard.command(help=_CHECK_HELP)
@click.argument("card", type=click.Path())
@key_files_option
@trust_store_option
@output_options()
def check(
    card: str, keys: tuple[str, ...], trust_store: str | None, as_json: bool, quiet: bool
) -> None:
    """Check a source or a card."""
    read = ratecards.read(card)
    problem, code = None, 0
    if read.signed:
        try:
            _, _, problem = check_card(read.data, TrustStore(trust_store).trusted(keys))
            code = 3 if problem else 0
        except CardSignatureError as error:
            problem, code = str(error), 1
    if as_json:
        print_json(_head(read) | {"signature": problem or ("valid" if read.signed else None)})
    elif not quiet:
        _print_head(read)
    if problem:
        warn(f"{card}: {problem}")
    click.get_current_context().exit(code)


@ratecard.command("sign", help=_SIGN_HELP)
@click.argument("source", type=click.Path())
@key_folder_option
@out_option("The card to write; - is stdout.", required=True)
@click.option("--name", help="The name of the card. Default: as the source says, or its file name.")
@output_options()
def sign_(
    source: str, keys: str, out: str, name: str | None, as_json: bool, quiet: bool  # noqa: ARG001
) -> None:  # fmt: skip
    """Sign a source."""
    folder = key_folder.load(keys)
    content = ratecards.content(read_bytes(source), source, folder.issuer, name)
    signed = sign(content, folder.signing.for_receipt(key_folder.now()))
    with output_file(out) as stream:
        stream.write(signed.data)
    if as_json and out != "-":
        print_json({"card": out, "digest": signed.digest.hex(), "issuer": folder.issuer})
    say(f"{out}: rate card {signed.digest.hex()}")


@ratecard.command(help=_SHOW_HELP)
@click.argument("card", type=click.Path())
@click.option("--model", help="The rows of this model, by its name or an alias.")
@click.option("--at", type=INSTANT, metavar="TIME", help="Those that hold at this time: a day, or RFC 3339.")  # fmt: skip
@click.option(
    "--size",
    type=click.IntRange(0),
    metavar="N",
    help="Those for so many input tokens; now, without --at.",
)
@output_options()
def show(
    card: str, model: str | None, at: int | None, size: int | None, as_json: bool, quiet: bool  # noqa: ARG001
) -> None:  # fmt: skip
    """Print rows."""
    read = ratecards.read(card)
    time = key_folder.now() if at is None and size is not None else at
    rows = ratecards.selected(read.card, model, time, size)
    if as_json:
        print_json(_head(read) | {"rows": [ratecards.as_dict(row) for row in rows]})
    else:
        _print_head(read)
        for row in rows:
            click.echo()
            click.echo("\n".join(ratecards.lines_of(row)))
    if not rows:
        raise CliError(f"{card} has no such row", "without --model, --at and --size it shows all")


@ratecard.command(help=_DIFF_HELP)
@click.argument("card", type=click.Path())
@click.argument("other", type=click.Path())
@click.option("--model", help="The rows of this model, by its name or an alias.")
@output_options()
def diff(card: str, other: str, model: str | None, as_json: bool, quiet: bool) -> None:  # noqa: ARG001
    """Compare two cards."""
    one, two = ratecards.read(card).card, ratecards.read(other).card
    found = ratecards.differences(
        ratecards.selected(one, model, None, None), ratecards.selected(two, model, None, None)
    )
    currencies = [one.currency, two.currency]
    if as_json:
        print_json({
            "currencies": currencies,
            "differences": [
                {"what": each.what, **{
                    side: None if row is None else ratecards.as_dict(row)
                    for side, row in (("before", each.before), ("after", each.after))
                }}
                for each in found
            ],
        })  # fmt: skip
    else:
        _print_differences(found, currencies)
    click.get_current_context().exit(1 if found or len(set(currencies)) > 1 else 0)


def _print_differences(found: list[ratecards.Difference], currencies: list[str]) -> None:
    if len(set(currencies)) > 1:
        click.echo(f"currency: {currencies[0]} to {currencies[1]}")
    for each in found:
        click.echo(f"{each.what}: {ratecards.title_of(each.row)}")
        before, after = (
            {} if row is None else ratecards.rates_of(row) for row in (each.before, each.after)
        )
        for name in {**before, **after}:
            sides = [ratecards.shown(name, *side[name]) if name in side else "none" for side in (before, after)]  # fmt: skip
            if sides[0] != sides[1]:
                click.echo(f"  {safe(name):<24} {sides[0]} -> {sides[1]}")
    say(plural(len(found), "difference"))


@ratecard.command("import", help=_IMPORT_HELP)
@click.argument("origin", type=click.Choice(["genai-prices"]))
@click.option("--model", "models", multiple=True, metavar="M", help="This model, or provider/model. Default: all.")  # fmt: skip
@click.option("--at", metavar="DATE", help="The prices of this day, without dates. Default: all.")
@out_option("The source to write; - is stdout.", required=True)
@output_options()
def import_(
    origin: str, models: tuple[str, ...], at: str | None, out: str, as_json: bool, quiet: bool
) -> None:
    """Write a source from a list of prices."""
    try:
        found = import_genai_prices(models, _day(at))
    except ImportError:
        raise CliError(f"{origin} is not installed", _INSTALL) from None
    if found.unknown:
        hint = "models are named as there: the id, or provider/id"
        raise CliError(f"{origin} has no model {', '.join(found.unknown)}", hint)
    if not found.rows:
        raise CliError("a card can say none of these prices", _first(found))
    text = source_text(f"from {origin}", "USD", found.rows, found.comments)
    with output_file(out) as stream:
        stream.write(text.encode())
    if as_json and out != "-":
        print_json({"source": out, "rows": len(found.rows), "unexpressed": [one._asdict() for one in found.unexpressed]})  # fmt: skip
    elif not quiet:
        for one in found.unexpressed:
            click.echo(f"not in the card: {safe(one.provider)} {safe(one.model)}: {safe(one.what)}", err=True)  # fmt: skip
    say(f"{out}: {plural(len(found.rows), 'row')}; not in the card: {len(found.unexpressed)}")
    click.get_current_context().exit(3 if found.unexpressed else 0)


def _first(found: Imported) -> str:
    counted = Counter(one.what for one in found.unexpressed)
    return "; ".join(what for what, _ in counted.most_common(3)) or "name a model"


def _day(at: str | None) -> int | None:
    if at is None:
        return None
    try:
        return moment(at) // _DAY_MS
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None


def _head(read: ratecards.Read) -> dict[str, Any]:
    card = read.card
    return {
        "issuer": None if card.issuer == ratecards.UNSIGNED else card.issuer,
        "name": card.name,
        "currency": card.currency,
        "digest": card.digest.hex() if read.signed else None,
        "count": len(card.rows),
    }


def _print_head(read: ratecards.Read) -> None:
    card = read.card
    click.echo(f"{safe(card.name)} of {safe(card.issuer)}, in {card.currency}, {plural(len(card.rows), 'row')}")  # fmt: skip
    if read.signed:
        click.echo(f"digest {card.digest.hex()}")
