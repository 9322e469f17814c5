"""Inputs on which two verifiers are compared: what anybody may have made, and what an issuer may have signed.

Each follows from its number alone. The issuer's own faults matter most, since they get past the signature: claims are changed, and signed again.
"""

import random
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from io import BytesIO

import cbor2

from receipts.merkle import Tree
from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    NOON,
    NOVEMBER,
    OCTOBER,
    SECOND,
    STRANGER,
    encode,
    jwk_set,
    sign_receipt,
    sign_statement,
    totals_of,
)
from tests.fuzz.decoders import rich
from tests.fuzz.mutation import mutated
from tests.test_vectors import DOCUMENTS

RECEIPT_HEAD = b"\xa5\x01\x32"
NUMBERS = (0, 1, 2, 23, 24, 299, 300, 301, 500, 600, 1000, 2000, 3000, NOON, *NOVEMBER, *DECEMBER, 2**32, 2**53, 2**64 - 1)  # fmt: skip
TEXTS = ("", "x", "acme", "gpu-7", "gpu-8", "gpu-7-0", "USD", "usd", "é", "input.audio", "cached.audio", "output.image", "requests.web_search", "example.com/seat", "x" * 513, ISSUER)  # fmt: skip


@dataclass
class Case:
    """An input, and what the caller wants."""

    data: bytes
    keys: list = field(default_factory=lambda: [jwk_set(KEY, SECOND)])
    options: dict = field(default_factory=dict)


@cache
def seeds():
    """Small inputs of the vectors, as their items where they have some."""
    found = [rich().items]
    for name in ("receipts", "batches", "units", "corrections", "observed", "containers"):
        for vector in DOCUMENTS[f"{name}.json"]["vectors"]:
            data = bytes.fromhex(vector.get("input", ""))
            if 0 < len(data) < 12_000:
                found.append(items_of(data))
    return [items for items in found if items]


@cache
def honest():
    """Those of the seeds that are verified, and have a statement."""
    names = ("batches", "units", "corrections", "observed")
    vectors = [v for n in names for v in DOCUMENTS[f"{n}.json"]["vectors"] if v["verdict"] == "verified"]  # fmt: skip
    found = [items_of(bytes.fromhex(v["input"])) for v in vectors if len(v.get("input", "")) in range(2, 24_000)]  # fmt: skip
    return [rich().items, *(items for items in found if items)]


def items_of(data):
    """The items of a CBOR sequence; none if it cannot be read."""
    stream, items = BytesIO(data), []
    try:
        while stream.tell() < len(data):
            begin = stream.tell()
            cbor2.load(stream)
            items.append(data[begin : stream.tell()])
    except (cbor2.CBORDecodeError, ValueError, RecursionError, TypeError):
        return []
    return items


def case_of(number):
    """The case with a number."""
    numbers = random.Random(f"differ/{number}")
    kind = numbers.choice(("bytes", "order", "claims", "claims", "claims", "claims", "content"))
    items = list(numbers.choice(honest() if numbers.random() < 0.7 else seeds()))
    if numbers.random() < 0.15:
        items += numbers.choice(honest())
    if kind == "bytes":
        data = mutated([b"".join(items)], numbers)
    elif kind == "order":
        data = b"".join(_reordered(items, numbers))
    else:
        change = _changed if kind == "claims" else _garbled
        for _ in range(numbers.choice((1, 1, 1, 2, 3))):
            at = numbers.randrange(len(items))
            items[at] = change(items[at], numbers)
        if numbers.random() < 0.5:
            items = _closed_again(items)
        data = b"".join(_reordered(items, numbers) if numbers.random() < 0.15 else items)
    return Case(data, _keys(numbers), _options(numbers))


