"""Of threads that want the same at one moment one does it for all, and nobody waits for ever."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event, get_ident

import pytest

from bot.services.together import Together

PATIENCE_S = 20


class Bench:
    """Threads that ask, and work that is under way until it is told to end."""

    def __init__(self, threads: ThreadPoolExecutor, gather_s: float = 0.002) -> None:
        """Begin with nobody asking."""
        self.threads = threads
        self.together = Together(gather_s)
        self.batches: list[set[int]] = []
        self.begun, self.may_end = Event(), Event()
        self.fails = False

    def work(self, batch: set[int]) -> None:
        """Do it, or fail."""
        self.batches.append(batch)
        self.begun.set()
        self.may_end.wait(PATIENCE_S)
        if self.fails:
            raise LookupError

    def ask(self, *wanted: int, most: int = 9) -> list[Future[None]]:
        """Let a thread ask for each, and return once all wait."""
        waiting = self.together.waiting
        asked = [self.threads.submit(self.together.do, one, self.work, most=most) for one in wanted]
        self.until_waiting(waiting + len(wanted))
        return asked

    def begin(self, wanted: int, *, most: int = 9) -> list[Future[None]]:
        """Let a thread ask, and return once it works."""
        asked = self.threads.submit(self.together.do, wanted, self.work, most=most)
        assert self.begun.wait(PATIENCE_S)
        self.begun.clear()
        return [asked]

    def until_waiting(self, count: int) -> None:
        """Return once so many wait."""
        while self.together.waiting < count:
            time.sleep(0.001)

    def end(self, asked: list[Future[None]]) -> None:
        """Let the work end, and everybody who asked come back."""
        self.may_end.set()
        for one in asked:
            one.result(PATIENCE_S)
        assert self.together.waiting == 0


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench with threads enough."""
    with ThreadPoolExecutor(6) as threads:
        yield Bench(threads)


def test_no_more_than_a_batch_is_done_at_once(bench: Bench) -> None:
    """Who is left begins when that ends, with all who asked since."""
    asked = bench.begin(0, most=3)
    bench.end(asked + bench.ask(1, 2, 3, 4, 5, most=3))
    assert [len(batch) for batch in bench.batches] == [1, 3, 2]
    assert set().union(*bench.batches) == set(range(6))


def test_who_begins_waits_for_as_many_as_were_done_before() -> None:
    """They will soon ask again: it waits for a moment, or here until they do."""
    with ThreadPoolExecutor(3) as threads:
        bench = Bench(threads, gather_s=PATIENCE_S)
        asked = bench.begin(0)
        bench.end(asked + bench.ask(1, 2))
        bench.begun.clear()
        asked = bench.ask(3)
        assert not bench.begun.wait(0.05), "two were done before, and one has asked"
        bench.together.do(4, bench.work, most=9)
        bench.end(asked)
    assert bench.batches == [{0}, {1, 2}, {3, 4}]


def test_where_all_fails_each_is_told_so(bench: Bench) -> None:
    """A database that is away: each tries once more, with those that are left, and is told."""
    bench.fails = True
    asked = bench.begin(0)
    asked += bench.ask(1, 2, 3)
    bench.may_end.set()
    for one in asked:
        with pytest.raises(LookupError):
            one.result(PATIENCE_S)
    assert [len(batch) for batch in bench.batches] == [1, 3, 2, 1]
    bench.fails = False
    bench.together.do(7, bench.work, most=9)
    assert bench.batches[-1] == {7}, "nobody is busy any more"


class Interrupted(BaseException):
    """As Ctrl-C, or the end of a process, is raised wherever a thread stands."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Interrupt the thread of the test, from another."""

    def raised(*_signal: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, raised)
    yield partial(signal.pthread_kill, get_ident(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("before_it", [(), (1,)])
def test_who_is_interrupted_while_it_waits_leaves_its_turn_to_the_next(
    bench: Bench, interrupt: Callable[[], None], before_it: tuple[int, ...]
) -> None:
    """Also where it would have been the one to begin: nobody waits for who is gone."""
    asked = bench.begin(0) + bench.ask(*before_it)

    def interrupt_once_it_waits() -> None:
        bench.until_waiting(len(before_it) + 1)
        interrupt()

    bench.threads.submit(interrupt_once_it_waits)
    with pytest.raises(Interrupted):
        bench.together.do(2, bench.work, most=9)
    bench.end(asked + bench.ask(3))
    assert set().union(*bench.batches) == {0, 3, *before_it}
