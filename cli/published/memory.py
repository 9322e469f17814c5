"""What a customer remembers of logs: the last checkpoint of each issuer, and the blind of each account.

<hash of issuer>/checkpoint
<hash of issuer>/<hash of account>.blind
"""

from __future__ import annotations

from pathlib import Path

from cli.files import output_file
from cli.memory import hashed_name
from cli.published.notes import Checkpoint, MalformedError, read_checkpoint
from cli.terminal import CliError


class PublishedMemory:
    """The memory below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkpoint(self, issuer: str) -> Checkpoint | None:
        """The last checkpoint of an issuer that passed; its signatures were verified then.

        Raises:
            CliError: the file is damaged.
        """
        path = self._checkpoint(issuer)
        if not path.exists():
            return None
        try:
            return read_checkpoint(path.read_bytes())
        except MalformedError as error:
            hint = "restore the file from a copy, or remove it"
            raise CliError(f"{path}: a remembered checkpoint is damaged: {error}", hint) from None

    def blind(self, issuer: str, account: str) -> bytes | None:
        """The blind of an account."""
        path = self._blind(issuer, account)
        return path.read_bytes() if path.exists() else None

    def remember(self, issuer: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, unless a larger one is known."""
        known = self.checkpoint(issuer)
        if known is None or known.size <= checkpoint.size:
            self._write(self._checkpoint(issuer), checkpoint.note.data)

    def remember_blind(self, issuer: str, account: str, blind: bytes) -> None:
        """Keep the blind of an account."""
        path = self._blind(issuer, account)
        if not path.exists():
            self._write(path, blind)

    def _checkpoint(self, issuer: str) -> Path:
        return self.folder / hashed_name(issuer) / "checkpoint"

    def _blind(self, issuer: str, account: str) -> Path:
        return self.folder / hashed_name(issuer) / f"{hashed_name(account)}.blind"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with output_file(str(path), mode=0o600) as stream:
            stream.write(data)
