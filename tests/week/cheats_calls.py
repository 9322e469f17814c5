"""Cheats in which calls are billed: invented ones, failures, what is never billed, one call twice, none at all."""

from __future__ import annotations

from tests.week.books import CLIENT, REQUEST, STREAM, TIME, Claims, Entry
from tests.week.network import OLD
from tests.week.scene import Found, Scene, cheat, other_hash

INVENTED = "msg_invented"


def _again(entry: Entry, **_more: object) -> Claims:
    """The claims of a receipt, a moment later, under an invented id."""
    return entry.claims | {REQUEST: INVENTED, TIME: entry.claims[TIME] + 1}


def _without_echo(claims: Claims) -> Claims:
    return {label: value for label, value in claims.items() if label != CLIENT}


@cheat()
def a_second_receipt_that_echoes_a_used_commitment(scene: Scene) -> Found:
    scene.add(_again(scene.pick()))
    return {("commitment-repeated", INVENTED)}


@cheat("globex")
def a_second_receipt_in_a_new_stream(scene: Scene) -> Found:
    scene.add(_again(scene.pick()), "gateway-9")
    return {("commitment-repeated", INVENTED)}


@cheat()
def a_second_receipt_in_a_new_stream_before_the_others(scene: Scene) -> Found:
    scene.book.streams = {"a-gateway": [], **scene.book.streams}
    scene.add(_again(scene.pick()), "a-gateway")
    return {("commitment-repeated", INVENTED)}


@cheat()
def a_phantom_without_commitment(scene: Scene) -> Found:
    scene.add(_without_echo(_again(scene.pick())))
    return {("receipt-without-request", INVENTED)}


@cheat("globex")
def a_phantom_that_echoes_an_invented_commitment(scene: Scene) -> Found:
    scene.add(_again(scene.pick()) | {CLIENT: other_hash("of no call")})
    return {("receipt-without-request", INVENTED)}


def _bills(
    scene: Scene,
    kind: str,
    status: int = 200,
    host: str = "api.example.com",
    request: str = INVENTED,
) -> Found:
    """A receipt for a call that must have none."""
    seen = scene.seen(kind, status, host)
    claims = scene.like(seen) | {REQUEST: request, CLIENT: seen.commitment}
    scene.add(claims)
    return {("request-not-billable", request)}


@cheat()
def a_receipt_for_a_429(scene: Scene) -> Found:
    return _bills(scene, "limited", 429)


@cheat("globex")
def a_receipt_for_a_429_after_which_the_client_gave_up(scene: Scene) -> Found:
    return _bills(scene, "given up", 429)


@cheat("globex", 0)
def a_receipt_for_a_500(scene: Scene) -> Found:
    return _bills(scene, "broken", 500)


@cheat()
def a_receipt_for_a_529(scene: Scene) -> Found:
    return _bills(scene, "overloaded", 529)


@cheat()
def a_receipt_for_an_upload(scene: Scene) -> Found:
    seen = scene.seen("upload")
    scene.add(scene.like(seen) | {REQUEST: seen.plan.id, CLIENT: seen.commitment})
    return {("request-not-billable", seen.plan.id)}


@cheat()
def a_receipt_for_count_tokens(scene: Scene) -> Found:
    return _bills(scene, "count")


@cheat("globex")
def a_receipt_for_a_moderation(scene: Scene) -> Found:
    seen = scene.seen("moderation")
    scene.add(scene.like(seen) | {REQUEST: seen.plan.id, CLIENT: seen.commitment})
    return {("request-not-billable", seen.plan.id)}


@cheat()
def a_receipt_for_the_making_of_a_batch(scene: Scene) -> Found:
    seen = scene.seen("batch")
    name = f"{'msg' if seen.plan.api == 'messages' else ''}batch_{seen.plan.number:05}"
    scene.add(scene.like(seen) | {REQUEST: name, CLIENT: seen.commitment})
    return {("request-not-billable", name)}


@cheat()
def the_redirect_hop_billed_as_well(scene: Scene) -> Found:
    return _bills(scene, "redirected", 307, OLD)


