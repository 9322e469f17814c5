"""Every form of a usage object, and its traps: tests/usage_objects, one object a line with what must be read of it.

The figures are ours, or single facts of recorded responses (test cassettes of pydantic/pydantic-ai and other public repositories);
what the members mean say the pages that each form names as its source.
"""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import Counts, UsageError
from receipts.ingest import APIS, canonical, find, last_usage, read_usage, take_usage, usage_hash
from receipts.ingest.bodies import split
from receipts.ingest.form import _pattern
from receipts.ingest.providers import API_ALIASES, PROVIDERS
from receipts.ingest.reading import Reading, summed

FOLDER = Path(__file__).parent / "usage_objects"
PARTS = ("input.", "cached.", "output.")
BESIDE = {
    "input.characters",
    "input.messages",
    "input.pixels",
    "input.images",
    "output.images",
    "output.video_ms",
}


def rows(*names):
    for path in sorted(FOLDER.glob("*.jsonl")):
        if (path.stem == "refused") == ("refused" in names):
            for line in path.read_text().splitlines():
                row = json.loads(line)
                yield pytest.param(row, id=f"{row['provider']} {row['api']}: {row['what']}")


READ, REFUSED = list(rows()), list(rows("refused"))


def said(row):
    return row["usage"] if "usage" in row else row["response"]


def counts_of(document, units=None):
    writes = document.get("writes")
    return Counts(
        document["logical"], document.get("cached"), writes and {int(ttl): n for ttl, n in writes.items()},
        document.get("output"), document.get("reasoning"), document.get("units", units),
    )  # fmt: skip


@pytest.mark.parametrize("row", READ)
def test_read(row):
    reading = read_usage(row["provider"], row["api"], said(row))
    models = row.get("models")
    assert reading.counts == counts_of(row["counts"], row.get("units"))
    assert reading.tier == row.get("tier")
    assert reading.terms == row.get("terms")
    assert reading.models == (models and {name: counts_of(model) for name, model in models.items()})
    assert sorted(reading.unread) == sorted(row.get("unread", []))
    assert all(reading.unread.values())


@pytest.mark.parametrize("row", REFUSED)
def test_refused(row):
    with pytest.raises(UsageError) as error:
        read_usage(row["provider"], row["api"], row["usage"], shape=row.get("shape"))
    assert error.value.field == row["member"]


def check_identities(counts):
    assert (counts.cached or 0) + sum((counts.writes or {}).values()) <= counts.logical
    units = {
        u: n for u, n in (counts.units or {}).items() if u.startswith(PARTS) and u not in BESIDE
    }
    came = {u.partition(".")[2]: n for u, n in units.items() if u.startswith("input.")}
    read = {u.partition(".")[2]: n for u, n in units.items() if u.startswith("cached.")}
    made = sum(n for u, n in units.items() if u.startswith("output."))
    assert sum(came.values()) <= counts.logical
    assert sum(read.values()) <= (counts.cached or 0)
    assert all(read[x] <= came.get(x, read[x]) for x in read)
    rest = sum(came[x] - read[x] for x in came if x in read)
    assert not rest or rest <= counts.attributed
    assert made + (counts.reasoning or 0) <= (counts.output or 0)


@pytest.mark.parametrize("row", READ)
def test_the_identities_hold(row):
    check_identities(read_usage(row["provider"], row["api"], said(row)).counts)


@pytest.mark.parametrize("row", READ)
def test_hosts_of_one_form_read_alike(row):
    """Every API is read; one that has the form of another one reads its objects as that does."""
    form = find(row["provider"], row["api"]).form
    reading = read_usage(row["provider"], row["api"], said(row))
    same = [key for key, api in APIS.items() if api.form is form]
    assert same
    for provider, api in same:
        assert read_usage(provider, api, said(row)) == reading


