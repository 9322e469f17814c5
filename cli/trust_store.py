"""What a customer trusts and remembers, in a folder of its own.

issuers/<hash of the issuer>.jwks.json    the pinned keys of an issuer
statements/                               the statements that they have signed: `cli.memory`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import click

from cli.files import output_file, read_bytes
from cli.memory import Memory, hashed_name
from cli.terminal import CliError
from verifier import (
    KeyConflictError,
    KeyFileError,
    TrustedKey,
    by_kid,
    escape,
    kid_text,
    read_jwks,
    show_instant,
)

VARIABLE = "RECEIPT_TRUST_STORE"
"""The variable that names the folder of pins and memory."""

_ONE_WAY = "of an issuer's old and new key file give the new one only; a key has one owner"
_UNPIN = (
    "a key has one owner: ask the issuers whose it is, then receipt trust remove the other ISSUER"
)


class TrustStore:
    """The pinned issuers and the remembered statements below one folder."""

    def __init__(self, folder: str | None) -> None:
        self.folder = Path(folder or click.get_app_dir("token-receipts"))
        self.memory = Memory(self.folder / "statements")

    def issuers(self) -> dict[Path, list[TrustedKey]]:
        """The pinned key files.

        Raises:
            CliError: a file in the store is damaged.
        """
        found = {}
        for path in sorted((self.folder / "issuers").glob("*.jwks.json")):
            try:
                found[path] = read_jwks(path.read_bytes())
            except KeyFileError as error:
                raise CliError(
                    f"{path}: {error}", "remove the file, and pin the issuer again"
                ) from None
        return found

    def keys(self) -> list[TrustedKey]:
        """All pinned keys."""
        return [key for keys in self.issuers().values() for key in keys]

    def trusted(self, names: Sequence[str]) -> dict[bytes, TrustedKey]:
        """The keys in these files, or else, without files, the pinned ones; by their ``kid``.

        Raises:
            CliError: a file is no key file, or one key is listed in two ways.
        """
        if names:
            given = [parse_keys(name, read_bytes(name)) for name in names]
            return _together(given, _ONE_WAY)
        return _together(self.issuers().values(), _UNPIN)

    def key_files(self, names: Sequence[str]) -> list[str]:
        """These files, or else, without files, the pinned ones."""
        return list(names) or [str(path) for path in self.issuers()]

    def pinned(self, issuer: str) -> list[TrustedKey]:
        """The pinned keys of one issuer."""
        return [key for key in self.keys() if key.issuer == issuer]

    def check(self, name: str, keys: list[TrustedKey]) -> None:
        """Raise what would be wrong with the pinned keys, if those of the file ``name`` took the place of the issuer's.

        Raises:
            CliError: one of the keys is another issuer's, or is listed twice, or a revocation that is pinned would be lost.
        """
        issuer = keys[0].issuer
        others = [known for known in self.issuers().values() if known[0].issuer != issuer]
        _together([*others, keys], _UNPIN)
        found = {key.kid: key for key in keys}
        for key in self.pinned(issuer):
            if key.revoked is not None:
                _check_still_revoked(name, key, found.get(key.kid))

    def pin(self, issuer: str, jwks: bytes) -> None:
        """Trust an issuer's key file, in place of an earlier one."""
        path = self._path(issuer)
        path.parent.mkdir(parents=True, exist_ok=True)
        with output_file(str(path)) as stream:
            stream.write(jwks)

    def files(self) -> Iterator[Path]:
        """All pinned key files and remembered statements."""
        yield from sorted((self.folder / "issuers").glob("*.jwks.json"))
        yield from sorted(self.memory.folder.glob("*/*.cbor"))

    def pinned_files(self, issuers: Collection[str]) -> list[str]:
        """The pinned key files of these issuers, in the order of their names."""
        return [str(path) for path in sorted(map(self._path, issuers)) if path.exists()]

    def unpin(self, issuer: str) -> bool:
        """Forget an issuer's keys; False if there are none."""
        path = self._path(issuer)
        existed = path.exists()
        path.unlink(missing_ok=True)
        return existed

    def _path(self, issuer: str) -> Path:
        return self.folder / "issuers" / f"{hashed_name(issuer)}.jwks.json"


def parse_keys(name: str, data: bytes) -> list[TrustedKey]:
    """The keys in an issuer's key file of this name.

    Raises:
        CliError: it is no key file.
    """
    try:
        return read_jwks(data)
    except KeyFileError as error:
        hint = "a key file is the issuer.jwks.json that the issuer publishes"
        raise CliError(f"{name}: {error}", hint) from None


def _check_still_revoked(name: str, pinned: TrustedKey, new: TrustedKey | None) -> None:
    """A revocation is not taken back: a file that says nothing of it, or less, is an old one, or comes from the thief.

    A file without the key is refused too: after it, an old one with the key would be nothing but a file with one key more.
    """
    if pinned.revoked is None or (
        new is not None and new.revoked is not None and new.revoked <= pinned.revoked
    ):
        return
    if new is None:
        found = "it is not listed"
    elif new.revoked is None:
        found = "it is not revoked"
    else:
        found = f"it is revoked from {show_instant(new.revoked)} on"
    message = (
        f"{name}: key {kid_text(pinned.kid)} is pinned as revoked from {show_instant(pinned.revoked)} on,"
        f" and here {found}"
    )
    hint = (
        "ask the issuer for its newest key file; if it does take the revocation back,"
        f" receipt trust remove {escape(pinned.issuer)} first"
    )
    raise CliError(message, hint)


def _together(files: Iterable[Sequence[TrustedKey]], hint: str) -> dict[bytes, TrustedKey]:
    try:
        return by_kid(key for keys in files for key in keys)
    except KeyConflictError as error:
        raise CliError(str(error), hint) from None
