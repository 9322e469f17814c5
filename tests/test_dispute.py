"""``receipt dispute``: findings as a pack, and the pack checked by somebody who has nothing else."""

import json
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import cbor2
import pytest

from cli.dispute import objects
from receipts.cache_id import CacheKey
from tests.build import (
    DECEMBER,
    NOON,
    SECOND,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.wallets import TestWallet
from verifier import Policy, Verdict, by_kid, bytes_source, read_items, read_jwks, verify

OPTIONS = "--keys issuer.jwks.json --period 2026-11 --requests wallet.db"
AUDITOR = "https://auditor.example"


def claims_of(signed):
    return cbor2.loads(cbor2.loads(signed.data)[0])


@pytest.fixture
def files(folder):
    """The issuer's key file, and an empty wallet."""
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set()))
    TestWallet().close()
    return folder


def written(batch, *, over=None, skip=(), received=()):
    """A batch, and the wallet of a customer, as files.

    Args:
        batch: with the streams gpu-7 and gpu-8.
        over: by request, what the customer saw otherwise.
        skip: requests that the customer did not make.
        received: receipts that came with the first call.
    """
    Path("batch.cbor").write_bytes(batch.data)
    wallet = TestWallet()
    for signed in [*batch.ones, *batch.twos]:
        claims = claims_of(signed)
        if claims[8] not in skip:
            seen = {"sent": claims[7] - 500, "answered": claims[7], "credential": b"c" * 16, **(over or {}).get(claims[8], {})}  # fmt: skip
            wallet.call(seen.pop("request", claims[8]), *received, **seen)
            received = ()
    wallet.close()


def change(**fields):
    """Changes the claims of receipt 1, by label."""

    def changed(sequence, claims):
        if sequence == 1:
            claims.update({int(name[1:]): value for name, value in fields.items()})

    return changed


def findings(shell, options=OPTIONS):
    """The codes of the batch's findings, by number."""
    report = json.loads(shell(f"verify batch.cbor {options} --json --proofs proofs").out)
    return {found["finding"]: found["code"] for found in report["findings"]}


def number_of(shell, code, options=OPTIONS):
    found = findings(shell, options)
    assert code in found.values(), found
    return next(number for number, other in found.items() if other == code)


def dispute(shell, numbers, more="", options=OPTIONS, out="pack.zip"):
    done = shell(f"dispute batch.cbor {options} --findings {numbers} -o {out} {more}")
    assert done.code == 0, done.err
    return done


def checked(shell, options="--keys issuer.jwks.json"):
    """Exit code, codes and report of the pack."""
    done = shell(f"verify pack.zip {options} --json")
    report = json.loads(done.out)
    return done.code, [found["code"] for found in report["findings"]], report


def members(path="pack.zip"):
    with ZipFile(path) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def manifest():
    return json.loads(members()["manifest.json"])


def of_receipt(code, **fields):
    return lambda: written(Batch(Stream(change=change(**fields))))


def seen(**call):
    """The customer saw something else of the request of receipt 1."""
    return lambda: written(Batch(), over={"gpu-7-1": call})


def unstated(stream):
    """Receipts that the statement does not list: all of a stream, or the last ones."""

    def make():
        batch = Batch(Stream(count=5))
        listed = {"gpu-7": batch.ones[:3]} if stream == "gpu-7" else {"gpu-7": batch.ones}
        batch.statement = sign_statement(statement_claims(listed))
        written(batch)

    return make


def omitted():
    came = sign_receipt(receipt_claims(0, None, stream="gpu-9", request="gone"))
    batch = Batch()
    written(batch, over={"gpu-7-0": {"request": "gone"}}, received=[came.data])


def told_twice():
    other = claims_of(Batch().ones[1]) | {11: {1: 5, 2: 1}}
    written(Batch(), received=[sign_receipt(other).data])


def billed_twice():
    batch = Batch(Stream(change=change(_8="gpu-7-0")))
    written(batch, skip=["gpu-7-1"])


def repeated():
    batch = Batch(Stream(change=lambda _, claims: claims.update({16: b"once"})))
    lines = {f"gpu-7-{n}": {"commitment": b"once" if not n else b""} for n in range(3)}
    written(batch, over=lines, skip=["gpu-7-1", "gpu-7-2"])


def renamed():
    batch = Batch(Stream(change=change(_16=b"mine")))
    written(batch, over={"gpu-7-1": {"request": "another", "commitment": b"mine"}})


