"""Who is billed: key tables, what is refused in them, and what a client cannot do; headers of a trusted proxy; the hash command."""

import io
import json
import logging
import sys
from hashlib import sha256

import pytest

from receipts.callers import Asked, Caller, KeyTable, TomlFileError, key_hash, trusted_header
from receipts.callers.tag_names import MAX_TAG_NAME, MAX_TAGS

SEARCH, GLOBEX = b"sk-search-0123456789abcdef", b"sk-globex-0123456789abcdef"
TOML = f"""
# who is billed
[[key]]
name = "search"
sha256 = "{key_hash(SEARCH)}"
account = "acme"
tags = {{ team = "search" }}

[[key]]
sha256 = "{key_hash(GLOBEX).upper()}"
account = "globex"
"""
TABLE = KeyTable.from_toml(TOML.encode())
ACME = Caller("acme", {"team": "search"})


def asked(*headers, body=b""):
    return Asked("/v1/messages", headers, body)


def test_the_hash_is_that_of_the_key():
    assert key_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer " + SEARCH),
        (b"authorization", b"bearer  " + SEARCH + b" "),
        (b"x-api-key", SEARCH),
        (b"api-key", SEARCH),
        (b"x-goog-api-key", SEARCH),
    ],
)
def test_found_by_its_key(header):
    found = TABLE.find(asked((b"host", b"x"), header))
    assert found == ACME
    assert TABLE.find(asked(header, (b"x-account", b"globex"), body=b'{"user": "globex"}')) == ACME


def test_a_key_without_tags_and_the_same_key_twice():
    both = asked((b"x-api-key", GLOBEX), (b"authorization", b"Bearer " + GLOBEX))
    assert TABLE.find(both) == Caller("globex", {})
    empty = asked((b"x-api-key", b""), (b"authorization", b"Bearer " + GLOBEX))
    assert TABLE.find(empty) == Caller("globex", {})


NOBODY = {
    "no header": [],
    "another key": [(b"x-api-key", SEARCH + b"x")],
    "the hash in the place of the key": [(b"x-api-key", key_hash(SEARCH).encode())],
    "an empty key": [(b"x-api-key", b"")],
    "Bearer and nothing": [(b"authorization", b"Bearer ")],
    "another scheme": [(b"authorization", b"Basic " + SEARCH)],
    "no scheme": [(b"authorization", SEARCH)],
    "two keys": [(b"x-api-key", SEARCH), (b"authorization", b"Bearer " + GLOBEX)],
    "one header twice": [(b"x-api-key", SEARCH), (b"x-api-key", GLOBEX)],
    "a cookie": [(b"cookie", SEARCH)],
    "claims of a client": [(b"x-account", b"acme"), (b"user", b"acme"), (b"openai-organization", b"acme")],
    "bytes": [(b"x-api-key", b"\xff\xfe\x00")],
}  # fmt: skip


@pytest.mark.parametrize("name", NOBODY)
def test_nobody(name):
    assert TABLE.find(asked(*NOBODY[name], body=b'{"user": "acme", "account": "acme"}')) is None


