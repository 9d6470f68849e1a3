"""What a web process uses of X goes into the one bill, and it knows what all have spent.

A worker does so with its heartbeat. Here it is done every few seconds while the pages are served,
so that a day's budget stops what is optional here too, and once more when they are not any more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event, Thread
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool

from bot.services import x_money
from bot.services.deps import Deps
from bot.store.down import is_down, tell_database_down

log = structlog.get_logger(__name__)

EVERY_S: Final = 5.0
"""How often (seconds): a budget may be overrun by what the pages use in so long."""
END_WITHIN_S: Final = 1.0
"""How long the last writing may take (seconds): a database that hangs keeps nobody waiting."""


@asynccontextmanager
async def kept(deps: Deps) -> AsyncIterator[None]:
    """Keep the bill as long as the pages are served."""
    stop = Event()
    keeper = Thread(target=_keep, args=(deps, stop), name="x-bill", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        await run_in_threadpool(keeper.join, END_WITHIN_S)


def _keep(deps: Deps, stop: Event) -> None:
    is_last = False
    while not is_last:
        is_last = stop.is_set()
        try:
            x_money.note(deps)
        except Exception as error:  # nothing ends it: nobody would know the bill any more
            if is_down(error):
                tell_database_down(error, job="x_bill")
            else:
                log.exception("x_bill_not_kept")
        if not is_last:
            stop.wait(EVERY_S)
