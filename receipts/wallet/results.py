"""The results of a batch, in the file that is fetched when it has ended: JSON lines, at Anthropic and at OpenAI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from time import time_ns
from typing import Any, Final

from receipts.wallet.answer import Answer
from receipts.wallet.call import Call, Outcome, Result
from receipts.wallet.reader import MAX_PART, LineReader
from receipts.wallet.store import Store

_GROUP: Final = 500
"""Results that are written at once."""
_CUSTOM: Final = 16


class ResultReader:
    """Notes the results of a batch while they pass. A file that does not begin like one is let pass.

    Args:
        fetched: the request that fetches them.
        batch: the id of the batch; None: it is that of the file.
        file: the id of the file.
        store: where they are noted.
    """

    whole = False
    is_stream = False

    def __init__(self, fetched: Call, batch: str | None, file: str | None, store: Store) -> None:
        self._fetched = fetched
        self._batch, self._file = batch, file
        self._store = store
        self._lines = LineReader(self._add)
        self._is_open = True
        self._begun = False
        self._results: list[Result] = []

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        if chunk and not self._begun:
            self._begun, self._is_open = True, chunk.startswith(b"{")
        if self._is_open:
            self._lines.feed(chunk)

    def end(self) -> None:
        """The file is complete."""
        self.whole = True
        if self._is_open:
            self._lines.end()

    def flush(self) -> None:
        """Have written what is not written yet."""
        if self._results:
            self._store.add_results(self._results, self._batch, self._file)
            self._results = []

    def _add(self, line: bytes) -> None:
        found = _message(line) if len(line) <= MAX_PART else None
        if found is None:
            return
        custom, message = found
        answer = Answer()
        answer.add(message)
        if answer.id is not None and answer.usage is not None:
            call = replace(
                self._fetched,
                answered=time_ns() // 1_000_000,
                status=200,
                outcome=Outcome.COMPLETE,
                model=answer.model,
                request=answer.id,
                receipts=[],
            )
            call.take(answer)
            self._results.append(Result(call, custom))
        if len(self._results) >= _GROUP:
            self.flush()


def _message(line: bytes) -> tuple[bytes, Mapping[str, Any]] | None:
    """For which request a line is, and the response that it holds, if it is one that succeeded."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping):
        return None
    result, response = document.get("result"), document.get("response")
    if isinstance(result, Mapping) and result.get("type") == "succeeded":
        message = result.get("message")
    elif isinstance(response, Mapping) and response.get("status_code") == 200:
        message = response.get("body")
    else:
        return None
    custom = document.get("custom_id")
    if not isinstance(custom, str) or not isinstance(message, Mapping):
        return None
    return sha256(custom.encode("utf-8", "surrogatepass")).digest()[:_CUSTOM], message
