"""Receipts from spans of OpenTelemetry, with its SDK."""

import asyncio
import threading

import pytest
from opentelemetry import baggage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, Status, StatusCode

from receipts import Journal
from receipts.callers import Caller, TagContract
from receipts.emitting import Emitter
from receipts.ingest import usage_hash
from receipts.opentelemetry import _CALLS, ReceiptSpanProcessor, named
from tests.build import ACCOUNT, ISSUER, KEY
from tests.test_in_band import receipts_in

USAGE = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 640, "gen_ai.usage.cache_creation.input_tokens": 100}  # fmt: skip
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "m", "gen_ai.response.model": "m-1", "gen_ai.response.id": "r-1", **USAGE}  # fmt: skip
NAMED = named("acme.account", tags={"team": "acme.team", "env": "deployment.environment.name"})


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def traced(journal):
    """Makes a tracer whose spans are issued from."""
    providers = []

    def make(account=ACCOUNT, resource=None, baggage=(), **more):
        processor = ReceiptSpanProcessor(Emitter(journal, account, **more), baggage=baggage)
        provider = TracerProvider(resource=Resource(resource or {}))
        provider.add_span_processor(processor)
        providers.append(provider)
        return provider.get_tracer("tests"), processor

    yield make
    for provider in providers:
        provider.shutdown()


def call(tracer, attributes, error=None, kind=SpanKind.CLIENT):
    with tracer.start_as_current_span("chat m", kind=kind, attributes=attributes) as span:
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))


def counted(processor):
    assert processor.force_flush()
    outcomes = processor.emitter.counters.outcomes()
    return {name: n for name, n in outcomes.items() if n}


def test_the_names_are_those_of_the_conventions():
    """Of the version that is installed; `gen_ai.system` is the name from before, and neither selects how the usage is read."""
    path = "opentelemetry.semconv._incubating.attributes.gen_ai_attributes"
    names = pytest.importorskip(path, reason="the conventions have moved")
    known = {value for name, value in vars(names).items() if name.startswith("GEN_AI_")}
    assert set(CALL) <= known
    assert set(_CALLS) <= {one.value for one in names.GenAiOperationNameValues}


@pytest.mark.parametrize("provider", [{}, {"gen_ai.system": "az.ai.openai"}])
def test_a_span(journal, traced, provider):
    tracer, processor = traced()
    attributes = {**CALL, **provider}
    if provider:
        del attributes["gen_ai.provider.name"]
    call(tracer, attributes)
    assert counted(processor) == {"issued": 1}
    (claims,) = receipts_in(journal)
    assert (claims.account, claims.request, claims.model) == (ACCOUNT, "r-1", "m-1")
    assert (claims.logical, claims.cached, claims.writes, claims.output) == (900, 640, {0: 100}, 20)
    assert (claims.source.provider, claims.source.api) == ("opentelemetry", "gen_ai")
    assert claims.source.usage == usage_hash(USAGE)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"gen_ai.operation.name": "embeddings", "gen_ai.usage.output_tokens": None}, {"issued": 1}),
        ({"gen_ai.operation.name": None}, {"issued": 1}),
        ({"gen_ai.response.model": None}, {"issued": 1}),
        ({"gen_ai.response.model": None, "gen_ai.request.model": None}, {"refused": 1}),
        ({"gen_ai.response.model": 5}, {"issued": 1}),
        ({"gen_ai.response.id": None}, {"issued": 1}),
        ({"gen_ai.response.id": "x" * 5000}, {"issued": 1}),
        ({"gen_ai.operation.name": "invoke_agent"}, {}),
        ({"gen_ai.operation.name": "invoke_workflow"}, {}),
        ({"gen_ai.operation.name": "execute_tool"}, {}),
        ({"gen_ai.operation.name": "acme.of_their_own"}, {"unreadable": 1}),
        ({"gen_ai.operation.name": "acme.of_their_own", **dict.fromkeys(USAGE)}, {}),
        (dict.fromkeys(USAGE), {"without_usage": 1}),
        ({"gen_ai.usage.input_tokens": None, "gen_ai.usage.prompt_tokens": 9}, {"without_usage": 1}),
        ({"gen_ai.usage.input_tokens": 10}, {"refused": 1}),
        ({"gen_ai.usage.input_tokens": -1}, {"refused": 1}),
        ({"gen_ai.usage.input_tokens": 9.5}, {"refused": 1}),
        ({"gen_ai.usage.input_tokens": "900"}, {"refused": 1}),
        ({"gen_ai.usage.input_tokens": True}, {"refused": 1}),
        ({"gen_ai.usage.input_tokens": (900, 1)}, {"refused": 1}),
        (dict.fromkeys(CALL), {}),
    ],
)  # fmt: skip
def test_what_a_span_may_say(journal, traced, change, outcome):
    tracer, processor = traced()
    call(tracer, {name: value for name, value in (CALL | change).items() if value is not None})
    assert counted(processor) == outcome
    assert len(receipts_in(journal)) == outcome.get("issued", 0)


def test_the_request_of_a_span_without_a_response_id(journal, traced):
    tracer, processor = traced()
    attributes = {name: value for name, value in CALL.items() if name != "gen_ai.response.id"}
    with tracer.start_as_current_span("chat", attributes=attributes) as span:
        context = span.get_span_context()
    processor.force_flush()
    (claims,) = receipts_in(journal)
    assert claims.request == f"span_{context.trace_id:032x}{context.span_id:016x}"


