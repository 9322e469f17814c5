"""Signed notes and checkpoints that others made (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature): read, and checked."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from verifier import TrustedKey

LOG, WITNESS = 1, 4
"""Types of signatures: a plain one, and that of a witness, with its time."""
MOST_SIGNATURES: Final = 64
HASH_SIZE: Final = 32
_KEY_ID: Final = 4
_TIME: Final = 8
_SIGNATURE_SIZE: Final = 64
_MARK: Final = "— "


class MalformedError(ValueError):
    """A note, a checkpoint or a proof is not of its form (P-1.1): what is wrong."""


class InvalidSignatureError(ValueError):
    """A signature by a known key does not hold (P-2.1)."""


class NoteSignature(NamedTuple):
    """One signature line: whose it says it is, and the bytes."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was read, and not checked."""

    data: bytes
    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: how many entries, and their root. Not checked."""

    origin: str
    size: int
    root: bytes
    note: Note


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key that signs notes under a name. ``kind``: `LOG` or `WITNESS`."""

    name: str
    public: bytes
    kind: int

    @property
    def key_id(self) -> bytes:
        """What a signature line names the key by, beside the name."""
        encoded = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return sha256(encoded).digest()[:_KEY_ID]

    def check(self, note: Note) -> int | None:
        """The time of the signature by this key, in seconds (0 for the log's own, which has none); None if it has not signed.

        Raises:
            InvalidSignatureError: a signature that names the key does not hold.
        """
        own = [one for one in note.signatures if (one.name, one.key_id) == (self.name, self.key_id)]
        times = [self._verify(note.text, one.value) for one in own]
        return max(times, default=None)

    def _verify(self, text: str, value: bytes) -> int:
        time, message = 0, text.encode()
        if self.kind == WITNESS:
            time = int.from_bytes(value[:_TIME], "big")
            message = f"cosignature/v1\ntime {time}\n".encode() + message
            value = value[_TIME:]
        # The key has no kid of its own here; what is asked of a key and of a signature is the same.
        key = TrustedKey(self.key_id, self.name, self.public)
        if key.weakness is not None:
            raise InvalidSignatureError(f"the key of {self.name} is weak: {key.weakness}")
        if len(value) != _SIGNATURE_SIZE:
            raise InvalidSignatureError(f"the signature of {self.name} has {len(value)} bytes")
        try:
            key.verifier("cryptography")(value, message)
        except ValueError as error:
            raise InvalidSignatureError(f"the signature of {self.name}: {error}") from None
        return time


def read_note(data: bytes) -> Note:
    """A signed note.

    Raises:
        MalformedError: it is none.
    """
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8") from None
    if any(ch < " " and ch != "\n" for ch in whole):
        raise MalformedError("a control character")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise MalformedError("no signature lines below an empty line")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MOST_SIGNATURES:
        raise MalformedError(f"{len(signatures)} signatures")
    return Note(data, text + "\n", tuple(_signature(line) for line in signatures))


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not is_name(name):
        raise MalformedError(f"no signature line: {line[:80]!r}")
    value = base64(encoded)
    if len(value) <= _KEY_ID:
        raise MalformedError("a signature without bytes")
    return NoteSignature(name, value[:_KEY_ID], value[_KEY_ID:])


def is_name(name: str) -> bool:
    """Whether a key, or a log, may be called so."""
    return bool(name) and "+" not in name and not any(ch.isspace() for ch in name)


def read_checkpoint(data: bytes) -> Checkpoint:
    """A checkpoint, without extension lines.

    Raises:
        MalformedError: it is none.
    """
    note = read_note(data)
    lines = note.text[:-1].split("\n")
    if len(lines) != 3 or not lines[0]:  # origin, size, root
        raise MalformedError(f"{len(lines)} lines of text, not 3")
    root = base64(lines[2])
    if len(root) != HASH_SIZE:
        raise MalformedError(f"a root of {len(root)} bytes")
    return Checkpoint(lines[0], number(lines[1]), root, note)


def number(text: str) -> int:
    """A number of up to 64 bits in decimal digits, without zeros before it.

    Raises:
        MalformedError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or str(int(text)) != text:
        raise MalformedError(f"no number: {text[:80]!r}")
    return int(text)


def base64(text: str) -> bytes:
    """What stands in base64.

    Raises:
        MalformedError: an encoder would not write it so.
    """
    try:
        value = b64decode(text, validate=True)
    except ValueError:
        value = b""
    if not value or b64encode(value).decode() != text:
        raise MalformedError(f"no base64: {text[:80]!r}")
    return value
