"""``receipt keygen``: make an issuer's key."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from cli import cache_key, key_folder
from cli._verifier import show_instant
from cli.files import output_file
from cli.options import INSTANT, out_option, output_options
from cli.terminal import CliError, print_json, say
from receipts import ReceiptError, SigningKey, jwk, jwks

_DAY_MS = 86_400_000
_HELP = """Make an issuer's key: issuer.pem (secret) and issuer.jwks.json (to publish).

A cache key is what identifiers of cached prefixes are made with; see spec/cache-id.md.

With --rotate, issuers that run go on with the old key until it expires or they are told (`Journal.rotate`); its receipts
stay valid. Publish the key file before you sign with the new key.

\b
receipt keygen --issuer https://api.example.com --out keys/
receipt keygen --rotate --out keys/
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
    "--rotate",
    is_flag=True,
    help="Replace the key in the folder --out; the old one stays published.",
)
@click.option(
    "--old-expires",
    type=INSTANT,
    metavar="TIME",
    help="With --rotate: the old key must not sign from this time on. Default: in 24 hours.",
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
    rotate: bool,
    old_expires: int | None,
    new_cache_key: bool,
    account: str | None,
    root: str | None,
    month: str | None,
    passphrase: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Make a key: an issuer's first, its next, or a cache key."""
    if new_cache_key or account or root or month:
        if not new_cache_key or issuer or rotate:
            raise click.UsageError("--account, --root and --month go with --new-cache-key alone")
        document = _cache_key(out, account, root, month)
    else:
        if rotate == (issuer is not None) or (old_expires is not None and not rotate):
            raise click.UsageError(
                "give --issuer for a first key, or --rotate (and --old-expires) for the next"
            )
        entry, key = _new_key(not_before, expires)
        secret = key_folder.new_passphrase() if passphrase else None
        folder = Path(out)
        if issuer is None:
            issuer = _rotate(folder, key, entry, secret, old_expires)
        else:
            _first(folder, issuer, key, entry, secret)
        document = _written(folder, issuer, entry)
    if as_json:
        print_json(document)


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
            f"{private} is there already", "replace it with --rotate, or choose another folder"
        ) from None
    with output_file(str(folder / key_folder.PUBLIC)) as stream:
        stream.write(published)


def _rotate(
    folder: Path,
    key: SigningKey,
    entry: dict[str, Any],
    secret: bytes | None,
    old_expires: int | None,
) -> str:
    """Publish the new key beside the old one, then put it into the old one's place."""
    before = key_folder.load(str(folder))
    private, public = folder / key_folder.PRIVATE, folder / key_folder.PUBLIC
    if secret is None and b"ENCRYPTED" in private.read_bytes():
        secret = key_folder.new_passphrase()  # what was encrypted stays so
    ends = (time.time_ns() // 1_000_000 + _DAY_MS if old_expires is None else old_expires) // 1000
    kid = jwk(before.key.public)["kid"]
    published = _ending(json.loads(public.read_bytes())["keys"], kid, ends)
    kept = folder / f"issuer-{kid[:8]}.pem"
    _keep(private, kept)
    with output_file(str(public)) as stream:
        stream.write(jwks(before.issuer, [*published, entry]))
    with output_file(str(private), mode=0o600) as stream:
        stream.write(key.to_pem(secret))
    say(f"the old key is {kept}; it expires {show_instant(ends * 1000)}")
    return before.issuer


def _ending(keys: list[dict[str, Any]], kid: str, ends: int) -> list[dict[str, Any]]:
    """The published keys, of which the one ``kid`` expires, in seconds, when it is told to, if not before."""
    for known in keys:
        if known["kid"] == kid:
            known["exp"] = min(ends, known.get("exp", ends))
            if known["exp"] <= known.get("nbf", -1):
                raise CliError(
                    "the old key would expire before it may be used", "give a later --old-expires"
                )
    return keys


def _keep(private: Path, kept: Path) -> None:
    """Keep the old key under another name."""
    if not kept.exists():
        os.link(private, kept)
    elif kept.read_bytes() != private.read_bytes():
        raise CliError(f"{kept} is there already, and another key", "move it away")
