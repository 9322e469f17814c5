"""The counters, as Prometheus reads them and as metrics of OpenTelemetry."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.callers import Caller, TagContract
from receipts.emitting import Counters, Emitter, Outcome
from receipts.prefixes import IdentifierCounters
from tests.asgi import body, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED

HOSTILE = [
    'a"b', "a\\", "a\\nb", "a\nb", 'a"} 5\ntoken_receipts_answers_total{outcome="issued"} 9', "", "{}", "ä\N{SNOWMAN}\u2028", "a\rb", "a,b=c", "# HELP x", " ",
]  # fmt: skip


def read(counters):
    """What Prometheus reads: by name and labels."""
    families = list(text_string_to_metric_families(counters.prometheus()))
    assert {family.type for family in families} == {"counter"}
    assert all(family.documentation for family in families)
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


def filled():
    counters = Counters()
    for n, outcome in enumerate(Outcome):
        for _ in range(n):
            counters.count(outcome)
    for _ in range(3):
        counters.count_undelivered()
    for tag in HOSTILE:
        counters.count_tag_fault(tag, "missing")
    counters.count_tag_fault(HOSTILE[0], 'no"t')
    return counters


def test_prometheus_reads_what_was_counted():
    samples = read(filled())
    for n, outcome in enumerate(Outcome):
        assert samples.pop(("token_receipts_answers_total", ("outcome", outcome.value))) == n
    assert samples.pop(("token_receipts_undelivered_total",)) == 3
    assert samples.pop(("token_receipts_uncharged_total",)) == 0
    faults = "token_receipts_tag_faults_total"
    assert samples.pop((faults, ("reason", 'no"t'), ("tag", HOSTILE[0]))) == 1
    assert samples == {(faults, ("reason", "missing"), ("tag", tag)): 1 for tag in HOSTILE}


def test_prometheus_reads_what_is_new():
    """Every outcome is there from the beginning, so that a rate can be taken of it."""
    samples = read(Counters())
    assert len(samples) == len(Outcome) + 2
    assert set(samples.values()) == {0}


def metrics(reader):
    """By name and attributes, with the unit."""
    found = {}
    for resource in reader.get_metrics_data().resource_metrics:
        for scope in resource.scope_metrics:
            assert scope.scope.name in ("token_receipts", "mine")
            for metric in scope.metrics:
                assert metric.data.is_monotonic
                for point in metric.data.data_points:
                    found[metric.name, metric.unit, *sorted(point.attributes.items())] = point.value
    return found


@pytest.fixture
def meters():
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    yield provider, reader
    provider.shutdown()


def test_metrics_of_opentelemetry(meters):
    provider, reader = meters
    counters = filled()
    counters.observe(provider.get_meter("mine"))
    found = metrics(reader)
    for n, outcome in enumerate(Outcome):
        assert found["token_receipts.answers", "{answer}", ("outcome", outcome.value)] == n
    assert found["token_receipts.undelivered", "{receipt}"] == 3
    name = "token_receipts.tag_faults", "{request}"
    assert {
        dict(key[2:])["tag"] for key in found if key[:2] == name and ("reason", "missing") in key
    } == set(HOSTILE)
    counters.count(Outcome.ISSUED)
    assert metrics(reader)["token_receipts.answers", "{answer}", ("outcome", "issued")] == 1


def test_the_meter_of_the_process(monkeypatch, meters):
    provider, reader = meters
    monkeypatch.setattr("receipts.emitting.telemetry.get_meter", provider.get_meter)
    Counters().observe()
    assert len(metrics(reader)) == len(Outcome) + 1


def test_without_an_sdk_nothing_happens():
    Counters().observe()


def test_the_counters_of_a_server(folder, meters):
    """From the request to the metric; what a client sends makes no label."""
    provider, reader = meters
    contract = TagContract.from_toml(b'owner = "x"\n[tags.team]\nrequired = true\nfrom = ["header:x-team"]\nallowed = ["search"]\n')  # fmt: skip
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        app = ReceiptMiddleware(None, Emitter(journal, lambda _: Caller(ACCOUNT), tags=contract))
        app.emitter.counters.observe(provider.get_meter("mine"))
        for n, team in enumerate((b"search", b'evil"} 9\n', b"\xff")):
            answer = json.dumps({"id": f"r{n}", "model": "m", "usage": CACHED}).encode()
            run(app, [start(), body(answer)], headers=[(b"x-team", team)])
    found = metrics(reader)
    assert found["token_receipts.answers", "{answer}", ("outcome", "issued")] == 3
    faults = {key[2:]: n for key, n in found.items() if key[0] == "token_receipts.tag_faults"}
    assert {dict(key)["tag"] for key in faults} == {"team"}
    assert sum(faults.values()) == 2
    assert sum(n for key, n in read(app.emitter.counters).items() if "tag_faults" in key[0]) == 2


def test_the_guide_names_what_is_counted():
    guide = (Path(__file__).parents[1] / "docs/provider.md").read_text()
    chapter = guide.split("#### What is counted")[1].split("\n### ")[0]
    named = re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE)
    identifiers = [field.name for field in fields(IdentifierCounters)]
    assert named == [outcome.value for outcome in Outcome] + identifiers
