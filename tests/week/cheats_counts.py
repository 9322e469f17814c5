"""Cheats in what one receipt says of its call: tokens, model, tier, usage, time."""

from __future__ import annotations

from tests.week.books import INPUT, MODEL, OUTPUT, SOURCE, TIME, Entry
from tests.week.scene import Found, Scene, cheat, other_hash

HOUR = 3_600_000
LOGICAL, CACHED, ATTRIBUTED, WRITES = 1, 2, 3, 4
TOKENS, REASONING = 1, 2
USAGE, TIER = 3, 4


def _input(
    entry: Entry, logical: int = 0, cached: int = 0, writes: dict[int, int] | None = None
) -> dict[int, dict]:
    """The input of a receipt with so many tokens more; the identities hold."""
    old = entry.claims[INPUT]
    made = old | {LOGICAL: old[LOGICAL] + logical, CACHED: old[CACHED] + cached}
    made[ATTRIBUTED] = made[LOGICAL] - made[CACHED]
    return {INPUT: made if writes is None else made | {WRITES: writes}}


def _has_cached(entry: Entry, _plan: object) -> bool:
    return entry.claims[INPUT].get(CACHED, 0) > 1


@cheat()
def logical_inflated(scene: Scene) -> Found:
    one = scene.pick()
    scene.change(one, _input(one, logical=1))
    return {("count-differs", one.request)}


@cheat(month=0)
def logical_inflated_tenfold_in_october(scene: Scene) -> Found:
    one = scene.pick(api="messages")
    scene.change(one, _input(one, logical=9 * one.claims[INPUT][LOGICAL]))
    return {("count-differs", one.request)}


@cheat("globex")
def cached_deflated(scene: Scene) -> Found:
    one = scene.pick(where=_has_cached)
    scene.change(one, _input(one, cached=-1))
    return {("count-differs", one.request)}


@cheat()
def cached_not_stated(scene: Scene) -> Found:
    one = scene.pick(where=_has_cached)
    scene.change(one, {INPUT: {LOGICAL: one.claims[INPUT][LOGICAL]}})
    return {("count-differs", one.request), ("cached-unstated", one.request)}


@cheat()
def output_inflated(scene: Scene) -> Found:
    one = scene.pick(api="chat")
    scene.change(one, {OUTPUT: one.claims[OUTPUT] | {TOKENS: one.claims[OUTPUT][TOKENS] + 1}})
    return {("count-differs", one.request)}


@cheat("globex")
def reasoning_inflated(scene: Scene) -> Found:
    one = scene.pick(api="responses")
    scene.change(one, {OUTPUT: one.claims[OUTPUT] | {REASONING: one.claims[OUTPUT][REASONING] + 1}})
    return {("count-differs", one.request)}


@cheat()
def writes_moved_to_one_hour(scene: Scene) -> Found:
    one = scene.pick(api="messages")
    written = one.claims[INPUT][WRITES]
    scene.change(one, _input(one, writes={300: 0, 3600: sum(written.values())}))
    return {("count-differs", one.request)}


@cheat("globex")
def writes_invented(scene: Scene) -> Found:
    one = scene.pick(api="messages")
    written = one.claims[INPUT][WRITES]
    scene.change(one, _input(one, writes=written | {300: written[300] + 1}))
    return {("count-differs", one.request)}


@cheat()
def writes_invented_at_openai(scene: Scene) -> Found:
    one = scene.pick(api="chat", where=lambda entry, _: entry.claims[INPUT][ATTRIBUTED] > 1)
    scene.change(one, _input(one, writes={0: one.claims[INPUT][ATTRIBUTED]}))
    return {("count-differs", one.request)}


@cheat()
def another_model(scene: Scene) -> Found:
    one = scene.pick(api="messages")
    scene.change(one, {MODEL: "claude-opus-4-6"})
    return {("model-differs", one.request)}


@cheat("globex")
def a_dated_snapshot_of_another_model(scene: Scene) -> Found:
    one = scene.pick(api="chat")
    scene.change(one, {MODEL: "gpt-5.2-pro-2025-12-11"})
    return {("model-differs", one.request)}


@cheat()
def another_snapshot_of_the_model(scene: Scene) -> Found:
    one = scene.pick(api="responses")
    scene.change(one, {MODEL: "gpt-5.2-2026-03-01"})
    return {("model-differs", one.request)}


@cheat()
def another_tier(scene: Scene) -> Found:
    one = scene.pick(
        api="messages", where=lambda entry, _: entry.claims[SOURCE][TIER] == "standard"
    )
    scene.change(one, {SOURCE: one.claims[SOURCE] | {TIER: "priority"}})
    return {("tier-differs", one.request)}


@cheat()
def another_tier_at_openai(scene: Scene) -> Found:
    one = scene.pick(api="chat")
    scene.change(one, {SOURCE: one.claims[SOURCE] | {TIER: "priority"}})
    return {("tier-differs", one.request)}


@cheat("globex", 0)
def another_usage_object_with_equal_counts(scene: Scene) -> Found:
    one = scene.pick(api="responses")
    scene.change(one, {SOURCE: one.claims[SOURCE] | {USAGE: other_hash("of another object")}})
    return {("usage-differs", one.request)}


@cheat()
def the_time_an_hour_later(scene: Scene) -> Found:
    one = scene.pick()
    scene.change(one, {TIME: one.claims[TIME] + HOUR})
    return {("time-differs", one.request)}


@cheat("globex")
def the_time_an_hour_earlier(scene: Scene) -> Found:
    start = scene.book.statement[6]
    one = scene.pick(where=lambda entry, _: entry.claims[TIME] > start + 2 * HOUR)
    scene.change(one, {TIME: one.claims[TIME] - HOUR})
    return {("time-differs", one.request)}


@cheat()
def a_cancelled_stream_with_inflated_input(scene: Scene) -> Found:
    one = scene.pick("cancelled", where=lambda _, plan: plan.api == "messages")
    scene.change(one, _input(one, logical=1_000_000))
    return {("count-differs", one.request)}


@cheat()
def a_cut_stream_with_inflated_input(scene: Scene) -> Found:
    one = scene.pick("cut", where=lambda _, plan: plan.api == "messages")
    scene.change(one, _input(one, logical=1_000_000))
    return {("count-differs", one.request)}


@cheat()
def a_background_response_inflated(scene: Scene) -> Found:
    one = scene.pick("background")
    scene.change(one, _input(one, logical=1))
    return {("count-differs", one.request)}


@cheat("globex")
def a_result_of_a_batch_inflated(scene: Scene) -> Found:
    one = scene.pick("batch")
    scene.change(one, _input(one, logical=1))
    return {("count-differs", one.request)}


@cheat()
def a_result_of_a_batch_at_the_full_price(scene: Scene) -> Found:
    one = scene.pick("batch", "messages")
    scene.change(one, {SOURCE: one.claims[SOURCE] | {TIER: "standard"}})
    return {("tier-differs", one.request)}