@cheat("globex")
def the_retry_billed_as_well_as_the_first_attempt(scene: Scene) -> Found:
    """Both with the counts of the answer, in one stream, one after the other."""
    seen = scene.seen("broken", 500)
    scene.add(
        _again(scene.pick("broken", where=lambda entry, _: entry.request == seen.plan.id))
        | {CLIENT: seen.commitment}
    )
    return {("request-not-billable", INVENTED)}


@cheat()
def the_retry_billed_twice(scene: Scene) -> Found:
    one = scene.pick("limited")
    scene.add(one.claims | {TIME: one.claims[TIME] + 1})
    return {("request-duplicate", one.request), ("commitment-repeated", one.request)}


@cheat()
def the_replay_billed_again(scene: Scene) -> Found:
    one = scene.pick("replayed")
    scene.add(_without_echo(one.claims | {TIME: one.claims[TIME] + 1}))
    return {("request-duplicate", one.request)}


@cheat("globex")
def the_replay_billed_again_under_another_id(scene: Scene) -> Found:
    """It echoes the commitment of the second call, which was answered with the id of the first."""
    one = scene.pick("replayed")
    calls = [s.commitment for s in scene.ledger.week.provider.seen if s.plan.id == one.request]
    (second,) = (commitment for commitment in calls if commitment != one.client)
    scene.add(_again(one) | {CLIENT: second})
    return {("request-differs", INVENTED)}


@cheat()
def a_background_response_billed_twice(scene: Scene) -> Found:
    scene.add(_again(scene.pick("background")))
    return {("commitment-repeated", INVENTED)}


@cheat(proofs=1)
def a_call_of_october_billed_in_november(scene: Scene) -> Found:
    """Each month is verified by itself; the receipt that came in October and the one in November are a proof."""
    old = _of_october(scene)
    scene.add(old.claims | {TIME: scene.pick().claims[TIME], STREAM: "gateway-1"})
    return {("time-differs", old.request), ("request-duplicate", old.request)}


@cheat(together=True)
def a_call_of_october_billed_again_in_november(scene: Scene) -> Found:
    """Both months are verified together."""
    old = _of_october(scene)
    scene.add(old.claims | {TIME: scene.pick().claims[TIME], STREAM: "gateway-1"})
    return {("request-duplicate", old.request), ("commitment-repeated", old.request)}


def _of_october(scene: Scene) -> Entry:
    book = scene.ledger.books[scene.cheat.account, 0]
    early = [one for one in book.entries[:50] if scene.ledger.plan(one.request).kind == "plain"]
    return scene.random.choice(early)


def _of_the_other_account(scene: Scene) -> Entry:
    book = scene.ledger.books["globex", 1]
    return next(one for one in book.entries[5:] if scene.ledger.plan(one.request).kind == "plain")


@cheat()
def a_call_of_the_other_account_billed_to_this_one(scene: Scene) -> Found:
    """The receipt that came with it is of the other account."""
    other = _of_the_other_account(scene)
    scene.add(other.claims | {3: "acme"})
    return {("received-differs", other.request), ("request-account-unknown", None)}


@cheat(code=3)
def a_call_of_the_other_account_billed_to_this_one_in_band_too(scene: Scene) -> Found:
    """It is billed here instead of there, and so says the receipt that came with it; that credential's other calls are all of the other one."""
    other = _of_the_other_account(scene)
    made = scene.add(other.claims | {3: "acme"})
    made.was = other.was
    return {("request-account-unknown", None)}


@cheat()
def a_receipt_dropped(scene: Scene) -> Found:
    """The chain is closed over it, and nothing came in-band."""
    one = scene.pick()
    scene.tell_bytes(one, None)
    scene.book.drop(one)
    return {("request-without-receipt", one.request), ("received-missing", None)}


@cheat("globex", proofs=1)
def a_receipt_dropped_that_was_told(scene: Scene) -> Found:
    """Another one stands at its place now, and the finding is about that."""
    one = scene.pick()
    scene.book.drop(one)
    behind = [entry for entry in scene.book.streams[one.claims[STREAM]] if entry.claims[TIME] >= one.claims[TIME]]  # fmt: skip
    there = min(behind, key=lambda entry: entry.claims[TIME])
    return {("request-without-receipt", one.request), ("receipt-equivocation", there.request)}
