"""The report of one input by each of the two verifiers, in canonical form and without the member that differs."""

import json
from hashlib import sha256

from tests.test_vectors import record_of
from verifier import (
    CardError,
    KeyFileError,
    KnownStatement,
    NotABatchError,
    Policy,
    RecordError,
    as_object,
    by_kid,
    bytes_source,
    canonical,
    findings_csv,
    read_card,
    read_jwks,
    verify,
)
from verifier.report.model import Input

RECORD = ("requests", "received", "prompts", "cache_key")
"""Options of vectors."""


def reports(data, key_sets, options, second):
    """``[(report, CSV file), ...]`` of the first and of the second verifier; None without a verdict."""
    keys = {f"keys-{n}.json": json.dumps(jwks).encode() for n, jwks in enumerate(key_sets)}
    previous = {f"previous-{n}.cbor": raw for n, raw in enumerate(options.get("known", []))}
    cards = {f"card-{n}.cbor": raw for n, raw in enumerate(options.get("cards", []))}
    others = {
        {"require_cache_id": "requireCacheId"}.get(name, name): value
        for name, value in options.items()
        if name not in ("known", "cards", *RECORD)
    }
    record = _files_of(options)
    if record:
        others["record"] = {{"cache_key": "cacheKey"}.get(name, name): files for name, files in record.items()}  # fmt: skip
    text, csv = second.report({"b.cbor": data}, keys, previous=previous, cards=cards, **others)
    theirs = None if text is None else (_parted(text), csv)
    return [_first(data, keys, previous, cards, options, record), theirs]


def _files_of(options):
    """The files of the customer's record of a vector, by role."""
    lines = {name: "".join(json.dumps(row) + "\n" for row in options[name]).encode() for name in ("requests", "prompts") if name in options}  # fmt: skip
    files = {name: {f"{name}.jsonl": text} for name, text in lines.items()}
    if "received" in options:
        files["received"] = {"received.cbor": bytes.fromhex("".join(options["received"]))}
    if "cache_key" in options:
        files["cache_key"] = {"cache.key": json.dumps(options["cache_key"]).encode()}
    return files


def _first(data, keys, previous, cards, options, record):
    listed = [KnownStatement(raw, verified=False) for raw in previous.values()]
    period = options.get("period")
    try:
        trusted = by_kid([key for jwks in keys.values() for key in read_jwks(jwks)])
        policy = Policy(
            trusted,
            options.get("account"),
            options.get("require_cache_id", False),
            signatures=options.get("signatures", "every"),
            observers=frozenset(options.get("observers", ())),
        )
        report = verify(
            [bytes_source("b.cbor", data)],
            policy,
            period=period and tuple(period),
            known=lambda _issuer, _account: listed,
            cards=[read_card(card) for card in cards.values()],
            figures=True,
            record=record_of(options),
        )
    except (KeyFileError, NotABatchError, CardError, RecordError):
        return None
    roles = {"keys": keys, "previous": previous, "card": cards, **{name.replace("_", "-"): files for name, files in record.items()}}  # fmt: skip
    for role, files in roles.items():
        report.inputs += [Input(name, len(raw), sha256(raw).hexdigest(), role) for name, raw in files.items()]  # fmt: skip
    document = as_object(report)
    csv = None if document["findings_csv"] is None else b"".join(findings_csv(report)).decode()
    return _parted(canonical(document)), csv


def _parted(text):
    """A report, which is in canonical form, without the name of the program."""
    document = json.loads(text)
    assert canonical(document) == (text if isinstance(text, bytes) else text.encode())
    assert set(document.pop("verifier")) == {"name", "version"}
    return canonical(document)
