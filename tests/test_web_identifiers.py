"""The second verifier computes the identifiers of spec/vectors/cache-id.json."""

import hmac
import json
import subprocess
from pathlib import Path

import pytest

from tests.test_cache_id import VECTORS
from tests.web.node import has_node, skip_or_fail

SCRIPT = Path(__file__).parent / "web/identifiers.mjs"


@pytest.fixture(scope="module")
def found():
    if not has_node():
        skip_or_fail()
    run = subprocess.run(["node", SCRIPT], input=json.dumps(VECTORS), capture_output=True, text=True, check=True)  # fmt: skip
    return json.loads(run.stdout)


def test_keys_of_a_month(found):
    expected = [hmac.digest(bytes.fromhex(v["period_key"]), bytes(4), "sha256").hex() for v in VECTORS["keys"]]  # fmt: skip
    assert found["keys"] == expected


def test_tokens(found):
    assert found["tokens"] == [v["ids"] for v in VECTORS["tokens"]]


def test_text(found):
    assert found["text"] == {name: VECTORS["text"][name] for name in ("blocks", "ids")}


def test_blocks_of_vllm(found):
    assert found["vllm"] == [v["hashes"] for v in VECTORS["vllm"]]
