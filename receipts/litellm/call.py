"""What LiteLLM knows of a call: whose key it has, which provider was asked, and whether its answer was a stored one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from receipts.asgi import App, Receive, Scope, Send, SettingError
from receipts.callers import Asked, Caller
from receipts.emitting import Endpoint, Origin
from receipts.ingest import canonical

_LITELLM: Final = "litellm"
_CONTEXT: Final = "receipts.litellm"
"""Where the call stands in the scope of a request."""
_NAMES: Final = (
    "team_id", "team_alias", "org_id", "organization_alias", "project_id", "project_alias", "user_id", "key_alias",
)  # fmt: skip
"""The members of LiteLLM's UserAPIKeyAuth that name whose key it is. None of them is in a request; ``end_user_id`` is."""
_TABLES: Final = ("metadata", "team_metadata", "project_metadata", "organization_metadata")
"""Those that hold what the operator of the proxy said of the key, the team, and so on."""
_PASSED_ON: Final = (
    ("anthropic", "messages"), ("openai", "responses"), ("azure.ai.openai", "responses"),
)  # fmt: skip
"""The APIs whose usage object LiteLLM passes on from the provider. It makes all others itself."""


@dataclass(slots=True)
class Call:
    """A call, as LiteLLM knows it.

    Attributes:
        known: of the key, by name: its owner (``team_id``), and what was said of it (``team_metadata.cost_center``).
        log: LiteLLM's log of the call, which has its provider and model once they are chosen; None: it was let in nowhere.
        plain: gives the id of a response that LiteLLM encrypts anew each time it gives the response.
    """

    plain: Callable[[str], str]
    known: Mapping[str, str] = field(default_factory=dict)
    log: Any = None

    @property
    def details(self) -> Mapping[str, Any]:
        """What the log says of the last provider that was asked."""
        found = getattr(self.log, "model_call_details", None)
        return found if isinstance(found, Mapping) else {}

    @property
    def stored(self) -> bool:
        """Whether LiteLLM's cache answered."""
        found = getattr(self.log, "caching_details", None)
        return isinstance(found, Mapping) and found.get("cache_hit") is True

    @property
    def tags(self) -> dict[str, str]:
        """What a tagging contract can take as ``key:NAME``: what is known of the key, and ``provider`` and ``model`` that were asked."""
        asked = {"provider": self.details.get("custom_llm_provider"), "model": self.details.get("model")}  # fmt: skip
        return {**self.known, **{name: text for name, text in asked.items() if isinstance(text, str)}}  # fmt: skip


_CALL: Final[ContextVar[Call | None]] = ContextVar(_CONTEXT, default=None)


def let_in(key: Any, log: Any) -> None:
    """LiteLLM has let a call in, with this key (UserAPIKeyAuth); the first time counts, since that is the request's own."""
    call = _CALL.get()
    if call is not None and call.log is None:
        call.known, call.log = dict(_said(key)), log


def _said(key: Any) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        value = getattr(key, name, None)
        if isinstance(value, str) and value:
            yield name, value
    for table in _TABLES:
        members = getattr(key, table, None)
        for name, value in (members if isinstance(members, Mapping) else {}).items():
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                yield f"{table}.{name}", str(value)


class Calls:
    """Around LiteLLM's application: each request has a `Call`, which LiteLLM's hooks find, and so does the middleware.

    Args:
        app: LiteLLM's.
        begin: makes an empty call.
    """

    def __init__(self, app: App, begin: Callable[[], Call]) -> None:
        self._app, self._begin = app, begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3)."""
        if scope["type"] == "http":
            scope[_CONTEXT] = call = self._begin()
            _CALL.set(call)
        await self._app(scope, receive, send)


class Billed:
    """Who is billed, by LiteLLM's key. It gives None where LiteLLM let nobody in, or the key does not say it.

    Args:
        rule: ``team_id``, ``team_alias``, ``org_id``, ``organization_alias``, ``project_id``, ``project_alias``, ``user_id``,
            ``key_alias``, or ``metadata.NAME`` of the key, ``team_metadata.NAME``, ``project_metadata.NAME``,
            ``organization_metadata.NAME``. Where users make keys themselves, they choose ``key_alias`` and ``metadata`` of them.
        tags: whether what is known of the key goes on to a tagging contract. Without one, all of it would be in receipts.

    Raises:
        SettingError: there is no such rule.
    """

    def __init__(self, rule: str, *, tags: bool = False) -> None:
        table, _, name = rule.partition(".")
        if rule not in _NAMES and not (table in _TABLES and name):
            expected = ", ".join((*_NAMES, *(f"{table}.NAME" for table in _TABLES)))
            raise SettingError(f"RECEIPT_LITELLM_ACCOUNT: expected one of {expected}, found {rule!a}")  # fmt: skip
        self._rule, self._tags = rule, tags

    def __call__(self, asked: Asked) -> Caller | None:
        """Who is billed for a request."""
        call: Call = asked.context[_CONTEXT]
        account = call.known.get(self._rule)
        if account is None:
            return None
        return Caller(account, call.tags if self._tags else {})


def origin(asked: Asked, endpoint: Endpoint, answered: str | None) -> Origin:
    """Where an answer of LiteLLM comes from (`receipts.emitting.OriginOf`)."""
    call: Call = asked.context[_CONTEXT]
    provider = canonical(str(call.details.get("custom_llm_provider")))
    passed_on = (provider, endpoint.api) in _PASSED_ON
    request = None
    if endpoint.api == "responses" and answered is not None:
        request = f"req_{sha256(call.plain(answered).encode()).hexdigest()[:32]}"
    return Origin(provider if passed_on else _LITELLM, request, call.stored)
