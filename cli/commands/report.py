"""``receipt report``: sign, check and show a report of a verification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import click

from cli import key_folder, report_files
from cli.embedding import embedded
from cli.files import output_file
from cli.options import (  # fmt: skip
    jobs_option,
    key_folder_option,
    out_option,
    output_options,
    trust_store_option,
)
from cli.page.document import render_html
from cli.page.words import moneys, number, period, plural
from cli.rechecking import Recheck, at_hand, recheck
from cli.report_files import ReportFile
from cli.terminal import print_json, safe, say, style
from cli.trust_store import TrustStore
from receipts import sign_report
from verifier import kid_text

_HELP = """Sign, check and show the report of a verification.

A report is what receipt verify --report wrote: spec/report.md says what is in it, docs/auditor.md what it is evidence of.
"""
_SIGN_HELP = """Sign a report with a key of your own: you vouch for it.

\b
receipt report sign report.json --keys auditor/ --out report.cbor
"""
_CHECK_HELP = """Check a report: its signature, and that its inputs give it.

FILES are its inputs, in any order: each is known by its SHA-256. Pinned keys and remembered statements are found in your trust store. If
all are there, the verification is done again, and the two reports are compared byte for byte. That a report follows from its
inputs does not make them right: the key file is one of them, so ask whose it is.

Exit code 0: it was done again and is the same. 1: it differs, or the signature is false. 3: something could not be checked.

\b
receipt report check report.cbor batch.cbor issuer.jwks.json
receipt report check report.json november.cbor log.jsonl
"""
_SHOW_HELP = """Show a report in a few lines; --json prints all of it. Nothing is checked.

\b
receipt report show report.json
"""
_PAGE_HELP = """Make the page of a report: one HTML file, which needs no network. Nothing is checked.

With --embed the page holds inputs of the report, and a verifier for browsers: when it is opened, it checks them again, and says beside the verdict whether
that is what comes out. Whoever gets the page gets these files too. Name every file of receipts; keys that you have pinned are found. Name rate cards and logs
too, or their checks are not made in the page. A pack in place of the batch shows the disputed findings alone.

\b
receipt report html report.json --out report.html
receipt report html r.json --embed batch.cbor --embed keys.json --out r.html
receipt report html r.json --embed pack.zip --out r.html
"""
_EMBED = "Put this input of the report, or a pack, into the page; may be repeated."
_SIGNER = "Trust this key file for the signature of the report, and not the pinned ones."
_NOT_PINNED: Final = "not pinned here: ask the issuer whether it is its own"


@click.group(help=_HELP)
def report() -> None:
    """Reports."""


@report.command(help=_SIGN_HELP)
@click.argument("file", type=click.Path())
@key_folder_option
@out_option("The signed report to write; - is stdout.", required=True)
@output_options()
def sign(file: str, keys: str, out: str, as_json: bool, quiet: bool) -> None:  # noqa: ARG001  # `say` reads quiet
    """Sign a report."""
    folder = key_folder.load(keys)
    read = report_files.read(file, {})
    dated = None if read.document["dated"] is None else int(read.document["dated"])
    key = folder.signing.for_receipt(key_folder.now() if dated is None else dated)
    signed = sign_report(read.data, folder.issuer, key, dated)
    with output_file(out) as stream:
        stream.write(signed.data)
    if as_json and out != "-":
        print_json({"report": out, "digest": signed.digest.hex(), "issuer": folder.issuer})
    say(f"{out}: {read.document['verdict']}, signed by {folder.issuer}")


@report.command(help=_CHECK_HELP)
@click.argument("file", type=click.Path())
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--signer", "signers", multiple=True, metavar="FILE", help=_SIGNER)
@jobs_option
@trust_store_option
@output_options("No progress; only the result.")
def check(
    file: str, files: tuple[str, ...], signers: tuple[str, ...], jobs: int, trust_store: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Check a report."""
    store = TrustStore(trust_store)
    read = report_files.read(file, store.trusted(signers))
    found = at_hand(read.document, files, store)
    done = recheck(read.document, read.data, found, store, jobs)
    if as_json:
        print_json(_as_dict(read, done))
    else:
        lines = list(_lines(read, done, store))
        click.echo("\n".join(lines[:1] if quiet else lines))
    click.get_current_context().exit(_code(read, done))


def _code(read: ReportFile, done: Recheck) -> int:
    """1: false; 3: not all was checked; 0: it is right."""
    if read.false or (done.differences and not done.only_versions):
        return 1
    unproven = read.signed is not None and read.signed.unproven
    return 0 if done.same and not unproven else 3


_RESULTS: Final = {0: "verified", 1: "rejected", 3: "incomplete"}
_WORDS: Final = {
    0: "the report is right, its inputs give it byte for byte",
    1: "the report is false",
    3: "not all of the report was checked",
}


