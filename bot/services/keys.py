"""Our keys: where X, or who sends texts, does not take them, no message and no post is at fault.

An operator has to mend them, and until then everything waits: a no to the keys is a no to nothing
else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import UNAUTHORIZED, Rejected, Unavailable
from bot.services.deps import Deps

log = structlog.get_logger(__name__)

TRIED_AGAIN: Final = timedelta(minutes=1)
"""How long refused keys are left alone, at least: soon enough for whoever just mended them."""


@contextmanager
def taken(deps: Deps) -> Iterator[None]:
    """Make calls that our keys sign. Raises `Unavailable` where the keys are refused."""
    try:
        yield
    except Rejected as error:
        if error.code != UNAUTHORIZED:
            raise
        log.error("keys_refused", reason=str(error))  # noqa: TRY400 (the reason says all)
        raise Unavailable(UNAUTHORIZED, deps.clock.now() + TRIED_AGAIN) from error
