"""Vectors of statements against each other, of completeness, and of cache identifiers (steps 11 to 13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cbor2

from receipts import Signed, SigningKey
from tests.build import (
    DECEMBER,
    KEY,
    NOVEMBER,
    OCTOBER,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector
from tests.vectors.statements import changed

_STATEMENT = 5
"""The item of the statement in the honest batch."""
_JANUARY = (1798761600000, 1801440000000)


def vectors() -> Iterator[Vector]:
    yield from _chains()
    yield from _known()
    yield from _behind_gaps()
    yield from _completeness()
    yield from _identifiers()
    yield from _two_names()


def months() -> tuple[Batch, Batch]:
    """November and December of one account: gpu-7 goes on, gpu-8 ended, gpu-9 is new."""
    november = Batch()
    return november, december_of(november)


def december_of(november: Batch, first: int = 3, **over: Any) -> Batch:
    before = november.ones[-1].digest
    return Batch(
        one=Stream("gpu-7", 3, first, before, over={"time": DECEMBER[0] + 5000}),
        two=Stream("gpu-9", 2, over={"time": DECEMBER[0] + 5000}),
        statement_over={
            "number": 1, "previous": november.statement.digest, "start": DECEMBER[0], "end": DECEMBER[1], **over,
        },
    )  # fmt: skip


def _chains() -> Iterator[Vector]:
    november, december = months()
    both = [*november.items, *december.items]
    yield Vector(
        "chain-two-months", "R-11.5", "two batches, one after the other, are a batch", both
    )
    yield Vector(
        "chain-known",
        "R-11.2",
        "the statement before is known from earlier",
        december.items,
        options={"known": [november.statement.data]},
    )
    idle = sign_statement(
        statement_claims(
            {}, number=1, previous=november.statement.digest, start=DECEMBER[0], end=DECEMBER[1]
        )
    )
    yield Vector(
        "chain-idle", "R-11.4", "an idle month is closed too", [*november.items, idle.data]
    )
    late_receipts = Stream("gpu-late", 2).receipts()
    late = sign_statement(
        statement_claims(
            {"gpu-late": late_receipts}, number=1, previous=november.statement.digest, kind=1
        )
    )
    yield Vector(
        "chain-late",
        "R-11.4",
        "receipts that came late, under a late statement",
        [*november.items, *(r.data for r in late_receipts), late.data],
    )

    def after(
        code: str | None,
        name: str,
        rule: str,
        comment: str,
        item: int | None = 11,
        first: int = 3,
        also: tuple[str, ...] = (),
        **over: Any,
    ) -> Vector:
        after_it = december_of(november, first, **over)
        return Vector(
            f"chain-{name}",
            rule,
            comment,
            [*november.items, *after_it.items],
            code,
            item if code else None,
            also=also,
        )

    yield after(
        "statement-chain-broken",
        "previous",
        "R-11.2",
        "previous is not the digest of the statement before",
        previous=bytes(32),
    )
    yield after(
        "period-gap", "gap", "R-11.4", "the period starts one ms too late", start=DECEMBER[0] + 1
    )
    yield after(
        "statement-rollback",
        "overlap",
        "R-11.3",
        "the period starts before the one before has ended",
        start=DECEMBER[0] - 1,
    )
    yield after(
        "first-mismatch",
        "first-skips",
        "R-11.5",
        "the stream goes on at 4; receipt 3 is in no statement",
        first=4,
    )
    restarted = _restarted(november)
    yield Vector(
        "chain-first-head",
        "R-11.5",
        "the first receipt of December does not name the last one of November",
        [*november.items, *restarted.items],
        "first-mismatch",
        11,
    )
    fresh = december_of(november)
    fresh_claims = statement_claims(
        {"gpu-7": fresh.ones, "gpu-9": fresh.twos},
        {"gpu-7": 3},
        number=2,
        previous=bytes(32),
        start=DECEMBER[0],
        end=DECEMBER[1],
    )
    yield Vector(
        "chain-number-missing",
        "R-11.6",
        "a number is missing",
        [*november.items, *fresh.receipts, sign_statement(fresh_claims).data],
        "statement-gap",
        11,
    )
    at_one = Batch(one=Stream(first=1, before=bytes(32)))
    yield Vector(
        "chain-number-0-first",
        "R-11.5",
        "statement 0 begins a stream at 1",
        at_one.items,
        "first-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "chain-number-0-late",
        "R-11.4",
        "statement 0 is late",
        changed([8], 1),
        "period-gap",
        _STATEMENT,
    )
    late_open = sign_statement(
        statement_claims(
            {},
            number=1,
            previous=november.statement.digest,
            kind=1,
            start=DECEMBER[0],
            end=DECEMBER[1],
        )
    )
    yield Vector(
        "chain-late-open",
        "R-11.4",
        "a late statement for a time that is not closed",
        [*november.items, late_open.data],
        "period-gap",
        6,
    )
    yield from _two_stories(november, december)


def _restarted(november: Batch, **over: Any) -> Batch:
    """December, but its first receipt names another one before."""
    honest = december_of(november, **over)
    one = replace(honest.one, before=bytes(32))
    return Batch(one=one, two=honest.two, statement_over=honest.statement_over)


def _two_stories(november: Batch, december: Batch) -> Iterator[Vector]:
    claims = cbor2.loads(encode(november.claims))
    claims[10][2] -= 1
    other = sign_statement(claims)
    yield Vector(
        "chain-two-for-one-number",
        "R-11.1",
        "two signed statements for one number",
        [*november.items, other.data],
        "statement-equivocation",
        6,
    )
    third = sign_statement(claims | {7: NOVEMBER[1] - 1})
    yield Vector("chain-three-for-one-number", "R-11.1", "three signed statements for one number are two conflicts",
                 [*november.items, other.data, third.data], "statement-equivocation", 6,
                 also=("statement-equivocation",))  # fmt: skip
    on_other = december_of(november, previous=other.digest)
    yield Vector("chain-on-the-second", "R-11.1", "the next statement may name any of two for one number",
                 [*november.items, other.data, *on_other.items], "statement-equivocation", 6)  # fmt: skip
    yield Vector(
        "chain-copy",
        "R-10.1",
        "the statement twice",
        [*november.items, november.statement.data],
        "statement-duplicate",
        6,
    )
    known = {"known": [other.data]}
    yield Vector(
        "chain-forked",
        "R-11.1",
        "another statement of this number is known",
        november.items,
        "statement-equivocation",
        _STATEMENT,
        options=known,
    )
    unlinked = {"known": [other.data], "period": list(DECEMBER)}
    yield Vector(
        "chain-unlinked",
        "R-11.2",
        "the known statement is not the one that this one names",
        december.items,
        "statement-chain-broken",
        _STATEMENT,
        options=unlinked,
    )
    numbered_5 = sign_statement(
        statement_claims({}, number=5, previous=bytes(32), start=DECEMBER[0], end=DECEMBER[1])
    )
    january = statement_claims({}, number=3, previous=bytes(32), start=_JANUARY[0], end=_JANUARY[1])
    yield Vector(
        "chain-rolled-back",
        "R-11.3",
        "number 3 for January, but number 5 for December is known",
        [sign_statement(january).data],
        "statement-rollback",
        0,
        options={"known": [numbered_5.data], "period": list(_JANUARY)},
    )
    yield Vector(
        "chain-replayed",
        "R-12.4",
        "an older batch again, and no period named",
        november.items,
        "statement-replayed",
        _STATEMENT,
        options={"known": [november.statement.data, december.statement.data]},
    )
    late_again = sign_statement(
        statement_claims({}, number=2, previous=december.statement.digest, kind=1)
    )
    again = december_of(november, 1, number=2, previous=bytes(32))
    yield Vector(
        "chain-first-behind-gap",
        "R-11.5",
        "number 1 is not at hand, but a stream of number 2 begins before the end of number 0",
        again.items,
        "first-mismatch",
        _STATEMENT,
        options={"known": [november.statement.data], "period": list(DECEMBER)},
    )
    yield Vector(
        "chain-late-withheld",
        "R-12.4",
        "the batch of a period for which a later statement is known, that closes late receipts of it",
        november.items,
        "statement-replayed",
        _STATEMENT,
        options={
            "known": [november.statement.data, december.statement.data, late_again.data],
            "period": list(NOVEMBER),
        },
    )
    yield Vector(
        "chain-older-asked",
        "R-12.4",
        "an older batch again, for the period that the caller names",
        november.items,
        options={
            "known": [november.statement.data, december.statement.data],
            "period": list(NOVEMBER),
        },
    )


def _completeness() -> Iterator[Vector]:
    honest = Batch().items
    november, december = months()
    yield Vector(
        "period-exact",
        "R-12.3",
        "the period that the caller names",
        honest,
        options={"period": list(NOVEMBER)},
    )
    day = [NOVEMBER[0] + 86_400_000, NOVEMBER[0] + 2 * 86_400_000]
    yield Vector("period-inside", "R-12.3", "a day of the month", honest, options={"period": day})
    yield Vector(
        "period-two",
        "R-12.3",
        "two months, two statements",
        [*november.items, *december.items],
        options={"period": [NOVEMBER[0], DECEMBER[1]]},
    )
    yield Vector(
        "period-other",
        "R-12.3",
        "the statement is of another month",
        honest,
        "period-uncovered",
        options={"period": list(OCTOBER)},
    )
    yield Vector(
        "period-longer",
        "R-12.3",
        "the caller asks for one ms more",
        honest,
        "period-uncovered",
        options={"period": [NOVEMBER[0], NOVEMBER[1] + 1]},
    )
    idle = sign_statement(statement_claims({}))
    yield Vector(
        "period-idle",
        "R-12.3",
        "no receipts, and a statement that says so",
        [idle.data],
        options={"period": list(NOVEMBER)},
    )
    yield Vector(
        "period-nothing",
        "R-12.1",
        "there is no account of which the period could be covered",
        [],
        "batch-empty",
        options={"period": list(NOVEMBER)},
    )
    newer = sign_receipt(receipt_claims() | {1: 2})
    yield Vector("period-nobody", "R-6.2", "no account is left, and so there is no hole in its period",
                 [newer.data], "version-unknown", 0, options={"period": list(NOVEMBER)})  # fmt: skip
    hole = december_of(november, start=DECEMBER[0] + 1)
    yield Vector("period-hole", "R-12.3", "two months, and one ms between them",
                 [*november.items, *hole.items], "period-uncovered",
                 options={"period": [NOVEMBER[0], DECEMBER[1]]}, also=("period-gap",))  # fmt: skip
    late = sign_statement(
        statement_claims({}, number=1, previous=november.statement.digest, kind=1)
    )
    yield Vector("period-late", "R-12.3", "a late statement covers nothing", [late.data], "period-uncovered",
                 options={"period": list(NOVEMBER)})  # fmt: skip
    yield Vector("period-known", "R-12.3", "nor does a known one: its receipts are not here", december.items,
                 "period-uncovered", options={"known": [november.statement.data], "period": list(NOVEMBER)})  # fmt: skip
    stranger = sign_statement(Batch().claims, STRANGER)
    yield Vector("period-stranger", "R-4.1", "whether a stranger's statement was the one that covers is not known",
                 [*honest[:5], stranger.data], "key-unknown", 5, options={"period": list(NOVEMBER)})  # fmt: skip
    yield Vector(
        "account-absent",
        "R-12.1",
        "there is nothing of the account that the caller names",
        [],
        "batch-empty",
        also=("statement-missing",),
        options={"account": "acme"},
    )


def _identifiers() -> Iterator[Vector]:
    """One entry for each receipt: the first reads, the second and third commit."""

    def entries(*parts: dict[int, Any], **over: Any) -> Stream:
        def change(n: int, claims: dict[int, Any]) -> dict[int, Any]:
            cache = {1: parts[0]} if n == 0 else {3: [parts[n]]}
            return claims | {12: cache} | over.get(f"r{n}", {})

        return Stream("gpu-7", len(parts), change=change)

    one = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2000}
    yield Vector(
        "cache-id-agrees",
        "R-13.1",
        "one identifier, three times",
        Batch(one=entries(one, one, one)).items,
    )
    yield Vector(
        "cache-id-two-lengths",
        "R-13.1",
        "one identifier for prefixes of two lengths",
        Batch(one=entries(one, one, one | {3: 1999})).items,
        "cache-id-conflict",
        4,
    )
    yield Vector(
        "cache-id-two-models",
        "R-13.1",
        "one identifier under two models",
        Batch(one=entries(one, one, r1={9: "claude-haiku-4-5"})).items,
        "cache-id-conflict",
        2,
    )
    vllm = one | {1: "vllm-sha256-cbor;block=16;seed=42"}
    yield Vector(
        "cache-id-two-models-vllm",
        "R-13.1",
        "one identifier of vLLM under two models is no fault",
        Batch(one=entries(vllm, vllm, r1={9: "claude-haiku-4-5"})).items,
    )
    yield Vector(
        "cache-id-two-recipes",
        "R-13.1",
        "the same bytes under another recipe are another identifier",
        Batch(one=entries(one, one | {1: "tokens-sha256", 3: 7})).items,
    )
    other = {"account": "other"}
    for name, recipe, code in (
        ("keyed", "tokens-hmac-sha256", "cache-id-shared"),
        ("public", "tokens-sha256", None),
    ):
        stream = entries(one | {1: recipe})
        shared = Batch(
            one=replace(stream, over=other),
            two=Stream("gpu-8", 1, over=other),
            statement_over=other,
        )
        yield Vector(
            f"cache-id-two-accounts-{name}",
            "R-13.2",
            "one identifier under two accounts",
            [*Batch(one=stream).items, *shared.items],
            code,
            code and 4,
        )


def _known() -> Iterator[Vector]:
    """What known statements say, and which of them count."""
    november, december = months()
    claims = cbor2.loads(encode(november.claims))
    claims[10][2] -= 1
    told = sign_statement(claims, SECOND)
    expired = {"several": [jwk_set(KEY), jwk_set(SECOND, exp=NOVEMBER[1] // 1000)]}
    yield Vector("chain-known-expired-key", "R-7.3", "a known statement counts only if nothing is found against it",
                 november.items, keys=expired, options={"known": [told.data]})  # fmt: skip
    stranger = sign_statement(claims, STRANGER)
    yield Vector("chain-known-stranger", "R-4.1", "a known statement of a stranger does not count",
                 november.items, options={"known": [stranger.data]})  # fmt: skip
    longer = _with_smaller_digest(november)
    both = [november.statement.data, longer.data]
    for name, known in (("one", both), ("other", both[::-1])):
        yield Vector(f"chain-known-two-{name}-first", "R-11.3", "of two known statements the one with the smaller digest counts",
                     december.items, "statement-rollback", _STATEMENT, options={"known": known})  # fmt: skip
    idle = sign_statement(
        statement_claims({}, number=1, previous=bytes(32), start=DECEMBER[0], end=DECEMBER[1])
    )
    yield Vector("chain-known-later", "R-11.2", "the later of two statements is the known one, so the earlier is named",
                 november.items, "statement-chain-broken", _STATEMENT,
                 options={"known": [idle.data], "period": list(NOVEMBER)})  # fmt: skip


def _with_smaller_digest(november: Batch) -> Signed:
    """Another statement for November, that ends 1 ms later and has the smaller digest."""
    for logical in range(1000):
        claims = november.claims | {7: NOVEMBER[1] + 1, 10: {1: logical}}
        signed = sign_statement(claims)
        if signed.digest < november.statement.digest:
            break
    return signed


def _behind_gaps() -> Iterator[Vector]:
    """Statement 0 is known, number 1 is not at hand, number 2 is in the input."""
    november = Batch()
    known = {"known": [november.statement.data], "period": list(DECEMBER)}
    behind = december_of(november, number=2, previous=bytes(32))
    yield Vector("chain-behind-gap", "R-11.5", "a stream goes on where it was closed, though a number is not at hand",
                 behind.items, options=known)  # fmt: skip
    later = december_of(november, 7, number=2, previous=bytes(32))
    yield Vector("chain-first-later-behind-gap", "R-11.5", "it may go on later: the missing statement may have closed more",
                 later.items, options=known)  # fmt: skip
    other_head = _restarted(november, number=2, previous=bytes(32))
    yield Vector("chain-head-behind-gap", "R-11.5", "it goes on at the right place, but names another receipt before",
                 other_head.items, "first-mismatch", _STATEMENT, options=known)  # fmt: skip
    new = Batch(
        one=Stream("gpu-9", first=4, before=bytes(32), over={"time": DECEMBER[0]}),
        two=Stream("gpu-8", 2, 2, november.twos[-1].digest, over={"time": DECEMBER[0]}),
        statement_over={"number": 2, "previous": bytes(32), "start": DECEMBER[0], "end": DECEMBER[1]},
    )  # fmt: skip
    yield Vector("chain-new-behind-gap", "R-11.5", "where a stream without an appearance begins is not known then",
                 new.items, options=known)  # fmt: skip


def _two_names() -> Iterator[Vector]:
    """An account is the pair of issuer and account, whatever their names are when put together; a key goes by the account's name."""
    entry = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2000}
    for name, comment, code, (issuer, account) in (
        ("joined", "issuer A B and account C are not issuer A and account B C", "cache-id-shared", ("A", "B C")),
        ("issuers", "one account name under two issuers may well share a key", None, ("A", "C")),
    ):  # fmt: skip

        def month(key: SigningKey, **over: str) -> Batch:
            one, two = (
                Stream(n, 1, over={"cache": {1: entry}, **over}) for n in ("gpu-7", "gpu-8")
            )
            return Batch(one=one, two=two, statement_over=over, key=key)

        items = month(KEY, issuer="A B", account="C").items
        items += month(SECOND, issuer=issuer, account=account).items
        keys = {"several": [jwk_set(KEY, issuer="A B"), jwk_set(SECOND, issuer=issuer)]}
        yield Vector(f"cache-id-two-{name}", "R-13.2", comment, items, code, code and 3, keys)
