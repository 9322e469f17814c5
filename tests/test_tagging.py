"""The tagging contract: which source counts, what breaks it, what a client can do, and which files are refused."""

import json
import logging
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receipts import Counts, Issuer
from receipts.callers import Asked, Caller, Fault, Reason, TagContract, TomlFileError
from receipts.callers.tag_names import MAX_TAG_NAME, MAX_TAGS
from tests.build import ISSUER, KEY, NOON
from verifier import bytes_source, read_items

TOML = """
owner = "platform"

[tags.team]
required = true
from = ["key:team", "header:X-Team", "metadata:team"]
allowed = ["search", "support"]

[tags.environment]
required = true
from = ["value:production"]

[tags.feature]
from = ["path:/{feature}/v1", "header:x-feature"]
"""
CONTRACT = TagContract.from_toml(TOML.encode())
NOBODY, SEARCH = Caller("acme"), Caller("acme", {"team": "search", "cost": "x"})
FIXED = {"environment": "production"}


def asked(path="/v1/messages", *headers, **body):
    return Asked(path, headers, json.dumps(body).encode())


def one(sources, *, required=True, allowed=None, name="t"):
    """A contract of one tag."""
    lines = ['owner = "platform"', f"[tags.{name}]", f"required = {str(required).lower()}"]
    lines.append(f"from = {json.dumps(sources)}")
    lines += [f"allowed = {json.dumps(allowed)}"] if allowed else []
    return TagContract.from_toml("\n".join(lines).encode())


def right(contract, request, caller=NOBODY):
    """The tags, where nothing is wrong."""
    tagged = contract.tags(request, caller)
    assert tagged.faults == ()
    return tagged.tags


def reasons(tagged):
    """What is wrong, which the tags say too."""
    said = {name.removeprefix("untagged/"): value for name, value in tagged.tags.items() if "/" in name}  # fmt: skip
    assert said == {fault.tag: fault.reason.value for fault in tagged.faults}
    assert tagged.tags.get("untagged") == ("platform" if said else None)
    assert not said.keys() & tagged.tags.keys()
    return said


# Sources.


def test_the_first_source_that_states_a_value_counts():
    claims = asked("/chat/v1/messages", (b"x-team", b"support"), metadata={"team": "sales"})
    assert right(CONTRACT, claims, SEARCH) == FIXED | {"team": "search", "feature": "chat"}
    assert right(CONTRACT, claims) == FIXED | {"team": "support", "feature": "chat"}
    assert right(CONTRACT, asked(metadata={"team": "search"})) == FIXED | {"team": "search"}
    empty = asked("/v1", (b"x-team", b""), metadata={"team": "search"})
    assert right(CONTRACT, empty) == FIXED | {"team": "search"}


def test_the_file_can_put_a_claim_before_the_key():
    contract = one(["header:t", "key:t"])
    caller = Caller("acme", {"t": "key"})
    assert right(contract, asked("/", (b"t", b"header")), caller) == {"t": "header"}
    assert right(contract, asked(), caller) == {"t": "key"}


def test_a_tag_that_is_not_required_may_be_absent():
    assert right(one(["key:t"], required=False), asked()) == {}
    assert right(one(["key:t"], required=False, allowed=["a"]), asked()) == {}


def test_what_the_contract_does_not_name_is_in_no_receipt():
    request = asked("/v1", (b"x-cost", b"y"), metadata={"cost": "z", "team": "search"})
    assert right(CONTRACT, request, SEARCH) == FIXED | {"team": "search"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"metadata": {"t": "openai or anthropic"}}, "openai or anthropic"),
        ({"requestMetadata": {"t": "bedrock"}}, "bedrock"),
        ({"labels": {"t": "vertex"}}, "vertex"),
        ({"metadata": None, "labels": {"t": "v"}}, "v"),
        ({"metadata": {"t": None}, "labels": {"t": "v"}}, "v"),
        ({"metadata": {"t": "first"}, "labels": {"t": "second"}}, "first"),
        ({"metadata": "t"}, None),
        ({"metadata": [{"t": "v"}]}, None),
        ({"t": "v"}, None),
        ({}, None),
    ],
)
def test_metadata(body, value):
    expected = {} if value is None else {"t": value}
    assert right(one(["metadata:t"], required=False), asked(**body)) == expected


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"metadata": {"t": 1']
)
def test_a_body_that_is_no_json_object_states_nothing(body):
    assert right(one(["metadata:t"], required=False), Asked("/", (), body)) == {}


