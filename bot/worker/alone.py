"""One worker on a SQLite file: SQLite takes one writer at a time, and one machine holds the file.

The operating system keeps the lock and lets it go when its process dies, however it dies, so that a
worker that is started again after a crash need not wait.
"""

import fcntl
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url


class AnotherWorker(Exception):
    """Another worker has this database; the text says what to do."""


def hold_alone(url: str) -> IO[bytes] | None:
    """Lock a SQLite database for this worker; None for another kind. Raises `AnotherWorker`.

    The lock is held until the file that is returned is closed.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    path = Path(f"{parsed.database}-worker")
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AnotherWorker(
            f"Another worker runs on {parsed.database}: stop it first, or use PostgreSQL, which "
            "takes several."
        ) from None
    return lock
