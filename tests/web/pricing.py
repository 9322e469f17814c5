"""Random rate cards, and receipts that are priced by them, for both verifiers."""

from hashlib import sha256

from receipts.signing import RATE_CARD, Signer
from tests.build import ISSUER, KEY, NOON, encode, receipt_claims, sign_receipt

DAY = 86_400_000
KINDS = ("audio", "image")
RATES = (0, 1, 2, 3, 3, 5, 7_000_000)
TERMS = (None, {"processing": "batch"}, {"tier": "fast"})


def priced_case(random):
    """A card, which may break a rule, and a batch of receipts without a statement."""
    rows = [_row(random) for _ in range(random.randint(1, 4))]
    card = {1: 1, 2: ISSUER, 3: "list", 4: "USD", 5: rows}
    data = Signer(KEY.private, RATE_CARD).sign(encode(card)).data
    digest = sha256(encode(card)).digest()
    receipts, previous = [], None
    for sequence in range(12):
        receipts.append(sign_receipt(_claims(random, sequence, previous, digest, rows)))
        previous = receipts[-1].digest
    return data, b"".join(one.data for one in receipts)


def _row(random):
    rate = lambda: random.choice(RATES)  # noqa: E731
    maybe = lambda chance=0.5: random.random() < chance  # noqa: E731
    row = {1: "p", 2: random.choice("mn")}
    today = NOON // DAY
    row |= {3: ["alias"]} if maybe(0.1) else {}
    row |= {4: terms} if maybe(0.2) and (terms := random.choice(TERMS)) else {}
    row |= {5: today + random.randint(-1, 1)} if maybe(0.1) else {}
    row |= {6: today + random.randint(-1, 3)} if maybe(0.1) else {}
    row |= {7: random.randint(0, 120)} if maybe(0.1) else {}
    row |= {8: [random.randint(1, 7), random.randint(1, 7)]} if maybe(0.1) else {}
    row |= {9: sorted((random.randint(600, 720), random.randint(721, 1440)))} if maybe(0.1) else {}
    row |= {10: rate()} if maybe(0.95) else {}
    row |= {11: rate()} if maybe(0.8) else {}
    row |= {12: {ttl: rate() for ttl in random.sample((0, 300, 3600), random.randint(1, 3))}} if maybe(0.7) else {}  # fmt: skip
    row |= {13: rate()} if maybe(0.9) else {}
    names = [f"{of}.{kind}" for of in ("input", "cached", "output") for kind in KINDS] + ["reasoning"]  # fmt: skip
    row |= {14: {name: rate() for name in random.sample(names, random.randint(1, 5))}} if maybe(0.6) else {}  # fmt: skip
    row |= {15: {"requests.web_search": random.choice(([1, 1], [7, 2], [0, 1]))}} if maybe() else {}
    return row


def _claims(random, sequence, previous, digest, rows):
    maybe = lambda chance=0.5: random.random() < chance  # noqa: E731
    few = lambda: random.choice((0, 0, 1, 10, 30))  # noqa: E731
    units = {f"{of}.{kind}": few() for of in ("input", "cached", "output") for kind in KINDS if maybe(0.4)}  # fmt: skip
    units |= {"requests.web_search": few()} if maybe(0.3) else {}
    writes = {4: {ttl: few() for ttl in random.sample((0, 300, 3600), random.randint(1, 2))}} if maybe(0.3) else {}  # fmt: skip
    counts = lambda: _counts(random, few)  # noqa: E731
    models = {name: {1: counts(), 2: {1: few()}} for name in "mn"} if maybe(0.15) else None
    output = {1: few() + few() + few()} | ({2: few()} if maybe() else {})
    source = {1: "p", 2: "a"} | ({4: random.choice(("fast", "slow"))} if maybe(0.3) else {})
    terms = random.choice(TERMS) if maybe(0.2) else None
    return receipt_claims(
        sequence, previous, time=NOON + 3_600_000 * sequence, model=random.choice(("m", "m", "n", "alias")), input=counts() | writes,
        output=output if maybe(0.9) else None, units=units or None, models=models,
        source=source | ({6: terms} if terms else {}) if maybe(0.95) else None,
        charge=_charge(random, digest, models, rows) if maybe() else None,
    )  # fmt: skip


def _counts(random, few):
    cached = few()
    rest = few() + few() + few() + random.choice((0, 100))
    return {1: cached + rest} | ({2: cached, 3: rest} if random.random() < 0.8 else {})


def _charge(random, digest, models, rows):
    lines = []
    row = random.choice(rows)
    for kind, rate in ((0, row.get(10, 1)), (1, row.get(11, 2)), (3, row.get(13, 3))):
        quantity = random.choice((1, 10, 30))
        lines.append({1: kind, 3: quantity, 4: rate, 5: quantity * rate} | ({8: "m"} if models else {}))  # fmt: skip
    currency = random.choice(("USD", "USD", "USD", "EUR"))
    return {1: currency, 2: digest, 3: sum(line[5] for line in lines), 4: lines}
