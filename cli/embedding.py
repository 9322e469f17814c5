"""A report's page that checks itself: the verifier for browsers, and the files that it reads, inside of the page."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cli.page.document import Embed
from cli.page.modules import joined
from cli.page.sections import SHOWN_BY
from cli.rechecking import at_hand
from cli.terminal import CliError
from cli.trust_store import TrustStore

MOST: Final = 20_000_000
"""Bytes of all files in a page. A browser parses them before it shows anything."""
_READ: Final = {"batch": "batch", "keys": "keys", "previous": "known", "memory": "known"}
"""What the verifier for browsers reads, by the role of the input."""
_NOT_CHECKED: Final = ("R-14.", "R-18.")
"""The customer's record and rate cards: the page is not given them."""
_OPTIONS: Final = {
    "account": "account", "require_cache_id": "requireCacheId", "observers": "observers", "signatures": "signatures",
}  # fmt: skip


def embedded(document: dict[str, Any], names: Sequence[str], store: TrustStore) -> Embed:
    """What lets the page of a report check itself.

    Args:
        document: the report.
        names: the files to embed. Key files and statements that the trust store has need not be named.
        store: where those are.

    Raises:
        CliError: a file is none of the report's inputs or is none that the page can read, one is not at hand, or all are too large.
        OSError: one cannot be read.
    """
    found = at_hand(document, names, store)
    inputs = [one for one in document["inputs"] if one["role"] in _READ]
    _refuse(inputs, names, found)
    given: dict[str, list[dict[str, str]]] = {"batch": [], "keys": [], "known": []}
    for one in inputs:
        data = Path(found[one["sha256"]]).read_bytes()
        given[_READ[one["role"]]].append(
            {"name": one["name"], "base64": b64encode(data).decode("ascii")}
        )
    work = {
        **given,
        "options": _options(document["options"]),
        "not_checked": _beyond(document),
        "shown_by": SHOWN_BY,
    }
    verifier = joined(files("verifier").joinpath("web"), "verifier.js")
    source = verifier + _resource("cli.page", "recheck_worker.js")
    data_of = {"verifier": source, "recheck": json.dumps(work)}
    return Embed(_resource("cli.page", "recheck.js"), data_of, "worker-src blob:")


def _refuse(
    inputs: Sequence[dict[str, Any]], names: Sequence[str], found: Mapping[str, str]
) -> None:
    readable = {one["sha256"] for one in inputs}
    for digest, name in found.items():
        if name in names and digest not in readable:
            hint = "name the receipts and the key files; what else the report is about stays out"
            raise CliError(f"{name}: the page does not read such a file", hint)
    for one in inputs:
        if one["sha256"] not in found:
            hint = "the page needs every file of receipts, keys and statements; add --embed FILE"
            raise CliError(f"{one['name']} is not at hand: its SHA-256 is {one['sha256']}", hint)
    size = sum(Path(found[one["sha256"]]).stat().st_size for one in inputs)
    if size > MOST:
        hint = "send the files beside the page: receipt report check reads them"
        raise CliError(f"the files have {size:,} bytes, and a page holds {MOST:,}", hint)


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a report, as the verifier for browsers names them. Times are text, since JSON readers may round them."""
    period = options["period"]
    times = None if period is None else [str(period["start"]), str(period["end"])]
    return {"period": times} | {theirs: options[ours] for ours, theirs in _OPTIONS.items()}


def _beyond(document: dict[str, Any]) -> dict[str, str]:
    """The codes that come from checks that the page does not make, and from no other; with their severity."""
    return {
        one["code"]: one["severity"]
        for one in document["codes"]
        if all(rule.startswith(_NOT_CHECKED) for rule in one["rules"])
    }


def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
