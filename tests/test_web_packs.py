"""A pack that is altered in any byte is refused by both verifiers, for one reason."""

import io
import json
from zipfile import ZipFile

import pytest

from tests.build import jwk_set
from tests.test_vectors import DOCUMENTS, input_of
from tests.vectors.packs import archive
from tests.web.node import second_verifier
from verifier import NotABatchError, Policy, by_kid, bytes_source, read_jwks, verify

FRONT = 14
"""Bytes by which a pack is known: without them a file is no input."""


def pack_of(name):
    """The bytes of a vector's pack, which is sound."""
    (vector,) = [vector for vector in DOCUMENTS["packs.json"]["vectors"] if vector["id"] == name]
    assert vector["verdict"] == "verified"
    return input_of(vector)


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


def altered(data, at):
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def of_python(data):
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set()).encode())))
    try:
        report = verify([bytes_source("pack.zip", data)], policy)
    except NotABatchError:
        return None, []
    return str(report.verdict), sorted((f.code, f.rule) for f in report.findings)


def compare(spoiled, second):
    """The rules that an altered pack breaks, after both said the same of it."""
    verdict, found = of_python(spoiled)
    answer = second.verify([spoiled], [jwk_set()])
    told = sorted((code, rule) for code, rule, *_ in answer.get("findings", []))
    assert (answer["verdict"], told) == (verdict, found)
    return verdict, {rule for _, rule in found}


def compare_bytes(data, places, second):
    for at in places:
        expected = (None, set()) if at < FRONT else ("rejected", {"R-19.1"})
        assert compare(altered(data, at), second) == expected, at


def compare_members(data, step, second):
    """A byte of each member, in an archive that is made anew: what binds it is the manifest, and the seal."""
    with ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    rules = set()
    for name, content in members.items():
        for at in range(0, len(content), step):
            spoiled = archive(members | {name: altered(content, at)})
            verdict, found = compare(spoiled, second)
            assert verdict == "rejected", (name, at)
            rules |= found
    return rules


@pytest.mark.parametrize("name", [b"\xe9aaa", b"\xc3\xa9aa", b"aaa\xff", b"a\0aa"])
def test_a_name_that_is_not_ascii(name, second):
    """The form is that of its bytes, whatever text they are."""
    with ZipFile(io.BytesIO(pack_of("pack-maker"))) as file:
        members = {one: file.read(one) for one in file.namelist()}
    after = archive({**members, "zzzz": b""}).replace(b"zzzz", name)
    assert compare(after, second) == ("rejected", {"R-19.2" if name > b"s" else "R-19.1"})


def test_some_bytes(second):
    data = pack_of("pack-maker")
    compare_bytes(data, range(0, len(data), 37), second)
    assert compare_members(data, 29, second) >= {"R-19.2", "R-19.3", "R-19.4"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pack-maker", "pack-told-twice", "pack-omitted"])
def test_every_byte(name, second):
    data = pack_of(name)
    compare_bytes(data, range(len(data)), second)
    compare_members(data, 1, second)
