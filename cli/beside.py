"""What `receipt verify` compares statements with that is outside of a batch: each comparison has a verdict of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.files import output_file, read_bytes
from cli.published import (
    NO_WITNESSES,
    Published,
    PublishedMemory,
    Site,
    WitnessPolicy,
    check_publication,
    open_site,
    read_policy,
)
from cli.standing import Standing
from cli.terminal import warn
from cli.trust_store import TrustStore
from verifier import Statement, TrustedKey, Verdict

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from cli.stamped import Answer

_MEMORY = "publications"
"""The folder of the trust store where logs are remembered."""
_WORST = (Verdict.REJECTED, Verdict.INCOMPLETE, Verdict.VERIFIED)


@dataclass(frozen=True, slots=True)
class Beside:
    """What of third parties the caller gave.

    Attributes:
        proofs: that statements are in the log, by their file.
        site: where the log is.
        policy: whose cosignatures the log must have.
        answers: of time stamp authorities.
        authorities: the certificates of those that are trusted.
    """

    proofs: Mapping[str, bytes]
    site: Site | None
    policy: WitnessPolicy
    answers: Sequence[Answer]
    authorities: Sequence[Certificate]

    def compare(
        self,
        statements: Sequence[tuple[Statement, bytes]],
        keys: Callable[[], Mapping[bytes, TrustedKey]],
        store: TrustStore | None,
    ) -> dict[str, Standing]:
        """The comparisons that were asked for, by name.

        Args:
            statements: those of the batch that are validly signed, and their bytes.
            keys: gives the trusted keys.
            store: where logs are remembered; None: they are not.

        Raises:
            CliError: the site or the memory cannot be read, or a library is not installed.
        """
        found = {}
        if self.proofs or self.site is not None:
            memory = None if store is None else PublishedMemory(store.folder / _MEMORY)
            told = Published(statements, keys(), self.proofs, self.site, self.policy, memory)
            found["publication"] = check_publication(told)
        if self.answers:
            from cli.stamped import Stamped, check_timestamps  # not at every start

            told_times = Stamped(statements, self.answers, self.authorities)
            found["timestamps"] = check_timestamps(told_times)
        return found


def _given(
    published: tuple[str, ...],
    publication: str | None,
    witnesses: str | None,
    timestamps: tuple[str, ...],
    authority: tuple[str, ...],
) -> Beside:
    """What the files hold that were named; read before the long work begins."""
    if witnesses is not None and not published and publication is None:
        raise click.UsageError("--witnesses goes with --published or --publication")
    if bool(timestamps) != bool(authority):
        raise click.UsageError("--timestamps and --authority go together")
    return Beside(
        {name: read_bytes(name) for name in published},
        None if publication is None else open_site(publication),
        NO_WITNESSES if witnesses is None else read_policy(witnesses, read_bytes(witnesses)),
        _answers(timestamps),
        _certificates(authority),
    )


def _answers(names: tuple[str, ...]) -> list[Answer]:
    if not names:
        return []
    from cli.stamped import Answer  # not at every start

    return [Answer(name, read_bytes(name), _request(name)) for name in names]


def _certificates(names: tuple[str, ...]) -> list[Certificate]:
    if not names:
        return []
    from cli.stamped import read_certificates  # not at every start

    return [one for name in names for one in read_certificates(name, read_bytes(name))]


def _request(answer: str) -> bytes | None:
    """The request that stands beside an answer: NAME.tsq beside NAME.tsr."""
    path = Path(answer).with_suffix(".tsq")
    return path.read_bytes() if path.name != Path(answer).name and path.is_file() else None


def beside_options(command: Any) -> Any:
    """The options that become one parameter, ``beside``."""

    @wraps(command)
    def with_beside(*args: Any, **given: Any) -> Any:
        named = {name: given.pop(name) for name in signature(_given).parameters}
        return command(*args, beside=_given(**named), **given)

    options = (
        click.option("--published", multiple=True, metavar="FILE",
                     help="A proof that a statement is in the issuer's log (.tlog-proof)."),
        click.option("--publication", metavar="SITE",
                     help="Where the log is: a folder, or https://... (then the network is used)."),
        click.option("--witnesses", metavar="FILE",
                     help="Whose cosignatures the log must have (tlog-policy)."),
        click.option("--timestamps", multiple=True, metavar="FILE",
                     help="A time stamp on a statement (.tsr; the .tsq beside it is compared)."),
        click.option("--authority", multiple=True, metavar="FILE",
                     help="The certificate (PEM) of who may have stamped it."),
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
