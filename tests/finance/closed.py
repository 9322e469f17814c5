"""Requests as signed receipts of a closed month, beside a card and a registry, as `receipt attribute` gets them."""

from io import BytesIO

from receipts import Cache, CacheEntry, Closing, Counts, Issuer, Source, close_batch, jwk, jwks
from receipts.cache_id import TOKENS
from receipts.ratecard import encode, read_source, sign
from tests.build import KEY
from tests.finance.running import DAY, IDENTIFIER, START

ISSUER = "example.com"
CARD = b"""
currency = "USD"

[[price]]
provider = "anthropic"
model = "sonnet"
input = "3.00"
cached = "0.30"
output = "15.00"
writes = {"300" = "3.75"}
"""
FINANCE = f"""
currency = "USD"

[tags]
required = ["team"]
owner = "platform"

[methods.platform-tax]
team = "platform"
keep = "0.10"

[[team]]
name = "assist"

[[team]]
name = "data"

[[team]]
name = "growth"

[[team]]
name = "platform"

[[team]]
name = "search"

[[prefix]]
name = "copilot"
owner = "platform"
tokens = 8000
ids = ["{IDENTIFIER}"]
"""


def issued(rows, *, closed=True, period=(START, START + 31 * DAY), account="acme"):
    """A batch of requests; with the statement of the period if it is closed."""
    issuer = Issuer(ISSUER, KEY, stream="s")
    batch = BytesIO()
    for row in sorted(rows, key=lambda row: row.usage.time):
        usage, counts = row.usage, row.usage.counts
        entries = [CacheEntry(TOKENS, bytes.fromhex(key), length) for key, length in row.entries]
        receipt = issuer.issue(
            account, time=usage.time, request=row.request, model=usage.model,
            counts=Counts(counts.logical, counts.cached, counts.writes or None, counts.output, counts.reasoning, usage.units or None), tags=row.tags or None,
            source=Source(usage.provider, "messages", miss=row.miss, terms=usage.terms or None),
            cache=Cache(commitments=entries) if entries else None,
        )  # fmt: skip
        batch.write(receipt.data)
    if not closed:
        return batch.getvalue()
    batch.seek(0)
    out = BytesIO()
    close_batch(batch, out, Closing(ISSUER, KEY, *period))
    return out.getvalue()


def write_month(folder, rows, *, closed=True):
    """Everything in a folder: batch.cbor, keys.json, card.cbor, finance.toml."""
    (folder / "batch.cbor").write_bytes(issued(rows, closed=closed))
    (folder / "keys.json").write_bytes(jwks(ISSUER, [jwk(KEY.public)]))
    write_card(folder / "card.cbor", CARD)
    (folder / "finance.toml").write_text(FINANCE)


def write_organisation(folder, month):
    """The files of a month of `organisation`, its requests as a closed batch."""
    for name, text in month.files.items():
        (folder / name).write_text(text)
    write_card(folder / "card.cbor", month.files["card.toml"].encode())
    (folder / "batch.cbor").write_bytes(issued(month.rows, period=month.period))
    (folder / "keys.json").write_bytes(jwks(ISSUER, [jwk(KEY.public)]))


def write_card(path, source):
    """A signed card of a source."""
    found = read_source(source, path.name)
    path.write_bytes(sign(encode(ISSUER, "test", found.currency, list(found.rows)), KEY).data)
