"""The page of a report: whole, safe whatever the names are, and the same each time."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.page.document import Embed, render_html
from cli.page.markup import tag
from cli.page.words import amount, rate
from tests.build import ISSUER
from tests.reporting import COUNTS, VERIFY, charge, write
from tests.test_report_check import SAMPLE

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style></title>", "javascript:alert(1)", "a\u202eb",
    "&lt;b&gt;", "' onmouseover='x", "<!--", "]]>", "\u2028",
)  # fmt: skip
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "p", "span", "strong", "code",
    "dl", "dt", "dd", "ul", "li", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "a", "details", "summary", "svg", "g",
    "rect", "script",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of it, as far as it matters here."""

    def __init__(self, data):
        super().__init__()
        self.elements, self.open, self.text, self.scripts, self.policy = [], [], [], [], ""
        self.feed(data.decode())
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name != "meta":
            self.open.append(name)
        elif dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"]

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "meta" and dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"]

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text.append(data)


def page_of(shell, more=""):
    result = shell(f"{VERIFY} --report r.json --report r.html {more}")
    assert result.code in (0, 1, 3), result.err
    return Page(Path("r.html").read_bytes())


def hashed(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_page_comes_from_the_object(shell, folder):
    write(3, r1=None)
    shell(f"{VERIFY} --report r.json --report r.html")
    shell("report html r.json --out again.html")
    assert Path("r.html").read_bytes() == Path("again.html").read_bytes()
    assert Path("r.html").read_bytes() == render_html(json.loads(Path("r.json").read_bytes()))


def test_the_page_says_the_first_things_first(shell, folder):
    write(3, r1=None, r2={"output": 400})
    text = " ".join(page_of(shell, "--period 2026-11 --dated 2026-12-01").text)
    places = [text.index(words) for words in (
        "Verification report, 2026-12-01", "Rejected", "2026-11", ISSUER, "3 receipts", "0.0333 USD", "0.0126 USD", "Findings by money",
        "receipt-without-request", "0.0111 USD", "count-differs", "0.0015 USD", "Input tokens over time", "Hit rate by model",
        "Coverage of the sequences", "Findings over time", "Findings in detail", "R-14.2", "What was checked", "Accounts and statements",
        "What this report does not show", "What it was made from",
    )]  # fmt: skip
    assert places == sorted(places)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(shell, folder, name):
    """As a model, as a stream and in messages: no element, no attribute and no script comes from a name."""
    plain = len(Page(render_with(shell, "plain")).elements)
    page = Page(render_with(shell, name))
    assert len(page.elements) == plain
    assert {element for element, _ in page.elements} <= ELEMENTS
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]  # fmt: skip
    assert all((attributes.get("href") or "#")[0] == "#" for _, attributes in page.elements)
    shown = re.sub(r"[\u202e\u2028]", lambda found: f"\\u{ord(found[0]):04x}", name)
    assert shown in page.text


def render_with(shell, name):
    write(3, model=name, stream=name, r1=None, r2={"model": "other"})
    shell(f"{VERIFY} --report r.html")
    return Path("r.html").read_bytes()


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_report_of_any_text_is_a_page(name, code):
    document = json.loads(SAMPLE)
    document["findings"][0] |= {"code": code, "message": name, "stream": name, "expected": name}
    document["codes"][0]["code"] = document["inputs"][0]["name"] = document["parties"][0]["issuer"] = name  # fmt: skip
    document["checks"][0]["check"] = document["not_proven"][0]["text"] = document["verifier"]["name"] = name  # fmt: skip
    document["figures"]["models"][0]["model"] = document["accounts"][0]["account"] = name
    elements = {element for element, _ in Page(render_html(document)).elements}
    assert elements <= ELEMENTS