@pytest.mark.parametrize(
    ("template", "path", "value"),
    [
        ("/{t}", "/a", "a"),
        ("/{t}", "/a/b/c", "a"),
        ("/{t}", "/", None),
        ("/{t}", "", None),
        ("/{t}", "a/b", None),
        ("/{t}/v1", "/a/v1", "a"),
        ("/{t}/v1/", "/a/v1/chat/completions", "a"),
        ("/{t}/v1", "/a/v10", None),
        ("/{t}/v1", "/a", None),
        ("/{t}/v1", "//v1", None),
        ("/teams/{t}", "/teams/a/v1/messages", "a"),
        ("/teams/{t}", "/x/teams/a", None),
        ("/{org}/{t}", "/o/a/v1", "a"),
        ("/{org}/{t}", "//a", None),
        ("/{t}/{org}", "/a/o", "a"),
        ("/{t}/{org}", "/a/", None),
        ("/a.c/{t}", "/abc/x", None),
        ("/{t}", "/" + "/" * 100_000, None),
        ("/{t}", "/é" + "/a" * 100_000, "é"),
    ],
)
def test_paths(template, path, value):
    expected = {} if value is None else {"t": value}
    assert right(one([f"path:{template}"], required=False), asked(path)) == expected


# What breaks the contract.


def test_a_required_tag_is_missing():
    tagged = CONTRACT.tags(asked(), NOBODY)
    assert tagged.faults == (Fault("team", Reason.MISSING),)
    assert tagged.tags == FIXED | {"untagged": "platform", "untagged/team": "missing"}


@pytest.mark.parametrize("required", [True, False])
def test_a_value_is_not_allowed(required):
    """It is not in the receipt, and the next source does not hide it."""
    contract = one(["header:t", "key:t"], required=required, allowed=["a", "b"])
    for value in (b"c", b"A", b" a", b"a ", b"a, b"):
        tagged = contract.tags(asked("/", (b"t", value)), Caller("acme", {"t": "a"}))
        assert tagged.faults == (Fault("t", Reason.NOT_ALLOWED),)
        assert tagged.tags == {"untagged": "platform", "untagged/t": "not-allowed"}


INVALID = {
    "a number": asked(metadata={"t": 5}),
    "false": asked(metadata={"t": False}),
    "a list": asked(metadata={"t": ["a"]}),
    "an object": asked(metadata={"t": {"a": "a"}}),
    "nested": Asked("/", (), b'{"metadata": {"t": ' + b"[" * 900 + b"]" * 900 + b"}}"),
    "half a character": Asked("/", (), b'{"metadata": {"t": "\\ud800"}}'),
    "long": asked(metadata={"t": "a" * 513}),
    "long in bytes": asked(metadata={"t": "é" * 257}),
    "a long header": asked("/", (b"t", b"a" * 513)),
    "a header twice": asked("/", (b"t", b"a"), (b"t", b"a")),
    "a header of bytes": asked("/", (b"t", b"\xff")),
    "a long path": asked("/" + "a" * 513),
}


@pytest.mark.parametrize("allowed", [None, ["a"]])
@pytest.mark.parametrize("name", INVALID)
def test_what_can_be_no_tag(name, allowed):
    contract = one(["header:t", "metadata:t", "path:/{t}"], allowed=allowed)
    tagged = contract.tags(INVALID[name], NOBODY)
    assert tagged.faults == (Fault("t", Reason.INVALID),)
    assert tagged.tags == {"untagged": "platform", "untagged/t": "invalid"}


@pytest.mark.parametrize("value", ["a" * 512, "é" * 256, "a\nb", "\0", "untagged"])
def test_what_can_be_a_tag(value):
    assert right(one(["metadata:t"]), asked(metadata={"t": value})) == {"t": value}


def test_each_tag_by_itself_and_faults_can_be_counted():
    counted = Counter()
    for team in ("search", "sales", "sales", ["x"]):
        request = asked("/" + "f" * 600 + "/v1", metadata={"team": team} if team else {})
        counted.update(CONTRACT.tags(request, NOBODY).faults)
    assert counted == {
        Fault("feature", Reason.INVALID): 4, Fault("team", Reason.NOT_ALLOWED): 2, Fault("team", Reason.INVALID): 1,
    }  # fmt: skip


