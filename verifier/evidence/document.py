"""Reading a report that may come from anybody (spec/report.md, Form)."""

from __future__ import annotations

import json
from typing import Any, Final

from verifier.crypto.strict_json import strict_json
from verifier.customer.jcs import CanonicalError, canonical
from verifier.report.version import FORMAT

MAX_REPORT: Final = 16 * 2**20
"""Bytes."""
MAX_DEPTH: Final = 16


class ReportError(ValueError):
    """Bytes are no report that can be used: what is wrong."""


def read_report(data: bytes) -> dict[str, Any]:
    """A report object in its canonical form, which is one of this version. Its members are not looked at otherwise.

    Raises:
        ReportError: it breaks a rule of spec/report.md, Form.
    """
    if len(data) > MAX_REPORT:
        raise ReportError(f"{len(data):,} bytes are more than a report may have, {MAX_REPORT:,}")
    try:
        document = strict_json(data, MAX_DEPTH)
        is_canonical = canonical(document) == data
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"not JSON: {error}") from None
    except CanonicalError as error:
        raise ReportError(f"not in canonical form: {error}") from None
    except ValueError as error:
        raise ReportError(str(error)) from None
    if not isinstance(document, dict) or "report" not in document:
        raise ReportError("it is not a report object: it has no member 'report'")
    if document["report"] != FORMAT or isinstance(document["report"], bool):
        raise ReportError(f"report: expected {FORMAT}, found {str(document['report'])[:40]}: of another version")  # fmt: skip
    if not is_canonical:
        raise ReportError("not in canonical form (RFC 8785): it was written by something else, or changed")  # fmt: skip
    return document
