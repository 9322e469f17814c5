"""The members of a report object and their types, as spec/report.schema.json has them: a report may come from anybody."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_LARGEST = 2**53 - 1
Count = (
    Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
    | Annotated[str, Field(pattern=r"^-?[1-9][0-9]{15,99}$")]
)
Amount = Annotated[str, Field(pattern=r"^(0|-?[1-9][0-9]{0,99})$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Severity = Literal["rejected", "incomplete"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Period(_Strict):
    start: Count
    end: Count


class _Money(_Strict):
    currency: str
    lower: Amount
    upper: Amount


class _Exact(_Money):
    by: Literal["charge", "card"]


class _With(_Strict):
    with_: Count = Field(alias="with")


class _Unknown(_Strict):
    unknown: str


class _Made(_Strict):
    name: str
    version: str


class _Specification(_Strict):
    version: Count
    draft: Count


class _Input(_Strict):
    role: Literal[
        "batch", "keys", "previous", "memory", "card", "requests", "received", "prompts", "cache-key", "aliases"
    ]  # fmt: skip
    name: str
    size: Count
    sha256: Digest


class _Options(_Strict):
    period: _Period | None
    account: str | None
    require_cache_id: bool
    observers: list[str]
    signatures: Literal["every", "statement"]
    margin: Count | None


class _Party(_Strict):
    issuer: str
    account: str
    signers: list[str]
    of_biller: Count
    of_observer: Count


class _Totals(_Strict):
    logical: Count = 0
    cached: Count = 0
    attributed: Count = 0
    writes: dict[str, Count] = {}
    output: Count = 0
    reasoning: Count = 0
    amounts: dict[str, Amount] = {}
    units: dict[str, Count] = {}
    corrected: _Totals = Field(default=None)  # type: ignore[assignment]  # left out, and never null
    corrections: _Totals = Field(default=None)  # type: ignore[assignment]  # left out, and never null


class _Statement(_Period):
    number: Count
    kind: Literal["regular", "late"]
    streams: Count
    receipts: Count
    digest: Digest


class _Beyond(_Statement):
    account: str


class _Account(_Strict):
    issuer: str
    account: str
    receipts: Count
    observed: Count
    streams: Count
    totals: _Totals
    logical_without_cached: Count
    covered: list[_Period]
    holes: list[_Period] | None
    statements: list[_Statement]


class _Object(_Strict):
    kind: Literal["receipt", "statement"]
    digest: Digest
    issuer: str
    account: str
    number: Count = 0
    start: Count = 0
    end: Count = 0
    stream: str = ""
    sequence: Count = 0
    request: str = ""
    observed: bool = False


class _Claim(_Strict):
    claim: Count
    standing: Literal["signed", "record", "asserted"]
    finding: dict[str, str]
    reached: bool
    why_not: str | None


class _Card(_Strict):
    issuer: str
    name: str
    currency: str
    digest: Digest
    charges: Count
    priced: Count
    unpriced: Count
    lower: Amount
    upper: Amount


class _Check(_Strict):
    check: str
    result: Literal["passed", "failed", "passed in part", "not checked"]
    passed: Count
    failed: Count
    of: Count
    not_checked: str | None


class _Finding(_Strict):
    finding: Count
    severity: Severity
    code: str
    message: str
    rule: Annotated[str, Field(pattern=r"^R-[0-9]+\.[0-9]+$")]
    count: Count
    hint: str
    worth: _Exact | _With | _Unknown
    file: str = ""
    item: Count = 0
    offset: Count = 0
    issuer: str = ""
    account: str = ""
    stream: str = ""
    sequence: Count = 0
    request: str = ""
    number: Count = 0
    field: str = ""
    expected: str | Count = ""
    actual: str | Count = ""
    time: Count = 0


class _Code(_Strict):
    code: str
    severity: Severity
    rules: Annotated[list[str], Field(min_length=1)]
    meaning: str
    count: Count
    left_out: Count
    amounts: list[_Money]
    unknown: Count


class _Beside(_Strict):
    rows: Count
    sha256: Digest
    left_out: Count


class _Worth(_Strict):
    amounts: list[_Money]
    unknown: Count


class _Slot(_Strict):
    start: Count
    receipts: Count
    logical: Count
    cached: Count
    attributed: Count
    uncounted: Count
    findings: Count


class _Model(_Strict):
    model: str
    receipts: Count
    logical: Count
    cached: Count
    uncounted: Count


class _Stream(_Strict):
    issuer: str
    account: str
    stream: str
    first: Count
    next: Count
    receipts: Count
    missing: list[Annotated[list[Count], Field(min_length=2, max_length=2)]]
    gaps: Count


class _Figures(_Strict):
    step: Count
    time: Annotated[list[_Slot], Field(max_length=62)]
    undated: Count
    models: list[_Model]
    models_left_out: Count
    streams: list[_Stream]
    streams_left_out: Count


class _NotProven(_Strict):
    what: str
    text: str


class ReportShape(_Strict):
    """What a report object holds; spec/report.md says what each member means."""

    report: Literal[1]
    specification: _Specification
    verifier: _Made
    dated: Count | None
    subject: Literal["batch", "proof", "equivocation", "pack"]
    verdict: Literal["verified", "rejected", "incomplete"]
    inputs: list[_Input]
    options: _Options
    parties: list[_Party]
    beyond: list[_Beyond]
    observed: Count
    accounts: list[_Account]
    accounts_left_out: Count
    objects: list[_Object]
    claims: list[_Claim]
    cards: list[_Card]
    checks: list[_Check]
    findings: list[_Finding]
    finding_counts: dict[str, Count]
    codes: list[_Code]
    findings_csv: _Beside | None
    worth: _Worth
    figures: _Figures | None
    not_proven: Annotated[list[_NotProven], Field(min_length=1)]
