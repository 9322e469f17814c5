"""What the issuer reads of a usage object, the customer's side reads too: no honest provider is accused by how it counts."""

import json
from pathlib import Path

import pytest

from receipts import UsageError
from receipts.ingest import read_usage
from tests.wallets import TestWallet
from verifier.customer import usage as customer
from verifier.customer.usage_members import UsageError as UsageErrorOfCustomer
from verifier.customer.wallet import wallet_calls

OBJECTS = [
    json.loads(line)
    for path in sorted((Path(__file__).parent / "usage_objects").glob("*.jsonl"))
    if path.stem != "refused"
    for line in path.read_text().splitlines()
]
HOSTS = {"vercel-gateway": "ai-gateway.vercel.sh", "perplexity": "api.perplexity.ai"}
COUNTS = ("logical", "cached", "output", "reasoning")


def object_of(line):
    """The usage object of a line, if it is one and not a whole response or a stream."""
    said = line.get("usage")
    return said if isinstance(said, dict) else None


@pytest.mark.parametrize(
    "line", [one for one in OBJECTS if object_of(one)], ids=lambda one: f"{one['provider']} {one['api']}"
)  # fmt: skip
def test_what_both_read_is_one(line):
    """What the customer's side does not read it does not compare; what it reads is what the receipt states."""
    told = object_of(line)
    reading = read_usage(line["provider"], line["api"], told)
    seen = customer.read_usage(told, HOSTS.get(line["provider"]))
    for name in COUNTS:
        if name in seen.counts:
            expected = getattr(reading.counts, name)
            if expected is None:
                expected = 0  # is the same
            assert seen.counts[name] == expected, name
    for unit, quantity in seen.units.items():
        assert quantity == (reading.counts.units or {}).get(unit, 0), unit


@pytest.mark.parametrize(
    ("more", "logical", "output"),
    [
        ({"total_tokens": 150}, 100, 50),
        ({}, 100, 50),
        ({"total_tokens": 170}, 100, 70),
        ({"total_tokens": 157}, 107, 50),
        ({"total_tokens": 151}, None, None),
        ({"total_tokens": 149}, None, None),
    ],
)
def test_the_total_says_what_lies_beside(more, logical, output):
    told = {
        "prompt_tokens": 100, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 20},
        "prompt_tokens_details": {"audio_tokens": 7, "cached_tokens": 5}, **more,
    }  # fmt: skip
    counts = customer.read_usage(told).counts
    assert (counts.get("logical"), counts.get("output"), counts["cached"]) == (logical, output, 5)


@pytest.mark.parametrize("host", HOSTS.values())
def test_hosts_that_count_beyond_the_total(host):
    told = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    assert customer.read_usage(told, host).counts["output"] == 50
    for more in (
        {"completion_tokens_details": {"reasoning_tokens": 20}},
        {"reasoning_tokens": 1},
        {"citation_tokens": 1},
    ):
        assert "output" not in customer.read_usage(told | more, host).counts
        assert customer.read_usage(told | more, "api.openai.com").counts["output"] == 50


def test_iterations_without_a_member_count_as_none():
    part = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 5}}  # fmt: skip
    seen = customer.read_usage({"output_tokens": 4, "iterations": [part, part]})
    assert seen.writes == {300: 0, 3600: 10}


@pytest.mark.parametrize("tokens", [-1, 1.5, "7", True, 2**64])
def test_what_is_no_count(tokens):
    for told in (
        {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": tokens}]},
        {"prompt_tokens": 5, "prompt_tokens_details": {"audio_tokens": tokens}},
        {"output_tokens": 5, "server_tool_use": {"web_search_requests": tokens}},
    ):  # fmt: skip
        with pytest.raises(UsageErrorOfCustomer):
            customer.read_usage(told)


def test_entries_that_say_nothing():
    details = [{"modality": "AUDIO"}, {"modality": "TEXT", "tokenCount": 5}, "AUDIO", {"tokenCount": 1}, {"modality": None}]  # fmt: skip
    seen = customer.read_usage({"promptTokenCount": 5, "promptTokensDetails": details, "cacheTokensDetails": 7})  # fmt: skip
    assert seen.units == {"input.audio": 0}
    with pytest.raises(UsageError):
        read_usage("google", "generateContent", {"totalTokenCount": 1})


SEARCHED = json.dumps({"web_search_call": 2, "google_search": 1, "code_interpreter_call": 1, "computer_call": 9})  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "tools", "units"),
    [
        ({"output_tokens": 1}, SEARCHED, {"requests.web_search": 2, "requests.code_execution": 1}),
        ({"output_tokens": 1, "server_tool_use": {"web_search_requests": 7}}, SEARCHED, {"requests.web_search": 7, "requests.code_execution": 1}),
        ({"output_tokens": 1}, None, {}),
        ({"output_tokens": 1}, "[1]", {}),
        ({"output_tokens": 1}, "{", {}),
        (None, SEARCHED, {}),
    ],
)  # fmt: skip
def test_what_a_wallet_saw_of_tools(folder, usage, tools, units):
    wallet = TestWallet()
    wallet.call("r", usage=usage and json.dumps(usage), tools=tools)
    wallet.call("s", tools='{"web_search_call": -1}')
    wallet.close()
    (_, call), (_, damaged) = wallet_calls("wallet.db")
    assert call.usage.units == units
    assert (damaged.usage.units, damaged.usage.counts) == ({}, {})
