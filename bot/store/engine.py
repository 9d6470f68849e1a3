"""The database: one engine, and the two ways to open a transaction on it.

SQLite gets WAL, full synchronisation, foreign keys and `BEGIN IMMEDIATE` for writers, so that two
writers queue instead of failing half-way; PostgreSQL gets READ COMMITTED with row locks, and no
session-level state, so that PgBouncer in transaction mode serves: plans are kept only where nobody
stands between (ADR 34).
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from psycopg._preparing import PrepareManager
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from bot.store.turns import Turns

BUSY_TIMEOUT_MS: Final = 15_000
"""How long a writer on SQLite waits for another (milliseconds); a commit takes a few of them."""
POOL_SIZE: Final = 10
"""Connections kept to PostgreSQL: the web's threads and the worker's few."""
PING_AFTER_S: Final = 1.0
"""How long a connection may rest (seconds) and be used without a question whether it lives. To ask
each time is one trip of three for a small transaction; the first statement fails just as well."""
READ_ALL: Final = text(
    """SELECT set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true),
        set_config('jit', 'off', true)"""
)
"""Settings of a transaction that goes through whole tables."""
NOTICED_GONE: Final = {
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""A server whose machine is gone, which says nothing any more, is given up after some ten seconds;
by itself Linux waits for a quarter of an hour, or for two hours where nothing is under way.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""
NOW: Final = text("SELECT clock_timestamp()")
RESTS_AT_MOST: Final = text(
    """SELECT current_setting('idle_in_transaction_session_timeout'), quote_ident(current_user)"""
)
PREPARE_AFTER: Final = 5
"""How often a connection is asked something before its plan is kept, as psycopg does by itself."""
PREPARED_AT_MOST: Final = 500
"""Plans kept for each connection to either database: more than there are statements in the code."""


class Store:
    """An engine with its transactions. `write` commits at its end and rolls back on any error."""

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.url = url
        self.engine = _engine(url, busy_timeout_ms)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turns = Turns(within_s=busy_timeout_ms / 1000) if self.is_sqlite else None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that writes.

        On SQLite the threads of a process take turns; raises `OperationalError` where none came.
        """
        with (
            nullcontext() if self._turns is None else self._turns.turn(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads, and sees one state of the books."""
        with Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN")
                yield session
                session.rollback()
            else:
                session.connection(execution_options={"postgresql_readonly": True})
                yield session
                session.commit()

    def hold_still(self, session: Session, *, state: str | None = None) -> None:
        """Let every statement of a reading transaction see one state; before its first.

        `state`: the one that another transaction sees, which is still open (`state_of`).
        """
        if not self.is_sqlite:  # SQLite does so by itself
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        if state is not None:
            session.execute(text(f"SET TRANSACTION SNAPSHOT '{state}'"))

    def state_of(self, session: Session) -> str:
        """Name the state that a transaction on PostgreSQL sees, so that another may see the same.

        https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
        """
        return str(session.execute(text("SELECT pg_export_snapshot()")).scalar_one())

    def read_all(self, session: Session) -> None:
        """Let a reading transaction go through whole tables: room to sort in, and no more.

        Rows of the books lie in the order in which they were written, so that reading them by an
        index costs little more than reading them as they lie. Ends with the transaction.
        """
        if not self.is_sqlite:
            session.execute(READ_ALL)

    def time_of_all(self, session: Session, at: datetime) -> datetime:
        """Return the time that is one for all workers: by it leases are measured.

        The server's on PostgreSQL, whatever each worker's clock says; on SQLite, which one worker
        has for itself, its own, `at`.
        """
        if self.is_sqlite:
            return at
        now: datetime = session.execute(NOW).scalar_one()
        return now.astimezone(UTC)

    def rests_at_most(self, session: Session) -> tuple[str, str]:
        """Return how long PostgreSQL lets a transaction of ours rest, and the role it says it to.

        As it writes the one ("5min", "0" for ever) and as a statement names the other.
        """
        span, role = session.execute(RESTS_AT_MOST).one()
        return span, role

    def ping(self) -> None:
        """Ask the database for a sign of life; raises SQLAlchemy's `OperationalError`."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _engine(url: str, busy_timeout_ms: int) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            hide_parameters=True,
            connect_args={
                "timeout": busy_timeout_ms / 1000,
                "cached_statements": PREPARED_AT_MOST,
            },
        )
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    engine = create_engine(
        parsed,
        hide_parameters=True,  # an error of SQL must not carry the text of a message
        pool_size=POOL_SIZE,
        connect_args={"prepare_threshold": None, "connect_timeout": 5, **NOTICED_GONE},
    )
    event.listen(engine, "connect", _prepare_where_direct)
    _drop_plans_after_an_error(engine)
    _ping_after_rest(engine)
    return engine


def _prepare_where_direct(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Let the server keep the plans of what is asked again and again, where nobody stands between.

    A pooler hands us other sessions of the server, and tells of a process that none of them is.
    """
    (process,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    if process == connection.info.backend_pid:
        connection._prepared = Plans()  # noqa: SLF001 (psycopg has no other way to say it)
        connection.prepare_threshold = PREPARE_AFTER
        connection.prepared_max = PREPARED_AT_MOST


class Plans(PrepareManager):
    """What psycopg has prepared on a connection, and keeps when we roll a transaction back.

    By itself it drops everything at each ROLLBACK, to a savepoint as well: what was rolled back may
    have made the table that a plan speaks of. Nothing but a migration makes one here, and what the
    server has prepared stays (https://www.postgresql.org/docs/current/sql-prepare.html): a refusal
    cost every plan. Where the server itself refused a statement, all is dropped as ever: a plan may
    be why, as where a migration changed what a running process reads.
    """

    was_refused = False

    def clear(self) -> bool:
        """Drop everything after an error of the server, else nothing; say whether."""
        if not self.was_refused:
            return False
        self.was_refused = False
        return super().clear()


def _drop_plans_after_an_error(engine: Engine) -> None:
    """Tell a connection's plans, before it is rolled back, whether the server refused something."""

    @event.listens_for(engine, "rollback")
    @event.listens_for(engine, "rollback_savepoint")
    def _rolls_back(connection: Connection, *_savepoint: Any) -> None:
        if connection.invalidated:  # it is gone, and its plans with it
            return
        driver: Any = connection.connection.driver_connection
        plans = driver._prepared  # noqa: SLF001 (as above)
        if isinstance(plans, Plans):
            plans.was_refused = driver.info.transaction_status == TransactionStatus.INERROR


def _ping_after_rest(engine: Engine) -> None:
    """Ask a connection that has rested for a sign of life; without one, all are made anew."""

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _wakes(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        since = record.info.get("rests_since")
        if since is None or time.monotonic() - since < PING_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: it would begin them deferred.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",  # sets that are handed to a statement; never in a file of their own
    ):
        connection.execute(f"PRAGMA {pragma}")
    # For the proofs; once, since SQLite then prepares anew what was prepared.
    connection.create_function("sha256_hex", 1, _sha256_hex, deterministic=True)


def _sha256_hex(text: str | None) -> str | None:
    return None if text is None else sha256(text.encode()).hexdigest()


def dialect_insert(session: Session) -> Any:
    """Return the dialect's `insert`, whose `on_conflict_do_nothing` both databases know."""
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert
