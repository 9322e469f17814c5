"""The cache credits that were due: published policies, replayed over verified receipts.

    with verified_rows([batch_file("batch.cbor")], Policy(keys), COLUMNS) as rows:
        report = cache_report(rows, Policies(list(shipped().values())), prompts={})
    print(render(report))

A credit is *due* only where a policy promises it, and *expected* where the provider does what it can.
"""

from attribution.cache.plot import svg
from attribution.cache.policy import (
    CachePolicy,
    Policies,
    PolicyError,
    Strength,
    read_policy,
    shipped,
)
from attribution.cache.report import CacheReport, Claimed, cache_report
from attribution.cache.text import render
from attribution.cache.traffic import COLUMNS

__all__ = [
    "COLUMNS",
    "CachePolicy",
    "CacheReport",
    "Claimed",
    "Policies",
    "PolicyError",
    "Strength",
    "cache_report",
    "read_policy",
    "render",
    "shipped",
    "svg",
]
