"""Codings of bodies: the same in any cut, and never more of a body than there is room for."""

import gzip
import os
import sys
import zlib
from time import process_time
from types import ModuleType

import brotli
import pytest
import zstandard

from receipts import coding as coding_module
from receipts.coding import CodingError, Inflater, known_codings

CODERS = {
    b"gzip": gzip.compress, b"x-gzip": gzip.compress, b"deflate": zlib.compress, b"br": brotli.compress,
    b"zstd": zstandard.ZstdCompressor().compress,
}  # fmt: skip
MIB = 1 << 20
MAX = 8 * MIB


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(coding_module, "MAX_INFLATED", MAX)


def deflate_raw(data):
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return raw.compress(data) + raw.flush()


def pieces(codings, data, cut=1 << 30):
    inflate = Inflater(codings)
    for at in range(0, len(data), cut):
        yield from inflate(data[at : at + cut])


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 3 * MIB])
@pytest.mark.parametrize("coding", CODERS)
def test_the_same_in_any_cut(coding, size):
    """Also where a decoder has more to give than it was asked for, and no input left."""
    data = (os.urandom(10) + bytes(1000)) * (size // 1010 + 1)
    for plain in (data[:size], bytes(size)):
        for cut in (5, 1 << 30):
            assert b"".join(pieces(coding, CODERS[coding](plain), cut)) == plain


def test_several_members_of_gzip_and_what_stands_behind():
    body = gzip.compress(b"a") + gzip.compress(b"b")
    for cut in (1, 1 << 30):
        assert b"".join(pieces(b"gzip", body + bytes(8), cut)) == b"ab"
        assert b"".join(pieces(b"deflate", zlib.compress(b"a") * 2, cut)) == b"a"
        assert b"".join(pieces(b"deflate", deflate_raw(b"a"), cut)) == b"a"


@pytest.mark.parametrize("size", [65_537, 65_600, 131_073])
def test_the_end_of_what_has_no_trailer(size):
    """The last byte of a stream stands for more than was asked for, and nothing follows it."""
    assert b"".join(pieces(b"deflate", deflate_raw(bytes(size)))) == bytes(size)


def test_many_members_take_linear_time_and_no_stack():
    begun = process_time()
    assert b"".join(pieces(b"gzip", gzip.compress(b"") * 50_000)) == b""
    assert process_time() - begun < 5


def test_several_codings_in_their_order():
    body = brotli.compress(gzip.compress(b"a"))
    assert b"".join(pieces(b" GZIP, identity, br", body)) == b"a"
    assert Inflater(b"identity").is_plain
    assert Inflater(b"").is_plain
    assert not Inflater(b"gzip").is_plain


def test_what_has_no_coding_passes_through():
    part = bytes(MIB)
    inflate = Inflater(b"identity")
    assert all(one is part for _ in range(100) for one in inflate(part))
    assert list(inflate(b"")) == []


@pytest.mark.parametrize("codings", [b"gzip", b"deflate", b"br", b"zstd", b"gzip, br"])
@pytest.mark.parametrize("cut", [64, 1 << 30])
def test_a_body_without_end(small, codings, cut):
    """The limit is one of all parts together, and the pieces are small, whatever a library would give at once."""
    body = bytes(MAX + MIB)
    for coding in codings.split(b", "):
        body = CODERS[coding](body)
    given = []
    with pytest.raises(CodingError, match=f"more than {MAX} bytes"):
        given.extend(map(len, pieces(codings, body, cut)))
    assert max(given) <= 4 * MIB
    assert MAX - 4 * MIB <= sum(given) <= MAX


def test_what_is_not_kept_does_not_count(small):
    inflate, given = Inflater(b"gzip"), 0
    for _ in range(3):
        inflate.let_go()
        given += sum(map(len, inflate(gzip.compress(bytes(MAX - MIB)))))
    assert given == 3 * (MAX - MIB)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_what_is_of_another_coding(coding):
    with pytest.raises(CodingError):
        b"".join(pieces(coding, b"\xff\xfe" * 50))


def test_codings_that_are_not_known(monkeypatch):
    with pytest.raises(CodingError, match="unknown coding b'compress'"):
        Inflater(b"gzip, compress")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CodingError, match="zstd: the package zstandard is not installed"):
        Inflater(b"zstd")
    old = ModuleType("brotli")
    old.Decompressor = object
    monkeypatch.setitem(sys.modules, "brotli", old)
    with pytest.raises(CodingError, match="br: the package brotli is older than"):
        Inflater(b"br")


@pytest.mark.parametrize(
    ("accepted", "known"),
    [
        (b"gzip, deflate, br;q=0.5", b"gzip, deflate, br;q=0.5"),
        (b"compress, GZIP;q=1.0, dcb", b"GZIP;q=1.0"),
        (b"identity;q=0, aes128gcm", b"identity;q=0"),
        (b"*", b""),
        (b"", b""),
    ],
)
def test_what_a_server_may_choose(accepted, known):
    assert known_codings(accepted) == known
