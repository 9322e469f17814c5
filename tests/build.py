"""Signed objects for tests: honest ones, and ones with exactly one fault, signed again after it was put in.

The key is that of RFC 8032 section 7.1 test 1, so that everything here can be reproduced by anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import zip_longest
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receipts import Signed, SigningKey, jwk
from receipts.merkle import Tree
from receipts.signing import RECEIPT, STATEMENT, Signer
from receipts.units import is_unit

ISSUER = "https://api.example.com"
ACCOUNT = "acme"
NOVEMBER = (1793491200000, 1796083200000)
DECEMBER = (1796083200000, 1798761600000)
OCTOBER = (1790812800000, 1793491200000)
NOON = NOVEMBER[0] + 12 * 3600 * 1000

SEEDS = {
    "issuer": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",  # RFC 8032, test 1
    "stranger": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",  # test 2
    "second": "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",  # test 3
}
KEYS = {
    name: SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(s)))
    for name, s in SEEDS.items()
}
KEY, STRANGER, SECOND = KEYS.values()


def jwk_set(*keys: SigningKey, issuer: str = ISSUER, **members: Any) -> dict[str, Any]:
    """A key file as JSON-ready data; ``members`` are added to each key."""
    return {"iss": issuer, "keys": [{**jwk(key.public), **members} for key in keys or (KEY,)]}


USAGE = {
    "input_tokens": 400,
    "cache_read_input_tokens": 2000,
    "cache_creation_input_tokens": 600,
    "cache_creation": {"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 500,
    "service_tier": "standard",
}
"""The provider's usage object of the receipts."""
USAGE_HASH = sha256(json.dumps(USAGE, separators=(",", ":"), sort_keys=True).encode()).digest()


def receipt_claims(sequence: int = 0, previous: bytes | None = None, **over: Any) -> dict[int, Any]:
    """The claims of an ordinary receipt. ``over`` replaces fields by name; None leaves one out."""
    claims: dict[str, Any] = {
        "version": 1,
        "issuer": ISSUER,
        "account": ACCOUNT,
        "stream": "gpu-7",
        "sequence": sequence,
        "previous": previous,
        "time": NOON + 1000 * sequence,
        "request": f"req_{sequence}",
        "model": "claude-sonnet-4-6",
        "input": {1: 3000, 2: 2000, 3: 1000, 4: {300: 600}},
        "output": {1: 500, 2: 120},
        "source": {1: "anthropic", 2: "messages", 3: USAGE_HASH, 4: "standard"},
        "tags": {"team": "search"},
    } | over
    labels = (
        "version", "issuer", "account", "stream", "sequence", "previous", "time", "request",
        "model", "input", "output", "cache", "source", "charge", "tags", "client", "units", "models", "span", "corrects",
    )  # fmt: skip
    return {
        label: claims[name] for label, name in enumerate(labels, 1) if claims.get(name) is not None
    }


def encode(claims: Any) -> bytes:
    """Deterministic CBOR, whatever the order of the keys given."""
    return cbor2.dumps(claims, canonical=True)


def sign_receipt(claims: dict[int, Any] | bytes, key: SigningKey = KEY) -> Signed:
    """A signed receipt over claims, or over bytes that need not be claims."""
    content = claims if isinstance(claims, bytes) else encode(claims)
    return Signer(key.private, RECEIPT).sign(content)


def sign_statement(
    claims: dict[int, Any] | bytes, key: SigningKey = KEY, subject: tuple[str, str] | None = None
) -> Signed:
    """A signed statement; ``subject`` is what its header says, if that is not what its claims say."""
    content = claims if isinstance(claims, bytes) else encode(claims)
    if subject is None:
        subject = (claims[2], claims[3]) if isinstance(claims, dict) else (ISSUER, ACCOUNT)
    return Signer(key.private, STATEMENT, subject).sign(content)


@dataclass
class Stream:
    """Receipts of one stream, chained. ``change`` may alter the claims of a sequence before it is signed."""

    name: str = "gpu-7"
    count: int = 3
    first: int = 0
    before: bytes | None = None
    change: Callable[[int, dict[int, Any]], Any] = lambda _sequence, claims: claims
    over: dict[str, Any] = field(default_factory=dict)
    key: SigningKey = KEY

    def receipts(self) -> list[Signed]:
        signed: list[Signed] = []
        previous = self.before
        for sequence in range(self.first, self.first + self.count):
            claims = receipt_claims(
                sequence,
                previous,
                **{"stream": self.name, "request": f"{self.name}-{sequence}", **self.over},
            )
            changed = self.change(sequence, claims)
            signed.append(sign_receipt(claims if changed is None else changed, self.key))
            previous = signed[-1].digest
        return signed


