"""An issuer's key folder: ``issuer.pem`` and its successors (secret, 0600), and ``issuer.jwks.json`` (to publish)."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli.files import output_file
from cli.terminal import CliError
from receipts import KeyFileError, KeyFolder, PassphraseError
from verifier import KeyFileError as TrustError
from verifier import TrustedKey, read_jwks

PRIVATE, PUBLIC = "issuer.pem", "issuer.jwks.json"
PASSPHRASE = "RECEIPT_KEY_PASSPHRASE"  # noqa: S105  # the name of a variable


@dataclass(frozen=True, slots=True)
class Keys:
    """What an issuer needs: its name, its signing keys, and its public keys as its customers see them."""

    path: str
    signing: KeyFolder
    public: list[TrustedKey]
    passphrase: bytes | None

    @property
    def issuer(self) -> str:
        """Who signs and bills."""
        return self.signing.issuer


def load(folder: str) -> Keys:
    """Read a key folder.

    Raises:
        CliError: a file is missing or cannot be used.
    """
    private, public = Path(folder, PRIVATE), Path(folder, PUBLIC)
    for path, there in ((private, bool(pems(folder))), (public, public.is_file())):
        if not there:
            raise CliError(
                f"{path} is not there", f"make a key: receipt keygen --issuer URL --out {folder}"
            )
    try:
        keys = read_jwks(public.read_bytes())
    except TrustError as error:
        raise CliError(
            f"{public}: {error}", "it is the key file that receipt keygen wrote"
        ) from None
    signing, passphrase = _signing(folder)
    return Keys(folder, signing, keys, passphrase)


def pems(folder: str) -> list[Path]:
    """The files of private keys; an old one may be gone, once it signs no more."""
    return sorted(Path(folder).glob("issuer*.pem"))


def _signing(folder: str) -> tuple[KeyFolder, bytes | None]:
    """The private keys, and the passphrase that opened them: from the environment, or typed."""
    given = os.environ.get(PASSPHRASE)
    secret = given.encode() if given else None
    try:
        try:
            return KeyFolder(folder, secret, clock=now), secret
        except PassphraseError:
            if given or not sys.stdin.isatty():
                raise
        typed: str = click.prompt(f"Passphrase of {folder}", hide_input=True, err=True)
        return KeyFolder(folder, typed.encode(), clock=now), typed.encode()
    except PassphraseError as error:
        raise CliError(str(error), f"set {PASSPHRASE}, or type it at a terminal") from None
    except KeyFileError as error:
        hint = "a key folder has the files that receipt keygen and receipt key wrote, and no others"
        raise CliError(str(error), hint) from None


def new_passphrase() -> bytes:
    """The passphrase for a key that is written: from the environment, or typed twice."""
    given = os.environ.get(PASSPHRASE)
    if not given:
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(given).encode()


def now() -> int:
    """The time, in ms."""
    return time.time_ns() // 1_000_000


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Only one command at a time changes the files of a folder; others wait."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        hint = f"make a key: receipt keygen --issuer URL --out {folder}"
        raise CliError(f"{folder} is no folder", hint) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def document(folder: str) -> dict[str, Any]:
    """The key file as data, to be changed and published again; what is not known of it stays."""
    found: dict[str, Any] = json.loads(Path(folder, PUBLIC).read_bytes())
    return found


def publish(folder: str, changed: dict[str, Any]) -> None:
    """Replace the key file, whole.

    Raises:
        CliError: customers would refuse it.
    """
    data = json.dumps(changed, indent=2, ensure_ascii=False).encode() + b"\n"
    try:
        read_jwks(data)
    except TrustError as error:
        raise CliError(
            f"the new key file would be refused: {error}", "nothing was changed"
        ) from None
    with output_file(str(Path(folder, PUBLIC))) as stream:
        stream.write(data)
