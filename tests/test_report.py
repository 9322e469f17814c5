"""The report object (spec/report.md): its schema, the same bytes for the same inputs, and what it binds."""

import json
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest

from verifier import canonical

EXAMPLES = Path(__file__).parents[1] / "spec" / "examples"
SCHEMA = json.loads((EXAMPLES.parent / "report.schema.json").read_text())


def valid(document):
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


@pytest.fixture
def examples(tmp_path, monkeypatch):
    for file in EXAMPLES.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("batch.cbor --period 2026-11", "verified"),
        ("batch.cbor --period 2026-12", "incomplete"),
        ("batch.cbor batch.cbor", "rejected"),
        ("proof.cbor", "verified"),
        ("equivocation.cbor", "verified"),
        ("receipt.cbor", "incomplete"),
    ],
)
@pytest.mark.usefixtures("examples")
def test_a_report_is_as_the_schema_says_and_the_same_each_time(shell, line, verdict):
    command = f"verify {line} --keys issuer.jwks.json --no-remember"
    printed = shell(f"{command} --json --report one.json")
    shell(f"{command} --report two.json --jobs 2")
    written = Path("one.json").read_bytes()
    document = valid(json.loads(written))
    assert (document["verdict"], document) == (verdict, json.loads(printed.out))
    assert written == Path("two.json").read_bytes() == canonical(document)


@pytest.mark.usefixtures("examples")
def test_a_report_binds_every_file_that_was_read(shell):
    Path("sub").mkdir()
    Path("sub/aliases.json").write_text("{}")
    Path("sub/log.csv").write_text("request,time,model\n")
    shell(
        "verify batch.cbor --keys issuer.jwks.json --no-remember --period 2026-11 --report r.json"
        " --previous statement.cbor --requests sub/log.csv --aliases sub/aliases.json"
    )
    inputs = json.loads(Path("r.json").read_bytes())["inputs"]
    files = {
        "batch": "batch.cbor", "keys": "issuer.jwks.json", "previous": "statement.cbor", "requests": "sub/log.csv",
        "aliases": "sub/aliases.json",
    }  # fmt: skip
    assert inputs == [
        {
            "role": role,
            "name": Path(name).name,
            "size": Path(name).stat().st_size,
            "sha256": sha256(Path(name).read_bytes()).hexdigest(),
        }
        for role, name in files.items()
    ]


@pytest.mark.usefixtures("examples")
def test_a_report_names_its_date_only_if_it_is_given(shell):
    shell("verify batch.cbor --keys issuer.jwks.json --no-remember --report r.json --dated 2026-12-01")  # fmt: skip
    assert json.loads(Path("r.json").read_bytes())["dated"] == 1796083200000


@pytest.mark.usefixtures("examples")
def test_a_report_is_no_file_of_another_kind(shell):
    result = shell("verify batch.cbor --keys issuer.jwks.json --report r.pdf")
    assert (result.code, Path("r.pdf").exists()) == (2, False)
    assert "'r.pdf' does not end with .json" in result.err
