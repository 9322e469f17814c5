"""The second verifier writes the report of the first one: the same bytes, but for the name of the program."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.build import ACCOUNT, KEY, NOVEMBER, Batch, Stream, jwk_set
from tests.fuzz.mutation import mutated
from tests.reporting import COUNTS, FILES, charge, write
from tests.test_scope import seen_at
from tests.test_vectors import DOCUMENTS, LONG, input_of, key_sets
from tests.web.differ import case_of
from tests.web.node import second_verifier
from tests.web.packs import pack_of
from tests.web.pricing import priced_case
from tests.web.reports import reports
from verifier import canonical

VECTORS = [(document, vector) for document in DOCUMENTS.values() for vector in document["vectors"]]


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


def of_vector(document, vector):
    options = dict(vector["options"])
    for name in ("known", "cards"):
        options[name] = [bytes.fromhex(raw) for raw in options.get(name, [])]
    return input_of(vector), key_sets(document, vector), options


def of_case(number):
    case = case_of(number)
    return case.data, case.keys, case.options


def of_container(number):
    """A proof or an equivocation with a few bytes changed."""
    random = Random(f"report/{number}")
    document = DOCUMENTS["containers.json"]
    data, sets, options = of_vector(document, random.choice([v for v in document["vectors"] if 0 < len(v.get("input", "")) < 100_000]))  # fmt: skip
    return mutated([data], random), sets, options


def of_prices(number):
    card, batch = priced_case(Random(number))
    return batch, [jwk_set(KEY)], {"cards": [card]}


def compare(cases, second):
    """How many reports there are of cases; both verifiers write the same of each."""
    written = 0
    for name, case in cases:
        first, theirs = reports(*case, second)
        assert theirs == first, name
        written += first is not None
    return written


def test_vectors(second, folder):
    some = [(v["id"], of_vector(d, v)) for d, v in VECTORS if v["id"] not in LONG]
    assert len(some) == 866
    assert compare(some[::15], second) == 57


@pytest.mark.slow
def test_all_vectors(second, folder):
    assert compare(((v["id"], of_vector(d, v)) for d, v in VECTORS), second) == 847


@pytest.mark.parametrize("make", [of_case, of_container, of_prices, pack_of])
def test_a_few_cases(make, second):
    assert compare(((number, make(number)) for number in range(40)), second) > 10


@pytest.mark.slow
@pytest.mark.parametrize(("make", "count"), [(of_case, 2000), (of_container, 1000), (of_prices, 400), (pack_of, 2000)])  # fmt: skip
def test_many_cases(make, count, second):
    assert compare(((number, make(number)) for number in range(40, count)), second) > count // 4


def test_what_was_seen_before(second):
    cases = [(read, (seen_at(read).data, [jwk_set(KEY)], {})) for read in (0, 999, 1000, 5000)]
    assert compare(cases, second) == 4


def test_more_findings_than_a_report_lists(second):
    """With the CSV file beside it, amounts, and texts that a spreadsheet would compute."""
    over = {"request": '=1,"2"\r\n', "input": {1: 3000, 2: 2000, 3: 900}}
    batch = Batch(one=Stream("-gpu", count=150, over=over))
    options = {"period": NOVEMBER, "account": ACCOUNT}
    first, theirs = reports(batch.data, [jwk_set(KEY)], options, second)
    assert theirs == first
    document, csv = json.loads(first[0]), first[1]
    assert document["findings_csv"]["rows"] > len(document["findings"])
    assert "'=1" in csv
    assert "'-gpu" in csv


def test_the_bytes_that_the_command_writes(second, shell, folder):
    """Of a batch with a card and a date; nothing of it but ``verifier`` is another one."""
    write(charged={1: charge(COUNTS, output_rate=16_000_000)})
    line = "verify b.cbor --keys keys.json --card card.cbor --no-remember --dated 2026-12-01 --report r.json"
    assert shell(line).code == 1
    batch, keys, card = ({name: Path(name).read_bytes()} for name in FILES[:3])
    text, csv = second.report(batch, keys, cards=card, dated=1796083200000)
    mine, theirs = json.loads(Path("r.json").read_bytes()), json.loads(text)
    assert theirs["codes"][0]["amounts"] == [{"currency": "USD", "lower": "500000000", "upper": "500000000"}]  # fmt: skip
    assert mine.pop("verifier")["name"] != theirs.pop("verifier")["name"]
    assert theirs == mine
    assert canonical(theirs) == canonical(mine)
    assert csv is None


def test_the_bytes_that_the_command_writes_of_a_record(second, shell, folder):
    """With a log that has other counts, lacks a request, and has one too many."""
    write(r1={"logical": 2000, "cached": 1000}, r3=None, other={})
    line = "verify b.cbor --keys keys.json --card card.cbor --requests log.jsonl --no-remember --report r.json"
    assert shell(line).code == 1
    batch, keys, card, log = ({name: Path(name).read_bytes()} for name in FILES)
    text, _ = second.report(batch, keys, cards=card, record={"requests": log})
    mine, theirs = json.loads(Path("r.json").read_bytes()), json.loads(text)
    assert mine.pop("verifier")["name"] != theirs.pop("verifier")["name"]
    assert theirs == mine
    assert set(theirs["finding_counts"]) == {
        "count-differs",
        "receipt-without-request",
        "request-without-receipt",
    }
