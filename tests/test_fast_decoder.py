"""The fast way and the plain way agree: what the fast one accepts, the plain one reads alike and finds no fault in."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.build import Batch, encode, receipt_claims
from tests.strategies import receipts
from verifier.format import cbor, fields, receipt_schema
from verifier.format.fast_decoder import FastDecoder
from verifier.item.identities import check_receipt


def plainly(data):
    """The claims as the plain way reads them, or None if it finds any fault."""
    try:
        receipt = receipt_schema.receipt(cbor.decode(data))
    except (cbor.CborError, fields.ClaimsError):
        return None
    return None if check_receipt(receipt) else receipt


def fastly(reader, data):
    """The claims as the fast way takes them: as its reader has them, if the identities that it leaves out hold as well."""
    receipt = reader.receipt(data)
    return None if receipt is None or check_receipt(receipt) else receipt


@given(st.lists(receipts(), min_size=1, max_size=2))
def test_honest_receipts_are_read_alike(many):
    reader = FastDecoder()
    for claims in many:
        data = encode(claims)
        assert plainly(data) is not None
        for _ in range(2):  # the second time, the reader knows head, source and tags
            fast = fastly(reader, data)
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
        fast = fastly(each, mutated)
        assert fast is None or fast == plainly(mutated)


@given(receipts(), st.sampled_from([1, 5, 7, *range(10, 21)]), st.data())
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
        fast = fastly(reader, encoded)
        assert fast is None or fast == plainly(encoded)


_ENTRY = {1: "tokens-sha256", 2: bytes(range(32)), 3: 300}
_WIDE = receipt_claims(
    300, bytes(32), time=2**32 + 5, input={1: 800, 2: 300, 3: 500, 4: {300: 256, 3600: 5}},
    output={1: 256}, source={1: "p", 2: "a", 3: bytes(32)},
)  # fmt: skip
"""Sequence, time and counts as the shortest of those that the reader takes at once."""
_LINES = [
    {1: 0, 3: 498, 4: 3, 5: 1494}, {1: 0, 3: 2, 4: 7, 5: 14, 6: "input.audio"}, {1: 1, 3: 300, 4: 1, 5: 33, 7: 9},
    {1: 2, 2: 300, 3: 0, 4: 0, 5: 0}, {1: 3, 3: 256, 4: 500, 5: 128_000}, {1: 4, 3: 1, 4: 2, 5: 2, 6: "audio.ms"},
]  # fmt: skip
_PRICED = {
    10: {1: 800, 2: 300, 3: 500}, 14: {1: "USD", 2: bytes(range(32)), 3: 129_543, 4: _LINES},
    17: {"audio.ms": 1, "input.audio": 2, "cached.audio": 0, "a/b": 2**40},
}  # fmt: skip
LAYOUTS = {
    "priced": _WIDE | _PRICED | {13: {1: "p", 2: "a", 3: bytes(32), 6: {"speed": "fast", "region": "eu"}}},
    "ordinary": receipt_claims(1, bytes(32)),
    "wide": _WIDE,
    "narrow": receipt_claims(0, time=5, input={1: 24, 2: 1, 3: 23, 4: {0: 23}}, output={1: 23, 2: 23},
                             source=None, tags=None),
    "widest": receipt_claims(2**32, bytes(32), input={1: 2**32 + 2**16, 2: 2**16, 3: 2**32}, output=None,
                             source={1: "p" * 24, 2: "a", 4: "t", 5: "m"}),
    "long texts": receipt_claims(300, bytes(32), request="r" * 24, model="m" * 255, source={1: "p" * 24, 2: "a" * 255},
                                 tags={"k" * 24: "v" * 255}, client=bytes(64)),
    "cached": _WIDE | {12: {1: _ENTRY, 2: [_ENTRY, _ENTRY | {3: 800}], 3: [_ENTRY]}, 16: bytes(24)},
    "observed": _WIDE | {13: {1: "p", 2: "a", 3: bytes(range(32)), 4: "t", 7: 1}},
    "committed": _WIDE | {12: {3: [_ENTRY | {2: b"x", 3: 1}]}, 15: {"a": "b", "c": "d"}, 16: b"x"},
}  # fmt: skip


SLOW = pytest.mark.slow
LONG = ("priced", "long texts", "ordinary", "widest")
EACH_BYTE = [pytest.param(name, marks=SLOW if name in LONG else ()) for name in LAYOUTS]  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_read(name):
    honest = encode(LAYOUTS[name])
    assert fastly(FastDecoder(), honest) == plainly(honest) is not None


@pytest.mark.parametrize("name", EACH_BYTE)
def test_no_change_of_a_byte_is_read_otherwise_than_plainly(name):
    honest = encode(LAYOUTS[name])
    reader = FastDecoder()
    assert reader.receipt(honest) == plainly(honest) is not None
    for at, byte in enumerate(honest):
        others = {byte ^ 1 << bit for bit in range(8)} | {0, 0x17, 0x18, 0x19, 0xFF} - {byte}
        middles = [bytes((other,)) for other in others] + [
            b"",
            bytes((byte, byte)),
            b"\x00" + bytes((byte,)),
        ]
        for middle in middles:
            changed = honest[:at] + middle + honest[at + 1 :]
            for each in (reader, FastDecoder()):
                fast = fastly(each, changed)
                assert fast is None or fast == plainly(changed), (at, middle)


NUMBERS = ("sequence", "logical", "cached", "attributed", "ttl", "written", "output")


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_not_in_its_shortest_form_is_not_read(name):
    """Also where everything else is as the reader takes it at once."""
    for value, longer in (
        (23, "1817"), (24, "190018"), (255, "1900ff"), (65535, "1a0000ffff"), (2**32 - 1, "1b00000000ffffffff"),
    ):  # fmt: skip
        number = dict.fromkeys(NUMBERS, 300) | {name: value}
        if name == "logical":
            number |= {"cached": value - 3, "attributed": 3, "written": 3}
        elif name == "attributed":
            number |= {"logical": 300 + value, "written": 0}
        else:
            number["attributed"] = max(300, number["written"])
            number["logical"] = number["cached"] + number["attributed"]
        encoded = {each: cbor2.dumps(count) for each, count in number.items()}
        honest, changed = (_receipt(encoded | more) for more in ({}, {name: bytes.fromhex(longer)}))
        assert FastDecoder().receipt(honest) == plainly(honest) is not None
        assert FastDecoder().receipt(changed) is plainly(changed) is None


def test_a_text_whose_length_is_not_in_its_shortest_form_is_not_read():
    def name(letter):
        return letter * 23

    entry = {1: name("e"), 2: b"i" * 23, 3: 300}
    honest = encode(
        receipt_claims(
            300, bytes(32), issuer=name("a"), account=name("b"), stream=name("c"), request=name("d"), model=name("f"),
            input={1: 600, 2: 300, 3: 300}, cache={1: entry}, source={1: name("g"), 2: name("h"), 4: name("j"), 5: name("k")},
            tags={name("l"): name("m")}, client=b"n" * 23,
        )
    )  # fmt: skip
    assert FastDecoder().receipt(honest) == plainly(honest) is not None
    for letter in b"abcdefghijklmn":
        for short in (b"\x77", b"\x57"):
            text = bytes((letter,)) * 23
            changed = honest.replace(short + text, bytes((short[0] + 1, 23)) + text)
            if changed != honest:
                assert FastDecoder().receipt(changed) is plainly(changed) is None, letter


def _receipt(encoded):
    """The claims of a receipt whose numbers are encoded in these ways."""
    claims = receipt_claims(7, bytes(32), input={1: 5}, output={1: 6})
    whole = encode(claims)
    sequence, counts = b"\x05\x07\x06", b"\x0a\xa1\x01\x05\x0b\xa1\x01\x06"
    assert (whole.count(sequence), whole.count(counts)) == (1, 1)
    new = b"\x0a\xa4\x01%(logical)b\x02%(cached)b\x03%(attributed)b\x04\xa1%(ttl)b%(written)b\x0b\xa1\x01%(output)b"
    new = new % {name.encode(): value for name, value in encoded.items()}
    return whole.replace(sequence, b"\x05" + encoded["sequence"] + b"\x06").replace(counts, new)


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


def test_many_tags_are_not_read_as_if_their_number_were_one_of_them():
    """A map of 97 entries, of which 24 are there: its number is the head of a text of one letter."""
    tags = {f"{chr(97 + n)}": "x" for n in range(23)}
    honest = encode(receipt_claims(1, bytes(32), tags=tags))
    assert FastDecoder().receipt(honest) == plainly(honest) is not None
    at = honest.index(b"\xb7aaax")
    changed = honest[:at] + b"\xb8" + b"aAax" + honest[at + 1 :]
    assert changed[at + 1] == 0x61
    assert FastDecoder().receipt(changed) is None


def test_a_ttl_is_a_number():
    claims = receipt_claims(1, bytes(32), input={1: 3000, 2: 2000, 3: 1000, 4: {"300": 600}})
    assert plainly(encode(claims)) is None
