"""Cheats between the batch and what was told in-band, and in which receipt is of which call."""

from __future__ import annotations

from tests.week.books import CLIENT, REQUEST, SEQUENCE, STREAM, Entry
from tests.week.cheats_counts import _input
from tests.week.scene import Found, Scene, cheat


@cheat()
def two_receipts_swapped(scene: Scene) -> Found:
    """The ids are exchanged, the counts and the commitments are not."""
    one, two = _two(scene)
    scene.change(one, {REQUEST: two.request})
    scene.change(two, {REQUEST: one.request})
    return {
        (code, entry.request)
        for entry in (one, two)
        for code in ("commitment-differs", "received-differs")
    }


def _two(scene: Scene) -> tuple[Entry, Entry]:
    """Two receipts of one API and one stream, the earlier one first."""
    found = scene.picks("plain", "messages")
    return found[len(found) // 2], found[len(found) // 2 + 1]


@cheat("globex")
def another_id_with_the_commitment(scene: Scene) -> Found:
    one = scene.pick()
    scene.change(one, {REQUEST: "msg_invented"})
    return {("request-differs", "msg_invented")}


@cheat()
def the_commitment_of_an_earlier_call(scene: Scene) -> Found:
    one, two = _two(scene)
    scene.change(two, {CLIENT: one.client})
    return {("commitment-differs", two.request)}


@cheat()
def the_commitment_of_a_later_call(scene: Scene) -> Found:
    one, two = _two(scene)
    scene.change(one, {CLIENT: two.client})
    return {("commitment-differs", one.request)}


@cheat(code=3)
def withheld_in_band(scene: Scene) -> Found:
    scene.tell_bytes(scene.pick(), None)
    return {("received-missing", None)}


@cheat(proofs=1)
def in_band_other_than_in_the_batch(scene: Scene) -> Found:
    """The customer was told what it saw; it is billed more."""
    one = scene.pick()
    scene.change(one, _input(one, logical=1))
    scene.keep_in_band(one)
    return {("receipt-equivocation", one.request), ("count-differs", one.request)}


@cheat("globex", proofs=1)
def in_band_other_tags_than_in_the_batch(scene: Scene) -> Found:
    """Nothing that the record states is different."""
    one = scene.pick()
    scene.change(one, {15: {"team": "search"}})
    scene.keep_in_band(one)
    return {("receipt-equivocation", one.request)}


@cheat()
def in_band_of_another_account(scene: Scene) -> Found:
    one = scene.pick()
    scene.tell(one, one.claims | {3: "other"})
    return {("received-differs", one.request)}


@cheat()
def in_band_of_another_request(scene: Scene) -> Found:
    """The receipt of the next call came with this one too."""
    one, two = _two(scene)
    scene.tell_bytes(one, two.data)
    return {("received-differs", two.request)}


@cheat("globex")
def in_band_of_an_invented_request(scene: Scene) -> Found:
    one = scene.pick()
    scene.tell(one, one.claims | {REQUEST: "msg_invented", STREAM: "elsewhere", SEQUENCE: 10**6})
    return {("received-differs", "msg_invented"), ("received-omitted", "msg_invented")}


@cheat(proofs=1)
def sealed_with_a_spoilt_signature(scene: Scene) -> Found:
    """The altered receipt stands under the statement; its own signature does not hold, so that it should prove nothing."""
    one = scene.pick()
    scene.change(one, _input(one, logical=1))
    scene.keep_in_band(one)
    scene.spoil(one)
    return {
        ("signature-invalid", None),
        ("received-omitted", one.request),
        ("request-without-receipt", one.request),
    }


@cheat("globex", code=3)
def in_band_not_signed_by_the_issuer(scene: Scene) -> Found:
    """What came is spoilt: it proves nothing, and is missing."""
    one = scene.pick()
    data = one.data or b""
    scene.tell_bytes(one, data[:-1] + bytes((data[-1] ^ 1,)))
    return {("received-invalid", None), ("received-missing", None)}
