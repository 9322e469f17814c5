"""A builder must not exceed the limits of spec/receipt.md: at each limit it signs, and one beyond it does not."""

from hashlib import sha256

import cbor2
import pytest

from receipts import (
    Billed,
    Cache,
    CacheEntry,
    Charge,
    ChargeLine,
    Counts,
    Head,
    Issuer,
    Period,
    Previous,
    ReceiptError,
    Source,
)
from tests.build import ACCOUNT, ISSUER, KEY, NOON, NOVEMBER

COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
CARD = sha256(b"card").digest()
LINES = [ChargeLine(1, 2000, 1), ChargeLine(2, 600, 4, ttl=300), ChargeLine(3, 500, 15)]


def issue(account=ACCOUNT, issuer=ISSUER, heads=None, **over):
    arguments = {"request": "r", "model": "m", "time": NOON, "counts": COUNTS} | over
    return Issuer(issuer, KEY, stream="s", heads=heads).issue(account, **arguments)


def entry(recipe="r", identifier=b"x"):
    return CacheEntry(recipe, identifier, 1)


def charge(currency="USD", lines=1):
    """A charge whose uncached input is in so many lines."""
    whole = [ChargeLine(0, 400 if n == 0 else 0, 3) for n in range(lines)]
    return Charge(currency, CARD, [*whole, *LINES])


