"""The examples of the specification: bytes, diagnostic notation, and the places in the pages that quote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cbor2

from receipts import equivocation, inclusion_proof
from tests.build import Batch, encode, sign_statement
from tests.vectors.parts import RULES, labels, open_envelope


def files() -> dict[str, bytes]:
    batch = Batch()
    receipt, statement = batch.ones[1].data, batch.statement.data
    digests = [one.digest for one in batch.ones]
    told = cbor2.loads(encode(batch.claims))
    told[10][2] -= 1
    return {
        "receipt.cbor": receipt,
        "receipt.diag": signed_diagnostic(receipt, labels.RECEIPT).encode(),
        "statement.cbor": statement,
        "statement.diag": signed_diagnostic(statement, labels.STATEMENT).encode(),
        "batch.cbor": batch.data,
        "proof.cbor": inclusion_proof(receipt, 1, digests, statement),
        "equivocation.cbor": equivocation(statement, sign_statement(told).data),
        "issuer.jwks.json": _jwks(),
    }


def _jwks() -> bytes:
    from receipts import jwk, jwks
    from tests.build import ISSUER, KEY

    return jwks(ISSUER, [jwk(KEY.public)])


def pages(spec: Path) -> dict[str, bytes]:
    """The pages of the specification with their generated parts renewed."""
    generated = {name: data.decode() for name, data in files().items() if name.endswith(".diag")}
    parts = {f"examples/{name}": f"```cbor-diag\n{text}```\n" for name, text in generated.items()}
    parts["findings"] = findings_table()
    result = {}
    for page in ("receipt.md", "statement.md", "verification.md"):
        text = (spec / page).read_text()
        for name, part in parts.items():
            begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
            if begin in text:
                before, rest = text.split(begin)
                text = before + begin + "\n" + part + "\n" + end + rest.split(end)[1]
        result[page] = text.encode()
    return result


def findings_table() -> str:
    """The closed list of codes as a table."""
    rows = "".join(
        f"| `{code}`{'*' if rule.grouped else ''} | {rule.severity} | {rule.meaning} |\n"
        for code, rule in RULES.items()
    )
    return f"| code | severity | meaning |\n|---|---|---|\n{rows}"


def signed_diagnostic(raw: bytes, table: dict[int, str]) -> str:
    """A signed object in diagnostic notation (RFC 8949 section 8), with the names of the claims as comments."""
    envelope = open_envelope(raw)
    header = cbor2.loads(envelope.protected)
    content = cbor2.loads(envelope.content or b"")
    lines = [
        "[",
        f"  / content / <<{_map(content, table, 2)}>>,",
        "  / signature / 18([",
        f"    / protected / <<{_map(header, _HEADER, 4)}>>,",
        "    / unprotected / {},",
        "    / payload / null,",
        f"    / signature / {_value(envelope.signature, None, 4)}",
        "  ])",
        "]",
    ]
    return "\n".join(lines) + "\n"


_HEADER = {
    1: "alg",
    4: "kid",
    15: "CWT claims",
    16: "typ",
    258: "payload hash",
    259: "content type",
}
_TABLES = {
    "input": labels.INPUT, "output": labels.OUTPUT, "source": labels.SOURCE, "totals": labels.TOTALS,
    "streams": labels.STREAM,
}  # fmt: skip


def _map(value: dict[Any, Any], table: dict[int, str] | None, indent: int) -> str:
    pad = " " * (indent + 2)
    rows = [
        f"{pad}/ {table[key]} / {key}: {_value(inner, table[key], indent + 2)}"
        if table
        else f"{pad}{_value(key, None, 0)}: {_value(inner, None, indent + 2)}"
        for key, inner in value.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"


def _hex(value: bytes, indent: int) -> str:
    """A byte string; one of more than 16 bytes has 32 in each line."""
    if len(value) <= 16:
        return f"h'{value.hex()}'"
    pad = "\n" + " " * (indent + 2)
    lines = [value[at : at + 32].hex() for at in range(0, len(value), 32)]
    return "h'" + "".join(pad + line for line in lines) + "'"


def _value(value: Any, name: str | None, indent: int) -> str:
    if isinstance(value, bytes):
        return _hex(value, indent)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        if len(value) == 1 and not isinstance(next(iter(value.values())), dict):
            key, inner = next(iter(value.items()))
            return f"{{{_value(key, None, 0)}: {_value(inner, None, 0)}}}"
        return _map(value, _TABLES.get(name or ""), indent)
    if isinstance(value, list):
        pad = " " * (indent + 2)
        return (
            "[\n"
            + ",\n".join(pad + _value(v, name, indent + 2) for v in value)
            + "\n"
            + " " * indent
            + "]"
        )
    return str(value)