def corrected():
    batch = Batch()
    first = claims_of(batch.ones[1])
    correction = receipt_claims(
        3, batch.ones[2].digest, request="gpu-7-1", input={1: 10, 2: 0, 3: 10},
        corrects={1: batch.ones[1].digest, 2: {1: 9, 2: 0, 3: 9}, 3: first[11]},
    )  # fmt: skip
    batch.ones.append(sign_receipt(correction))
    batch.statement = sign_statement(statement_claims({"gpu-7": batch.ones, "gpu-8": batch.twos}))
    written(batch)


def one_identifier():
    def entry(sequence, claims):
        claims[10] = {1: 3000, 2: 1000 + sequence, 3: 2000 - sequence}
        claims[12] = {1: {1: "tokens-sha256", 2: bytes(32), 3: 1000 + sequence}}

    written(Batch(Stream(count=2, change=entry)))


def outside():
    written(
        Batch(Stream(change=lambda n, claims: claims.update({7: DECEMBER[0]} if n == 2 else {})))
    )


def two_months(**over):
    one = Batch()
    first, name = over.pop("first", 3), over.pop("name", "gpu-7")
    later = Stream(name, 1, first, one.ones[-1].digest, over={"time": DECEMBER[0] + 5})
    receipts = later.receipts()
    closing = {"number": 1, "previous": one.statement.digest, "start": DECEMBER[0], "end": DECEMBER[1], **over}  # fmt: skip
    statement = sign_statement(statement_claims({name: receipts}, {name: first}, **closing))
    written(one)
    with Path("batch.cbor").open("ab") as file:
        file.write(receipts[0].data + statement.data)


CLAIMS = {
    "cached-exceeds-logical": ("signed", of_receipt("", _10={1: 3000, 2: 4000, 3: 0})),
    "reasoning-exceeds-output": ("signed", of_receipt("", _11={1: 5, 2: 6})),
    "chain-broken": ("signed", of_receipt("", _6=bytes(32))),
    "time-reversed": ("signed", of_receipt("", _7=NOON - 1)),
    "time-outside-period": ("signed", outside),
    "stream-unstated": ("signed", unstated("gpu-8")),
    "receipt-unstated": ("signed", unstated("gpu-7")),
    "received-omitted": ("signed", omitted),
    "receipt-equivocation": ("signed", told_twice),
    "request-duplicate": ("signed", billed_twice),
    "correction-differs": ("signed", corrected),
    "cache-id-conflict": ("signed", one_identifier),
    "period-gap": ("signed", lambda: two_months(start=DECEMBER[0] + 1)),
    "first-mismatch": ("signed", lambda: two_months(first=4)),
    "count-differs": ("record", of_receipt("", _10={1: 30_000, 2: 2000, 3: 28_000, 4: {300: 600}})),
    "model-differs": ("record", seen(model="other")),
    "tier-differs": ("record", of_receipt("", _13={1: "anthropic", 2: "messages", 4: "priority"})),
    "usage-differs": ("record", of_receipt("", _13={1: "anthropic", 2: "messages", 3: bytes(32)})),
    "time-differs": ("record", seen(sent=NOON - 9_000_000, answered=NOON - 8_000_000)),
    "request-not-billable": ("record", seen(status=429, outcome="failed", usage=None)),
    "commitment-differs": ("record", of_receipt("", _16=b"another")),
    "commitment-repeated": ("record", repeated),
    "request-differs": ("record", renamed),
    "received-differs": ("record", lambda: written(Batch(), received=[Batch().ones[1].data])),
    "receipt-missing": ("asserted", lambda: drop(0)),
    "totals-mismatch": ("asserted", lambda: written(Batch(statement_over={"totals": {1: 1}}))),
    "receipt-without-request": ("asserted", lambda: written(Batch(), skip=["gpu-7-1"])),
    "request-without-receipt": ("asserted", lambda: written(Batch(), over={"gpu-8-1": {"request": "lost"}})),
}  # fmt: skip
"""By code, what a claim of it is worth, and files with such a finding."""


def drop(item):
    """A receipt is missing from the file."""
    batch = Batch()
    written(batch)
    Path("batch.cbor").write_bytes(b"".join(batch.items[:item] + batch.items[item + 1 :]))


