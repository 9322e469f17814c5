"""The fast way and the plain way agree: what the fast one accepts, the plain one reads alike and finds no fault in."""

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from tests.build import Batch, encode, receipt_claims
from tests.strategies import receipts
from verifier.format import cbor, fields, schema
from verifier.format.fast_decoder import FastDecoder
from verifier.item.identities import check_receipt


def plainly(data):
    """The claims as the plain way reads them, or None if it finds any fault."""
    try:
        receipt = schema.receipt(cbor.decode(data))
    except (cbor.CborError, fields.ClaimsError):
        return None
    return None if check_receipt(receipt) else receipt


@given(st.lists(receipts(), min_size=1, max_size=4))
def test_honest_receipts_are_read_alike(many):
    reader = FastDecoder()
    for claims in many:
        data = encode(claims)
        assert plainly(data) is not None
        for _ in range(2):  # the second time, the reader knows head, source and tags
            fast = reader.receipt(data)
            # Names of more than 255 bytes and empty tags are left to the plain way.
            assert fast in (None, plainly(data))


@given(receipts(), st.data())
def test_a_mutated_receipt_is_never_accepted_when_the_plain_way_refuses(claims, data):
    honest = encode(claims)
    reader = FastDecoder()
    reader.receipt(honest)
    at = data.draw(st.integers(0, len(honest) - 1))
    kind = data.draw(st.sampled_from(["flip", "drop", "insert", "cut"]))
    byte = data.draw(st.integers(0, 255))
    mutated = {
        "flip": honest[:at] + bytes((byte,)) + honest[at + 1 :],
        "drop": honest[:at] + honest[at + 1 :],
        "insert": honest[:at] + bytes((byte,)) + honest[at:],
        "cut": honest[:at],
    }[kind]
    for each in (
        reader,
        reader,
        FastDecoder(),
    ):  # twice: what was read once may have been remembered
        fast = each.receipt(mutated)
        assert fast is None or fast == plainly(mutated)


@given(receipts(), st.sampled_from([1, 5, 7, 10, 11, 12, 13, 15, 16]), st.data())
def test_a_changed_field_is_never_accepted_when_the_plain_way_refuses(claims, label, data):
    changed = dict(claims)
    values = (
        st.none() | st.integers(0, 2**64 - 1) | st.binary(max_size=70) | st.just({}) | st.just([])
    )
    value = data.draw(values)
    if value is None:
        changed.pop(label, None)
    else:
        changed[label] = value
    encoded = encode(changed)
    reader = FastDecoder()
    for _ in range(2):
        fast = reader.receipt(encoded)
        assert fast is None or fast == plainly(encoded)


def test_ordinary_receipts_do_take_the_fast_way():
    reader = FastDecoder()
    for signed in Batch().ones:
        content = cbor2.loads(signed.data)[0]
        assert reader.receipt(content) == plainly(content) is not None


def test_what_the_reader_remembers_is_complete():
    """A source that ends where the remembered one goes on, or the reverse, is not mistaken for it."""
    reader = FastDecoder()
    usage = bytes(32)
    sources = [
        {1: "p", 2: "a", 3: usage, 4: "standard"},
        {1: "p", 2: "a", 3: usage},
        {1: "p", 2: "a", 3: usage, 5: "standard"},
        {1: "p", 2: "a", 4: "standard"},
        {1: "p\x03X " + "u" * 32, 2: "a", 3: b"u" * 32, 4: "t"},
        {1: "p\x03X " + "u" * 32, 2: "b", 3: b"u" * 32, 4: "t"},
    ]
    for source in [*sources, *reversed(sources)]:
        data = encode(receipt_claims(source=source))
        assert reader.receipt(data) == plainly(data) is not None


def test_a_receipt_that_ends_early_is_not_remembered():
    """Each field that the reader remembers, cut off inside it: refused the first time and the second."""
    for over in ({"source": None, "tags": None, "output": None}, {"tags": None}, {}):
        whole = encode(receipt_claims(**over))
        for cut in range(1, 40):
            reader = FastDecoder()
            assert [reader.receipt(whole[:-cut]) for _ in range(3)] == [None] * 3
            assert reader.receipt(whole) == plainly(whole)