def test_the_page_talks_to_nobody(shell, folder):
    """The policy allows the one style and the one script that are there, by their hashes, and no connection at all."""
    write(2)
    page = page_of(shell)
    style = re.search(r"<style>(.*?)</style>", Path("r.html").read_text(), re.DOTALL)[1]
    (script,) = page.scripts
    assert page.policy == (
        f"default-src 'none'; style-src {hashed(style)}; script-src {hashed(script)}; base-uri 'none'; form-action 'none'"
    )  # fmt: skip
    assert not {"src", "style", "action", "srcset"} & {key for _, attributes in page.elements for key in attributes}  # fmt: skip
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_aloud(shell, folder):
    """A language, one first heading, a header for every column, and a name for every picture."""
    write(3, r1=None)
    elements = page_of(shell).elements
    names = [name for name, _ in elements]
    assert (names.count("h1"), dict(elements)["html"]["lang"]) == (1, "en")
    assert names.count("table") == names.count("caption") == names.count("thead")
    assert all(attributes.get("scope") == "col" for name, attributes in elements if name == "th")
    assert all("aria-label" in a or a.get("aria-hidden") == "true" for name, a in elements if name == "svg")  # fmt: skip
    assert all(attributes["aria-labelledby"] for name, attributes in elements if name == "section")
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_an_observer_is_told_beside_the_verdict():
    document = json.loads(SAMPLE) | {"observed": 1}
    document["parties"][0] |= {"of_biller": 2, "of_observer": 1}
    text = " ".join(Page(render_html(document)).text)
    assert "1 of 3 receipts are signed by an observer, not by who bills." in text
    assert text.index("by an observer") < text.index("Period")


def test_what_was_not_named_or_not_there_is_no_success(shell, folder):
    """A period that nobody named, a check of nothing, and writes without a TTL."""
    write(3, charged={})
    text = " ".join(page_of(shell).text)
    assert "complete for the period that the statements name." in text
    document = json.loads(Path("r.json").read_bytes())
    assert "signatures passed 4 of 4" in text
    assert "complete for the period." in " ".join(page_of(shell, "--period 2026-11").text)
    document["accounts"][0]["totals"]["writes"] = {"0": 5, "3600": 6}
    document["checks"][1] |= {"passed": 0, "of": 0}
    text = " ".join(Page(render_html(document)).text)
    assert "signatures nothing to check 0 of 0" in text
    assert "writes, TTL not stated 5 writes for 3,600 s 6" in text


def test_an_amount_that_is_not_known_is_no_zero(shell, folder):
    """That is said where there is one, and nowhere else."""
    write(3, charged={0: charge(COUNTS, output_rate=16_000_000)})
    known = " ".join(page_of(shell).text)
    assert ("0.0005 USD" in known, "Not known is not zero" in known) == (True, False)
    write(3, r1=None, charged={})
    shell(f"{VERIFY.replace('--card card.cbor', '')} --report u.html")
    text = " ".join(Page(Path("u.html").read_bytes()).text)
    assert ("not known" in text, "Not known is not zero" in text) == (True, True)


def test_a_verifier_can_be_embedded():
    """It has its place on the first screen, its data as text, and its hash in the policy."""
    embed = Embed("check();", {"batch": "</script><b>"}, "worker-src blob:")
    page = Page(render_html(json.loads(SAMPLE), embed))
    assert hashed("check();") in page.policy
    assert page.policy.endswith("; worker-src blob:")
    assert ("p", "recheck") in [(name, attributes.get("id")) for name, attributes in page.elements]
    assert [json.loads(text) for text in page.scripts if text.startswith('"\\u003c')] == [
        "</script><b>"
    ]
    with pytest.raises(ValueError, match="would end its own element"):
        render_html(json.loads(SAMPLE), Embed("</ScRiPt>"))


@pytest.mark.parametrize("subject", ["proof", "equivocation"])
def test_a_proof_has_a_page_too(shell, folder, subject):
    spec = Path(__file__).parents[1] / "spec/examples"
    line = f"verify {spec}/{subject}.cbor --keys {spec}/issuer.jwks.json --report r.html"
    assert shell(line).code == 0
    text = " ".join(Page(Path("r.html").read_bytes()).text)
    assert "Verified" in text
    assert "The signed objects" in text
    assert "Input tokens over time" not in text


@pytest.mark.parametrize(
    ("picounits", "shown"),
    [("0", "0.00"), ("1", "0.000000000001"), ("-1500000000000", "-1.50"), ("1234567000000000000", "1,234,567.00")],
)  # fmt: skip
def test_amounts_are_exact(picounits, shown):
    assert amount(picounits) == shown


def test_a_rate_is_never_rounded_up():
    assert [rate(*pair) for pair in ((0, 1), (2, 3), (9999, 10000), (1, 1), (0, 0))] == ["0.0 %", "66.6 %", "99.9 %", "100.0 %", "\u2014"]  # fmt: skip


def test_attributes_are_escaped():
    assert tag("p", "<", title='"&') == '<p title="&quot;&amp;">&lt;</p>'
