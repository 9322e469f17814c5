"""The customer's own record: what it costs beside the signatures, and that this grows with the receipts and not faster."""

from __future__ import annotations

import json
from pathlib import Path

from receipts import Billed, Cache, CacheEntry, Counts, Issuer, Period
from receipts.cache_id import CacheKey, token_ids
from tests.bench import data
from tests.bench.launch import launched
from tests.bench.signature import TARGET, signature_us, told
from tests.build import ACCOUNT, ISSUER, KEY, NOVEMBER

Row = tuple[str, str, str]
SIZES = (10_000, 100_000, 1_000_000)
SHARED, WHOLE, GROUP = 32, 64, 100
"""Tokens that the prompts of a group share, tokens of a prompt, prompts of a group."""
# In a process of its own. Signatures are left to the statement, so that what is left is the comparison.
_COMPARE = """
import json, sys, time
from pathlib import Path
from verifier import Policy, Record, batch_file, by_kid, read_jwks, verify
keys, batch, *rest = sys.argv[1:]
requests, received, prompts, key = (tuple(filter(None, [name])) for name in rest)
policy = Policy(by_kid(read_jwks(Path(keys).read_bytes())), signatures="statement")
begin = time.process_time()
record = Record(requests, received, prompts, *key) if requests or prompts else None
report = verify([batch_file(batch)], policy, record=record)
assert report.verdict == "verified", report.findings.counts
print(time.process_time() - begin)
"""


def record_rows(folder: Path, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Two-sided verification of so many receipts, and their prompts."""
    rows = []
    for size in sizes:
        batch, log = folder / "two.cbor", folder / "two.jsonl"
        data.write_batch(batch, size)
        with log.open("w") as stream:
            for request in data.requests(size):
                counts = request["counts"]
                line = {"request": request["request"], "time": request["time"]}
                line |= {
                    "logical": counts.logical,
                    "cached": counts.cached,
                    "output": counts.output,
                }
                stream.write(json.dumps(line) + "\n")
        received = folder / "received.cbor"
        _without_statement(batch, received)
        rows.append(_row(folder, f"two-sided, {size:,} receipts", size, batch, log, received))
        prompts = folder / "prompts.jsonl"
        key = _write_prompts(batch, prompts, size)
        rows.append(
            _row(folder, f"own prompts, {size:,} receipts", size, batch, None, None, prompts, key)
        )
    return rows  # fmt: skip


def _without_statement(batch: Path, out: Path) -> None:
    from verifier import batch_file as source
    from verifier import read_items

    with out.open("wb") as stream:
        stream.writelines(
            item.raw for item in read_items([source(str(batch))]) if item.kind == "receipt"
        )


def _write_prompts(batch: Path, prompts: Path, size: int) -> Path:
    """Groups of short prompts that share a prefix, whose identifier is in the receipts."""
    key = CacheKey(ACCOUNT, bytes(32))
    issuer, period = Issuer(ISSUER, KEY), Period(ISSUER, ACCOUNT, *NOVEMBER)
    with batch.open("wb") as stream, prompts.open("w") as lines:
        for n in range(size):
            tokens = [n // GROUP * 7919 % 100_003 + i for i in range(SHARED)]
            tokens += [n * 104_729 % 2**31 + i for i in range(WHOLE - SHARED)]
            time, cached = NOVEMBER[0] + n, SHARED if n % GROUP else 0
            entry = token_ids("m", tokens, [SHARED], key.for_time(time))[SHARED]
            cache = Cache(CacheEntry("tokens-hmac-sha256", entry, SHARED)) if cached else None
            counts = Counts(WHOLE, cached, None, 10)
            receipt = issuer.issue(
                ACCOUNT,
                request=f"r{n}",
                model="m",
                time=time,
                counts=counts,
                stream="s",
                cache=cache,
            )
            period.add(receipt.stream, receipt.sequence, receipt.digest, time, Billed(counts))
            stream.write(receipt.data)
            lines.write(json.dumps({"request": f"r{n}", "tokens": tokens}) + "\n")
        stream.write(period.sign(KEY).data)
    path = batch.with_name("cache.key")
    path.write_text(_key_file(key))
    return path


def _key_file(key: CacheKey) -> str:
    from base64 import urlsafe_b64encode

    secret = urlsafe_b64encode(key.secret).rstrip(b"=").decode()
    return json.dumps(
        {"token_receipt_cache_key": 1, "account": key.account, "period": None, "key": secret}
    )


def _row(folder: Path, name: str, size: int, batch: Path, *files: Path | None) -> Row:
    """Microseconds of a receipt, without those of the sealed verification, and peak memory."""
    names = [*(str(file or "") for file in files), *[""] * (4 - len(files))]
    signature = signature_us()
    plain, _ = _run(folder, batch, ["", "", "", ""])
    seconds, peak = _run(folder, batch, names)
    each = (seconds - plain) / size * 1e6
    return name, told(each, (signature + signature_us()) / 2, peak), TARGET


def _run(folder: Path, batch: Path, names: list[str]) -> tuple[float, int]:
    printed, peak = launched(["-c", _COMPARE, folder / "keys.json", batch, *names])
    return float(printed), peak
