"""``receipt demo``: the whole way, on a bundled sample of recorded usage, or on a simulated day of cache traffic, in a temporary folder."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click

from cli import key_folder
from cli.options import output_options
from cli.sample.traffic import Simulator
from cli.terminal import CliError, print_json
from cli.trust_store import VARIABLE
from verifier import UnverifiedItem, batch_file, read_items

_REQUEST = "req_42"
_HELP = """Run all of it on a bundled sample, in a temporary folder: key, receipts, statement, verification, proof.

The sample is 44 usage objects that were recorded from real requests to Anthropic and OpenAI. Nothing is left behind, and your own
pins are not touched.

With --cache, a day of traffic over a provider's prompt cache is simulated, with a deploy that spoils the prefix at noon, a storm of evictions, and
a provider that withholds some credits; `receipt cache` finds each.
"""


@dataclass(frozen=True, slots=True)
class _Step:
    """A thing to show: words, the command, and the exit code that it must come to."""

    words: str
    command: str
    exit_code: int = 0
    before: Callable[[], None] | None = None
    """What has to be done first, that no command does."""


def _sample() -> None:
    Path("usage.jsonl").write_bytes(
        resources.files("cli").joinpath("sample/usage.jsonl").read_bytes()
    )


def _tamper() -> None:
    """Leave the receipt out, as somebody might who does not want to pay for it, or to grant its cache credit."""
    kept: list[UnverifiedItem] = [
        item
        for item in read_items([batch_file("batch.cbor")])
        if getattr(item.claims, "request", None) != _REQUEST
    ]
    Path("tampered.cbor").write_bytes(b"".join(item.raw for item in kept))


def _simulate() -> None:
    """A day of traffic, by a provider that withholds some credits."""
    folder = key_folder.load("keys")
    with Path("day.cbor").open("wb") as stream:
        Simulator(folder.issuer, folder.signing).run(stream)


_KEYGEN = "receipt keygen --issuer https://api.example.com --out keys/"
_TRUST = "receipt trust add keys/issuer.jwks.json --yes"
_STEPS = (
    _Step("A provider makes a key, and publishes keys/issuer.jwks.json.", _KEYGEN),
    _Step("It turns recorded usage into signed receipts ...",
          "receipt issue usage.jsonl --keys keys/ --account acme --out batch.cbor", before=_sample),
    _Step("... and closes the month: every stream, every count, under one signature.",
          "receipt close batch.cbor --keys keys/ --period 2026-11 --early"),
    _Step("The customer pins the provider's key, once ...", _TRUST),
    _Step("... and verifies what it is billed for.",
          "receipt verify batch.cbor --period 2026-11"),
    _Step("One receipt can be proven without showing the others.",
          f"receipt prove batch.cbor --request {_REQUEST} -o proof.cbor"),
    _Step("Anybody who trusts the key can check that.",
          "receipt verify proof.cbor"),
    _Step(f"Now somebody takes the receipt of {_REQUEST} out of the batch.",
          "receipt verify tampered.cbor --period 2026-11 --no-remember", 1, before=_tamper),
)  # fmt: skip
_CACHE_STEPS = (
    _Step("A provider makes a key.", _KEYGEN),
    _Step("The customer pins it.", _TRUST),
    _Step("A day of agents, documents and chat passes; it is simulated, and takes a few seconds. Its receipts verify.",
          "receipt verify day.cbor --period 2026-11-10", before=_simulate),
    _Step("But what did the cache do? The provider claims a hit rate of 80%.",
          "receipt cache day.cbor --claimed-hit-rate 0.8 --longest-request 10 --plot cache.svg", 1),
)  # fmt: skip


@click.command(help=_HELP)
@click.option("--cache", is_flag=True, help="Show a simulated day of cache traffic instead.")
@output_options()
def demo(cache: bool, as_json: bool, quiet: bool) -> None:
    """Run the steps, and say if one did not end as it should."""
    steps = _CACHE_STEPS if cache else _STEPS
    with _temporary_folder():
        codes = [_run(step, quiet=quiet or as_json) for step in steps]
    if as_json:
        print_json([
            {"command": step.command, "exit_code": code} for step, code in zip(steps, codes, strict=True)
        ])  # fmt: skip
    for step, code in zip(steps, codes, strict=True):
        if code != step.exit_code:
            raise CliError(
                f"{step.command} ended with {code}, expected {step.exit_code}",
                "this is a defect: please report it",
            )


def _run(step: _Step, *, quiet: bool) -> int:
    if not quiet:
        click.echo(
            f"\n{click.style('#', dim=True)} {step.words}\n{click.style('$', dim=True)} {step.command}"
        )
    if step.before is not None:
        step.before()
    arguments = shlex.split(step.command)[1:]
    if not quiet:
        return _receipt(arguments)
    with _silence():
        return _receipt(arguments)


def _receipt(arguments: Sequence[str]) -> int:
    from cli.main import run  # the command is a part of what it runs

    return run(arguments)


@contextmanager
def _temporary_folder() -> Iterator[None]:
    """A folder to work in, with a trust store of its own."""
    before = os.environ.get(VARIABLE)
    with tempfile.TemporaryDirectory(prefix="receipt-demo-") as folder, chdir(folder):
        os.environ[VARIABLE] = str(Path(folder, "trust"))
        try:
            yield
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on stdout or stderr."""
    nowhere = Path(os.devnull)
    with nowhere.open("w") as out, redirect_stdout(out), redirect_stderr(out):
        yield
