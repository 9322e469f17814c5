"""What `receipt verify` compares statements with that is outside of a batch: each comparison has a verdict of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from cli.files import output_file, read_bytes
from cli.published import (
    NO_WITNESSES,
    Published,
    PublishedMemory,
    check_publication,
    open_site,
    read_policy,
)
from cli.standing import Standing
from cli.terminal import warn
from cli.trust_store import TrustStore
from verifier import Statement, TrustedKey, Verdict

_MEMORY = "publications"
"""The folder of the trust store where logs are remembered."""
_WORST = (Verdict.REJECTED, Verdict.INCOMPLETE, Verdict.VERIFIED)


@dataclass(frozen=True, slots=True)
class Beside:
    """The files of third parties that the caller named."""

    published: tuple[str, ...]
    publication: str | None
    witnesses: str | None

    def compare(
        self,
        statements: Sequence[tuple[Statement, bytes]],
        keys: Mapping[bytes, TrustedKey],
        store: TrustStore | None,
    ) -> dict[str, Standing]:
        """The comparisons that were asked for, by name.

        Args:
            statements: those of the batch that are validly signed, and their bytes.
            keys: the trusted keys.
            store: where logs are remembered; None: they are not.

        Raises:
            CliError: a file or the site cannot be read.
        """
        if not self.published and self.publication is None:
            if self.witnesses is not None:
                raise click.UsageError("--witnesses goes with --published or --publication")
            return {}
        published = Published(
            statements,
            keys,
            {name: read_bytes(name) for name in self.published},
            None if self.publication is None else open_site(self.publication),
            NO_WITNESSES
            if self.witnesses is None
            else read_policy(self.witnesses, read_bytes(self.witnesses)),
            None if store is None else PublishedMemory(store.folder / _MEMORY),
        )
        return {"publication": check_publication(published)}


def beside_options(command: Any) -> Any:
    """The options that become one parameter, ``beside``."""

    @wraps(command)
    def with_beside(
        *args: Any,
        published: tuple[str, ...],
        publication: str | None,
        witnesses: str | None,
        **others: Any,
    ) -> Any:
        return command(*args, beside=Beside(published, publication, witnesses), **others)

    options = (
        click.option("--published", multiple=True, metavar="FILE",
                     help="A proof that a statement is in the issuer's log (.tlog-proof)."),
        click.option("--publication", metavar="SITE",
                     help="Where the log is: a folder, or https://... (then the network is used)."),
        click.option("--witnesses", metavar="FILE",
                     help="Whose cosignatures the log must have (tlog-policy)."),
    )  # fmt: skip
    decorated: Any = with_beside
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def worst(verdict: Verdict, standings: Mapping[str, Standing]) -> Verdict:
    """The verdict of all together."""
    verdicts = {verdict, *(one.verdict for one in standings.values())}
    return next(one for one in _WORST if one in verdicts)


def keep_evidence(standings: Mapping[str, Standing], folder: str) -> None:
    """Write what proves a finding to others."""
    for standing in standings.values():
        for name, data in standing.evidence.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with output_file(str(path)) as stream:
                stream.write(data)
            warn(f"evidence is in {path}")
