"""A report's page that checks itself: the verifier for browsers, and the files that it reads, inside of the page."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cli.page.document import Embed
from cli.page.modules import joined
from cli.page.sections import SHOWN_BY
from cli.rechecking import at_hand
from cli.terminal import CliError
from cli.trust_store import TrustStore
from verifier import Policy, Verdict, bytes_source, canonical, verify

MOST: Final = 20_000_000
"""Bytes of all files in a page. A browser parses them before it shows anything."""
_NEEDED: Final = ("batch", "keys", "previous", "memory")
_RECORD: Final = ("requests", "received", "prompts", "cache-key", "aliases")
_CARD: Final = "card"
_RULES: Final = {_CARD: "R-18."} | dict.fromkeys(_RECORD, "R-14.")
"""The checks that need inputs which may stay out of the page."""
_UNREADABLE: Final = {b"SQLite format 3\0": "a wallet", b"PAR1": "Parquet"}
"""What only the command reads, by how such a file begins."""
_PACK: Final = b"PK\3\4"
"""How a pack begins (spec/pack.md, File)."""
_OPTIONS: Final = {
    "account": "account", "require_cache_id": "requireCacheId", "observers": "observers", "signatures": "signatures",
}  # fmt: skip
Named = dict[str, list[dict[str, str]]]
"""Files by role, each with its name and its bytes in base64."""


def embedded(document: dict[str, Any], names: Sequence[str], store: TrustStore) -> Embed:
    """What lets the page of a report check itself: in full if all its inputs are in the page.

    Args:
        document: the report.
        names: the files to embed. Key files and statements that the trust store has need not be named.
        store: where those are.

    Raises:
        CliError: a file is none of the report's inputs or is none that the page can read, one is not at hand, or all are too large.
        OSError: one cannot be read.
    """
    if document["subject"] == "batch" and any(map(_is_pack, names)):
        return _of_pack(document, names)
    found = at_hand(document, names, store)
    if (beside := document["findings_csv"]) is not None and beside["sha256"] in found:
        hint = "send the list of findings beside the page"
        raise CliError(f"{found[beside['sha256']]}: the page does not read such a file", hint)
    inside = _chosen(document["inputs"], found)
    _refuse_too_much(sum(int(one["size"]) for one in inside))
    given: Named = {}
    for one in inside:
        data = Path(found[one["sha256"]]).read_bytes()
        _refuse_unreadable(found[one["sha256"]], data)
        given.setdefault(one["role"], []).append(_named(one["name"], data))
    missing = {one["role"] for one in document["inputs"]} - given.keys()
    work = {
        "files": given,
        "options": _options(document, with_record=not missing & set(_RECORD)),
        "not_checked": _beyond(document, missing),
        "shown_by": SHOWN_BY,
    }
    return _embed(work, {} if missing else {"report": canonical(document).decode()})


def disputed(document: dict[str, Any], pack: bytes) -> Embed:
    """What lets the page of a report check the findings that are disputed, from the evidence alone.

    Args:
        document: the report on the batch.
        pack: what holds the evidence.

    Raises:
        CliError: the pack is too large.
    """
    _refuse_too_much(len(pack))
    work = {
        "files": {"batch": [_named("pack.zip", pack)], "keys": []},
        "options": {"period": None, "dated": None, "margin": None, "account": None, "requireCacheId": False, "observers": document["options"]["observers"], "signatures": "every"},
        "disputed": True,
    }  # fmt: skip
    return _embed(work, {}, "receipt verify pack.zip")


def _is_pack(name: str) -> bool:
    with Path(name).open("rb") as stream:
        return stream.read(len(_PACK)) == _PACK


def _of_pack(document: dict[str, Any], names: Sequence[str]) -> Embed:
    """The page of a report with the findings that a pack disputes.

    Raises:
        CliError: there is another file, or the pack is not sound, or not about this report.
    """
    if len(names) > 1:
        raise CliError("a pack holds all that is checked", "embed the pack, or the whole input")
    data = Path(names[0]).read_bytes()
    checked = verify([bytes_source(names[0], data)], Policy({}))
    if checked.verdict is Verdict.REJECTED:
        raise CliError(f"{names[0]} is rejected", f"receipt verify {names[0]} says why")
    for claim in checked.claims:
        if not _is_finding(claim.number, claim.finding, document):
            told = f"claim {claim.number} of {names[0]} is not finding {claim.number} of the report"
            raise CliError(told, "name the pack that was made of this batch with the same options")
    return disputed(document, data)


def _is_finding(number: int, claimed: Mapping[str, str], document: dict[str, Any]) -> bool:
    """Whether a report has what is claimed under this number; of a finding that it does not list, it has the code."""
    for one in document["findings"]:
        if int(one["finding"]) == number:
            return all(str(one.get(name)) == text for name, text in claimed.items())
    last = 0 if document["findings_csv"] is None else int(document["findings_csv"]["rows"])
    return number <= last and claimed["code"] in document["finding_counts"]


def _embed(
    work: Mapping[str, Any], data: Mapping[str, str], command: str = "receipt report check report.json"
) -> Embed:  # fmt: skip
    verifier = joined(files("verifier").joinpath("web"), "verifier.js")
    source = verifier + _resource("cli.page", "recheck_worker.js")
    named = {"verifier": source, "recheck": json.dumps(work), **data}
    return Embed(_resource("cli.page", "recheck.js"), named, "worker-src blob:", command)


def _chosen(inputs: Sequence[dict[str, Any]], found: Mapping[str, str]) -> list[dict[str, Any]]:
    """The inputs that go into the page: of the record and of the rate cards all, or none if none is named."""
    needed = {one["sha256"] for one in inputs if one["role"] in _NEEDED}
    named = found.keys() - needed  # receipts that are a record, too, say nothing of the rest of it
    left = {
        role
        for roles in (_RECORD, (_CARD,))
        for role in roles
        if not any(one["role"] in roles and one["sha256"] in named for one in inputs)
        and any(one["role"] in roles and one["sha256"] not in found for one in inputs)
    }
    inside = [one for one in inputs if one["role"] not in left]
    for one in inside:
        if one["sha256"] not in found:
            raise CliError(
                f"{one['name']} is not at hand: its SHA-256 is {one['sha256']}", _needs(one["role"])
            )
    return inside


def _needs(role: str) -> str:
    if role in _NEEDED:
        return "the page needs every file of receipts, keys and statements; add --embed FILE"
    return "of the record and of the rate cards the page needs all files, or none; add --embed FILE"


def _refuse_unreadable(name: str, data: bytes) -> None:
    for beginning, what in _UNREADABLE.items():
        if data.startswith(beginning):
            hint = "leave the record out; receipt report check does its checks"
            raise CliError(f"{name} is {what}, which the page does not read", hint)


def _refuse_too_much(size: int) -> None:
    if size > MOST:
        hint = "send the files beside the page: receipt report check reads them"
        raise CliError(f"the files have {size:,} bytes, and a page holds {MOST:,}", hint)


def _named(name: str, data: bytes) -> dict[str, str]:
    return {"name": name, "base64": b64encode(data).decode("ascii")}


def _options(document: dict[str, Any], *, with_record: bool) -> dict[str, Any]:
    """The options of a report, as the verifier for browsers names them. Times are text, since JSON readers may round them."""
    options = document["options"]
    period = options["period"]
    times = None if period is None else [str(period["start"]), str(period["end"])]
    dated = None if document["dated"] is None else str(document["dated"])
    margin = str(options["margin"]) if with_record and options["margin"] is not None else None
    same = {theirs: options[ours] for ours, theirs in _OPTIONS.items()}
    return {"period": times, "dated": dated, "margin": margin, **same}


def _beyond(document: dict[str, Any], missing: Iterable[str]) -> dict[str, str]:
    """The codes that come from checks that the page does not make, with their severity: by all rules of the code, or by those of its findings."""
    rules = tuple({_RULES[role] for role in missing})
    found: dict[str, set[str]] = {}
    for one in document["findings"]:
        found.setdefault(one["code"], set()).add(one["rule"])
    return {
        one["code"]: one["severity"]
        for one in document["codes"]
        if all(rule.startswith(rules) for rule in found.get(one["code"], one["rules"]))
    }


def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
