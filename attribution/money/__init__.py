"""From verified receipts to money: what each request costs, who pays for it by which method, and what the cache saved or cost whom.

The formulas stand in spec/attribution.md. Sums are made by DuckDB over integers; what has to be divided is divided in exact Python.
"""

from attribution.money.amounts import exact, picounits
from attribution.money.exports.files import write_csv, write_parquet
from attribution.money.exports.focus import COLUMNS as FOCUS_COLUMNS
from attribution.money.exports.focus import Billing, Version, focus_rows
from attribution.money.exports.journal import beancount
from attribution.money.exports.querying import Answer, QueryError, query
from attribution.money.exports.statement import statement
from attribution.money.exports.tables import EXPORTED, write_table
from attribution.money.ledger.leaves import DIMENSIONS, OF_REQUESTS, Method, table
from attribution.money.ledger.ledger import Ledger, NoDuckDBError
from attribution.money.methods.all import allocate_all, compared
from attribution.money.moments import day_of, instant
from attribution.money.output.page.page import as_page
from attribution.money.output.sheets import as_csv, as_markdown
from attribution.money.output.text import text
from attribution.money.prices import PriceError
from attribution.money.reconcile.compare import Compared, Known, What, compare
from attribution.money.reconcile.invoice import Invoice, InvoiceError, Key, Naming
from attribution.money.reconcile.kinds import KINDS, Kind
from attribution.money.reconcile.report import as_text, verdict_of
from attribution.money.reconcile.report import document as reconciled
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
from attribution.money.reports.chargeback import chargeback
from attribution.money.reports.what_if import Other, at_model, by_card, with_term
from attribution.money.rows import COLUMNS, Row, verified

__all__ = [
    "COLUMNS",
    "DIMENSIONS",
    "EXPORTED",
    "FOCUS_COLUMNS",
    "KINDS",
    "OF_REQUESTS",
    "SECTIONS",
    "TABLES",
    "Answer",
    "Asked",
    "Billing",
    "Breakage",
    "Bucket",
    "Compared",
    "Deploy",
    "Invoice",
    "InvoiceError",
    "Key",
    "Kind",
    "Known",
    "Ledger",
    "Method",
    "Naming",
    "NoDuckDBError",
    "Other",
    "Pool",
    "Prefix",
    "PriceError",
    "QueryError",
    "Registry",
    "Reports",
    "Row",
    "Rule",
    "Tagging",
    "Team",
    "Version",
    "What",
    "allocate_all",
    "as_csv",
    "as_markdown",
    "as_page",
    "as_text",
    "at_model",
    "beancount",
    "by_card",
    "chargeback",
    "compare",
    "compared",
    "day_of",
    "exact",
    "focus_rows",
    "instant",
    "picounits",
    "query",
    "reconciled",
    "statement",
    "table",
    "text",
    "verdict_of",
    "verified",
    "with_term",
    "write_csv",
    "write_parquet",
    "write_table",
]
