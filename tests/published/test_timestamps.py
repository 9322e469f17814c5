"""Time stamps on statements; the authority is `openssl ts`."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from cli.stamped import CODES, Answer, Stamped, check_timestamps
from tests.build import Batch
from tests.published.authority import Authority, certificate
from tests.published.test_publication import S0, S1, TWICE, given
from verifier import Verdict

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "tsa")


def stamp(authority, folder, signed=S0, *options):
    """The answer on a statement, with its request."""
    authority.ask(signed.data[-66:], folder / "0.tsq", *options)
    authority.answer(folder / "0.tsq", folder / "0.tsr")
    return Answer("0.tsr", (folder / "0.tsr").read_bytes(), (folder / "0.tsq").read_bytes())


def check(answers, trusted, statements=(S0,)):
    return check_timestamps(Stamped(given(*statements), answers, trusted))


def codes(standing):
    return [one.code for one in standing.findings]


UNSTAMPED = "statement-unstamped"


def test_a_stamped_statement(authority, tmp_path):
    standing = check([stamp(authority, tmp_path)], [authority.root])
    assert codes(standing) == []
    assert standing.verdict is Verdict.VERIFIED
    ((subject, by),) = standing.facts
    assert subject == "statement 0 of acme"
    assert by.startswith("by 20")
    assert by.endswith("Z, says CN=Stamps")


def test_without_a_request_the_nonce_is_not_looked_at(authority, tmp_path):
    answer = stamp(authority, tmp_path)
    assert codes(check([answer._replace(request=None)], [authority.root])) == []


def test_a_token_without_the_certificate(authority, tmp_path):
    answer = stamp(authority, tmp_path, S0, "-sha256")
    assert codes(check([answer], [authority.root])) == ["authority-unknown", UNSTAMPED]
    assert codes(check([answer], [authority.own, authority.root])) == []


def test_a_statement_that_is_not_stamped(authority, tmp_path):
    standing = check([stamp(authority, tmp_path)], [authority.root], (S0, S1))
    assert codes(standing) == [UNSTAMPED]
    assert standing.findings[0].where == "statement 1 of acme"
    assert codes(check([], [authority.root], ())) == [UNSTAMPED]


def test_another_digest(authority, tmp_path):
    """A second statement of the number does not have the first one's time stamp."""
    answer = stamp(authority, tmp_path)
    assert codes(check([answer], [authority.root], (TWICE,))) == ["timestamp-other", UNSTAMPED]
    answer = stamp(authority, tmp_path, S0, "-sha512", "-cert")
    standing = check([answer], [authority.root])
    assert codes(standing) == ["timestamp-other", UNSTAMPED]
    assert standing.findings[0].message == "the imprint is not SHA-256"


def test_another_nonce(authority, tmp_path):
    answer = stamp(authority, tmp_path)
    other = stamp(authority, tmp_path)
    standing = check([answer._replace(request=other.request)], [authority.root])
    assert codes(standing) == ["nonce-differs", UNSTAMPED]
    assert standing.verdict is Verdict.REJECTED
    none = stamp(authority, tmp_path, S0, "-sha256", "-cert", "-no_nonce")
    assert codes(check([none], [authority.root])) == []
    swapped = none._replace(request=other.request)
    assert codes(check([swapped], [authority.root])) == ["nonce-differs", UNSTAMPED]
    broken = check([answer._replace(request=b"x")], [authority.root])
    assert codes(broken) == ["nonce-differs", UNSTAMPED]
    assert broken.findings[0].message.startswith("the request cannot be read: ")


def test_another_authority(authority, tmp_path):
    other = Authority(tmp_path / "other")
    answer = stamp(other, tmp_path)
    assert codes(check([answer], [authority.root])) == ["authority-unknown", UNSTAMPED]
    assert codes(check([answer], [])) == ["authority-unknown", UNSTAMPED]
    assert codes(check([answer], [authority.root, other.root])) == []
    assert codes(check([answer], [authority.own])) == ["authority-unknown", UNSTAMPED]


def test_a_certificate_of_the_same_name_and_number(authority, tmp_path):
    """The thief's certificate says that it is the authority's, but the root has not signed it."""
    thief = Authority(tmp_path / "thief")
    answer = stamp(thief, tmp_path)
    standing = check([answer], [authority.root])
    assert codes(standing) == ["authority-unknown", UNSTAMPED]


@pytest.mark.parametrize("days", [(-30, 29), (2, 30)])
def test_an_authority_whose_certificate_has_ended_or_not_begun(tmp_path, days):
    expired = Authority(tmp_path / "tsa", days)
    standing = check([stamp(expired, tmp_path)], [expired.root])
    assert codes(standing) == ["authority-expired", UNSTAMPED]
    assert standing.findings[0].message.startswith("CN=Stamps is valid from ")
    assert standing.verdict is Verdict.REJECTED


def test_a_status_that_is_not_granted(authority, tmp_path):
    stamp(authority, tmp_path)
    authority.answer(tmp_path / "0.tsr", tmp_path / "refused.tsr")  # that is no request
    refused = Answer("refused.tsr", (tmp_path / "refused.tsr").read_bytes())
    assert codes(check([refused], [authority.root])) == ["timestamp-refused", UNSTAMPED]


