"""``receipt key``: list, rotate and revoke an issuer's keys; and the hash of a client's API key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from cli import key_folder
from cli.files import output_file
from cli.options import INSTANT, key_folder_option, output_options
from cli.terminal import CliError, print_json, say, warn
from receipts import PublishedKey, SigningKey, jwk, kid_text
from receipts.callers import key_hash
from verifier import show_instant

_DAY_MS: Final = 86_400_000
_HELP = """List, rotate and revoke the keys of an issuer.

A server that runs (RECEIPT_KEYS) reads the folder again when it has changed, and signs with the key of the time.
"""
_ROTATE_HELP = """Make a successor of the key, publish it, and end the old one.

The successor is in the key file at once and signs from --from on: give the new key file to your customers before that. The old key
ends at the same moment; what it signed before stays valid, and so do streams and statements. Servers that run need nothing.

\b
receipt key rotate --keys keys/
receipt key rotate --keys keys/ --from 2027-01-01 --expires 2028-01-01
"""
_REVOKE_HELP = """Revoke a key from a time on, in the key file.

What it signed for that time and later is rejected by everybody who has the new key file. Publish it, then sign again with a new
key what was honest (receipt key rotate).

\b
receipt key revoke --signing --keys keys/ --reason compromised
receipt key revoke KID --keys keys/ --at 2026-11-22T10:00:00Z \\
  --reason compromised
"""
_HASH_HELP = """Print the hash of a client's API key, for a key table.

The key is typed, or read from stdin; as an argument it would stand in the shell's history and in the list of processes.

\b
receipt key hash < key.txt
"""
_SHORT: Final = 22
"""Characters; as many of base64 hold 128 bits."""


@click.group(help=_HELP)
def key() -> None:
    """List, rotate and revoke keys."""


@key.command("list")
@key_folder_option
@output_options()
def list_(
    keys: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # nothing is said
) -> None:
    """Print the keys of a folder, and which of them signs now."""
    folder = key_folder.load(keys)
    rows = [(one, _state(one)) for one in folder.signing.keys]
    if as_json:
        listed = [_row(one) | {"state": state} for one, state in rows]
        print_json({"issuer": folder.issuer, "keys": listed})
        return
    for one, state in rows:
        click.echo(f"{one.kid}  {state}")


def _state(one: PublishedKey) -> str:
    now = key_folder.now()
    if one.revoked is not None and one.revoked == one.end:
        return f"revoked from {show_instant(one.revoked)}"
    if not one.lasts(now):
        return f"ended {show_instant(one.end or 0)}"
    until = "" if one.end is None else f" until {show_instant(one.end)}"
    if one.key is None:
        return f"its private key is not here{until}"
    return f"signs from {show_instant(one.start)}{until}" if one.start > now else f"signs{until}"


@key.command(help=_ROTATE_HELP)
@key_folder_option
@click.option("--from", "start", type=INSTANT, metavar="TIME",
              help="When the successor begins. Default: in 24 hours; now, if no key may sign.")  # fmt: skip
@click.option("--expires", type=INSTANT, metavar="TIME", help="When the successor ends.")
@output_options()
def rotate(
    keys: str,
    start: int | None,
    expires: int | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Publish a successor, and end the old key."""
    with key_folder.locked(keys):
        folder = key_folder.load(keys)
        begins = _begin(folder, start)
        ends = _before_the_next(folder, begins, expires)
        if ends is not None and ends <= begins:
            message = "the successor would end before it may sign"
            raise CliError(message, f"it begins {show_instant(begins)}: name another --from, or --expires")  # fmt: skip
        changed = key_folder.document(keys)
        ended = _end(changed, folder, begins)
        successor = SigningKey.generate()
        changed["keys"].append(jwk(successor.public, begins, ends))
        private = _write(folder, successor)  # before it is published: a server reads both then
        key_folder.publish(keys, changed)
    _tell(folder, begins)
    kid = kid_text(successor.kid)
    if as_json:
        public = str(Path(keys, key_folder.PUBLIC))
        print_json({"kid": kid, "not_before": begins, "expires": ends, "ended": ended,
                    "private": str(private), "public": public})  # fmt: skip
    else:
        click.echo(kid)


