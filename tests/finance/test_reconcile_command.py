"""``receipt reconcile`` as a user runs it."""

import json

import pytest

from attribution.money import What
from tests.build import KEY, Batch, jwk_set
from tests.ratecards import signed

CARD = """currency = "USD"

[[price]]
provider = "anthropic"
model = "claude-sonnet-4-6"
input = "3.00"
cached = "0.30"
output = "15.00"
writes = {"300" = "3.75", "3600" = "6.00"}
"""
HEAD = "day,model,class,quantity,amount\n"
# five receipts, each 3,000 tokens (2,000 cached, 600 written) and 500 of output
LINES = [
    "2026-11-01,anthropic/claude-sonnet-4-6,cached,10000,0.003000\n",
    "2026-11-01,anthropic/claude-sonnet-4-6,output,2500,0.037500\n",
    "2026-11-01,anthropic/claude-sonnet-4-6,uncached,2000,0.006000\n",
    "2026-11-01,anthropic/claude-sonnet-4-6,write.300,3000,0.011250\n",
]


@pytest.fixture
def reconcile(shell, folder):
    """The command on a batch that is complete, and an invoice as lines."""
    (folder / "batch.cbor").write_bytes(Batch().data)
    (folder / "card.cbor").write_bytes(signed(CARD, name="card").data)
    (folder / "issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "map.toml").write_text("")

    def run(invoice, *more, batch="batch.cbor", kind="csv"):
        (folder / "invoice.csv").write_text("".join([HEAD, *invoice]))
        line = f"reconcile {batch} --keys issuer.jwks.json --card card.cbor --invoice invoice.csv --kind {kind}"
        return shell(line, *more)

    run.shell = shell
    return run


def test_they_agree(reconcile):
    result = reconcile(LINES)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "VERIFIED: 4 lines compared with csv\n"
        "  2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z, in USD\n"
        "  receipts 0.057750000000, invoice 0.057750000000, rounding 0.000000000000\n"
        "  a row may be 0.000000500000 off\n"
    )


def test_they_differ(reconcile):
    result = reconcile([*LINES[:3], "2026-11-01,anthropic/claude-sonnet-4-6,write.300,3100,0.011625\n"])  # fmt: skip
    assert result.code == 1
    assert result.out.splitlines()[0] == "REJECTED: 4 lines compared with csv"
    assert result.out.splitlines()[4:] == [
        "receipts missing:",
        "  2026-11-01 anthropic/claude-sonnet-4-6 write.300: quantity 100, amount 0.000375000000",
    ]


def test_json_names_what_it_rests_on(reconcile):
    result = reconcile(LINES[:3], "--json")
    found = json.loads(result.out)
    assert result.code == 1
    assert [one["name"] for one in found["inputs"]] == ["batch.cbor", "card.cbor", "invoice.csv"]
    assert found["batch"] == {"verdict": "verified", "findings": []}
    assert (found["kind"], found["verdict"], found["open"]) == ("csv", "rejected", False)
    assert found["differences"] == [
        {"day": "2026-11-01", "model": "anthropic/claude-sonnet-4-6", "class": "write.300",
         "kind": "not on the invoice", "quantity": -3000, "amount": "-0.011250000000"},
    ]  # fmt: skip


