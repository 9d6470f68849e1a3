"""A server that says, byte for byte, what a test wants it to say."""

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

PATIENCE_S = 20.0
"""How long the server waits for a request that was begun (seconds)."""


@dataclass(frozen=True)
class Exchange:
    """One request, and the way to answer it."""

    method: str
    path: str
    head: str
    body: bytes
    connection: socket.socket

    def send(self, content: bytes) -> None:
        """Send bytes as they are; to somebody who has gone, nothing."""
        try:
            self.connection.sendall(content)
        except OSError:
            return

    def answer(self, status: int, body: object = None, *headers: str) -> None:
        """Answer with JSON; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}", *headers]
        self.send("\r\n".join([*lines, "Connection: close", "", ""]).encode() + content)


class RawServer:
    """Answers each request by a function, then ends its connection."""

    def __init__(self, answer: Callable[[Exchange], None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.exchanges: list[Exchange] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, once every answer was given."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in [self._acceptor, *self._threads]:
            thread.join(PATIENCE_S)

    def count(self, beginning: str) -> int:
        """How many requests there were for paths that begin so."""
        return sum(exchange.path.startswith(beginning) for exchange in self.exchanges)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE_S)
            received = b""
            while b"\r\n\r\n" not in received:
                more = connection.recv(65_536)
                if not more:
                    return
                received += more
            head, _, body = received.partition(b"\r\n\r\n")
            body += _rest(connection, head.decode(), len(body))
            method, path, _ = head.decode().split(" ", 2)
            exchange = Exchange(method, path, head.decode(), body, connection)
            self.exchanges.append(exchange)
            self._answer(exchange)


def _rest(connection: socket.socket, head: str, have: int) -> bytes:
    """Read what is missing of a request: closing before that would reset the connection."""
    found = re.search(r"(?i)\r\ncontent-length: *([0-9]+)", head)
    missing, parts = int(found[1]) - have if found else 0, []
    while missing > 0:
        part = connection.recv(65_536)
        if not part:
            break
        missing -= len(part)
        parts.append(part)
    return b"".join(parts)
