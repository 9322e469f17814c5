"""Which witnesses count, and how many of them are enough (c2sp.org/tlog-policy)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final, NamedTuple

from cli.published.notes import WITNESS, MalformedError, NoteKey, base64, is_name
from cli.terminal import CliError

_NONE: Final = "none"
_HINT: Final = "a policy has lines: witness NAME VKEY, group NAME any|all|K NAME..., quorum NAME (c2sp.org/tlog-policy)"
_PUBLIC_SIZE: Final = 32


class _Group(NamedTuple):
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """The trusted witnesses by their name in the policy, and the quorum."""

    witnesses: Mapping[str, NoteKey]
    groups: Mapping[str, _Group]
    quorum: str

    def met_by(self, witnesses: Set[str]) -> bool:
        """Whether these witnesses are a quorum."""
        return self._has(self.quorum, witnesses)

    def _has(self, name: str, witnesses: Set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in witnesses
        return sum(self._has(member, witnesses) for member in group.members) >= group.needed


NO_WITNESSES: Final = WitnessPolicy({}, {_NONE: _Group(0, ())}, _NONE)
"""No cosignature is asked for."""


def read_policy(name: str, data: bytes) -> WitnessPolicy:
    """The policy in a file of this name.

    Raises:
        CliError: it is none.
    """
    reader = _Reader()
    try:
        for place, line in enumerate(data.decode().split("\n"), 1):
            reader.read(place, line.split("#")[0] if line.strip().startswith("#") else line)
    except (MalformedError, UnicodeDecodeError) as error:
        raise CliError(f"{name}: {error}", _HINT) from None
    if reader.quorum is None:
        raise CliError(f"{name}: no quorum line", _HINT)
    return WitnessPolicy(reader.witnesses, reader.groups, reader.quorum)


class _Reader:
    def __init__(self) -> None:
        self.witnesses: dict[str, NoteKey] = {}
        self.groups: dict[str, _Group] = {_NONE: _Group(0, ())}
        self.quorum: str | None = None
        self._free: set[str] = set()
        """Names that are in no group yet."""

    def read(self, place: int, line: str) -> None:
        match line.split():
            case [] | ["log", _] | ["log", _, _]:
                return
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._new(place, name)
                self.witnesses[name] = self._key(place, vkey)
            case ["group", name, needed, *members] if members:
                self._new(place, name)
                self.groups[name] = self._group(place, needed, members)
            case ["quorum", name] if self.quorum is None:
                if name not in self.witnesses and name not in self.groups:
                    raise MalformedError(f"line {place}: {name} is not defined above")
                self.quorum = name
            case _:
                raise MalformedError(f"line {place}: {line[:80]!r}")

    def _new(self, place: int, name: str) -> None:
        if name in self.witnesses or name in self.groups:
            raise MalformedError(f"line {place}: {name} is defined twice")
        self._free.add(name)

    def _group(self, place: int, needed: str, members: list[str]) -> _Group:
        for member in members:
            if member not in self._free:
                raise MalformedError(
                    f"line {place}: {member} is not defined above, or is in a group already"
                )
            self._free.remove(member)
        words = {"any": 1, "all": len(members)}
        count = words.get(needed) or (int(needed) if needed.isdecimal() else 0)
        if not 1 <= count <= len(members):
            raise MalformedError(f"line {place}: {needed} of {len(members)}")
        return _Group(count, tuple(members))

    def _key(self, place: int, vkey: str) -> NoteKey:
        key = _read_vkey(place, vkey)
        if any(key.public == other.public for other in self.witnesses.values()):
            raise MalformedError(f"line {place}: the key is that of another witness")
        return key


def _read_vkey(place: int, vkey: str) -> NoteKey:
    parts = vkey.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]):  # name, key id, key
        raise MalformedError(f"line {place}: {vkey[:80]!r} is no NAME+ID+KEY")
    data = base64(parts[2])
    if data[0] != WITNESS or len(data) != 1 + _PUBLIC_SIZE:
        raise MalformedError(
            f"line {place}: expected the Ed25519 key of a witness (type 4), found type {data[0]}"
        )
    key = NoteKey(parts[0], data[1:], WITNESS)
    if key.key_id.hex() != parts[1]:
        raise MalformedError(f"line {place}: expected key id {key.key_id.hex()}, found {parts[1]}")
    return key
