"""The page for a CFO: it needs nothing beside itself, names are text in it, and it can be read by everybody."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from attribution.money.output.page.figures import Figures
from attribution.money.output.page.plots import Bar, bars, columns, rates
from attribution.money.output.page.style import STYLE
from tests.cli import Shell
from tests.finance.closed import FINANCE, write_month
from tests.finance.running import DAY, IDENTIFIER, ROWS, START, request

RUN = "attribute batch.cbor --keys keys.json --card card.cbor --config finance.toml --format html"
HOSTILE = '<script>alert("1")</script>'


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text of each table."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.tables, self.texts, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or not data.strip():
            return
        self.texts.append(data.strip())
        if "table" in self.open:
            self.tables[-1].append(data.strip())

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    write_month(tmp_path, ROWS)
    return Shell(capfd)


def page(shell, line=""):
    result = shell(f"{RUN} {line}")
    assert (result.code, result.err) == (0, "")
    return result.out


def test_the_figures_of_the_running_example(shell, tmp_path):
    (tmp_path / "revenue.csv").write_text("dimension,value,revenue\ncustomer,c1,0.20\n")
    found = Page(page(shell))
    margins = "The margin, with shared costs, falls from 0.105200 USD to 0.068000 USD."
    for words in (
        "0.094800 USD", "0.132000 USD", "0.037200 USD", "28.2% of the full price", "100.0%", "the rest is owned by platform",
        f"If caching stops, the same requests cost 0.037200 USD more. {margins}",
    ):  # fmt: skip
        assert words in found.texts
    by_caption = {cells[0]: cells for cells in found.tables}
    spend = by_caption["Spend by team, by each method"]
    assert spend[-5:] == ["search", "0.051000", "0.045000", "0.033586", "0.034059"]
    assert by_caption["Exposure by prefix"][-6:] == ["copilot", "platform", "3", "0.043200", "0.006000", "0.037200"]  # fmt: skip
    assert by_caption["By week"][-5:] == ["2025-09-29", "0.094800", "0.043200", "0.027600", "66.7%"]
    assert len([one for one in found.tables if one[0] == "On what this rests"]) == 1


def test_it_needs_nothing_beside_itself(shell):
    text = page(shell)
    found = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "a", "use", "image"} & {
        tag for tag, _ in found.elements
    }
    for tag, attrs in found.elements:
        assert not {
            name for name in attrs if name.startswith("on") or name in ("src", "href", "style")
        }, tag
    assert not re.search(r"https?:|url\(|@import|//", text)
    policy = next(
        one["content"]
        for one in found.of("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    )
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    assert (
        policy
        == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert f"<style>{STYLE}</style>" in text


def test_names_are_text(shell, tmp_path):
    rows = [
        request(
            at, HOSTILE, logical=9000, cached=8000 if at else 0, output=7, miss=f"{HOSTILE}m", entries={(IDENTIFIER, 8000)},
            tags={"feature": f"{HOSTILE}f", "customer": f"{HOSTILE}c", "user": HOSTILE}, time=START + at * DAY // 15,
        )
        for at in range(400)
    ]  # fmt: skip
    write_month(tmp_path, rows)
    toml = HOSTILE.replace('"', '\\"')
    finance = FINANCE.replace('"assist"', f'"{toml}"').replace('"copilot"', f'"{toml}p"')
    finance += f'\n[[deploy]]\ntime = 2025-10-02T00:00:00Z\nteam = "{toml}"\nwhat = "{toml}w"\nprefixes = ["{toml}p"]\n'
    (tmp_path / "<b>.toml").write_text(finance)
    text = shell(RUN.replace("finance.toml", "'<b>.toml'")).out.replace(
        f"<style>{STYLE}</style>", ""
    )
    assert "&lt;b&gt;.toml" in text
    assert "<script" not in text.lower()
    found = Page(text)
    assert {tag for tag, _ in found.elements} <= {
        "html", "head", "meta", "title", "body", "header", "main", "footer", "section", "h1", "h2", "p", "dl", "dt", "dd", "div",
        "figure", "figcaption", "svg", "text", "rect", "line", "polyline", "circle", "ul", "li", "table", "caption", "thead",
        "tbody", "tr", "th", "td",
    }  # fmt: skip
    told = " ".join(cell for cells in found.tables for cell in cells)
    for mark in ("", "p", "c", "f"):
        assert f"{HOSTILE}{mark}" in told


def test_what_is_not_verified_or_open_is_marked(shell, tmp_path):
    write_month(tmp_path, ROWS, closed=False)
    found = Page(page(shell, "--include-unverified"))
    assert "NOT VERIFIED: incomplete (statement-missing)" in found.texts
    assert any(text.startswith("The period is open") for text in found.texts)
    write_month(tmp_path, ROWS)
    assert not any(
        text.startswith(("NOT VERIFIED", "The period is open")) for text in Page(page(shell)).texts
    )


def test_plots_have_names_and_their_numbers_stand_in_tables(shell):
    """And the same input is the same page."""
    text = page(shell)
    found = Page(text)
    cells = {cell for table in found.tables for cell in table}
    plots = [one for one in found.of("svg") if one.get("class") != "swatch"]
    assert len(plots) == 7
    assert all(one["role"] == "img" and one["aria-label"] for one in plots)
    numbers = set(re.findall(r'class="end">([^<]+)<', text))
    assert len(numbers) > 5
    assert numbers <= cells
    assert all(one["scope"] in ("col", "row") for one in found.of("th"))
    assert len(found.of("caption")) == len(found.of("table"))
    assert found.of("html") == [{"lang": "en"}]
    assert page(shell) == text


def test_a_page_is_no_list_of_everything(shell, tmp_path):
    rows = [
        request(at, "data", logical=1000, entries={(f"{at % 60:064x}", 900)}, tags={"customer": f"c{at}"})
        for at in range(120)
    ]  # fmt: skip
    rows += [
        one._replace(item=200 + one.item, request=f"x{one.item}", tags={"team": "search"})
        for one in rows
    ]
    write_month(tmp_path, rows)
    found = Page(page(shell))
    captions = [cells[0] for cells in found.tables]
    assert "Prefixes without an owner (the first 50 of 60 rows)" in captions
    assert "Customers with the greatest exposure, 10 of 121" in captions


def test_tables_that_are_not_its_own_are_refused(shell):
    for line in ("--report margin", "--by team", "--where team=data"):
        result = shell(f"{RUN} {line}")
        assert (result.code, result.out) == (2, "")
        assert "the page has reports of its own" in result.err


def test_by_day(shell):
    found = Page(page(shell, "--trend day"))
    assert "Day by day" in found.texts
    by_day = next(cells for cells in found.tables if cells[0] == "By day")
    assert by_day[-5:-3] == ["2025-10-01", "0.094800"]


def test_a_month_in_which_nothing_was_shared(shell, tmp_path):
    write_month(tmp_path, [request(1, logical=1000)])
    (tmp_path / "finance.toml").write_text('currency = "USD"\n')
    found = Page(page(shell))
    assert "Broken caches: none." in found.texts
    assert "Exposure by prefix: none." in found.texts
    assert "the rest has no owner" in found.texts
    assert any("there is no margin to tell" in text for text in found.texts)


@pytest.mark.parametrize(
    ("invoice", "amount", "shown"),
    [
        ("9.999999999999", "0.0000005", "0.000001"), ("10.000000000000", "0.005000000000", "0.01"),
        ("10.000000000000", "-1234567.895000000000", "-1,234,567.89"), ("10.000000000000", "-0.004000000000", "0.00"),
    ],
)  # fmt: skip
def test_amounts(invoice, amount, shown):
    whole, _, rest = amount.partition(".")
    found = Figures({"currency": "USD", "totals": {"invoice": invoice}})
    assert found.amount(f"{whole}.{rest:0<12}") == shown


def test_plots_of_nothing_and_of_much():
    for empty in (bars("a", []), columns("a", [], {"b": []}, "0"), rates("a", [], {})):
        Page(empty)
    below = bars("a", [Bar("x", -10, "-10"), Bar(None, 30, "30"), Bar("z", 0, "0")])
    assert '<rect x="0" y="19" width="100" height="10" class="under"/>' in below
    assert '<rect x="100" y="53" width="300" height="10" class="over"/>' in below
    week = [str(at) for at in range(53)]
    assert rates("a", week, {"x": [None] * 53}).count("<text") == 3 + 8
    assert rates("a", week, {f"{at}": [None] * 53 for at in range(9)}).count("<li>") == 6


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_seen():
    """Text has a contrast of 4.5 at least, and what is drawn one of 3 (WCAG 2.2, 1.4.3 and 1.4.11), by day, in the dark, on paper."""
    schemes = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for back in ("paper", "card"):
            assert contrast(colours["ink"], colours[back]) >= 7
            assert contrast(colours["soft"], colours[back]) >= 4.5
        for name in ("over", "under", *(f"c{number}" for number in range(6))):
            assert contrast(colours[name], colours["paper"]) >= 3, name
