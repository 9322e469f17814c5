"""The statements that a customer has seen, in a folder: each is a file that is created once and never replaced.

    <hash of issuer and account>/<number>-<digest>.cbor

So two runs at a time cannot undo each other's memory, and folders of two machines can be merged by copying.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cli.files import output_file
from cli.terminal import CliError
from verifier import Input, Known, KnownStatement, Statement, bound, read_item


@dataclass(frozen=True, slots=True)
class Remembered:
    """A statement in the memory: what it says, its bytes, and the file."""

    claims: Statement
    signed: bytes
    path: Path

    @property
    def place(self) -> tuple[str, str, int]:
        """Issuer, account and number: the order of lists."""
        return self.claims.issuer, self.claims.account, self.claims.number


class Memory:
    """The statements below one folder. Only such go in as a pinned key has signed; see ``receipt verify``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, issuer: str, account: str) -> Iterable[KnownStatement]:
        """The statements of an account; they were verified when they were remembered, and count whatever is trusted now."""
        paths = sorted(self._place(issuer, account).glob("*.cbor"))
        return [KnownStatement(path.read_bytes(), verified=True) for path in paths]

    def noting(self, used: dict[str, Input]) -> Known:
        """The same, noting which files were used."""

        def known(issuer: str, account: str) -> Iterable[KnownStatement]:
            paths = map(str, sorted(self._place(issuer, account).glob("*.cbor")))
            used.update((one.name, one) for one in bound("memory", paths))
            return self.known(issuer, account)

        return known

    def remember(self, claims: Statement, signed: bytes) -> None:
        """Keep a statement. Another one of the same number is kept beside it: it is evidence, not a correction."""
        folder = self._place(claims.issuer, claims.account)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{claims.number:020d}-{sha256(signed).hexdigest()[:16]}.cbor"
        if not path.exists():
            with output_file(str(path)) as stream:
                stream.write(signed)

    def all(self, issuer: str | None = None, account: str | None = None) -> list[Remembered]:
        """The statements, of one issuer and account if they are named; by issuer, account and number.

        Raises:
            CliError: a file is damaged.
        """
        found = [
            one
            for one in self._all()
            if issuer in (None, one.claims.issuer) and account in (None, one.claims.account)
        ]
        return sorted(found, key=lambda one: (one.place, one.path))

    def _all(self) -> Iterator[Remembered]:
        for path in self.folder.glob("*/*.cbor"):
            signed = path.read_bytes()
            claims = read_item(signed).claims
            if not isinstance(claims, Statement):
                hint = "restore the file from a copy, or remove it"
                raise CliError(f"{path}: a remembered statement is damaged", hint)
            yield Remembered(claims, signed, path)

    def forget(self, statements: Iterable[Remembered]) -> None:
        """Remove statements."""
        for one in statements:
            one.path.unlink(missing_ok=True)
            if not any(one.path.parent.iterdir()):
                one.path.parent.rmdir()

    def _place(self, issuer: str, account: str) -> Path:
        return self.folder / hashed_name(issuer, account)


def remembered_files(paths: Sequence[str]) -> Known:
    """Remembered statements in these files, by issuer and account.

    Raises:
        CliError: a file holds something else.
    """
    found: dict[tuple[str, str], list[KnownStatement]] = {}
    for path in paths:
        signed = Path(path).read_bytes()
        claims = read_item(signed).claims
        if not isinstance(claims, Statement):
            raise CliError(f"{path} is no statement", "give the file that the report names")
        one = KnownStatement(signed, verified=True)
        found.setdefault((claims.issuer, claims.account), []).append(one)
    return lambda issuer, account: found.get((issuer, account), ())


def hashed_name(*parts: str) -> str:
    """A file name for texts that may hold anything."""
    return sha256(
        "".join(f"{len(part)}:{part}" for part in parts).encode(errors="surrogatepass")
    ).hexdigest()[:32]