def name(field):
    return lambda size: {field: "é" * (size // 2) + "x" * (size % 2)}


def source(field):
    return lambda size: {"source": Source(**{"provider": "p", "api": "a", field: "x" * size})}


LIMITS = {
    "issuer": (1, 512, name("issuer")),
    "account": (1, 512, name("account")),
    "stream": (1, 512, name("stream")),
    "request": (1, 512, name("request")),
    "model": (1, 512, name("model")),
    "recipe": (1, 512, lambda n: {"cache": Cache(commitments=[entry("x" * n)])}),
    "provider": (1, 512, source("provider")),
    "api": (1, 512, source("api")),
    "tier": (1, 512, source("tier")),
    "miss": (1, 512, source("miss")),
    "key of a tag": (1, 512, lambda n: {"tags": {"x" * n: "y"}}),
    "value of a tag": (0, 512, lambda n: {"tags": {"x": "y" * n}}),
    "tags": (1, 64, lambda n: {"tags": {f"{i}": "" for i in range(n)}}),
    "client": (1, 64, lambda n: {"client": bytes(n)}),
    "id": (1, 64, lambda n: {"cache": Cache(commitments=[entry(identifier=bytes(n))])}),
    "writes": (1, 16, lambda n: {"counts": Counts(3000, 0, dict.fromkeys(range(n), 1))}),
    "cache.writes": (1, 64, lambda n: {"cache": Cache(writes=[entry()] * n)}),
    "cache.commitments": (1, 64, lambda n: {"cache": Cache(commitments=[entry()] * n)}),
    "charge.lines": (4, 64, lambda n: {"charge": charge(lines=n - 3)}),
    "time": (0, 253402300799999, lambda n: {"time": n}),
    "logical": (0, 2**64 - 1, lambda n: {"counts": Counts(n)}),
    "output": (0, 2**64 - 1, lambda n: {"counts": Counts(0, output=n)}),
    "ttl": (0, 2**64 - 1, lambda n: {"counts": Counts(0, 0, {n: 0})}),
    "sequence": (
        1, 2**64 - 1, lambda n: {"heads": {(ACCOUNT, "s"): Head(n - 1, CARD, NOON)}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LIMITS)
def test_a_receipt_at_and_beyond_its_limits(what):
    least, most, over = LIMITS[what]
    for at in (least, most):
        assert issue(**over(at)).data
    with pytest.raises(ReceiptError):
        issue(**over(most + 1))
    if least == 1 and what not in ("tags", "cache.writes", "cache.commitments", "sequence"):
        with pytest.raises(ReceiptError):
            issue(**over(0))


@pytest.mark.parametrize("none", [{"tags": {}}, {"cache": Cache(commitments=[entry()])}])
def test_what_has_no_entries_is_left_out(none):
    """An empty map or array is never signed."""
    claims = cbor2.loads(cbor2.loads(issue(**none).data)[0])
    assert 15 not in claims
    assert 2 not in claims.get(12, {})


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "US1", "A1B", "ÄÖÜ", "", None])
def test_a_currency_is_three_letters_from_a_to_z(currency):
    with pytest.raises(ReceiptError, match=r"charge\.currency: expected three capital letters"):
        issue(charge=charge(currency))
    if currency is not None:
        period = Period(ISSUER, ACCOUNT, *NOVEMBER)
        with pytest.raises(ReceiptError, match="currency: expected three capital letters"):
            period.add("s", 0, CARD, NOON, Billed(COUNTS, currency, 1))
        assert (period.receipts, period.streams) == (0, 0)


LONG = CacheEntry("r" * 512, bytes(64), 1)
ENTRIES = Cache(writes=[LONG] * 40, commitments=[LONG] * 64)


def size_of(tags):
    return len(cbor2.loads(issue(cache=ENTRIES, tags=tags).data)[0])


def tags_for(size):
    """Tags that make a receipt of so many bytes of claims."""
    tags = {"last": ""}
    while size - size_of(tags) > 500:
        tags[f"{len(tags)}"] = "v" * 100
    missing = size - size_of(tags)
    return tags | {"last": "v" * (missing - 2)}  # its head grows from one byte to three


def test_the_exact_limit_of_a_receipt():
    """65,536 bytes of claims are signed; 65,537 are not, and use no sequence up."""
    at = tags_for(65_536)
    assert size_of(at) == 65_536
    on = Issuer(ISSUER, KEY, stream="s")
    fields = {"request": "r", "model": "m", "time": NOON, "counts": COUNTS, "cache": ENTRIES}
    with pytest.raises(ReceiptError) as error:
        on.issue(ACCOUNT, **fields, tags=at | {"last": at["last"] + "v"})
    assert (error.value.field, error.value.actual) == ("receipt", "65537")
    assert on.issue(ACCOUNT, **fields, tags=at).sequence == 0


def closing(**more):
    return Period(ISSUER, ACCOUNT, *NOVEMBER, **more)


def add(period, stream="s", sequence=0, counts=COUNTS, **charge):
    period.add(stream, sequence, CARD, NOON, Billed(counts, **charge))


def test_the_streams_of_a_statement():
    period = closing()
    for n in range(65_536):
        add(period, f"{n}")
    assert period.sign(KEY).data
    add(period, "one more")
    with pytest.raises(ReceiptError, match="streams: expected at most 65536, found 65537"):
        period.sign(KEY)


def test_the_size_of_a_statement():
    """Long names reach the limit before the number of streams does."""
    period = closing()
    for n in range(30_000):
        add(period, f"{n:05}" + "x" * 507)
    with pytest.raises(ReceiptError, match="statement: expected at most 16777216 bytes of claims"):
        period.sign(KEY)


def test_the_ttls_of_a_statement():
    period = closing()
    for n in range(4096):
        add(period, sequence=n, counts=Counts(16, 0, {16 * n + i: 1 for i in range(16)}))
    assert period.sign(KEY).data
    add(period, sequence=4096, counts=Counts(1, 0, {65_536: 1}))
    with pytest.raises(ReceiptError, match=r"totals\.writes: expected 1 to 65536 TTLs"):
        period.sign(KEY)


def test_the_number_and_the_previous_of_a_statement():
    end = NOVEMBER[0]
    closing(previous=Previous(2**64 - 2, CARD, end)).sign(KEY)
    for previous, field in (
        (Previous(2**64 - 1, CARD, end), "number"),
        (Previous(0, CARD[:31], end), "previous"),
    ):
        with pytest.raises(ReceiptError) as error:
            closing(previous=previous)
        assert error.value.field == field


def test_the_amounts_of_a_statement():
    period = closing()
    for amount in (-1, 2**64, 1.5, True):
        with pytest.raises(ReceiptError, match="amount: expected an integer"):
            add(period, currency="USD", amount=amount)
    assert period.receipts == 0


def test_nothing_is_begun_by_a_receipt_that_is_refused():
    """A stream without receipts would be signed otherwise."""
    period = closing()
    for over in ({"sequence": -1}, {"sequence": 1}, {"currency": "usd"}):
        with pytest.raises(ReceiptError):
            add(period, **over)
    assert cbor2.loads(cbor2.loads(period.sign(KEY).data)[0])[9] == []
