"""`app`: LiteLLM's proxy with the middleware around it. LiteLLM is imported with the first call: that takes seconds."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from receipts.asgi import App, Options, ReceiptMiddleware, emitter_from_environment
from receipts.emitting import Emitter
from receipts.litellm.call import Billed, Call, Calls, let_in, origin

_RULE = "RECEIPT_LITELLM_ACCOUNT"


def app(emitter: Emitter | None = None) -> App:
    """LiteLLM's proxy, which gives a receipt with each answer. LiteLLM takes its configuration from CONFIG_FILE_PATH.

    Args:
        emitter: made with a `Billed` and `origin`; None: as the environment says. The options are those of the environment.

    Raises:
        SettingError, TomlFileError, RateCardError, KeyFileError, JournalError, OSError: as `receipts.asgi.emitter_from_environment`.
    """
    from litellm.proxy.hooks.responses_id_security import decrypted_response_id
    from litellm.proxy.proxy_server import app as proxy

    options = asdict(Options.from_environment())
    watched = ReceiptMiddleware(proxy, emitter or _emitter(), closes=emitter is None, **options)
    hook = _hook()

    def begin() -> Call:
        hook()
        return Call(decrypted_response_id)

    return Calls(watched, begin)


def _emitter() -> Emitter:
    billed = Billed(os.environ.get(_RULE) or "team_id", tags=bool(os.environ.get("RECEIPT_TAGS")))
    return emitter_from_environment(billed, origin)


def _hook() -> Any:
    """A function that sees to it that LiteLLM tells us of each call. A configuration can replace all callbacks when it is read."""
    import litellm
    from litellm.integrations.custom_logger import CustomLogger

    class Hook(CustomLogger):  # type: ignore[misc]  # LiteLLM ships no types
        async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any) -> None:  # noqa: ARG002  # fmt: skip
            """LiteLLM's call after it has let a request in, before it asks a provider."""
            let_in(user_api_key_dict, data.get("litellm_logging_obj"))

    hook = Hook()

    def register() -> None:
        if hook not in litellm.callbacks:
            litellm.callbacks.append(hook)

    return register
