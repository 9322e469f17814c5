"""``receipt trust``: pin, list and remove the issuers that you trust."""

from __future__ import annotations

import sys

import click

from cli.files import read_bytes
from cli.terminal import CliError, output_options, print_json, say
from cli.trust_store import VARIABLE, TrustStore
from verifier import KeyFileError, TrustedKey, read_jwks
from verifier import kid_text as text
from verifier.report.period import show_instant
from verifier.report.text import escape

_STORE = click.option(
    "--trust-store",
    metavar="FOLDER",
    envvar=VARIABLE,
    help=f"Where pins are kept; also {VARIABLE}.",
)


@click.group()
def trust() -> None:
    """Pin, list and remove the issuers that you trust.

    A batch is verified against the pinned keys. Get a key file on another way than the batches: the issuer's site, a contract.
    """


@trust.command()
@click.argument("file", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask.")
@_STORE
@output_options
def add(
    file: str,
    yes: bool,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Pin the issuer of a key FILE.

    \b
    receipt trust add issuer.jwks.json
    """
    data = read_bytes(file)
    try:
        keys = read_jwks(data)
    except KeyFileError as error:
        raise CliError(
            f"{file}: {error}", "a key file is the issuer.jwks.json that the issuer publishes"
        ) from None
    for key in keys:
        if key.weakness is not None:
            raise CliError(
                f"{file}: key {text(key.kid)} must not be trusted: {key.weakness}",
                "ask the issuer for a sound key",
            )
    store, issuer = TrustStore(trust_store), keys[0].issuer
    _show(issuer, keys, store.pinned(issuer))
    if not yes and not _confirmed():
        raise CliError(
            "nothing was pinned",
            "compare the key with what the issuer told you, then answer y or use --yes",
        )
    store.pin(issuer, data)
    if as_json:
        print_json(_as_dict(issuer, keys))
    say(f"pinned {escape(issuer)}")


def _show(issuer: str, keys: list[TrustedKey], pinned: list[TrustedKey]) -> None:
    """What is about to be trusted, and what of it is new."""
    click.echo(f"issuer {escape(issuer)}", err=True)
    for key in keys:
        state = " (pinned already)" if key in pinned else " (new)" if pinned else ""
        click.echo(f"  key {text(key.kid)}{_window(key)}{state}", err=True)
    for key in pinned:
        if key.kid not in {new.kid for new in keys}:
            click.echo(f"  key {text(key.kid)} (pinned now, would be dropped)", err=True)
        elif key not in keys:
            click.echo(f"  key {text(key.kid)}{_window(key)} (as pinned now)", err=True)


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CliError(
            "this needs an answer, and there is no terminal",
            "use --yes if you have compared the key",
        )
    return click.confirm("Trust these keys?", err=True)


@trust.command("list")
@_STORE
@output_options
def list_(trust_store: str | None, as_json: bool, quiet: bool) -> None:
    """Print the pinned issuers and keys."""
    store = TrustStore(trust_store)
    issuers = [(keys[0].issuer, keys) for keys in store.issuers().values()]
    issuers.sort(key=lambda pair: pair[0])
    if as_json:
        print_json([_as_dict(issuer, keys) for issuer, keys in issuers])
        return
    for issuer, keys in issuers:
        click.echo(escape(issuer))
        for key in keys:
            click.echo(f"  {text(key.kid)}{_window(key)}")
    if not issuers and not quiet:
        click.echo(f"receipt: no issuer is pinned in {store.folder}", err=True)


@trust.command()
@click.argument("issuer")
@_STORE
@output_options
def remove(
    issuer: str,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Forget the pinned keys of an ISSUER. Statements that were seen stay remembered."""
    if not TrustStore(trust_store).unpin(issuer):
        raise CliError(f"{issuer} is not pinned", "receipt trust list prints what is")
    if as_json:
        print_json({"issuer": issuer, "pinned": False})
    say(f"{issuer} is not trusted any more")


def _window(key: TrustedKey) -> str:
    parts = [
        f"{word} {show_instant(moment)}"
        for word, moment in (
            ("from", key.not_before),
            ("until", key.expires),
            ("revoked", key.revoked),
        )
        if moment is not None
    ]
    return f", {', '.join(parts)}" if parts else ""


def _as_dict(issuer: str, keys: list[TrustedKey]) -> dict[str, object]:
    """Times in ms."""
    return {
        "issuer": issuer,
        "keys": [
            {
                "kid": text(k.kid),
                "not_before": k.not_before,
                "expires": k.expires,
                "revoked": k.revoked,
            }
            for k in keys
        ],
    }
