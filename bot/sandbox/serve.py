"""Run one ASGI application on a loopback port, in a thread, and stop it cleanly.

Promises: `serve` returns once the server answers, with its address; `stop` ends open streams
first (an application that has any puts a callable at `app.state.close_streams`), then waits for
the rest for a bounded time, and leaves neither a thread nor a traceback.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

START_WITHIN_S = 20.0  # a loaded machine starts a server in a few seconds
DRAIN_WITHIN_S = 2  # requests that are under way at the stop get this long
STOP_WITHIN_S = 10.0  # draining plus the application's own shutdown
POLL_S = 0.01  # how often the start is looked for


class _Server(uvicorn.Server):
    """A server that ends the application's streams before it waits for open requests."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open streams, then shut down as usual."""
        app = self.config.app
        close: Callable[[], None] | None = None
        if isinstance(app, FastAPI):
            close = getattr(app.state, "close_streams", None)
        if close is not None:
            close()
        await super().shutdown(sockets)


class Running:
    """A server that runs in a thread: its address, and how to stop it."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._server = server
        self._listener = listener
        host, port = listener.getsockname()[:2]
        self.host = str(host)
        self.port = int(port)
        self.url = f"http://{self.host}:{self.port}"
        self._thread = threading.Thread(
            target=self._run,
            name=f"serve-{self.port}",
            daemon=True,
        )

    def _run(self) -> None:
        # uvicorn leaves by SystemExit where the application cannot start: `start` says so.
        with contextlib.suppress(SystemExit):
            self._server.run(sockets=[self._listener])

    def start(self) -> None:
        """Start the thread and return once the server answers."""
        self._thread.start()
        give_up_at = time.monotonic() + START_WITHIN_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up_at:
                self.stop()
                raise RuntimeError(f"The server at {self.url} did not start: see its log.")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Stop the server; stopping twice is harmless."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN_S)
        self._listener.close()

    def __enter__(self) -> Self:
        """The running server itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at the end of a `with` block."""
        self.stop()


def _listen(host: str, port: int) -> socket.socket:
    """Open a listening socket whose answers leave at once.

    The protocol is named, since asyncio switches Nagle's algorithm off only where it is: an answer
    in two writes would wait 40 ms for the other side's delayed acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def serve(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Run `app` at `host` and `port` (0: any free one) until `stop` is called on the answer.

    Raises OSError where the port is taken.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        log_config=None,  # the process that calls us has configured logging already
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_WITHIN_S,
    )
    running = Running(_Server(config), listener)
    running.start()
    return running
