"""``receipt keygen``: make an issuer's key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import cache_key, key_folder
from cli.files import output_file
from cli.options import INSTANT, out_option, output_options
from cli.terminal import CliError, print_json, say
from receipts import ReceiptError, SigningKey, jwk, jwks

_HELP = """Make an issuer's first key: issuer.pem (secret) and issuer.jwks.json (to publish). Its kid is printed.

Tell your customers the kid on another way than the key file: receipt trust add --kid compares it. The next key is made by receipt
key rotate.

A cache key is what identifiers of cached prefixes are made with; see spec/cache-id.md.

\b
receipt keygen --issuer https://api.example.com --out keys/
receipt keygen --new-cache-key --account acme --out acme.key
receipt keygen --new-cache-key --root acme.key --month 2026-11 --out nov.key
"""


@click.command(help=_HELP)
@click.option("--issuer", metavar="URL", help="Who signs and bills: a name that stays.")
@out_option(
    "Where the key goes: a folder, or the file of a cache key.", required=True, metavar="PATH"
)
@click.option(
    "--not-before", type=INSTANT, metavar="TIME", help="The key must not sign for earlier times."
)
@click.option(
    "--expires", type=INSTANT, metavar="TIME", help="The key must not sign from this time on."
)
@click.option(
    "--new-cache-key", is_flag=True, help="Make an account's cache key instead: the file --out."
)
@click.option("--account", help="With --new-cache-key: whose.")
@click.option(
    "--root", metavar="FILE", help="With --new-cache-key: derive the key of a --month from it."
)
@click.option("--month", metavar="YYYY-MM", help="With --root: the month that may be disclosed.")
@click.option(
    "--passphrase", is_flag=True, help=f"Encrypt the key; asks, or takes {key_folder.PASSPHRASE}."
)
@output_options()
def keygen(
    issuer: str | None,
    out: str,
    not_before: int | None,
    expires: int | None,
    new_cache_key: bool,
    account: str | None,
    root: str | None,
    month: str | None,
    passphrase: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Make a key: an issuer's first, or a cache key."""
    if new_cache_key or account or root or month:
        if not new_cache_key or issuer:
            raise click.UsageError("--account, --root and --month go with --new-cache-key alone")
        made = _cache_key(out, account, root, month)
    elif issuer is None:
        raise click.UsageError("give --issuer, or --new-cache-key")
    else:
        entry, key = _new_key(not_before, expires)
        secret = key_folder.new_passphrase() if passphrase else None
        _first(Path(out), issuer, key, entry, secret)
        made = _written(Path(out), issuer, entry)
    if as_json:
        print_json(made)
    elif "kid" in made:
        click.echo(made["kid"])


def _cache_key(
    out: str, account: str | None, root: str | None, month: str | None
) -> dict[str, str | None]:
    if account and not root and not month:
        return cache_key.make(account, out)
    if root and month and not account:
        return cache_key.derive(root, month, out)
    raise click.UsageError("--new-cache-key goes with --account, or with --root and --month")


def _new_key(not_before: int | None, expires: int | None) -> tuple[dict[str, Any], SigningKey]:
    if not_before is not None and expires is not None and expires <= not_before:
        raise CliError(
            "the key would expire before it may be used", "--expires must be after --not-before"
        )
    key = SigningKey.generate()
    return jwk(key.public, not_before, expires), key


def _written(folder: Path, issuer: str, entry: dict[str, Any]) -> dict[str, str | None]:
    """Tell where the key is; JSON-ready data."""
    private, public = folder / key_folder.PRIVATE, folder / key_folder.PUBLIC
    say(f"{private} is secret; give {public} to your customers")
    return {"issuer": issuer, "kid": entry["kid"], "private": str(private), "public": str(public)}


def _first(
    folder: Path, issuer: str, key: SigningKey, entry: dict[str, Any], secret: bytes | None
) -> None:
    try:
        published = jwks(issuer, [entry])
    except ReceiptError as error:
        raise CliError(f"--{error}", "use the URL of your API") from None
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / key_folder.PRIVATE
    try:
        with output_file(str(private), mode=0o600, replace=False) as stream:
            stream.write(key.to_pem(secret))
    except FileExistsError:
        raise CliError(
            f"{private} is there already",
            "receipt key rotate makes its successor; or choose another folder",
        ) from None
    with output_file(str(folder / key_folder.PUBLIC)) as stream:
        stream.write(published)
