"""A database that is down, in one line: its traceback says nothing more, each second anew."""

import structlog
from sqlalchemy.exc import OperationalError

log = structlog.get_logger(__name__)


def tell_database_down(error: OperationalError, **where: object) -> None:
    """Log that the database does not answer, and what to do."""
    log.error(
        "database_down",
        reason=str(error.orig or error).strip().partition("\n")[0],
        mend="check DATABASE_URL and that it runs; the worker tries again",
        **where,
    )
