"""Who is billed, as an emitter is told it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from receipts.callers import Asked, Caller, is_by_request

Who = str | Caller | None
"""An account, what is known of a caller, or nobody."""
Account = str | Callable[[Asked], Who | Awaitable[Who]]
"""Who is billed: one account for all, or a function of the request, which may be async."""


def known_caller(account: Account, asked: Asked) -> Caller | None:
    """Who is billed, where the request alone says it; None: it does not, or it is nobody. It raises what the function raises."""
    if isinstance(account, str):
        return Caller(account)
    who = account(asked) if is_by_request(account) else None
    return who if isinstance(who, Caller) else None