# Whatever a client sends.

TEXTS = st.text(max_size=6) | st.sampled_from(["search", "t", "team", "untagged", "x" * 512, "x" * 513, "é" * 300, "\ud800"])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
METADATA = st.dictionaries(st.sampled_from(["team", "feature", "customer", "key", "untagged/team"]) | TEXTS, VALUES)  # fmt: skip
BODIES = st.binary(max_size=40) | st.builds(
    lambda body: json.dumps(body).encode(),
    st.dictionaries(st.sampled_from(["metadata", "labels", "requestMetadata"]), METADATA | VALUES),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"x-team", b"x-feature", b"untagged", b"host"]) | st.binary(max_size=4),
        st.binary(max_size=8) | st.sampled_from([b"search", b"sales", b"y" * 513, b"y" * 512]),
    ),
    max_size=6,
)
PATHS = TEXTS | st.lists(TEXTS, max_size=5).map(lambda parts: "/" + "/".join(parts))
CALLERS = st.builds(Caller, st.just("acme"), st.dictionaries(st.sampled_from(["team", "key"]), TEXTS))  # fmt: skip
WIDE = TagContract.from_toml(
    (
        TOML
        + '[tags.customer]\nrequired = true\nfrom = ["metadata:customer", "metadata:untagged/team"]\n'
        + '[tags.keyed]\nrequired = true\nfrom = ["key:key"]\nallowed = ["t", "search"]\n'
        + "".join(
            f'[tags."{"n" * (MAX_TAG_NAME - 2)}{n:02}"]\nfrom = ["header:x-feature"]\n'
            for n in range(MAX_TAGS - 5)
        )
    ).encode()
)


def issued(tags):
    """The tags of a receipt, as its reader has them."""
    receipt = Issuer(ISSUER, KEY).issue("acme", time=NOON, request="r", model="m", counts=Counts(1), tags=tags)  # fmt: skip
    (item,) = read_items([bytes_source("r", receipt.data)])
    return item.claims.tags or {}


@given(PATHS, HEADERS, BODIES, CALLERS)
@example("/", [(b"x-feature", b"y" * 512)], b"", NOBODY)
def test_whatever_a_client_sends_the_receipt_can_be_issued(path, headers, body, caller):
    tagged = WIDE.tags(Asked(path, headers, body), caller)
    assert issued(tagged.tags) == tagged.tags
    wrong = reasons(tagged)
    named = {rule.name for rule in WIDE.rules}
    assert tagged.tags.keys() - {"untagged"} - {f"untagged/{name}" for name in wrong} <= named
    required = {rule.name for rule in WIDE.rules if rule.required}
    assert required <= wrong.keys() | tagged.tags.keys()
    assert tagged.tags.get("team", "search") in ("search", "support")


@given(PATHS, HEADERS, BODIES, CALLERS)
def test_a_client_cannot_forge_what_the_server_says(path, headers, body, caller):
    """A tag from ``key:`` or ``value:`` alone is the same, whatever is sent."""
    contract = TagContract.from_toml(
        b'owner = "platform"\n[tags.team]\nrequired = true\nfrom = ["key:team"]\n'
        b'[tags.environment]\nfrom = ["value:production"]\n'
    )
    sent = contract.tags(Asked(path, headers, body), caller)
    assert sent == contract.tags(Asked("/"), caller)
    assert sent.tags["environment"] == "production"
    assert sent.tags.get("team") in (None, caller.tags.get("team"))


def test_the_most_and_the_longest_fit_into_a_receipt():
    """The limits leave room for two thirds of a receipt beside the tags."""
    tags = {f"untagged/{n:0{MAX_TAG_NAME}}": "v" * 512 for n in range(MAX_TAGS)}
    assert issued(tags | {"untagged": "o" * 512}).keys() == {*tags, "untagged"}
    assert sum(len(name) + 512 + 5 for name in tags) < 65_536 / 3


# Files that are refused.

RULE = 'owner = "p"\n[tags.t]\nfrom = ["key:t"]\n'
KINDS = "header:NAME, metadata:NAME, key:NAME, path:TEMPLATE or value:TEXT"
TEMPLATE = "path:/.../{t}/..., with each {NAME} a whole segment"


