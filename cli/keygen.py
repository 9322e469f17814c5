"""``receipt keygen``: make an issuer's key."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from cli import cachekey, keyfolder
from cli.files import output_file
from cli.period import INSTANT
from cli.terminal import CliError, output_options, print_json, say
from receipts import ReceiptError, SigningKey, jwk, jwks
from receipts.limits import name
from verifier.period import show_instant

_DAY_MS = 86_400_000


@click.command()
@click.option("--issuer", metavar="URL", help="Who signs and bills: a name that stays.")
@click.option("--out", required=True, metavar="FOLDER", help="Where the key goes.")
@click.option(
    "--not-before", type=INSTANT, metavar="TIME", help="The key must not sign for earlier times."
)
@click.option(
    "--expires", type=INSTANT, metavar="TIME", help="The key must not sign from this time on."
)
@click.option(
    "--rotate", is_flag=True, help="Replace the key in FOLDER; the old one stays published."
)
@click.option(
    "--old-expires",
    type=INSTANT,
    metavar="TIME",
    help="With --rotate: the old key must not sign from this time on. Default: in 24 hours.",
)
@click.option(
    "--cache-key", is_flag=True, help="Make an account's cache key instead: the FILE --out."
)
@click.option("--account", help="With --cache-key: whose.")
@click.option(
    "--root", metavar="FILE", help="With --cache-key: derive the key of a --month from it."
)
@click.option("--month", metavar="YYYY-MM", help="With --root: the month that may be disclosed.")
@click.option(
    "--passphrase", is_flag=True, help=f"Encrypt the key; asks, or takes {keyfolder.PASSPHRASE}."
)
@output_options
def keygen(
    issuer: str | None,
    out: str,
    not_before: int | None,
    expires: int | None,
    rotate: bool,
    old_expires: int | None,
    cache_key: bool,
    account: str | None,
    root: str | None,
    month: str | None,
    passphrase: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Make an issuer's key: issuer.pem (secret) and issuer.jwks.json (to publish).

    A cache key is what identifiers of cached prefixes are made with; see spec/cache-id.md.

    With --rotate, issuers that run go on with the old key until it expires or they are told (`Journal.rotate`); its receipts
    stay valid. Publish the key file before you sign with the new key.

    \b
    receipt keygen --issuer https://api.example.com --out keys/
    receipt keygen --rotate --out keys/
    receipt keygen --cache-key --account acme --out acme.key
    receipt keygen --cache-key --root acme.key --month 2026-11 --out nov.key
    """
    if cache_key or account or root or month:
        document = (
            _cache_key(out, account, root, month) if cache_key and not (issuer or rotate) else None
        )
        if document is None:
            raise click.UsageError("--cache-key goes with --account, or with --root and --month")
        if as_json:
            print_json(document)
        return
    if not_before is not None and expires is not None and expires <= not_before:
        raise CliError(
            "the key would expire before it may be used", "--expires must be after --not-before"
        )
    if rotate == (issuer is not None) or (old_expires is not None and not rotate):
        raise click.UsageError(
            "give --issuer for a first key, or --rotate (and --old-expires) for the next"
        )
    secret = _passphrase() if passphrase else None
    key = SigningKey.generate()
    entry = jwk(key.public, not_before, expires)
    folder = Path(out)
    if issuer is None:
        issuer = _rotate(folder, key, entry, secret, old_expires)
    else:
        _first(folder, issuer, key, entry, secret)
    private, public = folder / keyfolder.PRIVATE, folder / keyfolder.PUBLIC
    if as_json:
        print_json(
            {"issuer": issuer, "kid": entry["kid"], "private": str(private), "public": str(public)}
        )
    say(f"{private} is secret; give {public} to your customers")


def _cache_key(
    out: str, account: str | None, root: str | None, month: str | None
) -> dict[str, str | None] | None:
    if account and not root and not month:
        return cachekey.make(account, out)
    if root and month and not account:
        return cachekey.derive(root, month, out)
    return None


def _first(
    folder: Path, issuer: str, key: SigningKey, entry: dict[str, Any], secret: bytes | None
) -> None:
    try:
        name("--issuer", issuer)
    except ReceiptError as error:
        raise CliError(str(error), "use the URL of your API") from None
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / keyfolder.PRIVATE
    try:
        with output_file(str(private), mode=0o600, replace=False) as stream:
            stream.write(key.to_pem(secret))
    except FileExistsError:
        raise CliError(
            f"{private} is there already", "replace it with --rotate, or choose another folder"
        ) from None
    with output_file(str(folder / keyfolder.PUBLIC)) as stream:
        stream.write(jwks(issuer, [entry]))


def _rotate(
    folder: Path,
    key: SigningKey,
    entry: dict[str, Any],
    secret: bytes | None,
    old_expires: int | None,
) -> str:
    """Publish the new key beside the old one, then put it into the old one's place."""
    before = keyfolder.load(str(folder))
    private, public = folder / keyfolder.PRIVATE, folder / keyfolder.PUBLIC
    if secret is None and b"ENCRYPTED" in private.read_bytes():
        secret = _passphrase()  # what was encrypted stays so
    ends = (time.time_ns() // 1_000_000 + _DAY_MS if old_expires is None else old_expires) // 1000
    document = json.loads(public.read_bytes())
    old = jwk(before.key.public)["kid"]
    for known in document["keys"]:
        if known["kid"] == old:
            known["exp"] = min(ends, known.get("exp", ends))
            if known["exp"] <= known.get("nbf", -1):
                raise CliError(
                    "the old key would expire before it may be used", "give a later --old-expires"
                )
    kept = folder / f"issuer-{old[:8]}.pem"
    if not kept.exists():
        os.link(private, kept)
    elif kept.read_bytes() != private.read_bytes():
        raise CliError(f"{kept} is there already, and another key", "move it away")
    with output_file(str(public)) as stream:
        stream.write(jwks(before.issuer, [*document["keys"], entry]))
    with output_file(str(private), mode=0o600) as stream:
        stream.write(key.to_pem(secret))
    say(f"the old key is {kept}; it expires {show_instant(ends * 1000)}")
    return before.issuer


def _passphrase() -> bytes:
    given = os.environ.get(keyfolder.PASSPHRASE)
    if not given:
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(given).encode()