def test_every_bit_of_an_answer(authority, tmp_path):
    """An altered answer is refused, or says the same: what no signature covers has no meaning here."""
    answer = stamp(authority, tmp_path)
    honest = check([answer], [authority.root])
    told, kinds = 0, set()
    for place in range(len(answer.data)):
        changed = bytearray(answer.data)
        changed[place] ^= 1 << place % 8
        standing = check([answer._replace(data=bytes(changed))], [authority.root])
        if standing.findings:
            kinds.add(standing.findings[0].code)
            continue
        assert standing.facts == honest.facts
        told += 1
    assert told < 20
    assert {"timestamp-malformed", "timestamp-invalid", "timestamp-other", "nonce-differs"} <= kinds


@pytest.mark.parametrize("data", [b"", b"x", bytes(100), b"0" * 5000, S0.data])
def test_answers_that_are_none(authority, data):
    standing = check([Answer("x", data)], [authority.root])
    assert codes(standing) == ["timestamp-malformed", UNSTAMPED]


@pytest.fixture
def stamped(shell, keys, folder, authority):
    (folder / "batch.cbor").write_bytes(Batch().data)
    authority.ask(Batch().statement.data[-66:], folder / "0.tsq")
    authority.answer(folder / "0.tsq", folder / "0.tsr")
    (folder / "ca.pem").write_bytes((authority.folder / "ca.pem").read_bytes())
    assert shell("trust add keys/issuer.jwks.json --yes -q").code == 0
    return folder


def test_the_command(shell, stamped):
    result = shell("verify batch.cbor --timestamps 0.tsr --authority ca.pem")
    assert result.code == 0
    assert "\nverified: time stamps\n  statement 0 of acme by 20" in result.out
    document = json.loads(
        shell("verify batch.cbor --timestamps 0.tsr --authority ca.pem --json").out
    )
    assert document["timestamps"]["verdict"] == "verified"


def test_the_request_beside_an_answer_is_compared(shell, stamped, authority):
    authority.ask(Batch().statement.data[-66:], stamped / "0.tsq")
    result = shell("verify batch.cbor --timestamps 0.tsr --authority ca.pem")
    assert result.code == 1
    assert "rejected: time stamps\n" in result.out
    assert "  rejected nonce-differs\n      0.tsr\n" in result.out
    Path("0.tsq").unlink()
    assert shell("verify batch.cbor --timestamps 0.tsr --authority ca.pem -q").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--timestamps 0.tsr", "--timestamps and --authority go together"),
        ("--authority ca.pem", "--timestamps and --authority go together"),
        ("--timestamps 0.tsr --authority 0.tsr", "an authority is a certificate in PEM form"),
        ("--timestamps none.tsr --authority ca.pem", "none.tsr"),
    ],
)
def test_options_that_do_not_go_together(shell, stamped, options, message):
    result = shell(f"verify batch.cbor {options}")
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_without_the_library(shell, stamped, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rfc3161_client", None)
    result = shell("verify batch.cbor --timestamps 0.tsr --authority ca.pem")
    assert result.code == 2
    assert "in the clone: pip install '.[timestamps]'" in result.err


@pytest.mark.parametrize(
    "usage",
    [
        [],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), False)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True)],
    ],
)
def test_a_certificate_for_something_else(authority, tmp_path, usage):
    """With the key and the number of the true one, but not for time stamps: openssl does not sign with such, so it is given apart."""
    root, own = authority.root_key, authority.own
    other = certificate(
        "Stamps", own.public_key(), "Root", root, (-1, 30), *usage, serial=own.serial_number
    )
    answer = stamp(authority, tmp_path, S0, "-sha256")
    standing = check([answer], [other, authority.root])
    assert codes(standing) == ["timestamp-invalid", UNSTAMPED]


def test_the_table_of_findings_is_that_of_the_specification():
    text = (Path(__file__).parents[2] / "spec/timestamp.md").read_text()
    table = text.split("<!-- begin findings -->")[1].split("<!-- end findings -->")[0]
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in table.splitlines()
        if row.startswith("| `")
    ]
    assert rows == [[f"`{code}`", str(one.severity), one.meaning] for code, one in CODES.items()]
    for code, one in CODES.items():
        assert f"**{one.rule}** `{code}`" in text


def test_a_time_stamp_that_was_granted_otherwise_than_asked(authority, tmp_path):
    """Status 1, granted with modifications: no signature covers it, and it is not taken."""
    answer = stamp(authority, tmp_path)
    status = answer.data.index(bytes([2, 1, 0])) + 2
    data = answer.data[:status] + bytes([1]) + answer.data[status + 1 :]
    assert codes(check([answer._replace(data=data)], [authority.root])) == [
        "timestamp-refused", UNSTAMPED,
    ]  # fmt: skip


def test_a_token_that_brings_its_own_root(authority, tmp_path):
    """Whoever makes an authority can put the whole chain into the token; trusted is what the caller pinned."""
    # The longer certificate comes last: the library refuses a set that is not in the order of DER, and openssl orders none.
    other = Authority(
        tmp_path / "other", root="A root with a name that makes its certificate the longer one"
    )
    other.ask(S0.data[-66:], tmp_path / "0.tsq")
    other.answer(tmp_path / "0.tsq", tmp_path / "0.tsr", "-chain", other.folder / "ca.pem")
    answer = Answer("0.tsr", (tmp_path / "0.tsr").read_bytes())
    assert codes(check([answer], [authority.root])) == ["authority-unknown", UNSTAMPED]
    assert codes(check([answer], [])) == ["authority-unknown", UNSTAMPED]
    assert codes(check([answer], [other.own])) == []