def _lines(read: ReportFile, done: Recheck, store: TrustStore) -> Iterator[str]:
    code = _code(read, done)
    yield f"{style(_RESULTS[code], _RESULTS[code])}: {_WORDS[code]}"
    yield f"  verdict       {read.document['verdict']}"
    yield f"  signature     {safe(_signature(read))}"
    if done.missing:
        yield "  done again    no: these inputs are not at hand"
        yield from (f"    {one['role']:<11} {safe(one['name'])}, SHA-256 {one['sha256']}" for one in done.missing)  # fmt: skip
    elif done.same:
        yield "  done again    the same, byte for byte"
    elif done.only_versions:
        yield "  done again    the same, but for the version of verifier or specification"
    else:
        yield "  done again    it differs"
    for one in done.differences:
        yield f"    {safe(one.member)}: the report has {_short(one.report)}, here it is {_short(one.here)}"
    if done.more:
        yield f"    and {plural(done.more, 'more difference')}"
    yield from _whose(read, done, store)


def _signature(read: ReportFile) -> str:
    if read.signed is None:
        return "none: nobody vouches for it"
    if read.false:
        return f"false: {read.false}"
    if read.signed.unproven:
        return f"not checked: {read.signed.unproven} (it names {read.signed.issuer})"
    return f"valid, of {read.signed.issuer}"


def _whose(read: ReportFile, done: Recheck, store: TrustStore) -> Iterator[str]:
    """Whether the keys by which the receipts were verified are those that the reader has pinned."""
    pinned = {(key.issuer, kid_text(key.kid)) for key in store.keys()}  # noqa: SIM118  # it is no dict
    parties = [(one["issuer"], kid) for one in read.document["parties"] for kid in one["signers"]]
    # The report on a pack has no parties.
    for issuer, kid in parties or done.signers:
        state = "pinned here" if (issuer, kid) in pinned else _NOT_PINNED
        yield f"  key           {safe(kid)} of {safe(issuer)}, {state}"


def _short(value: Any) -> str:
    shown = "nothing" if value is None else safe(str(value))
    return shown if len(shown) <= 100 else f"{shown[:97]}..."


def _as_dict(read: ReportFile, done: Recheck) -> dict[str, Any]:
    signed = read.signed
    return {
        "result": _RESULTS[_code(read, done)],
        "verdict": read.document["verdict"],
        "signature": {
            "state": "none" if signed is None else "false" if read.false else "unknown key" if signed.unproven else "valid",
            "issuer": None if signed is None else signed.issuer,
            "kid": None if signed is None else signed.kid,
            "why": read.false or (None if signed is None else signed.unproven),
        },
        "missing": done.missing,
        "same": done.same,
        "differences": [asdict(one) for one in done.differences],
        "more_differences": done.more,
    }  # fmt: skip


@report.command(help=_SHOW_HELP)
@click.argument("file", type=click.Path())
@output_options("Only the verdict.")
def show(file: str, as_json: bool, quiet: bool) -> None:
    """Show a report."""
    document = report_files.read(file, {}).document
    if as_json:
        print_json(document)
        return
    lines = list(_summary(document))
    click.echo("\n".join(lines[:1] if quiet else lines))


def _summary(document: dict[str, Any]) -> Iterator[str]:
    verdict = style(document["verdict"], document["verdict"])
    yield f"a report, which was not checked here: {verdict}"
    asked = document["options"]["period"]
    yield f"  period        {'none was named' if asked is None else period(asked)}"
    for one in document["parties"]:
        yield f"  party         {safe(one['account'])} of {safe(one['issuer'])}"
        yield f"  receipts      {number(one['of_biller'])} of the biller, {number(one['of_observer'])} of an observer"
    for one in document["codes"]:
        worth = moneys(one["amounts"]) or "worth not known"
        yield f"  {one['severity']:<13} {safe(one['code'])}: {plural(one['count'], 'item')}, {safe(worth)}"
    for one in document["inputs"]:
        yield f"  {one['role']:<13} {safe(one['name'])}, SHA-256 {one['sha256']}"


@report.command("html", help=_PAGE_HELP)
@click.argument("file", type=click.Path())
@click.option("--embed", multiple=True, metavar="FILE", help=_EMBED)
@out_option("The page to write; - is stdout.", required=True)
@trust_store_option
@output_options()
def page(
    file: str, embed: tuple[str, ...], out: str, trust_store: str | None, as_json: bool, quiet: bool,  # noqa: ARG001
) -> None:  # fmt: skip
    """Make the page of a report."""
    document = report_files.read(file, {}).document
    inside = embedded(document, embed, TrustStore(trust_store)) if embed else None
    with output_file(out) as stream:
        stream.write(render_html(document, inside))
    if as_json and out != "-":
        print_json({"page": out, "verdict": document["verdict"]})
