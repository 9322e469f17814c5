"""Whether an authority had seen a statement's signature by a time: the procedure of spec/timestamp.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from cli.stamped.codes import CODES
from cli.standing import Standing
from cli.terminal import CliError
from verifier import Statement, show_instant

if TYPE_CHECKING:
    from cli.stamped.tokens import Token

_SIGNATURE_FIELD: Final = 66
"""Bytes at the end of a signed statement: the head of a byte string of 64, and the signature."""
_LONGEST_CHAIN: Final = 8


class Answer(NamedTuple):
    """An answer of an authority: its name, its bytes, and the request if that is at hand."""

    name: str
    data: bytes
    request: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stamped:
    """What the caller was given, and whom it trusts.

    Attributes:
        statements: those that came out of the verification validly signed, and their bytes.
        answers: of authorities.
        trusted: certificates of authorities.
    """

    statements: Sequence[tuple[Statement, bytes]]
    answers: Sequence[Answer]
    trusted: Sequence[x509.Certificate]


def read_certificates(name: str, pem: bytes) -> list[x509.Certificate]:
    """The certificates in a PEM file.

    Raises:
        CliError: it is none.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CliError(f"{name}: {error}", "an authority is a certificate in PEM form") from None


def check_timestamps(stamped: Stamped) -> Standing:
    """Hold each answer against the statements.

    Raises:
        CliError: the library for time stamps is not installed.
    """
    try:
        import rfc3161_client  # noqa: F401  # not always there
    except ImportError:
        hint = "install the extra, in the clone: pip install '.[timestamps]'"
        raise CliError("time stamps take rfc3161-client", hint) from None
    return _Checking(stamped).run()


class _Checking:
    def __init__(self, stamped: Stamped) -> None:
        self._told = stamped
        self._standing = Standing("time stamps", CODES)
        self._by_imprint = {
            sha256(
                signed[-_SIGNATURE_FIELD:]
            ).digest(): f"statement {claims.number} of {claims.account}"
            for claims, signed in stamped.statements
        }
        self._stamped: set[str] = set()

    def run(self) -> Standing:
        """All rules."""
        for answer in self._told.answers:
            for code, message in self._faults(answer):
                self._standing.found(code, answer.name, message)
                break
        for subject in self._by_imprint.values():
            if subject not in self._stamped:
                self._standing.found(
                    "statement-unstamped", subject, "no answer that holds is on it"
                )
        if not self._by_imprint:
            self._standing.found(
                "statement-unstamped",
                "the batch",
                "it has no validly signed statement; of a proof or an equivocation none is compared",
            )
        return self._standing

    def _faults(self, answer: Answer) -> Iterator[tuple[str, str]]:
        """What is wrong with an answer: a code and words; the first one ends the work on it."""
        from cli.stamped.tokens import TokenError, check_token, read_answer

        try:
            token = read_answer(answer.data, self._told.trusted)
        except TokenError as error:
            yield "timestamp-malformed", str(error)
            return
        if token is None or not token.granted:
            yield "timestamp-refused", "the status is not granted"
            return
        subject = self._by_imprint.get(token.imprint or b"")
        if subject is None:
            imprint = "not SHA-256" if token.imprint is None else token.imprint.hex()
            yield "timestamp-other", f"the imprint is {imprint}"
            return
        yield from _other_nonce(answer, token)
        chain = _chain(token, self._told.trusted)
        if chain is None:
            who = "nobody" if token.signer is None else token.signer.subject.rfc4514_string()
            yield "authority-unknown", f"signed by {who}"
            return
        yield from _not_valid_then(chain, token.time)
        try:
            check_token(token, chain)
        except TokenError as error:
            yield "timestamp-invalid", str(error)
            return
        self._stamped.add(subject)
        by = f"by {show_instant(_ms(token.time))}, says {chain[0].subject.rfc4514_string()}"
        self._standing.facts.append((subject, by))


def _other_nonce(answer: Answer, token: Token) -> Iterator[tuple[str, str]]:
    from cli.stamped.tokens import TokenError, request_nonce

    if answer.request is None:
        return
    try:
        expected = request_nonce(answer.request)
    except TokenError as error:
        yield "nonce-differs", f"the request cannot be read: {error}"
        return
    if token.nonce != expected:
        yield "nonce-differs", f"expected {expected}, found {token.nonce}"


def _chain(token: Token, trusted: Sequence[x509.Certificate]) -> list[x509.Certificate] | None:
    """The signer's certificate, and those that lead to a self-signed one; None if none of them is trusted."""
    if token.signer is None:
        return None
    chain = [token.signer]
    while not _issued(chain[-1], chain[-1]) and len(chain) < _LONGEST_CHAIN:
        issuer = next((one for one in (*trusted, *token.others) if _issued(chain[-1], one)), None)
        if issuer is None:
            return None
        chain.append(issuer)
    return chain if any(one in trusted for one in chain) else None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _not_valid_then(chain: Sequence[x509.Certificate], time: datetime) -> Iterator[tuple[str, str]]:
    for one in chain:
        if not one.not_valid_before_utc <= time <= one.not_valid_after_utc:
            window = f"{show_instant(_ms(one.not_valid_before_utc))} to {show_instant(_ms(one.not_valid_after_utc))}"
            yield (
                "authority-expired",
                f"{one.subject.rfc4514_string()} is valid from {window}, the time is {show_instant(_ms(time))}",
            )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
