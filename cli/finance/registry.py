"""finance.toml: an organisation's teams, tags, prefixes and owners, deploys, pools, revenue and drivers, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

from attribution.money import Breakage, Bucket, Deploy, Pool, Prefix, Registry, Rule, Tagging, Team
from cli.finance.records import Columns, Inputs, Record, Records, each_once
from cli.finance.values import amount, count, identifier, moment, names, share
from receipts import TomlMember, read_toml

_TEAM: Final = Columns(("name",), ("cost_center", "budget", "engineering"))
_PREFIX: Final = Columns(("name", "owner", "tokens"), ("ids",))
_DEPLOY: Final = Columns(("time", "team"), ("what", "prefixes"))
_POOL: Final = Columns(("name", "amount", "by"), ("capacity",))
_REVENUE: Final = Columns(("dimension", "value", "revenue"))
_DRIVER: Final = Columns(("pool", "customer", "quantity"))
_MEMBERS: Final = (
    "tags", "methods", "breakage", "team", "teams", "prefix", "prefixes", "deploy", "deploys", "pool", "pools", "revenue",
    "drivers",
)  # fmt: skip
_DIMENSIONS: Final = ("customer", "feature")
_BY: Final = ("requests", "tokens", "spend", "driver")
_Choice = TypeVar("_Choice", Rule, Bucket)


@dataclass(frozen=True, slots=True)
class FinanceFile:
    """A registry, and where the times of its deploys stand."""

    registry: Registry
    deployed: Sequence[TomlMember]

    def check_deploys(self, latest: int) -> None:
        """No deploy is in the future.

        Args:
            latest: the last time that has been, in ms.

        Raises:
            TomlFileError: one is.
        """
        for member, deploy in zip(self.deployed, self.registry.deploys, strict=True):
            if deploy.time > latest:
                raise member.error("a time that has been", f"{member.value}, in the future")


def read_registry(path: Path, inputs: Inputs) -> FinanceFile:
    """The registry in a file, and in the CSV files beside it.

    Args:
        path: of finance.toml.
        inputs: hears of the files that were read.

    Raises:
        TomlFileError: something in it is wrong, missing or unknown; it says where.
        OSError: a file cannot be read.
    """
    top = read_toml(inputs.read(path), str(path))
    top.members(("currency",), _MEMBERS)
    reader = _Reader(Records(top, inputs))
    return FinanceFile(reader.registry(), reader.deployed)


class _Reader:
    """Reads one file; what is read first, later parts refer to."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.deployed: list[TomlMember] = []
        self._members = records.top.table()
        self._teams: dict[str, Team] = {}
        self._prefixes: dict[str, Prefix] = {}

    def registry(self) -> Registry:
        seen: dict[str, TomlMember] = {}
        for record in self._records.of("team", "teams", _TEAM):
            team = _team(record, seen)
            self._teams[team.name] = team
        self._read_prefixes()
        warmup, tax = self._methods()
        return Registry(
            _currency(self._members["currency"]), self._teams, self._tagging(), self._prefixes, self._deploys(),
            self._pools(), self._revenue(), warmup, *tax, self._breakage(),
        )  # fmt: skip

    def _team(self, member: TomlMember) -> str:
        """The name of a registered team."""
        name = member.text()
        if name not in self._teams:
            raise member.error("a registered team", f"{name!r}")
        return name

    def _read_prefixes(self) -> None:
        seen: dict[str, TomlMember] = {}
        owners: dict[str, str] = {}
        for record in self._records.of("prefix", "prefixes", _PREFIX):
            name = each_once(seen, record["name"], record["name"].text)
            ids = (
                [(one, identifier(one)) for one in names(record["ids"])] if "ids" in record else []
            )
            for member, one in ids:
                if owners.setdefault(one, name) != name:
                    raise member.error("an identifier of one prefix", f"one of {owners[one]!r} too")
            tokens = count(record["tokens"])
            if not tokens:
                raise record["tokens"].error("at least 1 token")
            owner = self._team(record["owner"])
            self._prefixes[name] = Prefix(name, owner, tokens, [one for _, one in ids])

    def _tagging(self) -> Tagging:
        if "tags" not in self._members:
            return Tagging()
        found = self._members["tags"].members((), ("required", "owner", "allowed"))
        allowed = found["allowed"].table() if "allowed" in found else {}
        return Tagging(
            [one.text() for one in names(found["required"])] if "required" in found else (),
            self._team(found["owner"]) if "owner" in found else None,
            {
                tag: frozenset(one.text() for one in member.texts())
                for tag, member in allowed.items()
            },
        )

    def _methods(self) -> tuple[Fraction, tuple[str | None, Fraction]]:
        """The share of owners, the platform team, and what it keeps."""
        methods = self._inner("methods", ("warmup-adjusted", "platform-tax"))
        warmup = _inner(methods, "warmup-adjusted", ("owner_share",))
        tax = _inner(methods, "platform-tax", ("team", "keep"))
        return (
            share(warmup["owner_share"]) if "owner_share" in warmup else Fraction(1, 5),
            (
                self._team(tax["team"]) if "team" in tax else None,
                share(tax["keep"]) if "keep" in tax else Fraction(0),
            ),
        )

    def _inner(self, name: str, members: tuple[str, ...]) -> dict[str, TomlMember]:
        return _inner(self._members, name, members)

    def _breakage(self) -> Breakage:
        found = self._inner("breakage", ("rule", "bucket", "drop", "recover", "min_requests"))
        usual = Breakage()
        least = count(found["min_requests"]) if "min_requests" in found else usual.min_requests
        if not least:
            raise found["min_requests"].error("at least 1 request")
        return Breakage(
            _choice(found["rule"], Rule) if "rule" in found else usual.rule,
            _choice(found["bucket"], Bucket) if "bucket" in found else usual.bucket,
            share(found["drop"]) if "drop" in found else usual.drop,
            share(found["recover"]) if "recover" in found else usual.recover,
            least,
        )

    def _deploys(self) -> list[Deploy]:
        found = []
        for record in self._records.of("deploy", "deploys", _DEPLOY):
            touched = names(record["prefixes"]) if "prefixes" in record else []
            for member in touched:
                if member.text() not in self._prefixes:
                    raise member.error("a registered prefix", f"{member.text()!r}")
            self.deployed.append(record["time"])
            found.append(
                Deploy(
                    moment(record["time"]),
                    self._team(record["team"]),
                    record["what"].text() if "what" in record else "",
                    [member.text() for member in touched],
                )
            )
        return found

    def _pools(self) -> list[Pool]:
        seen: dict[str, TomlMember] = {}
        records = self._records.of("pool", "pools", _POOL)
        known = [each_once(seen, record["name"], record["name"].text) for record in records]
        driven = {
            name
            for name, record in zip(known, records, strict=True)
            if record["by"].value == "driver"
        }
        drivers = self._drivers(driven)
        return [
            _pool(name, record, drivers.get(name, {}))
            for name, record in zip(known, records, strict=True)
        ]

    def _drivers(self, driven: set[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for record in self._records.of_file("drivers", _DRIVER):
            pool = record["pool"].text()
            if pool not in driven:
                raise record["pool"].error("a pool that is split by a driver", f"{pool!r}")
            _add(found, pool, record["customer"], count(record["quantity"]))
        return found

    def _revenue(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for record in self._records.of_file("revenue", _REVENUE):
            dimension = record["dimension"].text()
            if dimension not in _DIMENSIONS:
                raise record["dimension"].error(f"one of {', '.join(_DIMENSIONS)}")
            _add(found, dimension, record["value"], amount(record["revenue"]))
        return found


def _team(record: Record, seen: dict[str, TomlMember]) -> Team:
    return Team(
        each_once(seen, record["name"], record["name"].text),
        record["cost_center"].text() if "cost_center" in record else None,
        amount(record["budget"]) if "budget" in record else None,
        amount(record["engineering"]) if "engineering" in record else 0,
    )


def _pool(name: str, record: Record, drivers: Mapping[str, int]) -> Pool:
    by = record["by"].text()
    if by not in _BY:
        raise record["by"].error(f"one of {', '.join(_BY)}")
    if "capacity" in record and by != "driver":
        raise record["capacity"].error("no capacity, where no driver says what of it was used")
    capacity = count(record["capacity"]) if "capacity" in record else None
    if by == "driver" and not any(drivers.values()) and not capacity:
        raise record["by"].error("quantities of this pool in the drivers", "none")
    return Pool(name, amount(record["amount"]), by, drivers, capacity)


def _add(found: dict[str, dict[str, int]], name: str, key: TomlMember, value: int) -> None:
    values = found.setdefault(name, {})
    if key.text() in values:
        raise key.error("each once", f"{key.text()!r} again")
    values[key.text()] = value


def _inner(
    members: Mapping[str, TomlMember], name: str, inner: tuple[str, ...]
) -> dict[str, TomlMember]:
    return members[name].members((), inner) if name in members else {}


def _choice(member: TomlMember, kind: type[_Choice]) -> _Choice:
    values: list[Any] = [str(one) for one in kind]
    if member.value not in values:
        raise member.error(f"one of {', '.join(values)}")
    return kind(member.value)


def _currency(member: TomlMember) -> str:
    text = member.text()
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise member.error("three capital letters, like USD")
    return text