@pytest.mark.parametrize("code", CLAIMS)
def test_what_a_claim_is_worth(shell, files, code):
    standing, make = CLAIMS[code]
    make()
    number = number_of(shell, code)
    told = dispute(shell, number)
    assert f"finding {number}, {code}: {standing}\n" in told.err
    exit_code, codes, report = checked(shell)
    (claim,) = report["claims"]
    assert (claim["claim"], claim["finding"]["code"], claim["standing"]) == (number, code, standing)
    asserted = standing == "asserted"
    assert (claim["reached"], claim["why_not"]) == (not asserted, None)
    assert (exit_code, codes) == ((3, ["claim-asserted"]) if asserted else (0, []))


DEARER = change(_10={1: 30_000, 2: 2000, 3: 28_000, 4: {300: 600}}, _16=b"gpu-7-1")


@pytest.fixture
def pack(shell, files):
    """A pack for a receipt that bills ten times the input."""
    written(Batch(Stream(change=DEARER)))
    dispute(shell, number_of(shell, "count-differs"))
    return Path("pack.zip").read_bytes()


def verdict(data):
    keys = by_kid(read_jwks(json.dumps(jwk_set()).encode()))
    return verify([bytes_source("pack.zip", data)], Policy(keys))


def test_only_the_disputed_receipt_is_in_it(pack):
    batch = Batch(Stream(change=DEARER))
    found = b"".join(members().values())
    assert [one.data in found for one in batch.ones] == [False, True, False]
    assert not any(one.data in found for one in batch.twos)


def test_the_customers_own_side(pack):
    (line,) = [data for name, data in members().items() if name.startswith("record/")]
    call = json.loads(line)
    assert (call["request"], call["nonce"], call["commitment"]) == ("gpu-7-1", "00" * 32, b"gpu-7-1".hex())  # fmt: skip
    assert call["usage"]["input_tokens"] == 400
    assert call["usage_sha256"] == "fb5cc2ee8fb1c8ff1ce975eeb101e1966950342d62eb11883ae7b10a5cec2c1c"  # fmt: skip
    assert "credential" not in call


def test_what_came_with_the_response_is_in_its_line(shell, files):
    omitted()
    dispute(shell, number_of(shell, "received-omitted"))
    found = members()
    (line,) = [json.loads(data) for name, data in found.items() if name.startswith("record/")]
    (came,) = [data for name, data in found.items() if name.startswith("received/")]
    assert line["receipts"] == [came.hex()]


def test_a_log_gives_its_lines_as_they_are(shell, files):
    written(Batch(Stream(change=DEARER)))
    log = "request,logical,credential,note\n" + "".join(f"gpu-{n},3000,c,x{n}\n" for n in ("7-0", "7-1", "7-2", "8-0", "8-1"))  # fmt: skip
    Path("log.csv").write_text(log)
    options = OPTIONS.replace("wallet.db", "log.csv")
    dispute(shell, number_of(shell, "count-differs", options), options=options)
    (line,) = [data for name, data in members().items() if name.startswith("record/")]
    assert json.loads(line) == {"request": "gpu-7-1", "logical": 3000, "note": "x7-1"}
    assert checked(shell)[:2] == (0, [])


def test_a_proof_is_one_by_itself(shell, pack):
    for name, data in members().items():
        if name.startswith("proofs/"):
            Path("proof.cbor").write_bytes(data)
    assert shell("verify proof.cbor --keys issuer.jwks.json").code == 0


def test_the_same_inputs_give_the_same_bytes(shell, pack):
    dispute(shell, "1", out="again.zip")
    assert Path("again.zip").read_bytes() == pack


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 13])
def test_every_byte_counts(pack, step):
    """The first 14 bytes say that it is a pack; without them it is no input."""
    assert verdict(pack).verdict is Verdict.VERIFIED
    for at in range(14, len(pack), step):
        changed = pack[:at] + bytes([pack[at] ^ 1 << at % 8]) + pack[at + 1 :]
        report = verdict(changed)
        assert report.verdict is Verdict.REJECTED, at
        assert set(report.findings.counts) <= {"pack-malformed", "pack-altered"}, at


def rewritten(members, **over):
    """A pack with other members, packed anew."""
    from cli.dispute.packing import archive

    return archive({**members, **{name.replace("__", "/"): data for name, data in over.items()}})


