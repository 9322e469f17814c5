"""A proxy between a journal and its server that cuts connections where it hurts."""

import socket
import threading
from contextlib import suppress

INSERT = b"INSERT INTO receipts"
"""Comes in the same packets as what commits it: the statement is a transaction of its own."""


class Proxy:
    """Forwards until it is told otherwise. Each connection has a thread for what the client says, and one for the answers.

    ``cut``: what becomes of the next INSERT: ``before`` it is lost; ``after`` it is forwarded, and its answer lost; ``held``
    it stays on the way until `release`, and the client's connection is cut. ``away``: connections are refused after that.
    """

    def __init__(self, port):
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut, self.away, self.hangs = None, False, False
        self.cuts = 0
        self.held = []
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:  # it is down
                client.close()
                continue
            self._open |= {client, server}
            pair = _Pair(self, client, server)
            threading.Thread(target=pair.ask, daemon=True).start()
            threading.Thread(target=pair.answer, daemon=True).start()

    def release(self):
        """What was held comes to the server now."""
        for server, data in self.held:
            server.sendall(data)

    def drop(self):
        """All connections break."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()
        for one in self._open:
            one.close()


class _Pair:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.deaf, self.answered = False, threading.Event()

    def ask(self):
        try:
            while data := self.client.recv(1 << 20):
                if self.proxy.cut is not None and INSERT in data:
                    return self._cut(data)
                if not self.proxy.hangs:
                    self.server.sendall(data)
        except OSError:
            pass
        return self._end(self.server)

    def _cut(self, data):
        how, self.proxy.cut = self.proxy.cut, None
        self.deaf = True
        if how == "after":
            self.server.sendall(data)
            assert self.answered.wait(10)  # it is committed
        elif how == "held":
            self.proxy.held.append((self.server, data))
        self.proxy.cuts += 1
        self._end(self.client)
        if how != "held":
            self._end(self.server)

    def answer(self):
        try:
            while data := self.server.recv(1 << 20):
                if self.deaf:
                    self.answered.set()
                    continue
                if not self.proxy.hangs:
                    self.client.sendall(data)
        except OSError:
            pass
        self._end(self.client)

    def _end(self, one):
        with suppress(OSError):  # it is closed already
            one.shutdown(socket.SHUT_RDWR)
