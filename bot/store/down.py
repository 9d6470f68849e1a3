"""A database that does not answer: how it is told from a mistake of ours, said, and waited for.

It is said in one line, since its traceback says nothing more, each second anew; no line names the
database's address.
"""

import re
import sqlite3
from collections.abc import Callable
from threading import Event
from typing import Final, TypeGuard, TypeVar

import structlog
from sqlalchemy import exc

log = structlog.get_logger(__name__)

RETRY_FIRST_S: Final = 0.5
"""The wait before the second try at the start (seconds), then doubled."""
RETRY_AT_MOST_S: Final = 30.0
"""The longest wait between two tries at the start (seconds)."""

_QUOTED: Final = re.compile(r"""(["'])[^"']*\1(?: \([^)]*\))?(?:, port [0-9]+)?""")
"""What a driver quotes: hosts with their ports, names of users and databases."""

_CONFLICTS: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization_failure and deadlock_detected: the database is well."""

DISK_FULL: Final = "the disk is full: make room; what waits is then done by itself"
"""What to do about it, in the log."""
_NO_ROOM: Final = "53100"
"""PostgreSQL's disk_full."""
LOOK_AT_IT: Final = "check DATABASE_URL and that it runs; it is tried again"

T = TypeVar("T")


def is_down(error: Exception) -> TypeGuard[exc.SQLAlchemyError]:
    """Whether the database did not answer, as against SQL of ours that it does not take.

    A lock that never came, a pool that is used up and a file that is none count as down: the
    transaction is gone, and another try may succeed.
    """
    if isinstance(error, exc.TimeoutError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        kind = code & 0xFF  # the rest says which kind of it
        broken = kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
        return broken or (isinstance(error, exc.OperationalError) and kind != sqlite3.SQLITE_ERROR)
    # A pooler that dies in a commit leaves an answer that the driver cannot read, without a code.
    garbled = isinstance(error, exc.InternalError) and not getattr(error.orig, "sqlstate", None)
    return garbled or isinstance(error, exc.OperationalError | exc.InterfaceError)


def is_away(error: Exception) -> bool:
    """Whether the database did not answer, conflicts apart: what was being done is not at fault.

    Nothing can be written down about it either; it stays as due as it was.
    """
    return is_down(error) and not _is_conflict(error)


def _is_conflict(error: exc.SQLAlchemyError) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _CONFLICTS


def _is_full(error: exc.SQLAlchemyError) -> bool:
    """Whether the database has no room left to write in."""
    said = getattr(error, "orig", None)
    code = getattr(said, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(said, "sqlstate", None) == _NO_ROOM


def tell_database_down(error: exc.SQLAlchemyError, **where: object) -> None:
    """Log that the database does not answer, and what to do."""
    if _is_conflict(error):
        log.error("database_conflict", mend="two writers waited for each other: try again", **where)
        return
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    log.error(
        "database_down",
        reason=_QUOTED.sub("…", said),
        mend=DISK_FULL if _is_full(error) else LOOK_AT_IT,
        **where,
    )


def wait_for_database(ask: Callable[[], T], stop: Event) -> T | None:
    """Ask until the database answers, and return what it said; None where `stop` was set first."""
    wait_s = RETRY_FIRST_S
    while not stop.is_set():
        try:
            return ask()
        except exc.SQLAlchemyError as error:
            if not is_down(error):
                raise
            tell_database_down(error, seconds=wait_s)
        stop.wait(wait_s)
        wait_s = min(RETRY_AT_MOST_S, wait_s * 2)
    return None
