"""Merkle trees: the vectors, the definition of RFC 9162, both sides, and joined ranges."""

import contextlib
import itertools
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts.merkle import Tree, audit_path
from verifier.crypto.merkle import PathError, Range, leaf, node, root_from_path

VECTORS = json.loads((Path(__file__).parents[1] / "spec/vectors/merkle.json").read_text())
DIGESTS = [bytes.fromhex(digest) for digest in VECTORS["digests"]]


def definition(digests):
    """RFC 9162 section 2.1.1, word for word."""
    if not digests:
        return sha256(b"").digest()
    if len(digests) == 1:
        return leaf(digests[0])
    k = 1
    while k * 2 < len(digests):
        k *= 2
    return node(definition(digests[:k]), definition(digests[k:]))


def digests(count):
    return [sha256(n.to_bytes(4)).digest() for n in range(count)]


def range_over(leaves, begin=0):
    found = Range(begin, begin)
    for digest in leaves:
        found.append(digest)
    return found


@pytest.mark.parametrize("vector", VECTORS["roots"], ids=lambda v: str(v["size"]))
def test_roots(vector):
    leaves = DIGESTS[: vector["size"]]
    assert definition(leaves).hex() == vector["root"]
    assert range_over(leaves).root().hex() == vector["root"]


@pytest.mark.parametrize("vector", VECTORS["paths"], ids=lambda v: f"{v['index']}-of-{v['size']}")
def test_paths(vector):
    path = [bytes.fromhex(h) for h in vector["path"]]
    root = definition(DIGESTS[: vector["size"]])
    assert root_from_path(DIGESTS[vector["index"]], vector["index"], vector["size"], path) == root


@given(st.integers(0, 70), st.lists(st.integers(0, 70), max_size=5), st.randoms())
def test_ranges_join_to_the_root_in_any_order(count, cuts, random):
    leaves = digests(count)
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    parts = [range_over(leaves[a:b], a) for a, b in itertools.pairwise(edges)] or [Range()]
    while len(parts) > 1:
        at = random.randrange(len(parts) - 1)
        parts[at].join(parts.pop(at + 1))
    assert parts[0].root() == definition(leaves)
    assert len(parts[0].subtrees) <= 2 * count.bit_length() + 1


@given(st.integers(0, 9), st.lists(st.integers(0, 20), max_size=5))
def test_leaves_added_many_at_a_time_make_the_same_range(begin, lengths):
    leaves = iter(digests(sum(lengths)))
    one, many = Range(begin, begin), Range(begin, begin)
    for length in lengths:
        next_ones = list(itertools.islice(leaves, length))
        many.extend(next_ones)
        for digest in next_ones:
            one.append(digest)
    assert many == one


@given(st.integers(1, 70), st.data())
def test_paths_prove_their_leaf_and_no_other(count, data):
    leaves = digests(count)
    index = data.draw(st.integers(0, count - 1))
    path = audit_path(leaves, index)
    root = definition(leaves)
    assert root_from_path(leaves[index], index, count, path) == root
    other = data.draw(st.integers(0, count - 1))
    if other != index:
        with contextlib.suppress(PathError):
            assert root_from_path(leaves[index], other, count, path) != root


@given(st.integers(0, 70))
def test_both_sides_agree(count):
    tree = Tree()
    for digest in digests(count):
        tree.append(digest)
    assert tree.root() == definition(digests(count))


def test_what_a_path_must_not_be():
    leaves = digests(5)
    path = audit_path(leaves, 2)
    for wrong, message in (
        (path[:-1], "too short"),
        ([*path, bytes(32)], "too long"),
        ([bytes(31), *path[1:]], "31 bytes"),
    ):
        with pytest.raises(PathError, match=message):
            root_from_path(leaves[2], 2, 5, wrong)
    with pytest.raises(PathError, match="not in a tree of 5"):
        root_from_path(leaves[2], 5, 5, path)


def test_ranges_that_do_not_meet_are_not_joined():
    with pytest.raises(ValueError, match="does not follow"):
        Range(0, 2).join(Range(3, 3))
    with pytest.raises(ValueError, match="has no root"):
        range_over(digests(1), 5).root()
