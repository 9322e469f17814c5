"""``receipt publish``: statements of all accounts as a log that all customers see."""

from __future__ import annotations

from pathlib import Path

import click

from cli import publishing
from cli.key_folder import load, locked
from cli.options import batches_argument, key_folder_option, output_options
from cli.publishing import SiteFolder
from cli.terminal import CliError, plural, print_json, progress, say
from receipts.publishing import verifier_key
from verifier import escape

_HELP = """Publish the statements of batches or journals in a log that all customers see.

SITE is for everybody: put it on your server below /.well-known/token-receipts/. It has your key file, the checkpoint of the
log, its entries, and add-checkpoint, which is what you send to a witness; append the lines that it answers to the checkpoint,
and publish again. It says nothing of an account to who has not its proof.

ACCOUNTS has a folder for each account, with its statements and their proofs, for the account only. Names of the folders cannot
be guessed; what is printed says whose they are. What is once published stays: keep SITE and the key folder.

\b
receipt publish closed/*.cbor --keys issuer --site site --accounts accounts
curl -fsS --data-binary @site/add-checkpoint \\
  https://witness.example.com/add-checkpoint >> site/checkpoint
"""


@click.command(help=_HELP)
@batches_argument
@key_folder_option
@click.option("--site", required=True, metavar="SITE", help="The folder that everybody may read.")
@click.option(
    "--accounts", required=True, metavar="ACCOUNTS", help="The folder of what the accounts get."
)
@click.option(
    "--old",
    type=click.IntRange(0),
    metavar="SIZE",
    help="The size that the witness has cosigned last, if not that of the checkpoint before.",
)
@click.option(
    "--scitt",
    is_flag=True,
    help="Also write each statement as a SCITT signed statement (.scitt.cose).",
)
@output_options()
def publish(
    batch: tuple[str, ...],
    keys: str,
    site: str,
    accounts: str,
    old: int | None,
    scitt: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Extend the log, sign its head, and write a proof for each statement."""
    with locked(keys):
        issuer = load(keys)
        folder = SiteFolder.of(site, issuer)
        told = publishing.statements(batch, issuer)
        if not told:
            raise CliError(
                f"no statement of {issuer.issuer} is in the input", "close a period: receipt close"
            )
        log, key = folder.log(), publishing.signing_key(issuer)
        secret = publishing.secret(issuer, begun=log.size > 0)
        new = publishing.extend(log, told, secret)
        _check_old(old, log.size)
        note = folder.write(log, key, old)
        publishing.publish_keys(issuer, folder)
        found = publishing.places(log, told, secret)
        with progress("writing proofs", len(found)) as advance:
            for one in found:
                publishing.hand_over(one, log, note, Path(accounts), scitt=scitt)
                advance(1)
    name = verifier_key(folder.origin, key.public)
    if as_json:
        print_json(_as_dict(folder.origin, log.size, new, name, found, accounts))
    else:
        for one in found:
            claims = one.statement.claims
            click.echo(f"{Path(accounts, one.folder)} {claims.number} {escape(claims.account)}")
    proofs = plural(len(found), "proof")
    say(f"{plural(new, 'new statement')} in the log of {plural(log.size, 'statement')}; {proofs} in {accounts}")  # fmt: skip
    say(f"witnesses know the log by {name}")


def _check_old(old: int | None, size: int) -> None:
    if old is not None and old > size:
        raise CliError(f"--old {old}: the log has {size} entries", "ask the witness again")


def _as_dict(
    origin: str, size: int, new: int, key: str, found: list[publishing.InLog], accounts: str
) -> dict[str, object]:
    return {
        "origin": origin,
        "size": size,
        "new": new,
        "verifier_key": key,
        "statements": [
            {
                "account": one.statement.claims.account,
                "number": one.statement.claims.number,
                "digest": one.statement.digest.hex(),
                "index": one.place,
                "folder": str(Path(accounts, one.folder)),
            }
            for one in found
        ],
    }