def test_each_member_that_is_altered_is_named(pack):
    for name, data in members().items():
        report = verdict(rewritten(members(), **{name: data[:-1] + bytes([data[-1] ^ 1])}))
        (found,) = list(report.findings)
        if name == "manifest.json":  # one byte of it makes it no JSON, or another form
            assert (found.code, found.field) == ("pack-malformed", "manifest.json")
        else:
            assert (found.code, found.field) == ("pack-altered", name)


def test_each_member_that_is_taken_out_is_named(pack):
    for name in members():
        left = {other: data for other, data in members().items() if other != name}
        (found,) = list(verdict(rewritten(left)).findings)
        assert (found.code, found.field) == ("pack-malformed", name)


def test_a_batch_is_not_read_once_for_each_finding(shell, files, monkeypatch):
    reads = []
    monkeypatch.setattr(objects, "read_items", lambda sources: reads.append(1) or read_items(sources))  # fmt: skip
    written(Batch(Stream(count=9, over={"input": {1: 3000, 2: 2000, 3: 900}})))
    dispute(shell, ",".join(str(n) for n in range(1, 10)))
    assert len(reads) == 2  # the items that are named; the leaves of the one stream


def test_a_pack_that_everybody_would_reject_is_not_written(shell, files, monkeypatch):
    monkeypatch.setattr("verifier.pack.manifest.MAX_CLAIMS", 1)
    written(Batch(Stream(over={"input": {1: 3000, 2: 2000, 3: 900}})))
    done = shell(f"dispute batch.cbor {OPTIONS} --findings 1,2 -o pack.zip")
    assert (done.code, done.out, Path("pack.zip").exists()) == (2, "", False)
    assert done.err.splitlines()[-2:] == [
        "receipt: error: the pack would be rejected: manifest.json: claims: expected an array of 1 to 1",
        "receipt: hint: dispute fewer findings in one pack: --findings",
    ]


def test_a_report_that_makes_a_pack_too_large_is_left_out_by_who_asks_for_that(
    shell, files, monkeypatch
):
    of_receipt("attributed-mismatch", _10={1: 3000, 2: 2000, 3: 900})()
    number = number_of(shell, "attributed-mismatch")
    dispute(shell, number, "--without-report")
    size = Path("pack.zip").stat().st_size
    Path("pack.zip").unlink()
    for place in ("archive", "verification"):
        monkeypatch.setattr(f"verifier.pack.{place}.MAX_PACK", size)
    line = f"dispute batch.cbor {OPTIONS} --findings {number} -o pack.zip"
    done = shell(line)
    assert (done.code, Path("pack.zip").exists()) == (2, False)
    assert done.err.splitlines()[-2:] == [
        f"receipt: error: the pack would be rejected: more than {size} bytes",
        "receipt: hint: leave the report out: --without-report",
    ]
    assert shell(f"{line} --without-report").code == 0


def test_without_keys_the_reader_is_told_to_compare(shell, pack):
    exit_code, codes, report = checked(shell, "")
    assert (exit_code, codes) == (3, ["pack-keys"])
    (found,) = report["findings"]
    assert found["actual"] == jwk_set()["keys"][0]["kid"]
    assert report["claims"][0]["reached"] is True
    shown = shell("verify pack.zip").out
    assert "under the pack's own keys: compare them with the issuer's" in shown
    assert jwk_set()["keys"][0]["kid"] in shown


def test_a_pinned_key_counts(shell, pack):
    assert shell("trust add issuer.jwks.json --yes").code == 0
    assert checked(shell, "")[:2] == (0, [])


def test_keys_of_another_kind_of_issuer_do_not_help_a_forger(shell, files):
    """Whoever makes receipts of its own, under the issuer's name and a key of its own, is rejected by who knows the issuer."""
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(SECOND)))
    written(Batch(Stream(change=DEARER), key=SECOND))
    dispute(shell, number_of(shell, "count-differs"))
    assert checked(shell)[:2] == (0, [])
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set()))
    assert checked(shell)[:2] == (1, ["claim-unproven"])


