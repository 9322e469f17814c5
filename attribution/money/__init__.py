"""From verified receipts to money: what each request costs, who pays for it by which method, and what the cache saved or cost whom.

The formulas stand in spec/attribution.md. Sums are made by DuckDB over integers; what has to be divided is divided in exact Python.
"""

from attribution.money.ledger.leaves import DIMENSIONS, Method, table
from attribution.money.ledger.ledger import Ledger, NoDuckDBError
from attribution.money.methods.all import allocate_all, compared
from attribution.money.registry import (
    Breakage,
    Bucket,
    Deploy,
    Pool,
    Prefix,
    Registry,
    Rule,
    Tagging,
    Team,
)
from attribution.money.rows import COLUMNS, Row, verified

__all__ = [
    "COLUMNS",
    "DIMENSIONS",
    "Breakage",
    "Bucket",
    "Deploy",
    "Ledger",
    "Method",
    "NoDuckDBError",
    "Pool",
    "Prefix",
    "Registry",
    "Row",
    "Rule",
    "Tagging",
    "Team",
    "allocate_all",
    "compared",
    "table",
    "verified",
]