def totals_of(receipts: list[Signed]) -> dict[int, Any]:
    """The totals of a statement over receipts. What is no count adds nothing: some receipts have a fault."""
    claims = [_claims(signed) for signed in receipts]
    corrections = [one for one in claims if 20 in one]
    totals = _sums([_bills(one) for one in claims if 20 not in one])
    if corrections:
        totals[9] = _sums([_billed_before(_map(one[20])) for one in corrections])
        totals[10] = _sums([_bills(one) for one in corrections])
    return totals


def _bills(claims: dict[Any, Any]) -> tuple[Any, ...]:
    """Input, output, units, currency and amount of a receipt."""
    charge = _map(claims.get(14))
    return claims.get(10), claims.get(11), claims.get(17), charge.get(1), charge.get(3)


def _billed_before(corrects: dict[Any, Any]) -> tuple[Any, ...]:
    """The same of what a correction corrects."""
    return tuple(corrects.get(label) for label in (2, 3, 4, 5, 6))


def _sums(billed: list[tuple[Any, ...]]) -> dict[int, Any]:
    totals: dict[int, Any] = {}

    def add(sums: dict[Any, Any], label: Any, count: Any) -> None:
        if isinstance(count, int) and count < 2**64:
            sums[label] = sums.get(label, 0) + count

    for tokens, output, units, currency, amount in billed:
        for label, sum_ in ((1, 1), (2, 2), (3, 3)):
            add(totals, sum_, _map(tokens).get(label))
        for label, sum_ in ((1, 5), (2, 6)):
            add(totals, sum_, _map(output).get(label))
        for ttl, count in _map(_map(tokens).get(4)).items():
            add(totals.setdefault(4, {}), ttl, count)
        for unit, count in _valid_units(units):
            add(totals.setdefault(8, {}), unit, count)
        if str(currency).isupper() and amount is not None:
            add(totals.setdefault(7, {}), currency, amount)
    if 7 in totals:
        totals[7] = {name: list(divmod(amount, 10**12)) for name, amount in totals[7].items()}
    return totals


def _valid_units(units: Any) -> list[tuple[str, int]]:
    return [
        (unit, count)
        for unit, count in _map(units).items()
        if is_unit(unit) and len(unit) <= 512 and isinstance(count, int)
    ]


def _claims(signed: Signed) -> dict[Any, Any]:
    """The claims of a receipt; none if they cannot be decoded."""
    try:
        return _map(cbor2.loads(cbor2.loads(signed.data)[0]))
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        return {}


def _map(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def statement_claims(
    streams: dict[str, list[Signed]], first: dict[str, int] | None = None, **over: Any
) -> dict[int, Any]:
    """The claims of a statement over streams. ``over`` replaces fields by name; None leaves one out."""
    entries = []
    for name, receipts in sorted(streams.items(), key=lambda pair: pair[0].encode()):
        tree = Tree()
        for receipt in receipts:
            tree.append(receipt.digest)
        begin = (first or {}).get(name, 0)
        entries.append(
            {1: name, 2: begin, 3: len(receipts), 4: tree.root(), 5: receipts[-1].digest}
        )
    claims: dict[str, Any] = {
        "version": 1,
        "issuer": ISSUER,
        "account": ACCOUNT,
        "number": 0,
        "previous": None,
        "start": NOVEMBER[0],
        "end": NOVEMBER[1],
        "kind": 0,
        "streams": entries,
        "totals": totals_of([receipt for receipts in streams.values() for receipt in receipts]),
    } | over
    names = (
        "version", "issuer", "account", "number", "previous", "start", "end", "kind", "streams", "totals",
    )  # fmt: skip
    return {label: claims[name] for label, name in enumerate(names, 1) if claims[name] is not None}


@dataclass
class Batch:
    """A small batch: three receipts of one stream, two of another, and the statement."""

    one: Stream = field(default_factory=Stream)
    two: Stream = field(default_factory=lambda: Stream("gpu-8", 2))
    statement_over: dict[str, Any] = field(default_factory=dict)
    key: SigningKey = KEY

    def __post_init__(self) -> None:
        if self.key is not KEY:
            self.one, self.two = replace(self.one, key=self.key), replace(self.two, key=self.key)
        self.ones, self.twos = self.one.receipts(), self.two.receipts()
        self.claims = statement_claims(
            {self.one.name: self.ones, self.two.name: self.twos},
            {self.one.name: self.one.first, self.two.name: self.two.first},
            **self.statement_over,
        )
        self.statement = sign_statement(self.claims, self.key)

    @property
    def receipts(self) -> list[bytes]:
        """The two streams, interleaved as they may be: 1 2 1 2 1."""
        pairs = zip_longest(self.ones, self.twos)
        return [signed.data for pair in pairs for signed in pair if signed is not None]

    @property
    def items(self) -> list[bytes]:
        return [*self.receipts, self.statement.data]

    @property
    def data(self) -> bytes:
        return b"".join(self.items)
