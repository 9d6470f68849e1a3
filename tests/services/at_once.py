"""Deeds that begin at the same moment, each in a thread of its own."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

from bot.domain.errors import Refusal


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