BESIDE = {
    "a key of nobody": [(b"authorization", b"Bearer other"), (b"x-api-key", SEARCH)],
    "another scheme": [(b"x-api-key", SEARCH), (b"authorization", b"Basic eDp5")],
    "the same once more": [(b"x-api-key", SEARCH), (b"x-api-key", SEARCH), (b"authorization", b"Bearer " + SEARCH)],
    "an empty header": [(b"x-api-key", b""), (b"x-api-key", SEARCH)],
    "a key of nobody in the same header": [(b"x-api-key", b"other"), (b"x-api-key", SEARCH)],
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_a_key_changes_nothing(name):
    """Else a client that adds a key that is made up is billed to nobody."""
    assert TABLE.find(asked(*BESIDE[name])) == TABLE.find(asked((b"x-api-key", SEARCH)))


def row(**members):
    row = {"sha256": f'"{key_hash(SEARCH)}"', "account": '"acme"'} | members
    lines = [f"{name} = {value}" for name, value in row.items() if value is not None]
    return "\n".join(["[[key]]", *lines, ""])


DIGEST = "the SHA-256 of a key, in 64 hexadecimal digits (receipt key hash)"
REFUSED = {
    "nothing": ("", None, "key", "a value", "none"),
    "no TOML": ("[[key]\n", None, "file", "TOML", "Expected ']]' at the end of an array declaration (at line 1, column 6)"),
    "no UTF-8": (b'[[key]]\nname = "\xff"', 2, "file", "text in UTF-8", "byte 0xff"),
    "deep": ("key = " + "[" * 100_000, None, "file", "TOML", "deeply nested values"),
    "no array": ("key = 5", 1, "key", "an array", "5"),
    "an empty array": ("key = []", 1, "key", "at least one", "none"),
    "no table": ("key = [true]", 1, "key[0]", "a table", "true"),
    "an unknown table": (row() + "[keys]\n", 4, "keys", "one of key", "an unknown member"),
    "an unknown member": (row(key='"sk-secret"'), 4, "key[0].key", "one of sha256, account, name, tags", "an unknown member"),
    "an odd member": (row(**{'"a\\nb"': "1"}), 1, "key[0].'a\\nb'", "one of sha256, account, name, tags", "an unknown member"),
    "no account": (row(account=None), 1, "key[0].account", "a value", "none"),
    "no hash": (row() + row(sha256=None), 4, "key[1].sha256", "a value", "none"),
    "an account of a number": (row(account="7"), 3, "key[0].account", "text", "7"),
    "an empty account": (row(account='""'), 3, "key[0].account", "text of 1 to 512 bytes", "0 bytes"),
    "a long account": (row(account='"' + "é" * 257 + '"'), 3, "key[0].account", "text of 1 to 512 bytes", "514 bytes"),
    "a hash of a number": (row(sha256="7"), 2, "key[0].sha256", DIGEST, "7"),
    "the key itself": (row(sha256='"sk-secret"'), 2, "key[0].sha256", DIGEST, "9 characters"),
    "a hash with spaces": (row(sha256='"' + "ab " * 21 + 'a"'), 2, "key[0].sha256", DIGEST, "64 characters"),
    "the hash of nothing": (row(sha256=f'"{sha256().hexdigest()}"'), 2, "key[0].sha256", DIGEST, "that of an empty text"),
    "a key twice": (row() + row(sha256=f'"{key_hash(SEARCH).upper()}"'), 5, "key[1].sha256", "each hash once", "one that stands above"),
    "a name twice": (row(name='"a"') + row(sha256=f'"{key_hash(b"x")}"', name='"a"'), 8, "key[1].name", "each name once", "'a'"),
    "a name of a table": (row(name="{}"), 4, "key[0].name", "text", "a table"),
    "tags of text": (row(tags='"search"'), 4, "key[0].tags", "a table", "'search'"),
    "no tags": (row(tags="{}"), 4, "key[0].tags", f"1 to {MAX_TAGS} tags", "0"),
    "many tags": (row() + "[key.tags]\n" + "".join(f"t{n} = 'v'\n" for n in range(MAX_TAGS + 1)), 4, "key[0].tags", f"1 to {MAX_TAGS} tags", "33"),
    "a tag of a number": (row(tags="{ team = 5 }"), 4, "key[0].tags.team", "text", "5"),
    "an empty tag": (row(tags='{ team = "" }'), 4, "key[0].tags.team", "text of 1 to 512 bytes", "0 bytes"),
    "a tag without a name": (row(tags='{ "" = "a" }'), 4, "key[0].tags.''", f"a name of 1 to {MAX_TAG_NAME} bytes", "0 bytes"),
    "a reserved tag": (row() + '[key.tags]\n"untagged/team" = "missing"\n', 5, "key[0].tags.'untagged/team'", "another name", "one that is reserved for tags that are wrong"),
    "a long text is cut": (row(tags="'" + "x" * 99 + "'"), 4, "key[0].tags", "a table", "'" + "x" * 59 + "..."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    data, line, field, expected, found = REFUSED[name]
    data = data if isinstance(data, bytes) else data.encode()
    with pytest.raises(TomlFileError) as raised:
        KeyTable.from_toml(data, "keys.toml")
    error = raised.value
    assert (error.line, error.field, error.expected, error.found) == (line, field, expected, found)
    place = "keys.toml" if line is None else f"keys.toml, line {line}, column {error.column}"
    assert str(error) == f"{place}: {field}: expected {expected}, found {found}"
    assert "secret" not in str(error)
    assert "\n" not in str(error)


def test_a_member_twice_is_no_toml():
    with pytest.raises(TomlFileError, match=r"^keys.toml: file: expected TOML, .*line 4, column"):
        KeyTable.from_toml((row() + 'account = "b"\n').encode(), "keys.toml")


def test_as_many_as_may_be():
    tags = "".join(f'{"n" * (MAX_TAG_NAME - 2)}{n:02} = "{"v" * 512}"\n' for n in range(MAX_TAGS))
    table = KeyTable.from_toml((row(account=f'"{"a" * 512}"') + "[key.tags]\n" + tags).encode())
    assert len(table.keys[0].caller.tags) == MAX_TAGS
    assert (table.keys[0].name, TABLE.keys[0].name) == (None, "search")


# The file changes while the server runs.


def write(path, text):
    """A new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def followed(tmp_path):
    path = tmp_path / "keys.toml"
    write(path, TOML)
    return path, KeyTable.from_file(path)


def test_a_new_table_needs_no_restart(followed):
    path, table = followed
    request = asked((b"x-api-key", SEARCH))
    assert table.find(request) == ACME
    write(path, row(account='"hooli"'))
    assert table.find(request) == Caller("hooli", {})
    assert table.find(asked((b"x-api-key", GLOBEX))) is None


def test_a_new_table_of_the_same_size_is_seen(followed):
    path, table = followed
    write(path, TOML.replace('"acme"', '"hool"'))
    assert table.find(asked((b"x-api-key", SEARCH))) == Caller("hool", {"team": "search"})


def test_a_broken_table_is_told_once_and_the_old_one_goes_on(followed, caplog):
    path, table = followed
    request = asked((b"x-api-key", SEARCH))
    write(path, row(account="5"))
    with caplog.at_level(logging.ERROR, "receipts.emitting"):
        assert [table.find(request) for _ in range(3)] == [ACME] * 3
    expected = f"{path} has changed and cannot be used, what it said before goes on: {path}, line 3, column 1: key[0].account: expected text, found 5"
    assert [record.getMessage() for record in caplog.records] == [expected]
    write(path, row(account='"hooli"'))
    assert table.find(request) == Caller("hooli", {})


def test_a_table_that_is_gone_or_empty_is_told_once(followed, caplog):
    path, table = followed
    request = asked((b"x-api-key", SEARCH))
    path.unlink()
    assert [table.find(request) for _ in range(3)] == [ACME] * 3
    assert [record.getMessage().count("No such file") for record in caplog.records] == [1]
    path.write_text("")
    assert [table.find(request) for _ in range(3)] == [ACME] * 3
    assert len(caplog.records) == 2
    assert "key: expected a value, found none" in caplog.records[1].getMessage()
    path.write_text(TOML)
    assert table.find(asked((b"x-api-key", GLOBEX))) == Caller("globex", {})


def test_a_table_behind_a_link_is_followed(tmp_path):
    """As a mounted secret is changed: the link is."""
    for name, text in (("one", TOML), ("two", row(account='"hooli"'))):
        (tmp_path / name).write_text(text)
    link = tmp_path / "keys.toml"
    link.symlink_to("one")
    table = KeyTable.from_file(link)
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(link)
    assert table.find(asked((b"x-api-key", SEARCH))) == Caller("hooli", {})


def test_a_file_that_cannot_be_used_is_refused_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        KeyTable.from_file(tmp_path / "keys.toml")
    (tmp_path / "keys.toml").write_text("key = 5")
    with pytest.raises(
        TomlFileError, match=r"keys.toml, line 1, column 1: key: expected an array, found 5"
    ):
        KeyTable.from_file(tmp_path / "keys.toml")


# A header of a trusted proxy.


@pytest.mark.parametrize(
    ("headers", "account"),
    [
        ([(b"x-account", b"acme")], "acme"),
        ([(b"x-account", "münchen".encode())], "münchen"),
        ([(b"x-account", b"a" * 512)], "a" * 512),
        ([], None),
        ([(b"x-account", b"")], None),
        ([(b"x-account", b"a" * 513)], None),
        ([(b"x-account", b"\xff")], None),
        ([(b"x-account", b"acme"), (b"x-account", b"acme")], None),
        ([(b"x_account", b"acme"), (b"authorization", b"Bearer acme")], None),
    ],
)
def test_the_account_of_a_trusted_header(headers, account):
    found = trusted_header("X-Account")(asked(*headers))
    assert found == (None if account is None else Caller(account))


@pytest.mark.parametrize("name", ["", "x account", "x:", "x\n", "é"])
def test_no_header_has_this_name(name):
    with pytest.raises(ValueError, match=r"^header: expected the name of a header, found "):
        trusted_header(name)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "cookie"])
def test_a_credential_is_no_account(name):
    with pytest.raises(
        ValueError, match=f"^header: expected one without credentials, found '{name}'$"
    ):
        trusted_header(name)


# receipt key hash


class Stdin:
    def __init__(self, data=b"", *, terminal=False):
        self.buffer, self._terminal = io.BytesIO(data), terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_hash_of_a_key(shell, monkeypatch, end):
    monkeypatch.setattr(sys, "stdin", Stdin(SEARCH + end))
    result = shell("key hash")
    assert (result.code, result.out, result.err) == (0, f"{key_hash(SEARCH)}\n", "")
    monkeypatch.setattr(sys, "stdin", Stdin(SEARCH + end))
    assert json.loads(shell("key hash --json").out) == {"sha256": key_hash(SEARCH)}


def test_a_key_is_typed_at_a_terminal(shell, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(terminal=True))
    monkeypatch.setattr("click.prompt", lambda _text, **how: SEARCH.decode() if how["hide_input"] else "")  # fmt: skip
    assert shell("key hash").out == f"{key_hash(SEARCH)}\n"


def test_a_short_key_is_warned_of(shell, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"a" * 21))
    result = shell("key hash")
    assert (result.code, result.err) == (0, "receipt: warning: a key of 21 characters can be guessed from its hash: use random ones of 22 or more\n")  # fmt: skip
    monkeypatch.setattr(sys, "stdin", Stdin(b"a" * 22))
    assert shell("key hash").err == ""


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "nothing"),
        (b"\n", "nothing"),
        (b"two words", "9 bytes"),
        (b"a\nb\n", "3 bytes"),
        (b"a\n\n", "2 bytes"),
        ("schlüssel".encode(), "10 bytes"),
    ],
)
def test_what_is_no_key(shell, monkeypatch, data, found):
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    result = shell("key hash")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"receipt: error: stdin: expected one line of visible ASCII without spaces, found {found}\n"
        "receipt: hint: receipt key hash < key.txt, where key.txt has the key alone\n"
    )


def test_a_key_is_never_an_argument(shell):
    assert shell("key hash sk-secret").code == 2