def test_a_call_that_failed(journal, traced):
    tracer, processor = traced()
    call(tracer, CALL, error="timeout")
    with pytest.raises(ValueError, match="mine"), tracer.start_as_current_span("chat", attributes=CALL):  # fmt: skip
        raise ValueError("mine")
    assert counted(processor) == {"without_usage": 2}
    assert receipts_in(journal) == []


def test_two_instrumentations_of_one_call(journal, traced):
    """The outer one knows less of the cache; the inner one, which ends first, counts. Agents around them count nothing."""
    tracer, processor = traced()
    less = {name: value for name, value in CALL.items() if "cache" not in name}
    agent = {"gen_ai.operation.name": "invoke_agent", **USAGE}
    with (
        tracer.start_as_current_span("invoke_agent a", attributes=agent),
        tracer.start_as_current_span("ChatModel", attributes=less, kind=SpanKind.INTERNAL),
    ):
        call(tracer, CALL)
        with tracer.start_as_current_span("execute_tool t", attributes={"gen_ai.operation.name": "execute_tool"}):  # fmt: skip
            pass
    assert counted(processor) == {"issued": 1, "replayed": 1}
    (claims,) = receipts_in(journal)
    assert claims.cached == 640


def test_who_is_billed_by_attributes(journal, traced):
    """Those of the span count more than those of its resource."""
    resource = {"acme.account": "by-resource", "deployment.environment.name": "prod"}
    tracer, processor = traced(NAMED, resource)
    call(tracer, {**CALL, "acme.team": "search"})
    call(tracer, {**CALL, "acme.account": "by-span", "acme.team": 5})
    processor.force_flush()
    first, second = sorted((claims_of for account in ("by-resource", "by-span") for claims_of in _of(journal, account)), key=lambda c: c.account)  # fmt: skip
    assert (first.account, first.tags) == ("by-resource", {"team": "search", "env": "prod"})
    assert (second.account, second.tags) == ("by-span", {"env": "prod"})


def _of(journal, account):
    from verifier import read_item

    return [read_item(raw).claims for raw in journal._store.open_receipts(account, {}, 2**53)]


def test_nobody_is_billed(journal, traced):
    tracer, processor = traced(NAMED)
    call(tracer, CALL)
    call(tracer, {**CALL, "acme.account": ""})
    assert counted(processor) == {"without_account": 2}


def test_baggage(journal, traced):
    """Only what is named, and what is told of the span itself counts more, as it is set later."""
    tracer, processor = traced(NAMED, baggage=("acme.account",))
    context = baggage.set_baggage("acme.account", ACCOUNT)
    context = baggage.set_baggage("acme.team", "sales", context)
    with tracer.start_as_current_span("chat m", context=context, attributes=CALL):
        pass
    assert counted(processor) == {"issued": 1}
    (claims,) = receipts_in(journal)
    assert (claims.account, claims.tags) == (ACCOUNT, None)


def test_the_contract_and_a_function_of_the_span(journal, traced):
    contract = TagContract.from_toml(b'owner = "platform"\n[tags.team]\nrequired = true\nfrom = ["key:team"]\n')  # fmt: skip
    tracer, processor = traced(lambda asked: Caller(ACCOUNT, {"team": asked.context["span"].name}), tags=contract)  # fmt: skip
    call(tracer, CALL)
    assert counted(processor) == {"issued": 1}
    assert receipts_in(journal)[0].tags == {"team": "chat m"}


def raises(asked):
    raise RuntimeError("ours\nfailed")


async def waits(asked):
    await asyncio.sleep(0)


@pytest.mark.parametrize("account", [raises, waits, lambda _: 42])
def test_a_function_that_fails_harms_nothing(journal, traced, account, caplog):
    tracer, processor = traced(account)
    call(tracer, CALL)
    assert counted(processor) == {"failed": 1}
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


def test_a_journal_that_is_closed(journal, traced, caplog):
    tracer, processor = traced()
    journal.close()
    call(tracer, CALL)
    assert counted(processor) == {"failed": 1}
    assert "no receipt for 'r-1': the journal is closed" in caplog.text


def test_a_span_that_is_not_sampled_has_none(journal):
    processor = ReceiptSpanProcessor(Emitter(journal, ACCOUNT))
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(processor)
    call(provider.get_tracer("tests"), CALL)
    assert counted(processor) == {}
    provider.shutdown()


def test_the_thread_that_ends_a_span_does_not_wait(journal, traced, monkeypatch):
    """The disk is slow: spans end, a flush that has no time says so, and a shutdown waits."""
    go, write = threading.Event(), journal._commit

    def slow(group):
        go.wait(30)
        write(group)

    monkeypatch.setattr(journal, "_commit", slow)
    tracer, processor = traced()
    for n in range(50):
        call(tracer, {**CALL, "gen_ai.response.id": f"r-{n}"})
    assert processor.emitter.counters["issued"] == 0
    assert processor.force_flush(10) is False
    threading.Timer(0.05, go.set).start()
    processor.shutdown()
    assert processor.emitter.counters["issued"] == 50
    assert len(receipts_in(journal)) == 50


def test_many_threads(journal, traced):
    tracer, processor = traced()

    def work(n):
        for i in range(50):
            call(tracer, {**CALL, "gen_ai.response.id": f"r-{n}-{i}"})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(processor) == {"issued": 400}
    assert len({claims.request for claims in receipts_in(journal)}) == 400
