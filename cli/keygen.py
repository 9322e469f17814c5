"""``receipt keygen``: make an issuer's key."""

from __future__ import annotations

import os
from pathlib import Path

import click

from cli import keyfolder
from cli.files import output_file
from cli.period import INSTANT
from cli.terminal import CliError, output_options, print_json, say
from receipts import ReceiptError, SigningKey, jwk, jwks
from receipts.claims import name


@click.command()
@click.option(
    "--issuer", required=True, metavar="URL", help="Who signs and bills: a name that stays."
)
@click.option(
    "--out",
    required=True,
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Where the key goes.",
)
@click.option(
    "--not-before", type=INSTANT, metavar="TIME", help="The key must not sign for earlier times."
)
@click.option(
    "--expires", type=INSTANT, metavar="TIME", help="The key must not sign from this time on."
)
@click.option(
    "--passphrase", is_flag=True, help=f"Encrypt the key; asks, or takes {keyfolder.PASSPHRASE}."
)
@output_options
def keygen(
    issuer: str,
    out: str,
    not_before: int | None,
    expires: int | None,
    passphrase: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Make an issuer's key: issuer.pem (secret) and issuer.jwks.json (to publish).

    \b
    receipt keygen --issuer https://api.example.com --out keys/
    """
    try:
        name("--issuer", issuer)
    except ReceiptError as error:
        raise CliError(str(error), "use the URL of your API") from None
    if not_before is not None and expires is not None and expires <= not_before:
        raise CliError(
            "the key would expire before it may be used", "--expires must be after --not-before"
        )
    secret = _passphrase() if passphrase else None
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    private, public = folder / keyfolder.PRIVATE, folder / keyfolder.PUBLIC
    key = SigningKey.generate()
    entry = jwk(key.public, not_before, expires)
    try:
        with output_file(str(private), mode=0o600, replace=False) as stream:
            stream.write(key.to_pem(secret))
    except FileExistsError:
        raise CliError(
            f"{private} is there already", "a key is never replaced; choose another folder"
        ) from None
    with output_file(str(public)) as stream:
        stream.write(jwks(issuer, [entry]))
    if as_json:
        print_json(
            {"issuer": issuer, "kid": entry["kid"], "private": str(private), "public": str(public)}
        )
    say(f"{private} is secret; give {public} to your customers")


def _passphrase() -> bytes:
    given = os.environ.get(keyfolder.PASSPHRASE)
    if not given:
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(given).encode()
