"""What a dishonest provider would do to a batch: `python -m cli.sample.dishonest HOW BATCH --keys FOLDER --out FILE`.

It has the signing key, so what it makes is signed perfectly, but for ``alter``. By itself, each of the others verifies; only the customer's own record shows it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cli import key_folder
from receipts import Billed, Counts, Head, Issued, Issuer, Period, Source
from verifier import Receipt, Statement, UnverifiedItem, batch_file, read_items

_HOW = {
    "drop": "leave one receipt out",
    "alter": "change one receipt, and keep its signature",
    "add": "bill a request that was never made",
    "fewer": "issue one receipt again, with half as many cached tokens",
}


def main() -> None:
    """Write the dishonest batch."""
    parser = argparse.ArgumentParser(prog="python -m cli.sample.dishonest", description=__doc__)
    parser.add_argument("how", choices=_HOW)
    parser.add_argument("batch")
    parser.add_argument("--keys", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    items = list(read_items([batch_file(options.batch)]))
    if options.how == "alter":
        data = _altered(items)
    else:
        data = b"".join(_again(options.how, items, key_folder.load(options.keys)))
    Path(options.out).write_bytes(data)


def _victim(items: list[UnverifiedItem]) -> Receipt:
    """The last receipt with cached tokens."""
    return [i.claims for i in items if isinstance(i.claims, Receipt) and i.claims.cached][-1]


def _altered(items: list[UnverifiedItem]) -> bytes:
    victim, raw = _victim(items), b""
    for item in items:
        changed = item.raw.replace(victim.model.encode(), victim.model[:-1].encode() + b"!", 1)
        raw += changed if item.claims is victim else item.raw
    return raw


def _again(how: str, items: list[UnverifiedItem], folder: key_folder.Keys) -> Iterator[bytes]:
    """The batch with its end issued again, from the victim on, and closed once more."""
    victim = _victim(items)
    heads: dict[tuple[str, str], Head] = {}
    statement = next(item.claims for item in items if isinstance(item.claims, Statement))
    period = Period(folder.issuer, statement.account, statement.start, statement.end)
    forge = False
    for item in items:
        claims = item.claims
        if not isinstance(claims, Receipt) or item.digest is None:
            continue
        forge = forge or claims is victim
        place = (claims.account, claims.stream)
        if not forge:
            heads[place] = Head(claims.sequence, item.digest, claims.time)
            period.add(
                claims.stream, claims.sequence, item.digest, claims.time, Billed(_counts(claims))
            )
            yield item.raw
            continue
        for name, counts in _told(how, claims, victim):
            issued = _issue(folder, heads, claims, name, counts)
            heads[place] = Head(issued.sequence, issued.digest, issued.time)
            period.add(issued.stream, issued.sequence, issued.digest, issued.time, Billed(counts))
            yield issued.data
    yield period.sign(folder.signing).data


def _issue(
    folder: key_folder.Keys,
    heads: dict[tuple[str, str], Head],
    claims: Receipt,
    name: str,
    counts: Counts,
) -> Issued:
    """A receipt like another one, for the request ``name`` and with other counts."""
    issuer = Issuer(folder.issuer, folder.signing, heads=heads)
    client = claims.client if name == claims.request else None
    return issuer.issue(
        claims.account, request=name, model=claims.model, time=claims.time, counts=counts,
        stream=claims.stream, source=_source(claims), client=client,
    )  # fmt: skip


def _told(how: str, claims: Receipt, victim: Receipt) -> list[tuple[str, Counts]]:
    """What is issued in the place of a receipt: request ids and counts."""
    counts = _counts(claims)
    if claims is not victim:
        return [(claims.request, counts)]
    if how == "drop":
        return []
    if how == "fewer":
        return [(claims.request, replace(counts, cached=(counts.cached or 0) // 2))]
    return [(claims.request, counts), ("never-made", counts)]


def _source(claims: Receipt) -> Source | None:
    known = claims.source
    return Source(known.provider, known.api, known.usage, known.tier) if known else None


def _counts(claims: Receipt) -> Counts:
    return Counts(claims.logical, claims.cached, claims.writes, claims.output, claims.reasoning)


if __name__ == "__main__":
    main()