def test_signed_by_its_maker(shell, files):
    written(Batch(Stream(change=DEARER)))
    assert shell(f"keygen --issuer {AUDITOR} --out auditor").code == 0
    dispute(shell, number_of(shell, "count-differs"), "--sign auditor")
    kid = json.loads(Path("auditor/issuer.jwks.json").read_text())["keys"][0]["kid"]
    assert manifest()["maker"] == kid
    exit_code, codes, report = checked(shell)
    assert (exit_code, codes) == (0, [])
    own = next(check for check in report["checks"] if check["check"] == "signature of the maker")
    assert own["not_checked"] == f"by the pack's own key of {AUDITOR}, key {kid}: compare it"
    both = "--keys issuer.jwks.json --keys auditor/issuer.jwks.json"
    _, _, report = checked(shell, both)
    own = next(check for check in report["checks"] if check["check"] == "signature of the maker")
    assert (own["passed"], own["of"], own["not_checked"]) == (1, 1, None)


def test_a_signed_pack_of_somebody_else_is_not_the_makers(shell, files):
    written(Batch(Stream(change=DEARER)))
    assert shell(f"keygen --issuer {AUDITOR} --out auditor").code == 0
    assert shell(f"keygen --issuer {AUDITOR} --out thief").code == 0
    number = number_of(shell, "count-differs")
    dispute(shell, number, "--sign thief", out="thief.zip")
    dispute(shell, number, "--sign auditor")
    (found,) = list(verdict(rewritten(members(), **{"seal.cbor": members("thief.zip")["seal.cbor"]})).findings)  # fmt: skip
    assert (found.code, found.field) == ("pack-altered", "seal.cbor")


def test_the_report_goes_along_unless_it_is_left_out(shell, pack):
    report = json.loads(members()["report.json"])
    assert (report["verdict"], report["inputs"][0]["sha256"]) == ("rejected", *manifest()["batches"])  # fmt: skip
    dispute(shell, "1", "--without-report")
    assert "report.json" not in members()
    assert checked(shell)[:2] == (0, [])


def test_the_readme_says_what_and_how(pack):
    text = members()["README.md"].decode()
    assert "### Claim 1: a count of the receipt is not the customer's own" in text
    assert "* `logical`: expected `3000`, found `30000`" in text
    assert "    receipt verify pack.zip\n" in text
    assert f"`{jwk_set()['keys'][0]['kid']}`" in text
    assert f"SHA-256 `{sha256(Path('batch.cbor').read_bytes()).hexdigest()}`" in text
    assert all(len(line) <= 100 for line in text.splitlines() if not line.startswith("*"))


def test_markup_in_a_receipt_stays_text(shell, files):
    evil = "m`</td>\n# <script>alert(1)</script>"
    written(Batch(Stream(change=change(_9=evil))), over={"gpu-7-1": {"model": "m"}})
    dispute(shell, number_of(shell, "model-differs"))
    text = members()["README.md"].decode()
    assert "\n# <script>" not in text
    assert "`m'</td>\\n# <script>alert(1)</script>`" in text


def test_several_claims_share_their_members(shell, files):
    written(Batch(Stream(change=change(_10={1: 30_000, 2: 2000, 3: 28_000}, _7=NOON - 1))))
    told = dispute(shell, "all", "--json")
    document = json.loads(told.out)
    assert document["sha256"] == sha256(Path("pack.zip").read_bytes()).hexdigest()
    named = [(claim["number"], claim["finding"].get("field")) for claim in document["claims"]]
    assert named == [(1, "time"), (2, "logical"), (3, "writes")]
    _, two, three = manifest()["claims"]
    assert two["evidence"] == three["evidence"]
    assert checked(shell)[:2] == (0, [])


