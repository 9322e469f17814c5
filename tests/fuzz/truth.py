"""A batch that was verified, held against its receipts once more, in the plainest way: nothing here is of the verifier."""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256

import cbor2

from receipts.merkle import Tree
from tests.build import totals_of


@dataclass
class _Item:
    """What `totals_of` needs of a receipt, and what else is looked at."""

    data: bytes
    claims: dict
    digest: bytes


def holds(data: bytes) -> bool:
    """Whether the statements say exactly what the receipts before them sum to, one after the other, for one account."""
    waiting: list[_Item] = []
    heads: dict[str, tuple[int, bytes]] = {}
    before: _Item | None = None
    requests: set[str] = set()
    for item in _items(data):
        claims = item.claims
        if 9 in claims and isinstance(claims[9], str):
            if claims[8] in requests or not _adds_up(claims):
                return False
            requests.add(claims[8])
            waiting.append(item)
            continue
        if before is None and claims[4]:  # what came before it is not here
            firsts = {r.claims[4]: r.claims for r in reversed(waiting)}
            heads = {name: (c[5], c.get(6)) for name, c in firsts.items()}
        if not (_lists(claims, waiting, heads) and _follows(claims, before)):
            return False
        waiting, before = [], item
    return not waiting


def _items(data: bytes) -> list[_Item]:
    stream, found = io.BytesIO(data), []
    while stream.tell() < len(data):
        begin = stream.tell()
        content, _ = cbor2.load(stream)
        raw = data[begin : stream.tell()]
        found.append(_Item(raw, cbor2.loads(content), sha256(content).digest()))
    return found


def _adds_up(claims: dict) -> bool:
    """The identities that each receipt keeps by itself, but for the tokens of a charge."""
    counts, output, charge = claims[10], claims.get(11, {}), claims.get(14)
    lines = [] if charge is None else charge[4]
    return (
        counts[2] + counts[3] == counts[1]
        and sum(counts.get(4, {}).values()) <= counts[3]
        and output.get(2, 0) <= output.get(1, 0)
        and all(line[3] * line[4] == line[5] for line in lines)
        and (charge is None or charge[3] == sum(line[5] for line in lines))
    )


def _lists(claims: dict, receipts: list[_Item], heads: dict[str, tuple[int, bytes]]) -> bool:
    """Whether a statement lists the receipts, whose streams go on where ``heads`` says, and sums them up."""
    entries = []
    for name in sorted({r.claims[4] for r in receipts}, key=str.encode):
        mine = [r for r in receipts if r.claims[4] == name]
        first, head = heads.get(name, (0, None))
        tree, time = Tree(), 0
        for sequence, receipt in enumerate(mine, first):
            place = receipt.claims[5], receipt.claims.get(6)
            if place != (sequence, head) or receipt.claims[7] < time:
                return False
            head, time = receipt.digest, receipt.claims[7]
            tree.append(receipt.digest)
        entries.append({1: name, 2: first, 3: len(mine), 4: tree.root(), 5: head})
        heads[name] = (first + len(mine), head)
    return (
        claims[9] == entries
        and claims[10] == totals_of(receipts)
        and all(claims[6] <= r.claims[7] < claims[7] for r in receipts)
        and all((r.claims[2], r.claims[3]) == (claims[2], claims[3]) for r in receipts)
    )


def _follows(claims: dict, before: _Item | None) -> bool:
    """Whether a statement goes on where the one before ended."""
    if before is None:
        return True
    return (
        claims[4] == before.claims[4] + 1
        and claims.get(5) == before.digest
        and (claims[6] == before.claims[7] if claims[8] == 0 else claims[7] <= before.claims[7])
        and (claims[2], claims[3]) == (before.claims[2], before.claims[3])
    )