def test_every_form_has_an_object():
    forms = {id(find(row.values[0]["provider"], row.values[0]["api"]).form) for row in READ}
    without = {key for key, api in APIS.items() if id(api.form) not in forms}
    assert {api for _, api in without} == {"cachedContents"}  # which is refused


@pytest.mark.parametrize("row", READ)
def test_models_add_up(row):
    reading = read_usage(row["provider"], row["api"], said(row))
    if reading.models is not None:
        assert summed(reading.models.values()) == reading.counts
        assert len(reading.models) > 1


def mappings(value, path=""):
    """Every object in a usage object, with the path of a new member of it."""
    if isinstance(value, dict):
        yield value, f"{path}new_tokens"
        for name, inner in value.items():
            yield from mappings(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from mappings(inner, f"{path}*.")


def usage_object(document):
    """The usage object in a response, to be changed in place."""
    usage, _ = split(document)
    return usage


@pytest.mark.parametrize(
    "row",
    [
        p
        for p in READ
        if isinstance(said(p.values[0]), dict) and p.values[0]["provider"] != "opentelemetry"
    ],
)
def test_a_new_member_is_noticed_wherever_it_stands(row):
    free = _pattern(find(row["provider"], row["api"]).form.free)
    document = copy.deepcopy(said(row))
    if "x_groq" in document:
        document = document["x_groq"]["usage"]
    usage = usage_object(document)
    for inner, path in list(mappings(usage)):
        inner["new_tokens"] = 7
        if not free.fullmatch(path):
            assert path in read_usage(row["provider"], row["api"], document).unread
        inner["new_tokens"] = 0
        assert path not in read_usage(row["provider"], row["api"], document).unread
        del inner["new_tokens"]


def leaves(value, path=""):
    """Every number in a usage object: what holds it, its key there, its path."""
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, inner in members:
        if type(inner) is int and inner:
            yield value, name, f"{path}{name}"
        yield from leaves(inner, f"{path}{name}.")


def bills_nothing(form, path, holder):
    """What the reading need not show: prices and durations; text, which is the rest of a count; what is said more exactly elsewhere."""
    is_text = "text" in path.lower() or str(holder.get("modality")).lower() in ("text", "1")
    said_again = path == "prompt_cache_miss_tokens" or any(path == name.strip() for name in form.calls.split("|"))  # fmt: skip
    return (
        _pattern(form.free).fullmatch(path)
        or is_text
        or said_again
        or path.startswith("gen_ai.request")
    )


@pytest.mark.parametrize("row", [p for p in READ if isinstance(said(p.values[0]), dict)])
def test_no_number_is_dropped(row):
    """A number that changes changes the reading, or is refused, or is named as unread."""
    form = find(row["provider"], row["api"]).form
    document = copy.deepcopy(said(row))
    usage = usage_object(document)
    before = read_usage(row["provider"], row["api"], document)
    for holder, name, path in list(leaves(usage)):
        if "iterations" in usage and not path.startswith("iterations"):
            continue  # the iterations say it all; the top level is a check
        holder[name] += 1
        try:
            after = read_usage(row["provider"], row["api"], document)
        except UsageError:
            after = None
        holder[name] -= 1
        noticed = after != before or any(
            one.partition(".")[0] == path.partition(".")[0] for one in before.unread
        )
        assert noticed or bills_nothing(form, path, holder), path


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_aliases_are_the_same(provider):
    for alias in provider.aliases:
        for api in provider.apis:
            assert find(alias, api) is not None
            assert find(alias, api) == find(provider.name, api)
            assert find(alias, api).provider == provider.name


def test_no_name_means_two_providers():
    names = [name for provider in PROVIDERS for name in (provider.name, *provider.aliases)]
    assert len(names) == len(set(names))
    apis = {api for _, api in APIS}
    assert not apis & set(API_ALIASES)
    assert set(API_ALIASES.values()) <= apis


def test_what_was_read_before_is_still_read():
    names = (
        "anthropic messages", "openai chat.completions", "openai responses", "google generateContent", "deepseek chat.completions",
        "deepseek responses", "vllm chat.completions", "vllm responses", "bedrock converse", "bedrock invoke", "bedrock-mantle responses",
        "openrouter chat.completions", "openrouter responses", "opentelemetry gen_ai", "litellm chat.completions",
        "crusoe chat.completions", "groq chat.completions", "mistral chat.completions", "zai chat.completions",
    )  # fmt: skip
    for name in names:
        assert find(*name.split())


def test_a_source_has_the_name_of_the_convention():
    usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
    reading, source = take_usage(
        "bedrock", "converseStream", {"usage": usage, "serviceTier": {"type": "priority"}}
    )
    assert (source.provider, source.api, source.tier) == ("aws.bedrock", "converse", "priority")
    assert source.terms == reading.terms == {"processing": "priority"}
    assert source.usage == usage_hash(usage)


def test_a_name_of_the_convention():
    assert [canonical(name) for name in ("bedrock", "aws.bedrock", "example")] == ["aws.bedrock", "aws.bedrock", "example"]  # fmt: skip


def test_a_host_with_the_shape_of_another():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    reading, source = take_usage("example", "chat.completions", usage, shape="openai")
    assert reading.counts == Counts(9, 4, None, 1)
    assert (source.provider, source.api) == ("example", "chat.completions")
    google = {"promptTokenCount": 9, "candidatesTokenCount": 1, "totalTokenCount": 10}
    assert read_usage("example", "generateContent", google, shape="google").counts.cached == 0


@pytest.mark.parametrize(("provider", "api", "message"), [
    ("gemini", "generateContent", "there is no provider 'gemini': did you mean gcp.gemini?"),
    ("antropic", "messages", "there is no provider 'antropic': did you mean anthropic?"),
    ("example", "messages", "there is no provider 'example'; if it has taken over the API of another one, say its shape"),
    ("anthropic", "mesages", "anthropic has no api 'mesages': did you mean messages?"),
])  # fmt: skip
def test_a_near_miss_is_named(provider, api, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        read_usage(provider, api, {})


def test_models_are_named_by_the_line():
    one, other = Counts(5, 0, {0: 1}, 2, 1), Counts(7, None, {0: 2, 300: 1}, 3)
    reading = Reading(summed([one, other]), models={"": one, "b": other})
    assert reading.by_model("a") == {"a": one, "b": other}
    assert reading.by_model("b") is None
    assert reading.counts == Counts(12, None, {0: 3, 300: 1}, 5)
    assert Reading(one).by_model("a") is None


def test_the_last_value_of_a_list_of_usage_counts():
    start = {
        "input_tokens": 4,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 6,
        "output_tokens": 1,
    }
    usages = [start, {"output_tokens": 90, "cache_read_input_tokens": None}]
    assert read_usage("anthropic", "messages", usages) == read_usage(
        "anthropic", "messages", last_usage(usages)
    )


def test_a_deep_object_is_no_recursion():
    deep = usage = {"prompt_tokens": 1, "completion_tokens": 1}
    for _ in range(5000):
        deep["a"] = {}
        deep = deep["a"]
    deep["b"] = 1
    (path,) = read_usage("openai", "chat.completions", usage).unread
    assert path.count(".") == 5000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**65) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def spoil(value, data):
    """Put something else into the place of a member, some levels down."""
    members = list(value if isinstance(value, dict) else range(len(value)))
    name = data.draw(st.sampled_from(members))
    inner = value[name]
    if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
        spoil(inner, data)
    else:
        value[name] = data.draw(JSON)


@given(st.sampled_from([param.values[0] for param in READ]), st.data())
def test_a_spoilt_object_is_read_or_refused(row, data):
    """Nothing but `UsageError` is raised, and what is read keeps the identities."""
    document = copy.deepcopy(said(row))
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(document, data)
    try:
        reading = read_usage(row["provider"], row["api"], document)
    except UsageError as error:
        assert error.field
    else:
        check_identities(reading.counts)
