"""Servers that the tests start themselves, each on a free port of 127.0.0.1, and stop by process.

PostgreSQL and PgBouncer refuse root: as root they run as the user `postgres`, in a folder that
this user owns. Whatever is missing is said in a sentence that fails the test, never a skip.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg

START_TIMEOUT_S = 60
"""How long a server may take to start (seconds); on a busy machine it takes a few."""
STOP_TIMEOUT_S = 20
"""How long a server may take to stop (seconds) before it is killed."""
MEMORY = Path("/dev/shm")
"""Linux's file system in memory."""
ROOM_BYTES = 2 * 1024**3
"""What must be free there (bytes): each of two servers keeps some hundred MB at most."""
LEAST_POSTGRESQL = 13
"""The oldest PostgreSQL that the bot is tested on."""


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nothing listens on, no two of them the same."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def find_server(name: str, package: str) -> str:
    """Return the path of a server's program, on the PATH or where Debian puts it."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: float(path.parts[-3]),
        reverse=True,
    )
    places = [shutil.which(name), *map(str, debian), f"/usr/sbin/{name}"]
    for place in places:
        if place and os.access(place, os.X_OK):
            return place
    raise AssertionError(
        f"{name} is not on this machine: run tests/setup.sh, or add the package {package}"
    )


def as_server_user() -> dict[str, Any]:
    """Return the arguments of `subprocess` that drop root's rights; none where we have none."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise AssertionError(
            "PostgreSQL refuses root and there is no user postgres: run tests/setup.sh"
        ) from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def quick_folder() -> Path:
    """Return a new folder for databases: in memory, where a machine has room for them there.

    A database is made for each test; on a disk that is most of what the whole run takes.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    roomy = roomy and os.access(MEMORY, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="smoney-test-", dir=MEMORY if roomy else None))


def _server_folder() -> Path:
    return for_server(quick_folder())


def for_server(folder: Path) -> Path:
    """Give a folder to the user that servers run as."""
    rights = as_server_user()
    if rights:
        os.chown(folder, rights["user"], rights["group"])
    return folder


@dataclass
class Server:
    """A process with a folder of its own; `stop` leaves neither."""

    folder: Path = field(default_factory=_server_folder)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str], *, stop_signal: int) -> None:
        """Start the server; what it says goes to a file in its folder."""
        self._stop_signal = stop_signal
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches pytest alone, which then stops us
                **as_server_user(),
            )

    def wait_for(self, url: str) -> None:
        """Return when the server answers; fail with its log where it does not."""
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self.process is not None
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > give_up_at:
                    log = (self.folder / "log").read_text(errors="replace")
                    self.stop()
                    raise AssertionError(f"the server did not start:\n{log}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End the process and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class PostgreSQL(Server):
    """A PostgreSQL server with nothing in it, quick rather than durable."""

    OPTIONS: ClassVar[Mapping[str, str]] = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_wal_size": "256MB",  # it may lie in memory
        "autovacuum": "off",
        "jit": "off",  # it takes longer than any query of a test
        "update_process_title": "off",
    }

    def start(self, **own: str) -> Self:
        """Make the cluster and start it; `own`: settings other than the tests' usual ones."""
        data = self.folder / "data"
        subprocess.run(
            [
                find_server("initdb", "postgresql"),
                *("-D", str(data), "-U", "smoney", "-A", "trust", "-E", "UTF8"),
                *("--locale=C", "--no-sync", "--no-instructions"),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **as_server_user(),
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "Pacific/Auckland",  # far from UTC: a naive datetime would show
            **self.OPTIONS,
            **own,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [find_server("postgres", "postgresql"), "-D", str(data), "-p", str(self.port)]
        self._command = [*command, *settings]
        self.go_up()
        return self

    def go_up(self) -> None:
        """Start the server on its data, at first or again."""
        self.run(self._command, stop_signal=signal.SIGINT)
        self.wait_for(self.libpq_url("postgres"))

    def go_down(self, *, at_once: bool = False) -> None:
        """End the server, its data stay; `at_once` it finishes nothing, as after a crash."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self.process.wait(STOP_TIMEOUT_S)

    def libpq_url(self, database: str) -> str:
        """Return a database's address as psycopg reads it."""
        return f"postgresql://smoney@127.0.0.1:{self.port}/{database}"

    def url(self, database: str) -> str:
        """Return a database's address as `DATABASE_URL` holds it."""
        return f"postgresql+psycopg://smoney@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.libpq_url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, name: str, *, template: str = "template1") -> str:
        """Make a database, a copy of another; return its address."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


class PgBouncer(Server):
    """PgBouncer in transaction mode before a PostgreSQL server."""

    def start(self, server: PostgreSQL) -> Self:
        """Start it before that server."""
        users = self.folder / "users.txt"
        users.write_text('"smoney" ""\n')
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={server.port} user=smoney\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 4\n"
            "server_login_retry = 1\n"  # else it waits 15 s for a server that was away
        )
        for file in (users, settings):
            file.chmod(0o644)
        self.run([find_server("pgbouncer", "pgbouncer"), str(settings)], stop_signal=signal.SIGINT)
        self.wait_for(f"postgresql://smoney@127.0.0.1:{self.port}/postgres")
        return self

    def url(self, database: str) -> str:
        """Return a database's address through the pooler, as `DATABASE_URL` holds it."""
        return f"postgresql+psycopg://smoney@127.0.0.1:{self.port}/{database}"
