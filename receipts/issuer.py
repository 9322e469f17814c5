"""Issuing: one call a request, from counts to signed bytes.

issuer = Issuer("https://api.example.com", SigningKey.from_pem(pem))
receipt = issuer.issue("acme", request="req_42", model="m", time=1764000000000,
                       counts=Counts(logical=3000, cached=2000, output=500))
receipt.data    # into the batch, and to the customer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from uuid import uuid4

import cbor2

from receipts import claims
from receipts.claims import Cache, Charge, Counts, Source
from receipts.errors import ReceiptError
from receipts.keys import SigningKey
from receipts.signing import RECEIPT, Signed, Signer

MAX_CONTENT = 65_536
"""Bytes of claims that every verifier accepts (spec/receipt.md, Limits)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last receipt of a stream: its sequence, digest and time in ms."""

    sequence: int
    digest: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Issued(Signed):
    """A signed receipt and its place."""

    account: str
    stream: str
    sequence: int
    time: int


def request_claims(
    request: str,
    model: str,
    counts: Counts,
    source: Source | None = None,
    cache: Cache | None = None,
    charge: Charge | None = None,
    tags: Mapping[str, str] | None = None,
    client: bytes | None = None,
) -> dict[int, object]:
    """The claims of a receipt that do not depend on its place: 8 to 16, as of `Issuer.issue`.

    Raises:
        ReceiptError: a field breaks a rule of spec/receipt.md.
    """
    body: dict[int, object] = {
        8: claims.name("request", request),
        9: claims.name("model", model),
        10: claims.input_claims(counts),
    }
    if (output := claims.output_claims(counts)) is not None:
        body[11] = output
    if cache is not None:
        body[12] = claims.cache_claims(cache, counts)
    if source is not None:
        body[13] = claims.source_claims(source)
    if charge is not None:
        body[14] = claims.charge_claims(charge, counts)
    if tags:
        body[15] = claims.tag_claims(tags)
    if client is not None:
        body[16] = claims.octets("client", client, 1, 64)
    return body


class Issuer:
    """Signs receipts in the name of one issuer. Calls from several threads are safe.

    Two issuers (processes, machines) must never use the same stream for the same account: that would be two receipts for
    one place, which anybody can prove. Hence the default: every `Issuer` has a stream of its own.

    Args:
        issuer: who signs and bills, as in the key file.
        key: the signing key.
        stream: the stream of receipts that name none; the default is a new one, with a random name.
        heads: where the streams stand that are to be continued, by account and stream.
    """

    def __init__(
        self,
        issuer: str,
        key: SigningKey,
        *,
        stream: str | None = None,
        heads: Mapping[tuple[str, str], Head] | None = None,
    ) -> None:
        self.issuer = claims.name("issuer", issuer)
        self.stream = claims.name("stream", uuid4().hex if stream is None else stream)
        self._signer = Signer(key.private, RECEIPT)
        self._heads = dict(heads or {})
        self._lock = Lock()

    def issue(
        self,
        account: str,
        *,
        request: str,
        model: str,
        time: int,
        counts: Counts,
        stream: str | None = None,
        source: Source | None = None,
        cache: Cache | None = None,
        charge: Charge | None = None,
        tags: Mapping[str, str] | None = None,
        client: bytes | None = None,
    ) -> Issued:
        """Sign the receipt of one request: the next one of its stream.

        Args:
            account: who is billed.
            request: the provider's request id, unique for the account.
            model: the model that sets the price.
            time: ms since 1970, UTC; not before that of the last receipt of the stream.
            counts: the tokens.
            stream: the stream, if not the issuer's own.
            source: where the counts come from.
            cache: identifiers of cached prefixes.
            charge: what the request costs.
            tags: team, feature, environment, ...
            client: the customer's own commitment to its request, echoed.

        Raises:
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
        """
        body = request_claims(request, model, counts, source, cache, charge, tags, client)
        return self.issue_claims(account, time, body, stream)

    def issue_claims(
        self, account: str, time: int, body: Mapping[int, object], stream: str | None = None
    ) -> Issued:
        """The same for claims that `request_claims` made.

        Raises:
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
        """
        stream = self.stream if stream is None else claims.name("stream", stream)
        time = claims.instant("time", time)
        with self._lock:
            return self._next(claims.name("account", account), stream, time, body)

    def _next(self, account: str, stream: str, time: int, body: Mapping[int, object]) -> Issued:
        head = self._heads.get((account, stream))
        sequence = 0 if head is None else head.sequence + 1
        whole: dict[int, object] = {
            1: claims.VERSION,
            2: self.issuer,
            3: account,
            4: stream,
            5: sequence,
        }
        if head is not None:
            if time < head.time:
                raise ReceiptError(
                    "time", f"at least that of sequence {head.sequence}, {head.time}", time
                )
            whole[6] = head.digest
        # The keys are in ascending order, so the plain encoding is the deterministic one.
        content = cbor2.dumps(whole | {7: time} | dict(body))
        if len(content) > MAX_CONTENT:
            raise ReceiptError("receipt", f"at most {MAX_CONTENT} bytes of claims", len(content))
        signed = self._signer.sign(content)
        self._heads[account, stream] = Head(sequence, signed.digest, time)
        return Issued(signed.data, signed.digest, account, stream, sequence, time)
