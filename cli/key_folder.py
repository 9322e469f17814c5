"""An issuer's key folder: ``issuer.pem`` (secret, 0600) and ``issuer.jwks.json`` (to publish)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from cli.terminal import CliError
from receipts import KeyFileError, PassphraseError, SigningKey
from verifier import KeyFileError as TrustError
from verifier import TrustedKey, read_jwks

PRIVATE, PUBLIC = "issuer.pem", "issuer.jwks.json"
PASSPHRASE = "RECEIPT_KEY_PASSPHRASE"  # noqa: S105  # the name of a variable


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """What an issuer needs: its name, its signing key, and its public keys as its customers see them."""

    path: str
    issuer: str
    key: SigningKey
    public: list[TrustedKey]


def load(folder: str) -> KeyFolder:
    """Read a key folder.

    Raises:
        CliError: a file is missing or cannot be used.
    """
    private, public = Path(folder, PRIVATE), Path(folder, PUBLIC)
    for path in (private, public):
        if not path.is_file():
            raise CliError(
                f"{path} is not there", f"make a key: receipt keygen --issuer URL --out {folder}"
            )
    try:
        keys = read_jwks(public.read_bytes())
    except TrustError as error:
        raise CliError(
            f"{public}: {error}", "it is the key file that receipt keygen wrote"
        ) from None
    key = _private_key(private)
    if key.kid not in {known.kid for known in keys}:
        raise CliError(
            f"{public} does not list the key in {private}", "they belong to different keys"
        )
    return KeyFolder(folder, keys[0].issuer, key, keys)


def _private_key(path: Path) -> SigningKey:
    pem = path.read_bytes()
    given = os.environ.get(PASSPHRASE)
    try:
        try:
            return SigningKey.from_pem(pem, given.encode() if given else None)
        except PassphraseError:
            if given or not sys.stdin.isatty():
                raise
        typed: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
        return SigningKey.from_pem(pem, typed.encode())
    except PassphraseError as error:
        raise CliError(f"{path}: {error}", f"set {PASSPHRASE}, or type it at a terminal") from None
    except KeyFileError as error:
        raise CliError(
            f"{path}: {error}", "it is the private key that receipt keygen wrote"
        ) from None


def new_passphrase() -> bytes:
    """The passphrase for a key that is written: from the environment, or typed twice."""
    given = os.environ.get(PASSPHRASE)
    if not given:
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(given).encode()
