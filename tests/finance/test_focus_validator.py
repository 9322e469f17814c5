"""FOCUS 1.2 by the Foundation's own validator, where there is one: the environment variable FOCUS_VALIDATOR names it."""

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli import Shell
from tests.finance.closed import write_month
from tests.finance.running import ROWS

VALIDATOR = os.environ.get("FOCUS_VALIDATOR")
BASELINE = {"InvoiceId-C-004-C"}
"""What focus-validator 2.2.1 says of a file without a fault: one of the two leaves of an OR, of which the other holds."""


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    write_month(tmp_path, ROWS)
    return Shell(capfd)


@pytest.mark.slow
@pytest.mark.skipif(VALIDATOR is None, reason="FOCUS_VALIDATOR names no focus-validator (2.2.1)")
@pytest.mark.parametrize("name", ["cost-and-usage.csv", "cost-and-usage.parquet"])
def test_the_official_validator_finds_its_baseline_only(shell, name):
    """It finds its rules only from beside its own package."""
    line = "export batch.cbor --keys keys.json --card card.cbor --config finance.toml"
    result = shell(f"{line} --to focus-1.2 --invoice-id INV-7 -o out")
    assert result.code == 0, result.err
    assert failed(Path("out", name).resolve()) == BASELINE


def failed(data):
    """The rules that a file breaks."""
    (home,) = Path(VALIDATOR).parents[1].glob("lib/python*/site-packages")
    report = Path("report.xml").resolve()
    subprocess.run(
        [VALIDATOR, "--data-file", str(data), "--validate-version", "1.2.0.1", "--block-download",
         "--focus-dataset", "CostAndUsage", "--output-type", "unittest", "--output-destination", str(report)],
        cwd=home, check=True, capture_output=True,
    )  # fmt: skip
    cases = list(ET.parse(report).getroot().iter("testcase"))
    assert len(cases) > 500
    failures = [case.find("failure") for case in cases]
    return {failure.get("name") for failure in failures if failure is not None}
