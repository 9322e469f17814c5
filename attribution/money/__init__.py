"""From verified receipts to money: what each request costs, who pays for it by which method, and what the cache saved or cost whom.

The formulas stand in spec/attribution.md. Sums are made by DuckDB over integers; what has to be divided is divided in exact Python.
"""

from attribution.money.amounts import exact, picounits
from attribution.money.ledger.leaves import DIMENSIONS, OF_REQUESTS, Method, table
from attribution.money.ledger.ledger import Ledger, NoDuckDBError
from attribution.money.methods.all import allocate_all, compared
from attribution.money.output.sheets import as_csv, as_markdown
from attribution.money.output.text import text
from attribution.money.prices import PriceError
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
from attribution.money.report import SECTIONS, TABLES, Asked, Reports
from attribution.money.reports.what_if import Other, at_model, by_card, with_term
from attribution.money.rows import COLUMNS, Row, verified

__all__ = [
    "COLUMNS",
    "DIMENSIONS",
    "OF_REQUESTS",
    "SECTIONS",
    "TABLES",
    "Asked",
    "Breakage",
    "Bucket",
    "Deploy",
    "Ledger",
    "Method",
    "NoDuckDBError",
    "Other",
    "Pool",
    "Prefix",
    "PriceError",
    "Registry",
    "Reports",
    "Row",
    "Rule",
    "Tagging",
    "Team",
    "allocate_all",
    "as_csv",
    "as_markdown",
    "at_model",
    "by_card",
    "compared",
    "exact",
    "picounits",
    "table",
    "text",
    "verified",
    "with_term",
]
