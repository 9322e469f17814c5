"""Key files and logs from a server: over TLS, from that host and no other, bounded. The server is real, on loopback."""

import json
import socket
from pathlib import Path

import pytest

from receipts import kid_text
from tests.build import ISSUER, KEY, SECOND, Batch, jwk_set
from tests.published.https import body, make_authority, redirect, serving

WELL_KNOWN = "/.well-known/token-receipts"
JWKS = json.dumps(jwk_set(KEY)).encode()
KID = kid_text(KEY.kid)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    return folder


@pytest.fixture
def trusting(authority, monkeypatch):
    """The authority is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    return authority


def test_a_key_file_of_a_host(shell, trusting):
    with serving(trusting, {f"{WELL_KNOWN}/issuer.jwks.json": body(JWKS)}) as (url, asked):
        result = shell(f"trust add {url} --kid {KID}")
        assert result.code == 0, result
        assert asked == [(url.removeprefix("https://"), f"{WELL_KNOWN}/issuer.jwks.json")]
    assert f"localhost:{url.rpartition(':')[2]} says that it has the keys of {ISSUER}" in result.err
    assert result.err.endswith(f"pinned {ISSUER}\n")
    assert KID in shell("trust list").out


@pytest.mark.parametrize("path", ["/a/keys.json", "/a", "/a/"])
def test_an_address_with_a_path_is_asked_as_it_is(shell, trusting, path):
    place = path if path.endswith(".json") else "/a/issuer.jwks.json"
    with serving(trusting, {place: body(JWKS)}) as (url, asked):
        assert shell(f"trust add {url}{path} --kid {KID} -q").code == 0
    assert [one for _, one in asked] == [place]


def test_no_warning_where_the_issuer_has_the_name_of_its_host(shell, trusting):
    answers = {}
    with serving(trusting, answers) as (url, _):
        answers["/keys.json"] = body(json.dumps(jwk_set(KEY, issuer=url)).encode())
        result = shell(f"trust add {url}/keys.json --kid {KID}")
    assert result.code == 0
    assert "warning" not in result.err


def test_the_kid_is_compared_as_for_a_file(shell, trusting):
    with serving(trusting, {"/keys.json": body(JWKS)}) as (url, _):
        result = shell(f"trust add {url}/keys.json --kid {kid_text(SECOND.kid)}")
    assert result.code == 2
    assert f"expected key {kid_text(SECOND.kid)}, found {KID}" in result.err
    assert shell("trust list").out == ""


def refused(shell, url):
    result = shell(f"trust add {url} --yes")
    assert (result.code, result.out) == (2, "")
    assert shell("trust list").out == ""
    assert "Traceback" not in result.err
    return result.err


def test_no_redirect_is_followed(shell, trusting):
    elsewhere = redirect("https://localhost:1/keys.json")
    with serving(trusting, {"/keys.json": elsewhere, "/k.json": redirect("/keys.json")}) as (
        url,
        asked,
    ):
        error = refused(shell, f"{url}/keys.json")
        assert f"{url}/keys.json: it leads to https://localhost:1/keys.json" in error
        assert "it leads to /keys.json" in refused(shell, f"{url}/k.json")
    assert len(asked) == 2


def test_an_authority_that_is_not_trusted(shell, authority):
    with serving(authority, {"/keys.json": body(JWKS)}) as (url, asked):
        assert "certificate verify failed" in refused(shell, f"{url}/keys.json")
    assert asked == []


def test_a_certificate_of_another_host(shell, trusting):
    with serving(trusting, {"/keys.json": body(JWKS)}) as (url, asked):
        error = refused(shell, f"{url.replace('localhost', '127.0.0.1')}/keys.json")
    assert "IP address mismatch" in error
    assert asked == []


def test_without_tls(shell, trusting):
    assert "not asked without TLS" in refused(shell, "http://localhost/keys.json")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (body(b"x" * ((1 << 20) + 1)), "more than 1,048,576 bytes"),
        (body(JWKS, length=len(JWKS) + 5), "expected"),
        (body(b"<html>"), "not a JSON key file"),
        (body(b""), "not a JSON key file"),
        (lambda handler: handler.send_error(500), "the server says 500"),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), "is the address right"),
    ],
)
def test_answers_that_are_no_key_file(shell, trusting, answer, message):
    with serving(trusting, {"/keys.json": answer}) as (url, _):
        assert message in refused(shell, f"{url}/keys.json")


def test_who_does_not_answer(shell, trusting, monkeypatch):
    monkeypatch.setattr("cli.published.fetching._SILENCE", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        error = refused(shell, f"https://localhost:{silent.getsockname()[1]}/keys.json")
    finally:
        silent.close()
    assert "timed out" in error


def test_who_answers_too_slowly(shell, trusting, monkeypatch):
    monkeypatch.setattr("cli.published.fetching._WHOLE", -1)
    with serving(trusting, {"/keys.json": body(JWKS)}) as (url, _):
        assert "not done in -1 seconds" in refused(shell, f"{url}/keys.json")


def test_nobody_is_there(shell, trusting):
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    assert "refused" in refused(shell, f"https://localhost:{port}/keys.json")
    assert "is the address right" in refused(shell, "https://localhost:no/keys.json")


def test_a_log_from_a_server(shell, keys, folder, trusting):
    (folder / "acme.cbor").write_bytes(Batch().data)
    done = shell("publish acme.cbor --keys keys --site site --accounts accounts --json")
    place = json.loads(done.out)["statements"][0]["folder"]
    files = {
        f"{WELL_KNOWN}/{path.name}": body(path.read_bytes()) for path in Path("site").iterdir()
    }
    with serving(trusting, files) as (url, asked):
        assert shell(f"trust add {url} --kid {KID} -q").code == 0
        result = shell(f"verify acme.cbor --published {place}/0.tlog-proof --publication {url}")
        assert result.code == 0, result
        assert "verified: publication" in result.out
        before = len(asked)
        assert shell("verify acme.cbor -q").code == 0
        assert len(asked) == before  # nothing is asked that was not named
    assert [path.rpartition("/")[2] for _, path in asked] == [
        "issuer.jwks.json",
        "checkpoint",
        "entries",
    ]
