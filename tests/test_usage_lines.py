"""The lines of a usage file that are more than a usage object: responses, shapes, models, and what is not read."""

import json
from pathlib import Path

import pytest

from cli.usage import Entry, Reject, fields, read_lines
from receipts import Counts
from receipts.ingest import usage_hash
from verifier import batch_file, read_items

CHAT = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
LINE = {"provider": "openai", "api": "chat.completions", "model": "m", "request": "r0", "time": "2026-11-20T12:00:00Z"}  # fmt: skip


def write(*rows):
    Path("u.jsonl").write_text("".join(json.dumps({**LINE, **row}) + "\n" for row in rows))


def read(*rows, **given):
    data = "\n".join(json.dumps({**LINE, **row}) for row in rows).encode()
    return list(read_lines(data, account="acme", **given))


def test_a_response_in_the_place_of_its_usage():
    """The hash is that of the usage object, which is what the customer keeps."""
    response = {"id": "c", "service_tier": "flex", "choices": [], "usage": CHAT}
    for row in ({"response": response}, {"usage": response}, {"response": [{"id": "c"}, response]}):
        (entry,) = read(row)
        assert entry.counts == Counts(9, None, None, 1)
        assert (entry.source.tier, entry.source.terms) == ("flex", {"processing": "flex"})
        assert entry.source.usage == usage_hash(CHAT)


@pytest.mark.parametrize("row", [{}, {"usage": CHAT, "response": {"usage": CHAT}}])
def test_a_line_has_one_of_both(row):
    (reject,) = read(row)
    assert isinstance(reject, Reject)
    assert reject.reason == "a line has either usage or response"


def test_a_shape_of_the_line_and_of_the_file():
    rows = [
        {"provider": "example", "shape": "openai", "usage": CHAT},
        {"provider": "example", "usage": CHAT},
        {"provider": "anthropic", "api": "messages", "usage": {"input_tokens": 3, "output_tokens": 1}},
    ]  # fmt: skip
    first, second, third = read(*rows)
    assert (first.source.provider, first.shape) == ("example", "subset")
    assert "there is no provider 'example'" in second.reason
    assert third.shape == "additive"
    assert all(isinstance(entry, Entry) for entry in read(*rows, shape="openai"))


def test_a_provider_of_the_file_goes_to_lines_without_one():
    data = json.dumps({name: value for name, value in LINE.items() if name != "provider"} | {"usage": CHAT}).encode()  # fmt: skip
    (entry,) = read_lines(data, provider="example", shape="openai", account="acme")
    assert entry.source.provider == "example"
    (reject,) = read_lines(data, account="acme")
    assert reject.reason == "provider: Field required"
    (entry,) = read({"usage": CHAT}, provider="example", shape="openai")
    assert entry.source.provider == "openai"


def test_models_have_the_name_of_the_line():
    part = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    iterations = [
        {"input_tokens": 5, "output_tokens": 1, **part},
        {"input_tokens": 7, "output_tokens": 2, "model": "advisor", **part},
    ]
    usage = {"input_tokens": 5, "output_tokens": 1, **part, "iterations": iterations}
    row = {"provider": "anthropic", "api": "messages", "usage": usage}
    (entry,) = read(row)
    assert entry.models == {"m": Counts(5, 0, {0: 0}, 1), "advisor": Counts(7, 0, {0: 0}, 2)}
    assert fields(entry)["models"] == entry.models
    (entry,) = read({**row, "model": "advisor"})
    assert entry.models is None
    assert "models" not in fields(entry)


def test_issue_writes_the_name_of_the_convention(shell, keys):
    usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
    write({"provider": "bedrock", "api": "converse", "usage": usage}, {"request": "r1", "provider": "example", "usage": CHAT})  # fmt: skip
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor --shape openai")
    assert result.code == 0
    sources = [item.claims.source for item in read_items([batch_file("b.cbor")])]
    assert [(source.provider, source.api) for source in sources] == [
        ("aws.bedrock", "converse"),
        ("example", "chat.completions"),
    ]


def test_what_is_not_read_is_summed_up(shell, folder):
    new = {"usage": {**CHAT, "new_tokens": 5, "rooms": [{"hours": 1}]}}
    write({"usage": CHAT}, {"request": "r1", **new}, {"request": "r2", **new},
          {"request": "r3", "provider": "vllm", **new})  # fmt: skip
    result = shell("ingest u.jsonl --check")
    assert result.code == 0
    assert result.err.splitlines()[:2] == [
        "receipt: warning: not read: new_tokens of openai chat.completions, 2 lines, first in line 2: is not known",
        "receipt: warning: not read: rooms.*.hours of openai chat.completions, 2 lines, first in line 2: is not known",
    ]
    assert "new_tokens of vllm chat.completions, 1 line, first in line 4" in result.err
    assert "not read" not in shell("ingest u.jsonl").err
    document = json.loads(shell("ingest u.jsonl --json").out)
    assert document["unread"][0] == {
        "member": "new_tokens", "provider": "openai", "api": "chat.completions", "reason": "is not known", "lines": 2, "line": 2,
    }  # fmt: skip
    assert document["requests"][1]["unread"] == {"new_tokens": "is not known", "rooms.*.hours": "is not known"}  # fmt: skip


def test_ingest_shows_units_terms_and_tier(shell, folder):
    usage = {
        "input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
        "service_tier": "batch", "inference_geo": "us", "server_tool_use": {"web_search_requests": 2},
    }  # fmt: skip
    write({"provider": "anthropic", "api": "messages", "usage": usage})
    (request,) = json.loads(shell("ingest u.jsonl --json").out)["requests"]
    assert request["units"] == {"requests.web_search": 2}
    assert request["terms"] == {"processing": "batch", "region": "us"}
    assert (request["tier"], request["models"], request["unread"]) == ("batch", None, {})