def _keys(numbers):
    times = {"nbf": numbers.choice((NOON // 1000, NOON // 1000 + 2))}
    if numbers.random() < 0.5:
        times |= {"exp": numbers.choice((NOVEMBER[1] // 1000, DECEMBER[1] // 1000)), "revoked": {"revoked_at": NOON // 1000 + 1}}  # fmt: skip
    usual = [jwk_set(KEY, SECOND)]
    return numbers.choice((*[usual] * 12, [jwk_set(KEY)], [jwk_set(KEY, **times)], [jwk_set(STRANGER, issuer="https://other")], [jwk_set(KEY, issuer="https://other")]))  # fmt: skip


def _options(numbers):
    options = {}
    if numbers.random() < 0.3:
        options["period"] = numbers.choice((NOVEMBER, DECEMBER, OCTOBER, (NOVEMBER[0], DECEMBER[1])))  # fmt: skip
    if numbers.random() < 0.1:
        options["account"] = numbers.choice((ACCOUNT, "other"))
    if numbers.random() < 0.2:
        options["require_cache_id"] = True
    if numbers.random() < 0.3:
        options["observers"] = [ISSUER]
    if numbers.random() < 0.2:
        options["signatures"] = "statement"
    if numbers.random() < 0.2:
        options["known"] = [raw for raw in numbers.choice(honest()) if not is_receipt(raw)]
    return options


def _reordered(items, numbers):
    items = list(items)
    for _ in range(numbers.choice((1, 1, 2, 4))):
        if not items:
            break
        at, to = numbers.randrange(len(items)), numbers.randrange(len(items) + 1)
        change = numbers.randrange(3)
        if change == 0:
            del items[at]
        elif change == 1:
            items.insert(to, items[at])
        else:
            items.insert(to, items.pop(at))
    return items


def is_receipt(raw):
    opened = opened_of(raw)
    return opened is not None and opened[1].startswith(RECEIPT_HEAD)


def opened_of(raw):
    """Content and protected header; None if the item has none."""
    try:
        content, signature = cbor2.loads(raw)
        header = signature.value[0]
    except (cbor2.CBORDecodeError, ValueError, TypeError, AttributeError, IndexError, RecursionError):  # fmt: skip
        return None
    return (content, header) if isinstance(content, bytes) and isinstance(header, bytes) else None


def _garbled(raw, numbers):
    """Its content with other bytes, signed again."""
    opened = opened_of(raw)
    if opened is None:
        return raw
    content = mutated([opened[0]], numbers)
    sign = sign_receipt if is_receipt(raw) else sign_statement
    return sign(content, KEY).data


def _changed(raw, numbers):
    """Its claims with another value somewhere, signed again."""
    opened = opened_of(raw)
    try:
        claims = cbor2.loads(opened[0]) if opened else None
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        return raw
    if not isinstance(claims, dict):
        return raw
    for _ in range(numbers.choice((1, 1, 2))):
        _change(claims, numbers)
    key = numbers.choice((KEY,) * 8 + (SECOND, STRANGER))
    try:
        if is_receipt(raw):
            return sign_receipt(claims, key).data
        named = isinstance(claims.get(2), str) and isinstance(claims.get(3), str)
        return sign_statement(claims if named else encode(claims), key).data
    except (cbor2.CBOREncodeError, ValueError, UnicodeEncodeError, TypeError):
        return raw


def _change(value, numbers):
    """Change, add or leave out one member of a map or an array, at any depth."""
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    deep = [one for _, one in entries if isinstance(one, dict | list) and one]
    if deep and numbers.random() < 0.6:
        return _change(numbers.choice(deep), numbers)
    if not entries:
        return None
    label, old = numbers.choice(entries)
    action = numbers.random()
    if action < 0.15:
        del value[label]
    elif action < 0.25 and isinstance(value, dict):
        value[numbers.choice((*range(1, 21), "x", 300, "input.audio", "USD"))] = _value(numbers, old)  # fmt: skip
    else:
        value[label] = _value(numbers, old)
    return None


def _value(numbers, old):
    if isinstance(old, int) and numbers.random() < 0.6:
        return max(0, min(2**64 - 1, old + numbers.choice((-1, 1, -100, 100, 1000))))
    if isinstance(old, int) or numbers.random() < 0.2:
        return numbers.choice(NUMBERS)
    if isinstance(old, str) and numbers.random() < 0.8:
        return numbers.choice(TEXTS)
    return numbers.choice((b"", bytes(32), bytes(31), [], {}, "x", {1: 1}, [1], 0))


def _closed_again(items):
    """With every statement made anew over the receipts before it, so that what the claims say is all that is wrong."""
    made, held = [], {}
    for raw in items:
        opened = opened_of(raw)
        try:
            claims = cbor2.loads(opened[0]) if opened else None
        except (cbor2.CBORDecodeError, ValueError, RecursionError):
            claims = None
        if not isinstance(claims, dict) or is_receipt(raw):
            made.append(raw)
            if isinstance(claims, dict) and isinstance(claims.get(4), str) and isinstance(claims.get(5), int):  # fmt: skip
                held.setdefault(claims[4], []).append((claims[5], _Signed(raw, opened[0])))
            continue
        entries = []
        for name, pairs in sorted(held.items(), key=lambda pair: pair[0].encode()):
            tree = Tree()
            for _, one in pairs:
                tree.append(one.digest)
            entries.append({1: name, 2: pairs[0][0], 3: len(pairs), 4: tree.root(), 5: pairs[-1][1].digest})  # fmt: skip
        try:
            totals = totals_of([one for pairs in held.values() for _, one in pairs])
            made.append(sign_statement(claims | {9: entries, 10: totals}).data)
        except (KeyError, TypeError, ValueError, AttributeError, cbor2.CBOREncodeError):
            made.append(raw)
        held = {}
    return made


class _Signed:
    """As much of a signed object as a statement needs."""

    def __init__(self, data, content):
        self.data, self.digest = data, sha256(content).digest()
