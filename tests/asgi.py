"""The middleware driven by hand: an application that sends given messages, and what came to the client of them."""

import asyncio
import re

from receipts.header import parse_byte_sequence
from verifier import read_item

EVENTS = b"text/event-stream"
JSON = b"application/json"
FRAMES = b"application/vnd.amazon.eventstream"
_COMMENT = re.compile(rb": token-receipt (:[A-Za-z0-9+/=]*:)\n\n")


def start(kind=JSON, *more, status=200):
    headers = [(b"content-type", kind), *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def cut(data, step):
    """The messages of a body in parts of so many bytes; the last one is empty, as servers do it."""
    return [*(body(data[i : i + step], True) for i in range(0, len(data), step)), body(b"")]


def run(app, messages, path="/v1/chat/completions", asked=b"{}", headers=(), method="POST"):
    """What goes to the client. An exception among the messages is raised by the application there."""
    sent = []
    given = [{"type": "http.request", "body": asked, "more_body": False}]

    async def inner(scope, receive, send):
        app.seen = (await receive())["body"], scope["headers"]
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(dict(message))

    async def receive():
        return given.pop(0) if given else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    app.app = inner
    scope = {"type": "http", "path": path, "method": method, "headers": list(headers)}
    app.sent = sent
    asyncio.run(app(scope, receive, send))
    return sent


def came(sent):
    """The body that came, without the comment of a receipt, and the claims of the receipts that came along."""
    whole = b"".join(message.get("body", b"") for message in sent)
    found = _COMMENT.findall(whole)
    headers = dict(sent[0]["headers"]) if sent else {}
    if b"token-receipt" in headers:
        found.append(headers[b"token-receipt"])
    claims = [read_item(parse_byte_sequence(one)).claims for one in found]
    return _COMMENT.sub(b"", whole), claims


def counted(app):
    """What was counted, without the zeros."""
    return {name: n for name, n in app.emitter.counters.outcomes().items() if n}
