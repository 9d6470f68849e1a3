"""The web process's server: uvicorn in a thread, so that one place catches signals."""

import socket
import time
from threading import Thread
from typing import Any, Final

import structlog

from bot.cli.common import No, reason_of

log = structlog.get_logger(__name__)

START_WITHIN_S: Final = 20.0
"""How long the server may take to answer (seconds); it takes less than one."""
DRAIN_WITHIN_S: Final = 5
"""How long a request that is under way may take at the end (seconds)."""
STOP_WITHIN_S: Final = 8.0
"""How long the server may take to end (seconds): the process ends within 10."""


class WebServer:
    """An ASGI application on an address, from `start` to `stop`."""

    def __init__(self, app: Any, listener: socket.socket, *, proxies: tuple[str, ...] = ()) -> None:
        import uvicorn

        config = uvicorn.Config(
            app,
            log_config=None,  # telemetry has configured logging
            access_log=False,  # addresses hold codes of sign-ins
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=DRAIN_WITHIN_S,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        # In a thread uvicorn leaves signals alone.
        self._thread = Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )

    def start(self) -> None:
        """Return once the server answers."""
        self._thread.start()
        give_up_at = time.monotonic() + START_WITHIN_S
        while not self._server.started:
            self._thread.join(0.01)
            if not self._thread.is_alive() or time.monotonic() > give_up_at:
                raise No("The web server did not start: see its log.")
        log.info("web_started", port=self._listener.getsockname()[1])

    def stop(self) -> bool:
        """End; False where that took too long."""
        self._server.should_exit = True
        self._thread.join(STOP_WITHIN_S)
        self._listener.close()
        return not self._thread.is_alive()


def listen(host: str, port: int, *, setting: str = "PORT") -> socket.socket:
    """Take a port, or say in a sentence that it is taken."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise No(
            f"Nothing can listen on {host}:{port} ({reason_of(error)}): choose another "
            f"with {setting}, or stop what listens there."
        ) from None