def source(*texts, more=""):
    return f'owner = "p"\n\n[tags.t]\nfrom = {json.dumps(texts)}\n{more}'


REFUSED = {
    "nothing": ("", None, "owner", "a value", "none"),
    "no tags": ('owner = "p"\n', None, "tags", "a value", "none"),
    "no owner": (RULE.replace("owner", "#"), None, "owner", "a value", "none"),
    "an owner of a number": (RULE.replace('"p"', "1"), 1, "owner", "text", "1"),
    "an empty owner": (RULE.replace('"p"', '""'), 1, "owner", "text of 1 to 512 bytes", "0 bytes"),
    "an unknown member": ("requires = true\n" + RULE, 1, "requires", "one of owner, tags", "an unknown member"),
    "tags of an array": ('owner = "p"\ntags = ["team"]\n', 2, "tags", "a table", "an array"),
    "an empty table": ('owner = "p"\n[tags]\n', 2, "tags", f"1 to {MAX_TAGS} tags", "0"),
    "too many": (RULE + "".join(f'[tags.t{n}]\nfrom = ["key:t"]\n' for n in range(MAX_TAGS)), 2, "tags", f"1 to {MAX_TAGS} tags", "33"),
    "a long name": (RULE.replace("tags.t", "tags." + "t" * 65), 2, "tags." + "t" * 65, f"a name of 1 to {MAX_TAG_NAME} bytes", "65 bytes"),
    "a reserved name": (RULE.replace("tags.t", "tags.untagged"), 2, "tags.untagged", "another name", "one that is reserved for tags that are wrong"),
    "a reserved name of a tag": (RULE.replace("tags.t", 'tags."untagged/t"'), 2, "tags.'untagged/t'", "another name", "one that is reserved for tags that are wrong"),
    "a tag of text": ('owner = "p"\n[tags]\nt = "key:t"\n', 3, "tags.t", "a table", "'key:t'"),
    "no source": ('owner = "p"\n[tags.t]\nrequired = true\n', 2, "tags.t.from", "a value", "none"),
    "an empty from": ('owner = "p"\n[tags.t]\nfrom = []\n', 3, "tags.t.from", "at least one", "none"),
    "a from of text": ('owner = "p"\n[tags.t]\nfrom = "key:t"\n', 3, "tags.t.from", "an array", "'key:t'"),
    "a source of a number": ('owner = "p"\n[tags.t]\nfrom = [5]\n', 3, "tags.t.from[0]", "text", "5"),
    "required of text": (RULE + 'required = "true"\n', 4, "tags.t.required", "true or false", "'true'"),
    "an unknown member of a tag": (RULE + "require = true\n", 4, "tags.t.require", "one of from, required, allowed", "an unknown member"),
    "no allowed value": (RULE + "allowed = []\n", 4, "tags.t.allowed", "at least one", "none"),
    "an empty allowed value": (RULE + 'allowed = [""]\n', 4, "tags.t.allowed[0]", "text of 1 to 512 bytes", "0 bytes"),
    "an allowed value twice": (RULE + 'allowed = ["a", "a"]\n', 4, "tags.t.allowed[1]", "each text once", "'a'"),
    "a source twice": (source("key:a", "key:a"), 4, "tags.t.from[1]", "each text once", "'key:a'"),
    "another kind": (source("cookie:t"), 4, "tags.t.from[0]", KINDS, "'cookie:t'"),
    "no kind": (source("t"), 4, "tags.t.from[0]", KINDS, "'t'"),
    "no name": (source("key:"), 4, "tags.t.from[0]", KINDS, "'key:'"),
    "no header": (source("key:t", "header:x team"), 4, "tags.t.from[1]", "the name of a header", "'header:x team'"),
    "a credential": (source("header:Authorization"), 4, "tags.t.from[0]", "a header without credentials: tags stand in every receipt", "'header:Authorization'"),
    "a cookie": (source("header:cookie"), 4, "tags.t.from[0]", "a header without credentials: tags stand in every receipt", "'header:cookie'"),
    "a value before others": (source("value:a", "key:t"), 4, "tags.t.from[0]", "a value: at the end, since it is always stated", "'value:a'"),
    "a value that is not allowed": (source("value:c", more='allowed = ["a"]'), 4, "tags.t.from[0]", "an allowed value", "'value:c'"),
    "a path of an expression": (source("path:^/(?P<t>[^/]+)/v1/"), 4, "tags.t.from[0]", TEMPLATE, "'path:^/(?P<t>[^/]+)/v1/'"),
    "a path without the tag": (source("path:/{team}/v1"), 4, "tags.t.from[0]", TEMPLATE, "'path:/{team}/v1'"),
    "a path with the tag twice": (source("path:/{t}/{t}"), 4, "tags.t.from[0]", TEMPLATE, "'path:/{t}/{t}'"),
    "a part of a segment": (source("path:/x{t}/{t}"), 4, "tags.t.from[0]", TEMPLATE, "'path:/x{t}/{t}'"),
    "half a brace": (source("path:/{t}/{"), 4, "tags.t.from[0]", TEMPLATE, "'path:/{t}/{'"),
    "a path without a beginning": (source("path:{t}/v1"), 4, "tags.t.from[0]", TEMPLATE, "'path:{t}/v1'"),
    "an empty segment": (source("path:/{t}//v1"), 4, "tags.t.from[0]", TEMPLATE, "'path:/{t}//v1'"),
    "the root": (source("path:/"), 4, "tags.t.from[0]", TEMPLATE, "'path:/'"),
    "dotted": ('owner = "p"\ntags.t.from = 5\n', 2, "tags.t.from", "an array", "5"),
    "in one line": ('owner = "p"\ntags = { t = { from = 5 } }\n', 2, "tags.t.from", "an array", "5"),
    "a time": (RULE + "required = 2026-11-26\n", 4, "tags.t.required", "true or false", "2026-11-26"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    text, line, field, expected, found = REFUSED[name]
    with pytest.raises(TomlFileError) as raised:
        TagContract.from_toml(text.encode(), "contract.toml")
    error = raised.value
    assert (error.line, error.field, error.expected, error.found) == (line, field, expected, found)
    place = (
        "contract.toml" if line is None else f"contract.toml, line {line}, column {error.column}"
    )
    assert str(error) == f"{place}: {field}: expected {expected}, found {found}"


def test_a_contract_follows_its_file(tmp_path, caplog):
    path = tmp_path / "contract.toml"
    path.write_text(source("value:one"))
    contract = TagContract.from_file(path)
    assert right(contract, asked()) == {"t": "one"}
    path.write_text(source("value:one", "value:three"))
    with caplog.at_level(logging.ERROR, "receipts.emitting"):
        assert [right(contract, asked()) for _ in range(3)] == [{"t": "one"}] * 3
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{path} has changed and cannot be used, what it said before goes on: "
        f"{path}, line 4, column 9: tags.t.from[0]: expected a value: at the end, since it is always stated, found 'value:one'"
    )
    path.write_text(source("value:another"))
    assert right(contract, asked()) == {"t": "another"}
    assert (contract.owner, contract.rules[0].name) == ("p", "t")


# receipt tags check

KEYS = '[[key]]\nname = "search"\nsha256 = "{}"\naccount = "acme"\ntags = {{ team = "search" }}\n'


@pytest.fixture
def files(folder):
    (folder / "contract.toml").write_text(TOML)
    digest = "2ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
    (folder / "keys.toml").write_text(KEYS.format(digest))
    return folder


CHECKED = """\
team: required, from key:team, header:X-Team, metadata:team; search, support
environment: required, from value:production; any value
feature: optional, from path:/{feature}/v1, header:x-feature; any value
what comes untagged is owned by platform
"""


def test_check_prints_what_the_files_say(shell, files):
    result = shell("tags check contract.toml")
    assert (result.code, result.out, result.err) == (0, CHECKED, "")
    result = shell("tags check contract.toml --keys-table keys.toml")
    assert (result.code, result.out) == (0, CHECKED + "1 key of 1 account\n")
    quiet = shell("tags check contract.toml -q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_check_as_data(shell, files):
    (files / "r.json").write_text('{"headers": {"x-team": "sales"}}')
    result = shell("tags check contract.toml --keys-table keys.toml --try r.json --as search --json")  # fmt: skip
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {
        "owner": "platform",
        "tags": [
            {"name": "team", "required": True, "from": ["key:team", "header:X-Team", "metadata:team"], "allowed": ["search", "support"]},
            {"name": "environment", "required": True, "from": ["value:production"], "allowed": None},
            {"name": "feature", "required": False, "from": ["path:/{feature}/v1", "header:x-feature"], "allowed": None},
        ],
        "keys": [{"name": "search", "account": "acme", "tags": {"team": "search"}}],
        "try": {"billed": True, "account": "acme", "tags": {"team": "search", "environment": "production"}, "faults": []},
    }  # fmt: skip


def test_a_request_that_breaks_the_contract(shell, files):
    (files / "r.json").write_text('{"path": "/chat/v1/messages", "body": {"metadata": {"team": "\\u001bsales"}}}')  # fmt: skip
    result = shell("tags check contract.toml --try r.json")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "tag environment: production\ntag feature: chat\ntag untagged: platform\ntag untagged/team: not-allowed\n"
    )
    tried = json.loads(shell("tags check contract.toml --try r.json --json").out)["try"]
    assert tried["faults"] == [{"tag": "team", "reason": "not-allowed"}]
    assert (tried["billed"], tried["account"]) == (True, None)


def test_a_request_of_nobody(shell, files):
    (files / "r.json").write_text('{"headers": {"X-Api-Key": ["abc", "abc"]}}')
    result = shell("tags check contract.toml --keys-table keys.toml --try r.json")
    assert (result.code, result.out) == (1, "nobody is billed: no receipt\n")
    tried = json.loads(shell("tags check contract.toml --keys-table keys.toml --try r.json --json").out)["try"]  # fmt: skip
    assert tried == {"billed": False, "account": None, "tags": {}, "faults": []}


def test_a_claim_before_the_key_is_warned_of(shell, files):
    (files / "c.toml").write_text(source("metadata:t", "header:t", "key:t"))
    result = shell("tags check c.toml")
    assert (result.code, result.err) == (0, "receipt: warning: tags.t: a client's metadata:t goes before key:t\n")  # fmt: skip


BAD = {
    "a contract": ("tags check bad.toml", "bad.toml, line 1, column 1: owner: expected text, found 5", "docs/provider.md (Who is billed, and tags) has an example of both files"),
    "a table": ("tags check contract.toml --keys-table bad.toml", "bad.toml, line 1, column 1: owner: expected one of key, found an unknown member", "docs/provider.md (Who is billed, and tags) has an example of both files"),
    "no file": ("tags check nowhere.toml", "nowhere.toml: No such file or directory", "check the path, the permissions and the room on the disk"),
    "no request": ("tags check contract.toml --try bad.toml", "bad.toml: request: Invalid JSON: expected value at line 1 column 1", 'for instance {"path": "/v1/messages", "headers": {"x-team": "search"}}'),
    "a member of a request": ("tags check contract.toml --try bad.json", "bad.json: query: Extra inputs are not permitted", 'for instance {"path": "/v1/messages", "headers": {"x-team": "search"}}'),
    "a name": ("tags check contract.toml --keys-table keys.toml --try good.json --as x", "no key has the name 'x'", "--as takes the name of a [[key]]"),
    "--as alone": ("tags check contract.toml --as x", "--as goes with --try and --keys-table", "see receipt tags check --help"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_no_traceback(shell, files, name):
    (files / "bad.toml").write_text('owner = 5\n[tags.t]\nfrom = ["key:t"]\n')
    (files / "bad.json").write_text('{"query": ""}')
    (files / "good.json").write_text("{}")
    line, message, hint = BAD[name]
    result = shell(line)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"receipt: error: {message}\nreceipt: hint: {hint}\n"


def test_a_tag_that_no_key_has(shell, files):
    (files / "c.toml").write_text(source("key:taem", "key:team"))
    result = shell("tags check c.toml --keys-table keys.toml")
    assert result.code == 1
    assert result.err == "receipt: error: no key of the table has the tag taem\nreceipt: hint: look at the spelling after key:\n"  # fmt: skip
    assert json.loads(shell("tags check c.toml --keys-table keys.toml --json").out)["owner"]
    assert shell("tags check c.toml").code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('owner = "p"\n\n[tag.team]\nfrom = ["key:team"]\n', "c.toml, line 3, column 1: tag: expected one of owner, tags, found an unknown member"),
    ],
)  # fmt: skip
def test_what_has_no_line_of_its_own_is_placed(shell, files, text, message):
    (files / "c.toml").write_text(text)
    result = shell("tags check c.toml")
    assert (result.code, result.err.splitlines()[0]) == (2, f"receipt: error: {message}")
