"""What a customer trusts and remembers, in a folder of its own.

    issuers/<hash of the issuer>.jwks.json               the pinned keys of an issuer
    statements/<hash of issuer and account>/<number>-<digest>.cbor    every signed statement seen

Each statement is a file that is created once and never replaced, so two runs at a time cannot undo each other's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import click

from cli.files import output_file, read_bytes
from cli.terminal import CliError
from verifier import KeyFileError, KnownStatement, Statement, TrustedKey, by_kid, read_jwks

VARIABLE = "RECEIPT_TRUST_STORE"
"""The variable that names the folder of pins and memory."""


class TrustStore:
    """The pinned issuers and the remembered statements below one folder."""

    def __init__(self, folder: str | None) -> None:
        self.folder = Path(folder or click.get_app_dir("token-receipts"))

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
        keys = self.keys()
        if names:
            keys = [key for name in names for key in parse_keys(name, read_bytes(name))]
        try:
            return by_kid(keys)
        except KeyFileError as error:
            raise CliError(str(error), "name one of the two key files, the newer one") from None

    def pinned(self, issuer: str) -> list[TrustedKey]:
        """The pinned keys of one issuer."""
        return [key for key in self.keys() if key.issuer == issuer]

    def pin(self, issuer: str, jwks: bytes) -> None:
        """Trust an issuer's key file, in place of an earlier one."""
        path = self._path(issuer)
        path.parent.mkdir(parents=True, exist_ok=True)
        with output_file(str(path)) as stream:
            stream.write(jwks)

    def unpin(self, issuer: str) -> bool:
        """Forget an issuer's keys; False if there are none."""
        path = self._path(issuer)
        existed = path.exists()
        path.unlink(missing_ok=True)
        return existed

    def statements(self, issuer: str, account: str) -> Iterable[KnownStatement]:
        """The signed statements that were seen before."""
        folder = self._statements(issuer, account)
        return [
            KnownStatement(path.read_bytes(), verified=True)
            for path in sorted(folder.glob("*.cbor"))
        ]

    def remember(self, claims: Statement, signed: bytes) -> None:
        """Keep a statement. Another one of the same number is kept beside it: it is evidence, not a correction."""
        folder = self._statements(claims.issuer, claims.account)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{claims.number:020d}-{sha256(signed).hexdigest()[:16]}.cbor"
        if not path.exists():
            with output_file(str(path)) as stream:
                stream.write(signed)

    def _path(self, issuer: str) -> Path:
        return self.folder / "issuers" / f"{_name(issuer)}.jwks.json"

    def _statements(self, issuer: str, account: str) -> Path:
        return self.folder / "statements" / _name(issuer, account)


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


def _name(*parts: str) -> str:
    """A file name for texts that may hold anything."""
    return sha256(
        "".join(f"{len(part)}:{part}" for part in parts).encode(errors="surrogatepass")
    ).hexdigest()[:32]
