"""The parent of a run: it starts the processes, kills them, restarts what died, and ends the run.

It waits for the database and the far side alone; whatever a process does not outlive is wrong.
"""

import multiprocessing
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bot import migrations
from bot.config import Needs, load
from bot.services import receive, whoami
from bot.services.deps import Deps
from tests.chaos import far_side, hands
from tests.chaos.board import Board, Phase
from tests.chaos.far_side import LocalX
from tests.chaos.plan import Basis, Place
from tests.servers import PgBouncer, PostgreSQL, free_port

TICK_S: Final = 0.1
WITHIN_S: Final = 15
"""How long a process may take to end when it is told to (seconds)."""


@dataclass(slots=True)
class Seat:
    """A process's place: it is always taken, by one life after another."""

    index: int
    name: str
    kind: hands.Kind
    process: BaseProcess | None = None
    life: int = 0


@dataclass(slots=True)
class Seen:
    """What the parent did and saw."""

    killed: Counter[str] = field(default_factory=Counter)
    """What a process was doing when the parent killed it."""
    died: Counter[str] = field(default_factory=Counter)
    """The step at which a process killed itself."""
    restarts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class House:
    """A run's processes, from `with` to its end."""

    def __init__(self, plan: Basis, folder: Path, wanted: Mapping[hands.Kind, int]) -> None:
        self.basis = plan
        self.seen = Seen()
        self.random = random.Random(f"{plan.seed} house")
        self.pooler: PgBouncer | None = None
        self.database: PostgreSQL | None = None
        self._folder = folder
        (folder / "sepa").mkdir()
        self._stack = ExitStack()
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        kinds = [kind for kind, count in wanted.items() for _ in range(count)]
        self.seats = [Seat(one, f"{kind}{one}", kind) for one, kind in enumerate(kinds)]
        self.far: list[BaseProcess] = []

    def __enter__(self) -> Self:
        """Start everything but the bot's processes."""
        folder = self._folder
        # The child that all others are forked from loads what they use, once.
        self._context.set_forkserver_preload(["tests.chaos.hands"])
        own_url, bots_url = self._make_database()
        migrations.upgrade(own_url)
        x_port, cards_port, web_port = free_port(), free_port(), free_port()
        self.place = Place(
            folder=folder,
            x_url=f"http://127.0.0.1:{x_port}",
            cards_url=f"http://127.0.0.1:{cards_port}",
            settings={
                "ENVIRONMENT": "sandbox",
                "DATABASE_URL": bots_url,
                "PUBLIC_URL": f"http://localhost:{web_port}",
                "PORT": str(web_port),
                "SECRET_KEY": "a secret of the chaos alone",
                "LOG_FORMAT": "json",
                "STRIPE_API_KEY": far_side.STRIPE_KEY,
                "STRIPE_WEBHOOK_SECRET": far_side.WEBHOOK_SECRET,
                "STRIPE_API_BASE": f"http://127.0.0.1:{cards_port}",
                "CARD_SCA_COVERS_TRANSFER": "true",
                "MAX_PENDING": str(self.basis.max_pending),
                "COMMANDS_AN_HOUR": "1000000",
                "X_DM_POLL_S": str(self.basis.dm_poll_s),
                **far_side.x_settings(f"http://127.0.0.1:{x_port}"),
            },
        )
        self.board = Board(self.place.board)
        self.start_far("x", x_port)
        self.x = LocalX(self.place.x_url)
        self._stack.callback(self.x.close)
        self.x.lift_limits()
        own = {**self.place.settings, "DATABASE_URL": own_url}
        self.settings = load(Needs.WORKER | Needs.WEB, own)
        self.deps: Deps = hands.impatient(self.settings, self.basis.card_timeout_s)
        self._stack.callback(self.deps.store.close)
        whoami.whoami(self.deps)
        receive.first_start(self.deps)
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs, by its own handle."""
        for process in [*(seat.process for seat in self.seats), *self.far]:
            if process is not None and process.is_alive():
                process.kill()
                process.join()
        self._stack.close()

    def _make_database(self) -> tuple[str, str]:
        """Start the run's database; return its address for the parent, and for the bot."""
        if self.basis.database == "sqlite":
            url = f"sqlite:///{self._folder}/bot.db"
            return url, url
        self.database = self._stack.enter_context(PostgreSQL())
        # What was committed has to outlive a crash of the server, as in production.
        self.database.start(synchronous_commit="on", autovacuum="on", track_commit_timestamp="on")
        url = self.database.create("bot")
        if self.basis.database == "postgresql":
            return url, url
        self.pooler = self._stack.enter_context(PgBouncer()).start(self.database)
        return url, self.pooler.url("bot")

    def start_far(self, kind: far_side.Kind, port: int, webhook_url: str = "") -> BaseProcess:
        """Start a server of the far side."""
        process = far_side.start(self._context, kind, port, self._folder, webhook_url)
        self.far.append(process)
        return process

    # --- the wild part ---------------------------------------------------------------------

    def start_bot(self) -> None:
        """Take every seat."""
        self.board.phase = Phase.POST
        for seat in self.seats:
            self._start(seat)

    def _start(self, seat: Seat) -> None:
        seat.life += 1
        seat.process = self._context.Process(
            target=hands.run,
            args=(seat.kind, self.basis, self.place, seat.index, seat.name, seat.life),
            name=seat.name,
        )
        seat.process.start()

    def rest(self, seconds: float = TICK_S) -> None:
        """Wait, but not longer than until somebody dies."""
        wait([seat.process.sentinel for seat in self.seats if seat.process], seconds)

    def raise_the_dead(self) -> None:
        """Let everybody who died live again, and note what they died of."""
        for seat in self.seats:
            assert seat.process is not None
            if seat.process.is_alive():
                continue
            doing = self.board.doing(seat.index)
            if seat.process.exitcode != -signal.SIGKILL:
                self.seen.wrong.append(
                    f"{seat.name} ended with {seat.process.exitcode} by itself: see its log"
                )
            elif doing.startswith("step "):
                self.seen.died[f"{seat.kind} at {doing.removeprefix('step ')}"] += 1
            self.board.note(seat.index, "its start")
            self._start(seat)

    def kill(self) -> None:
        """Kill a process at random, as by `kill -9`."""
        seat = self.random.choice(self.seats)
        assert seat.process is not None
        if not seat.process.is_alive():
            return
        seat.process.kill()
        seat.process.join()
        doing = self.board.doing(seat.index)
        if not doing.startswith("step "):
            self.seen.killed[f"{seat.kind} after {doing}"] += 1

    def kill_pooler(self) -> None:
        """Kill PgBouncer with every connection through it, and start it anew."""
        assert self.pooler is not None, "the run has one"
        assert self.pooler.process is not None, "it runs"
        assert self.database is not None, "it stands before one"
        self.pooler.process.kill()
        self.pooler.process.wait()
        self.seen.killed["PgBouncer"] += 1
        self.pooler.start(self.database)

    def restart_database(self) -> None:
        """Restart PostgreSQL: it ends its sessions, or nothing at all, as after a crash."""
        assert self.database is not None
        at_once = len(self.seen.restarts) % 2 == 0
        self.database.go_down(at_once=at_once)
        time.sleep(self.random.uniform(0.1, 1.0))
        self.database.go_up()
        self.seen.restarts.append("crashed" if at_once else "restarted")
        while True:  # the pool of this process notices as well
            try:
                self.deps.store.ping()
            except OperationalError:
                time.sleep(TICK_S)
            else:
                return

    # --- the calm part ---------------------------------------------------------------------

    def calm_down(self) -> None:
        """End the killing; people leave."""
        self.board.phase = Phase.CALM
        self.raise_the_dead()
        for seat in self.seats:
            if seat.kind == "people":
                self._let_end(seat)

    def stop_bot(self) -> None:
        """Tell the workers and the web to end, which they do with 0."""
        for seat in self.seats:
            if seat.kind != "people":
                assert seat.process is not None
                if seat.process.is_alive():
                    seat.process.terminate()
        for seat in self.seats:
            if seat.kind != "people":
                self._let_end(seat)

    def _let_end(self, seat: Seat) -> None:
        assert seat.process is not None
        seat.process.join(WITHIN_S)
        if seat.process.exitcode != 0:
            code = seat.process.exitcode
            how = "does not end" if code is None else f"ended with {code}"
            self.seen.wrong.append(f"{seat.name} {how} when it was told to: see its log")

    def figures(self, query: str) -> list[Any]:
        """Ask the database."""
        with self.deps.store.read() as session:
            return list(session.execute(text(query)).all())
