"""``receipt trust``: pin, list and remove the issuers that you trust."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import click

from cli.files import read_bytes
from cli.options import output_options, trust_store_option
from cli.published import is_address, key_file
from cli.terminal import CliError, print_json, say, warn
from cli.trust_store import TrustStore, parse_keys
from verifier import TrustedKey, escape, kid_text, show_instant

_HELP = """Pin, list and remove the issuers that you trust.

A batch is verified against the pinned keys. Get a key file on another way than the batches: the issuer's site, a contract.
"""
_ADD_HELP = """Pin the issuer of a key FILE, or of one that is published at https://....

With --kid the file must hold the key that the issuer told you of, and the first time no other.
A key that is pinned as revoked stays revoked: an older file is refused.

Of an address, exactly that is asked over TLS; without a path, /.well-known/token-receipts/issuer.jwks.json. Who can answer in
the place of the host can give another key: compare it with what the issuer told you, as you would a file's.

\b
receipt trust add issuer.jwks.json
receipt trust add issuer.jwks.json \\
  --kid hm7vvWcYyIRs193-Q_x0qx2qxFOP-FFOouwtQQpBV0M
receipt trust add https://api.example.com
"""


@click.group(help=_HELP)
def trust() -> None:
    """Pin, list and remove issuers."""


@trust.command(help=_ADD_HELP)
@click.argument("file", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--kid",
    "kids",
    multiple=True,
    metavar="KID",
    help="The key that you were told of, in the place of your answer.",
)
@trust_store_option
@output_options()
def add(
    file: str,
    yes: bool,
    kids: tuple[str, ...],
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Pin an issuer."""
    data = key_file(file) if is_address(file) else read_bytes(file)
    keys = parse_keys(file, data)
    _check_strength(file, keys)
    store, issuer = TrustStore(trust_store), keys[0].issuer
    store.check(file, keys)
    pinned = store.pinned(issuer)
    _warn_of_another_host(file, issuer)
    _show(issuer, keys, pinned)
    if kids:
        _compare(file, keys, pinned, kids)
    elif not yes and not _confirmed():
        raise CliError(
            "nothing was pinned",
            "compare the key with what the issuer told you, then answer y, or name it: --kid KID",
        )
    store.pin(issuer, data)
    if as_json:
        print_json(_as_dict(issuer, keys))
    say(f"pinned {escape(issuer)}")


def _warn_of_another_host(file: str, issuer: str) -> None:
    """Any host can publish a key file that names any issuer."""
    if is_address(file) and urlsplit(file).netloc != urlsplit(issuer).netloc:
        warn(
            f"{urlsplit(file).netloc} says that it has the keys of {issuer}, which is not its own name"
        )


def _check_strength(file: str, keys: list[TrustedKey]) -> None:
    for key in keys:
        if key.weakness is not None:
            raise CliError(
                f"{file}: key {kid_text(key.kid)} must not be trusted: {key.weakness}",
                "ask the issuer for a sound key",
            )


def _compare(
    file: str, keys: list[TrustedKey], pinned: list[TrustedKey], kids: tuple[str, ...]
) -> None:
    """Every key that was told of is in the file, and the file has no other new one, and none with more time than is pinned."""
    found = [kid_text(key.kid) for key in keys]
    hint = "nothing was pinned: ask the issuer, on another way than the one the file came"
    for kid in kids:
        if kid not in found:
            message = f"{file}: expected key {kid}, found {', '.join(found)}"
            raise CliError(message, hint)
    known = {*kids, *(kid_text(key.kid) for key in pinned)}
    for kid in found:
        if kid not in known:
            raise CliError(f"{file}: key {kid} is new, and no --kid names it", hint)
    before = {key.kid: key for key in pinned}
    for key in keys:
        old = before.get(key.kid)
        if old is not None and _has_more_time(key, old) and kid_text(key.kid) not in kids:
            message = f"{file}: key {kid_text(key.kid)}{_window(key)} has more time than is pinned{_window(old)}, and no --kid names it"
            raise CliError(message, hint)


def _has_more_time(new: TrustedKey, old: TrustedKey) -> bool:
    """Whether a key may sign at a time at which it might not: an old key file does not know that its key has ended."""
    begins = (new.not_before or 0) < (old.not_before or 0)
    ends = old.expires is not None and (new.expires is None or new.expires > old.expires)
    return begins or ends


def _show(issuer: str, keys: list[TrustedKey], pinned: list[TrustedKey]) -> None:
    """What is about to be trusted, and what of it is new."""
    click.echo(f"issuer {escape(issuer)}", err=True)
    for key in keys:
        state = " (pinned already)" if key in pinned else " (new)" if pinned else ""
        click.echo(f"  key {kid_text(key.kid)}{_window(key)}{state}", err=True)
    for key in pinned:
        if key.kid not in {new.kid for new in keys}:
            click.echo(f"  key {kid_text(key.kid)} (pinned now, would be dropped)", err=True)
        elif key not in keys:
            click.echo(f"  key {kid_text(key.kid)}{_window(key)} (as pinned now)", err=True)


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CliError(
            "this needs an answer, and there is no terminal",
            "name the key that the issuer told you of: --kid KID; or --yes if you have compared it",
        )
    return click.confirm("Trust these keys?", err=True)


@trust.command("list")
@trust_store_option
@output_options()
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
            click.echo(f"  {kid_text(key.kid)}{_window(key)}")
    if not issuers and not quiet:
        click.echo(f"receipt: no issuer is pinned in {store.folder}", err=True)


@trust.command()
@click.argument("issuer")
@trust_store_option
@output_options()
def remove(
    issuer: str,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Forget the pinned keys of an ISSUER. Statements that were seen stay remembered (receipt memory)."""
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
                "kid": kid_text(k.kid),
                "not_before": k.not_before,
                "expires": k.expires,
                "revoked": k.revoked,
            }
            for k in keys
        ],
    }