def test_a_map_names_columns_and_causes(reconcile, folder):
    (folder / "map.toml").write_text(
        '[models]\nsonnet = "anthropic/claude-sonnet-4-6"\n'
        '[[known]]\nday = 2026-11-01\nmodel = "anthropic/claude-sonnet-4-6"\nclass = "output"\n'
        'kind = "not on the invoice"\nquantity = -2500\namount = "-0.0375"\ncause = "promised by mail"\n'
    )
    lines = [line.replace("anthropic/claude-sonnet-4-6", "sonnet") for line in LINES]
    result = reconcile([lines[0], *lines[2:]], "--map", "map.toml")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[4:] == [
        "known legitimate cause:",
        "  2026-11-01 anthropic/claude-sonnet-4-6 output: quantity -2500, amount -0.037500000000: promised by mail",
    ]  # fmt: skip
    result = reconcile(lines, "--map", "map.toml")
    assert (result.code, "there is no such difference any more: 2026-11-01" in result.err) == (
        0,
        True,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[model]\n", "map.toml, line 1, column 1: model: expected one of columns, models, classes, item, known, found an unknown member"),
        ("[models]\na = 'b'\n", "map.toml, line 2, column 1: models.a: expected provider/model, found 'b'"),
        ("[columns]\ndate = 'x'\n", "map.toml, line 2, column 1: columns.date: expected one of day, model, class, quantity, amount, found an unknown member"),
        ("[[known]]\nday = 2026-11-01\nmodel = 'a/b'\nclass = 'x'\nkind = 'y'\ncause = 'z'\n",
         f"map.toml, line 5, column 1: known[0].kind: expected one of {', '.join(What)}, found 'y'"),
        ("[[known]]\nday = '1'\nmodel = 'a/b'\nclass = 'x'\nkind = 'price difference'\ncause = 'z'\n",
         "map.toml, line 2, column 1: known[0].day: expected a day, like 2026-10-01, found '1'"),
        ("[[known]]\nday = 2026-11-01\nmodel = 'a/b'\nclass = 'x'\nkind = 'price difference'\ncause = 'z'\namount = 1.5\n",
         'map.toml, line 7, column 1: known[0].amount: expected a decimal text of at most 12 places, like "-0.012500000000", found 1.5'),
        ("[[known]]\nday = 2026-11-01\nmodel = 'a/b'\nclass = 'x'\nkind = 'price difference'\ncause = 'z'\nquantity = true\n",
         "map.toml, line 7, column 1: known[0].quantity: expected a whole number, found true"),
    ],
)  # fmt: skip
def test_a_map_that_is_wrong(reconcile, folder, text, told):
    (folder / "map.toml").write_text(text)
    result = reconcile(LINES, "--map", "map.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"receipt: error: {told}"


def test_an_invoice_that_is_wrong(reconcile):
    result = reconcile(["2026-11-01,m,output,1,free\n"])
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == (
        "receipt: error: invoice.csv, line 2, column 23: amount: expected a decimal number, like 12.50, found 'free'"
    )  # fmt: skip


def test_a_name_that_both_sides_do_not_share_is_warned_of(reconcile):
    result = reconcile([line.replace("anthropic/", "") for line in LINES])
    assert result.code == 1
    assert "models without any receipt: claude-sonnet-4-6; see [models] of --map" in result.err


def test_the_same_page_twice(reconcile, folder):
    (folder / "again.csv").write_text("".join([HEAD, *LINES]))
    result = reconcile(LINES, "--invoice", "again.csv")
    assert result.code == 2
    assert "error: again.csv has the same content as invoice.csv" in result.err
    (folder / "again.csv").write_text(HEAD)
    assert reconcile(LINES, "--invoice", "again.csv").code == 0


def test_other_days(reconcile):
    more = "2026-12-01,anthropic/claude-sonnet-4-6,output,1,0.000015\n"
    assert reconcile([*LINES, more]).code == 1
    result = reconcile([*LINES, more], "--period", "2026-11")
    assert (result.code, result.err) == (0, "receipt: 1 line of the invoice of other days than --period\n")  # fmt: skip


def test_a_batch_that_is_not_verified(reconcile, folder):
    (folder / "open.cbor").write_bytes(b"".join(Batch().receipts))
    result = reconcile(LINES, batch="open.cbor")
    assert (result.code, result.out) == (3, "")
    result = reconcile(LINES, "--include-unverified", "--json", batch="open.cbor")
    found = json.loads(result.out)
    assert (result.code, found["verdict"], found["open"]) == (3, "incomplete", True)
    data = bytearray(Batch().data)
    data[-1] ^= 1
    (folder / "bad.cbor").write_bytes(data)
    result = reconcile(LINES, "--include-unverified", batch="bad.cbor")
    assert (result.code, result.out) == (1, "")


def test_only_some_providers(reconcile):
    result = reconcile([], "--provider", "openai", "--json")
    found = json.loads(result.out)
    assert (result.code, found["elsewhere"], found["lines"]) == (3, "0.057750000000", 0)


def test_an_export_of_an_api(reconcile, folder):
    """Without its last page it is not complete, and rejected only for what differs."""
    costs = {
        "uncached_input_tokens": "0.6000", "cache_read_input_tokens": "0.3000", "output_tokens": "3.7500",
        "cache_creation.ephemeral_5m_input_tokens": "1.1250",
    }  # fmt: skip
    results = [
        {"cost_type": "tokens", "token_type": name, "amount": amount, "currency": "USD", "model": "claude-sonnet-4-6"}
        for name, amount in costs.items()
    ]  # fmt: skip
    data = [{"starting_at": "2026-11-01T00:00:00Z", "results": results}]

    def run(**page):
        (folder / "costs.json").write_text(json.dumps({"data": data, **page}))
        line = "reconcile batch.cbor --keys issuer.jwks.json --card card.cbor --invoice costs.json"
        return reconcile.shell(f"{line} --kind anthropic-cost")

    assert run(has_more=False).out.startswith("VERIFIED: 4 lines compared with anthropic-cost\n")
    result = run(has_more=True)
    assert result.code == 3
    assert result.out.splitlines()[0] == "INCOMPLETE: 4 lines compared with anthropic-cost"
    told = "not compared: pages of the export after the last one that is here (1)"
    assert result.out.splitlines()[-1] == told
    results[0]["note"] = 1
    result = run()
    assert (result.code, result.err) == (0, "receipt: not read: member note\n")
    results[0]["currency"] = "EUR"
    result = run()
    assert (result.code, result.out) == (2, "")
    assert "error: the invoice is in EUR, the card in USD" in result.err
    results[0]["currency"], results[0]["amount"] = "USD", "1.6000"
    assert run(has_more=True).code == 1
    results[0]["amount"] = [1]
    result = run()
    assert (result.code, result.out) == (2, "")
    assert "costs.json, line 1, column " in result.err
    assert (
        'data[0].results[0].amount: expected a decimal number, like "12.50", found an array'
        in result.err
    )


def test_a_name_does_not_talk_to_the_terminal(reconcile):
    result = reconcile([*LINES, "2026-11-01,a/\x1b[2J,output,1,0.01\n"])
    assert result.code == 1
    assert "\x1b" not in result.out + result.err
    assert "2026-11-01 a/\\x1b[2J output: quantity 1, amount 0.010000000000" in result.out
