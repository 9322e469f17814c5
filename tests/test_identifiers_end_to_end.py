"""From requests in a server to the customer who recomputes: honest receipts verify, and a wrong prefix is found."""

import json
from dataclasses import replace

import pytest

from receipts import Billed, Cache, Issuer, Period
from receipts.cache_id import text_ids
from receipts.ingest import take_usage
from receipts.prefixes import Identifiers, Vllm, read_cache_keys
from tests.build import ISSUER, KEY, NOON, NOVEMBER

MODEL = "claude-sonnet-4-6"
EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
HANDBOOK = {"type": "text", "text": "The handbook. " * 400, **EPHEMERAL}
TURNS = [
    "How do I return a chair?",
    "Keep the invoice.",
    "And a table?",
    "The same way.",
    "Thanks.",
]


def conversation(n):
    turns = [{"role": ("user", "assistant")[i % 2], "content": one} for i, one in enumerate(TURNS[: 2 * n + 1])]  # fmt: skip
    return {"model": MODEL, "max_tokens": 100, "system": [HANDBOOK], "messages": turns, **EPHEMERAL}


def usage(read, written, rest):
    return {"input_tokens": rest, "cache_read_input_tokens": read, "cache_creation_input_tokens": written, "output_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}}  # fmt: skip


USAGES = [usage(0, 2020, 4), usage(2020, 17, 4), usage(2037, 15, 4), usage(2052, 0, 4)]
BODIES = [conversation(0), conversation(1), conversation(2), conversation(2)]


def unchanged(_, cache):
    return cache


@pytest.fixture
def served(shell, keys, folder):
    """Serve requests as a middleware does, close the month, and give the customer its prompts."""
    assert shell("keygen --new-cache-key --account acme --out acme.key").code == 0
    assert shell("trust add keys/issuer.jwks.json --yes").code == 0

    def serve(change=unchanged, usages=USAGES):
        identifiers = Identifiers(read_cache_keys(folder))
        issuer, period = Issuer(ISSUER, KEY), Period(ISSUER, "acme", *NOVEMBER)
        with open("batch.cbor", "wb") as batch, open("prompts.jsonl", "w") as prompts:
            for n, (body, said) in enumerate(zip(BODIES, usages, strict=True)):
                reading, source = take_usage("anthropic", "messages", {"usage": said})
                time = NOON + n
                cache = identifiers.cache("acme", MODEL, body, reading.counts, time, None, source)
                one = issuer.issue(
                    "acme", request=f"req_{n}", model=MODEL, time=time, counts=reading.counts,
                    cache=change(n, cache), source=source,
                )  # fmt: skip
                batch.write(one.data)
                period.add(issuer.stream, n, one.digest, time, Billed(reading.counts))
                prompts.write(json.dumps({"request": f"req_{n}", "body": body}) + "\n")
            batch.write(period.sign(KEY).data)
        return shell("verify batch.cbor --period 2026-11 --prompts prompts.jsonl --cache-key acme.key --require-cache-id --json")  # fmt: skip

    return serve


def codes(result):
    return [one["code"] for one in json.loads(result.out)["findings"]]


def test_the_customer_recomputes_them(served):
    caches = []
    result = served(lambda _, cache: caches.append(cache) or cache)
    assert (result.code, codes(result)) == (0, [])
    assert [cache.read and cache.read.prefix for cache in caches] == [None, 2020, 2037, 2052]
    assert [[one.prefix for one in cache.writes] for cache in caches] == [
        [2020],
        [2037],
        [2052],
        [],
    ]
    assert [[one.prefix for one in cache.commitments] for cache in caches] == [[], [], [2020], [2020, 2037]]  # fmt: skip


def test_the_identifier_of_another_prompt(served, folder):
    """Credited as read: a prefix that this prompt does not have."""
    key = read_cache_keys(folder)["acme"].for_time(NOON)
    other = text_ids(MODEL, conversation(0) | {"system": "Another handbook."}, key)[1]

    def change(n, cache):
        return cache if n != 1 else replace(cache, read=replace(cache.read, id=other))

    result = served(change)
    assert (result.code, codes(result)) == (1, ["cache-id-mismatch"])


def test_a_shorter_prefix_is_credited(served):
    """The counts of req_2 credit 1,000 tokens less than were read, under the identifier that the prefix had before."""
    caches = []

    def change(n, cache):
        caches.append(cache)
        if n != 2:
            return cache
        return Cache(replace(caches[1].writes[0], prefix=1037))

    result = served(change, [*USAGES[:2], usage(1037, 15, 1004), USAGES[3]])
    assert (result.code, codes(result)) == (1, ["cache-id-conflict"])


def test_a_shorter_credit_has_no_identifier_by_itself(served):
    """What a server computes from such counts contradicts what it knows, so it names nothing; and the customer asks for a name."""
    result = served(usages=[*USAGES[:2], usage(1037, 15, 1004), USAGES[3]])
    assert (result.code, codes(result)) == (3, ["cache-id-missing"])


def test_token_ids_and_the_engines_hash(shell, keys, folder):
    """Of vLLM, whose answers have the token ids: the second request reads 1,024 tokens of the first one."""
    assert shell("keygen --new-cache-key --account acme --out acme.key").code == 0
    assert shell("trust add keys/issuer.jwks.json --yes").code == 0
    identifiers = Identifiers(read_cache_keys(folder), vllm=Vllm(16))
    issuer, period = Issuer(ISSUER, KEY), Period(ISSUER, "acme", *NOVEMBER)
    front, said = (
        list(range(1030)),
        {"prompt_tokens": 1100, "completion_tokens": 9, "total_tokens": 1109},
    )
    with open("batch.cbor", "wb") as batch, open("prompts.jsonl", "w") as prompts:
        for n, cached in enumerate((0, 1024)):
            tokens = front + [5000 + n] * 70
            answer = said | {"prompt_tokens_details": {"cached_tokens": cached}}
            reading, source = take_usage("vllm", "chat.completions", {"usage": answer})
            cache = identifiers.cache("acme", "m", {"cache_salt": "s"}, reading.counts, NOON + n, tokens, source)  # fmt: skip
            one = issuer.issue("acme", request=f"r{n}", model="m", time=NOON + n, counts=reading.counts, cache=cache, source=source)  # fmt: skip
            batch.write(one.data)
            period.add(issuer.stream, n, one.digest, NOON + n, Billed(reading.counts))
            line = {"request": f"r{n}", "tokens": tokens, "extra": [[["cache_salt", "s"]]]}
            prompts.write(json.dumps(line) + "\n")
        batch.write(period.sign(KEY).data)
    assert cache.read.recipe == "vllm-sha256-cbor;block=16;seed=vllm-none-hash"
    command = (
        "verify batch.cbor --period 2026-11 --prompts prompts.jsonl --cache-key acme.key --json"
    )
    result = shell(command)
    assert (result.code, codes(result)) == (0, [])
    text = (folder / "prompts.jsonl").read_text()
    (folder / "prompts.jsonl").write_text(text.replace('"s"', '"another"'))
    assert (shell(command).code, codes(shell(command))) == (1, ["cache-id-mismatch"])