def _own(folder: key_folder.Keys) -> list[PublishedKey]:
    """The keys that this folder can sign with."""
    return [one for one in folder.signing.keys if one.key is not None]


def _begin(folder: key_folder.Keys, start: int | None) -> int:
    """When the successor begins, in ms. Where an old key signs until then, that is not in the past: what it signed would be rejected."""
    now = key_folder.now()
    begun = [one for one in _own(folder) if one.start <= now]
    endless = any(one.end is None for one in begun)
    last = max((one.end for one in begun if one.end is not None), default=0)
    signs = endless or last > now
    if start is None:
        _check_none_waits(folder, now, signs=signs)
        tomorrow = -(-(now + _DAY_MS) // 1000) * 1000
        start = (tomorrow if endless else min(tomorrow, last)) if signs else max(last, now // 1000 * 1000)  # fmt: skip
    elif signs and start <= now:
        message = f"--from {show_instant(start)} is not in the future, and a key has signed since"
        raise CliError(message, "what it signed would be rejected: name a later time")
    if begun and not endless and start > last:
        warn(f"from {show_instant(last)} to {show_instant(start)} no key may sign")
    return start


def _check_none_waits(folder: key_folder.Keys, now: int, *, signs: bool) -> None:
    """A successor that waits for its time is enough, unless nobody signs until then."""
    waiting = [one.start for one in _own(folder) if one.start > now]
    if signs and waiting:
        message = f"a successor that begins at {show_instant(min(waiting))} is there already"
        raise CliError(message, "publish the key file; --from makes another one")


def _before_the_next(folder: key_folder.Keys, begins: int, expires: int | None) -> int | None:
    """When the new key ends: where the next one begins, if not before."""
    following = [one.start for one in _own(folder) if one.start >= begins]
    ends = [end for end in (expires, *following) if end is not None]
    return min(ends) if ends else None


def _end(changed: dict[str, Any], folder: key_folder.Keys, begins: int) -> list[str]:
    """Let those of the folder's keys expire that have begun before the successor, and would go on."""
    ended = [one.kid for one in _own(folder) if one.start < begins and one.lasts(begins)]
    for entry in changed["keys"]:
        if entry.get("kid") in ended:
            entry["exp"] = begins // 1000
    return ended


def _write(folder: key_folder.Keys, successor: SigningKey) -> Path:
    """The private key, encrypted if the others are."""
    path = Path(folder.path, f"issuer-{kid_text(successor.kid)[:8]}.pem")
    encrypted = any(b"ENCRYPTED" in one.read_bytes() for one in key_folder.pems(folder.path))
    with output_file(str(path), mode=0o600, replace=False) as stream:
        stream.write(successor.to_pem(folder.passphrase if encrypted else None))
    return path


def _tell(folder: key_folder.Keys, begins: int) -> None:
    public = Path(folder.path, key_folder.PUBLIC)
    moment = show_instant(begins)
    if begins > key_folder.now():
        say(f"the successor signs from {moment}; give {public} to your customers before that")
    else:
        warn(f"the successor signs from {moment}: customers miss its key until they have {public}")


@key.command(help=_REVOKE_HELP)
@click.argument("kid", required=False)
@key_folder_option
@click.option("--signing", is_flag=True, help="The key that signs now, instead of a KID.")
@click.option("--at", type=INSTANT, metavar="TIME", help="From when on. Default: now.")
@click.option(
    "--reason",
    type=click.Choice(["unspecified", "compromised", "superseded"]),
    default="unspecified",
    help="Why, for whoever reads the key file (unspecified).",
)
@output_options()
def revoke(
    kid: str | None,
    keys: str,
    signing: bool,
    at: int | None,
    reason: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Revoke a key in the key file."""
    if (kid is None) != signing:
        raise click.UsageError("give either KID or --signing")
    with key_folder.locked(keys):
        folder = key_folder.load(keys)
        found = _named(folder, kid)
        moment = key_folder.now() // 1000 * 1000 if at is None else at
        if found.revoked is not None and found.revoked < moment:
            message = f"key {found.kid} is revoked from {show_instant(found.revoked)} already"
            raise CliError(message, "a revocation is not taken back: name an earlier time, or none")
        changed = key_folder.document(keys)
        for entry in changed["keys"]:
            if entry.get("kid") == found.kid:
                entry["revoked"] = {"revoked_at": moment // 1000, "reason": reason}
        key_folder.publish(keys, changed)
    if as_json:
        print_json({"kid": found.kid, "revoked": moment, "reason": reason})
    public = Path(keys, key_folder.PUBLIC)
    say(f"key {found.kid} is revoked from {show_instant(moment)}; give {public} to your customers")
    _warn_of_others(folder, found, moment)
    if not any(one.may_sign(key_folder.now()) for one in _own(key_folder.load(keys))):
        warn(f"no key may sign now: receipt key rotate --keys {keys}")


def _named(folder: key_folder.Keys, kid: str | None) -> PublishedKey:
    """The key of this name; without one, that which signs now."""
    if kid is None:
        signs = _signs(folder)
        if signs is None:
            raise CliError(f"no key in {folder.path} may sign now", "receipt key list prints its keys; name one")  # fmt: skip
        return signs
    found = next((one for one in folder.signing.keys if one.kid == kid), None)
    if found is None:
        public = Path(folder.path, key_folder.PUBLIC)
        raise CliError(f"{public} has no key {kid}", "receipt key list prints its keys")
    return found


def _signs(folder: key_folder.Keys) -> PublishedKey | None:
    """The key that signs now: the youngest that may."""
    return max((one for one in _own(folder) if one.may_sign(key_folder.now())), key=lambda one: one.start, default=None)  # fmt: skip


def _warn_of_others(folder: key_folder.Keys, revoked: PublishedKey, moment: int) -> None:
    """A revocation that changes nothing, because the key had ended before, may be of the wrong key."""
    if revoked.lasts(moment):
        return
    signs = _signs(folder)
    other = "" if signs is None else f"; the key that signs now is {signs.kid} (--signing)"
    warn(f"key {revoked.kid} had ended {show_instant(revoked.end or 0)} already: that changes nothing{other}")  # fmt: skip


@key.command("hash", help=_HASH_HELP)
@output_options()
def hash_(
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # nothing is said
) -> None:
    """Print the hash of an API key."""
    api_key = _typed_key().removesuffix(b"\n").removesuffix(b"\r")
    if not api_key or not all(0x21 <= byte <= 0x7E for byte in api_key):
        found = f"{len(api_key)} bytes" if api_key else "nothing"
        message = f"stdin: expected one line of visible ASCII without spaces, found {found}"
        raise CliError(message, "receipt key hash < key.txt, where key.txt has the key alone")
    if len(api_key) < _SHORT:
        warn(f"a key of {len(api_key)} characters can be guessed from its hash: use random ones of {_SHORT} or more")  # fmt: skip
    digest = key_hash(api_key)
    if as_json:
        print_json({"sha256": digest})
    else:
        click.echo(digest)


def _typed_key() -> bytes:
    if sys.stdin.isatty():
        typed: str = click.prompt("API key", hide_input=True, err=True)
        return typed.encode()
    return sys.stdin.buffer.read()


def _row(one: PublishedKey) -> dict[str, object]:
    """Times in ms."""
    return {
        "kid": one.kid, "not_before": one.not_before, "expires": one.expires,
        "revoked": one.revoked, "private": one.key is not None,
    }  # fmt: skip