@pytest.fixture
def prompts(files):
    """A receipt with a wrong cache identifier in each of two months, and the prompts of both."""
    key = CacheKey("acme", bytes(range(32)))
    Path("cache.key").write_bytes(key.to_json())
    recipe = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2}
    one = Batch(Stream(count=1, over={"cache": {1: recipe}, "input": {1: 4, 2: 2, 3: 2}}), Stream("gpu-8", 1))  # fmt: skip
    later = Stream("gpu-7", 1, 1, one.ones[0].digest, over={"time": DECEMBER[0] + 5, "cache": {1: recipe}, "input": {1: 4, 2: 2, 3: 2}})  # fmt: skip
    receipts = later.receipts()
    over = {"number": 1, "previous": one.statement.digest, "start": DECEMBER[0], "end": DECEMBER[1]}
    closing = sign_statement(statement_claims({"gpu-7": receipts}, {"gpu-7": 1}, **over))
    Path("batch.cbor").write_bytes(one.data + receipts[0].data + closing.data)
    lines = [{"request": f"gpu-7-{n}", "tokens": [n, 2, 3, 4]} for n in range(2)]
    Path("prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return key


PROMPTS = "--keys issuer.jwks.json --prompts prompts.jsonl --cache-key cache.key"


def test_the_cache_key_of_one_month_goes_along(shell, prompts):
    found = findings(shell, PROMPTS)
    first = next(number for number, code in found.items() if code == "cache-id-mismatch")
    told = dispute(shell, first, options=PROMPTS)
    assert f"finding {first}, cache-id-mismatch: record" in told.err
    key = members()["cache-key.json"]
    assert key == prompts.for_period("2026-11").to_json()
    assert prompts.secret.hex().encode() not in b"".join(members().values())
    (prompt,) = [data for name, data in members().items() if name.startswith("prompts/")]
    assert json.loads(prompt)["request"] == "gpu-7-0"
    assert checked(shell)[:2] == (0, [])


def test_no_pack_discloses_two_months(shell, prompts):
    numbers = [str(n) for n, code in findings(shell, PROMPTS).items() if code == "cache-id-mismatch"]  # fmt: skip
    done = shell(f"dispute batch.cbor {PROMPTS} --findings {','.join(numbers)} -o pack.zip")
    assert done.code == 2
    assert "a pack discloses the cache key of one month" in done.err
    assert "make a pack for the findings of each month: 2026-11, 2026-12" in done.err
    assert not Path("pack.zip").exists()


@pytest.mark.parametrize(("numbers", "message"), [
    ("9", "there is no finding 9: there are 1"),
    ("0", "'0' is not numbers of findings, like 3,7; or all"),
    ("1,x", "'1,x' is not numbers of findings, like 3,7; or all"),
    ("", "'' is not numbers of findings, like 3,7; or all"),
])  # fmt: skip
def test_numbers_that_are_none(shell, pack, numbers, message):
    done = shell(f"dispute batch.cbor {OPTIONS} -o other.zip --findings", numbers)
    assert done.code == 2
    assert message in done.err
    assert not Path("other.zip").exists()


def test_what_cannot_be_disputed(shell, files):
    written(Batch())
    done = shell(f"dispute batch.cbor {OPTIONS} --findings 1 -o pack.zip")
    assert (done.code, "there is no finding" in done.err) == (2, True)
    done = shell(f"dispute - {OPTIONS} --findings 1 -o pack.zip")
    assert (done.code, "a batch that is disputed is read more than once" in done.err) == (2, True)


def test_a_pack_is_verified_by_itself(shell, pack):
    done = shell("verify pack.zip batch.cbor --keys issuer.jwks.json")
    assert (done.code, "a pack is verified by itself" in done.err) == (2, True)
    done = shell("verify pack.zip --keys issuer.jwks.json --requests wallet.db")
    assert (done.code, "a record is compared with a batch; pack.zip is a pack" in done.err) == (2, True)  # fmt: skip


def test_what_is_not_listed_by_chance_is_not_left_out(shell, files):
    """A receipt that the statement lists, and that the file lacks, came too: whether it was billed, the pack cannot show."""
    batch = Batch()
    written(batch, received=[batch.ones[0].data])
    Path("batch.cbor").write_bytes(b"".join(batch.items[1:]))
    number = number_of(shell, "received-omitted")
    told = dispute(shell, number)
    assert (
        f"finding {number}, received-omitted: asserted: a statement lists the receipt" in told.err
    )


def test_a_report_on_a_pack_is_one(shell, pack):
    done = shell("verify pack.zip --keys issuer.jwks.json --report r.json --report r.html")
    assert done.code == 0
    again = shell("report check r.json pack.zip issuer.jwks.json")
    assert again.code == 0
    assert "not pinned here: ask the issuer whether it is its own" in again.out
    page = Path("r.html").read_text()
    assert "Each claim of the pack was reached again from its evidence." in page
    assert "count-differs" in page


def test_a_report_on_a_pack_binds_the_pinned_keys_that_count(shell, pack):
    assert shell("trust add issuer.jwks.json --yes").code == 0
    assert shell("verify pack.zip --report r.json").code == 0
    inputs = json.loads(Path("r.json").read_text())["inputs"]
    assert [one["role"] for one in inputs] == ["batch", "keys"]
    again = shell("report check r.json pack.zip")
    assert again.code == 0
    assert ", pinned here" in again.out
