"""The strict decoder: one encoding for each value, everything else refused, and never a crash. Oracle: cbor2."""

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verifier.format import cbor

UINTS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32]),
)
LEAVES = UINTS | st.binary(max_size=40) | st.text(max_size=40)


def containers(values):
    return (
        st.lists(values, max_size=5)
        | st.dictionaries(UINTS, values, max_size=5)
        | st.dictionaries(st.text(max_size=10), values, max_size=5)
    )


VALUES = st.recursive(LEAVES, containers, max_leaves=20)


def depth(value):
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max((depth(v) for v in inner), default=0)


@given(VALUES)
def test_what_is_encoded_deterministically_decodes_to_itself(value):
    if depth(value) <= cbor.MAX_DEPTH:
        data = cbor2.dumps(value, canonical=True)
        assert cbor.decode(data) == value
        assert cbor.item_end(data + b"more", 0, 1 << 20, 1 << 20) == len(data)


@given(st.binary(max_size=200))
@example(bytes.fromhex("a2010002"))
@example(bytes.fromhex("a20100010063"))
def test_what_decodes_has_no_other_encoding(data):
    try:
        value = cbor.decode(data)
    except cbor.CborError as error:
        assert 0 <= error.offset <= len(data)
        return
    assert cbor2.dumps(value, canonical=True) == data
    assert cbor2.loads(data) == value


@given(VALUES, st.data())
def test_a_mutation_is_refused_or_is_another_value(value, data):
    encoded = cbor2.dumps(value, canonical=True)
    at = data.draw(st.integers(0, len(encoded) - 1))
    bit = data.draw(st.integers(0, 7))
    mutated = encoded[:at] + bytes((encoded[at] ^ 1 << bit,)) + encoded[at + 1 :]
    test_what_decodes_has_no_other_encoding.hypothesis.inner_test(mutated)


REFUSED = {
    "": "the data ends where an item should begin",
    "18": "the data ends inside a head",
    "1817": "23 is not in its shortest form",
    "1900ff": "255 is not in its shortest form",
    "1a0000ffff": "65535 is not in its shortest form",
    "1b00000000ffffffff": "4294967295 is not in its shortest form",
    "5801": "1 is not in its shortest form",
    "1c": "an indefinite length or a reserved head",
    "1f": "an indefinite length or a reserved head",
    "5f4100ff": "an indefinite length or a reserved head",
    "9fff": "an indefinite length or a reserved head",
    "20": "a negative integer is not allowed in claims",
    "c100": "a tag is not allowed in claims",
    "c249010000000000000000": "a tag is not allowed in claims",
    "f4": "a simple value or float is not allowed in claims",
    "f6": "a simple value or float is not allowed in claims",
    "f93c00": "a simple value or float is not allowed in claims",
    "f818": "a simple value or float is not allowed in claims",
    "0000": "1 bytes after the end",
    "4200": "a string of 2 bytes ends after the data",
    "61ff": "text that is not valid UTF-8",
    "63eda080": "text that is not valid UTF-8",
    "a201000100": "a map key twice",
    "a202000100": "a map key out of order",
    "a2616200616100": "a map key out of order",
    "a2010061610a": "a text string as a map key is not allowed here",
    "a1410000": "a byte string as a map key is not allowed here",
    "a1810000": "an array as a map key is not allowed here",
}


@pytest.mark.parametrize(("data", "message"), REFUSED.items())
def test_refused(data, message):
    with pytest.raises(cbor.CborError) as error:
        cbor.decode(bytes.fromhex(data))
    assert str(error.value) == message


def test_depth_and_size_are_bounded():
    assert cbor.decode(b"\x81" * 8 + b"\x00") == [[[[[[[[0]]]]]]]]
    with pytest.raises(cbor.CborError, match="nested deeper than 8 levels"):
        cbor.decode(b"\x81" * 9 + b"\x00")
    with pytest.raises(cbor.CborError, match="nested deeper than 8 levels"):
        cbor.decode(b"\x81" * 1_000_000)
    with pytest.raises(cbor.CborTooLarge):
        cbor.decode(b"\x99\x03\xe8" + bytes(1000), max_parts=1000)
    assert len(cbor.decode(b"\x99\x03\xe8" + bytes(1000), max_parts=1001)) == 1000


@pytest.mark.parametrize(
    "head", ["9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff"]
)
def test_a_huge_length_costs_nothing(head):
    with pytest.raises(cbor.CborError):
        cbor.decode(bytes.fromhex(head) + b"\x00\x01")


def test_item_end_takes_the_shell_of_signed_objects():
    shell = cbor2.dumps([None, cbor2.CBORTag(18, [b"", {}, None, b"x"])])
    assert cbor.item_end(shell + b"\xff", 0, 100) == len(shell)
    with pytest.raises(cbor.CborTruncated):
        cbor.item_end(shell[:-1], 0, 100)
    with pytest.raises(cbor.CborTooLarge, match="strings of more than 100 bytes"):
        cbor.item_end(b"\x58\x65" + bytes(101), 0, 100)
    for refused in ("f5", "f7", "fb3ff8000000000000", "f93c00"):
        with pytest.raises(cbor.CborError, match="float or a simple value"):
            cbor.item_end(bytes.fromhex(refused), 0, 100)
