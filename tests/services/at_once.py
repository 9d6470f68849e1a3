"""Deeds that begin at the same moment, each in a thread of its own, or wait for one another."""

import time
from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any, Final

from sqlalchemy import text

from bot.domain.errors import Refusal
from bot.store.engine import Store

PATIENCE_S: Final = 20
"""How long a deed may take to come to its lock (seconds)."""


def all_at_once(deeds: Sequence[Callable[[], Any]]) -> list[Any]:
    """Let everybody begin at the same moment; return their answers, in no order.

    A refusal is no answer, and no error; anything else that is raised is.
    """
    barrier = Barrier(len(deeds))
    answers: list[Any] = []
    errors: list[Exception] = []

    def run(deed: Callable[[], Any]) -> None:
        barrier.wait(20)
        try:
            answers.append(deed())
        except Refusal:
            return
        except Exception as error:  # noqa: BLE001 (told to the test)
            errors.append(error)

    threads = [Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return answers


def until_waiting(store: Store, count: int = 1) -> None:
    """Return once so many connections to this database wait for a lock; on PostgreSQL."""
    end = time.monotonic() + PATIENCE_S
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while time.monotonic() < end:
        with store.read() as session:
            if session.execute(waiting).scalar_one() >= count:
                return
        time.sleep(0.01)
    raise AssertionError("a deed does not come to its lock: they do not meet")
