"""The parent of a run: it starts the processes, kills them, restarts what died, and ends the run.

It waits for the database and the far side alone; whatever a process does not outlive is wrong.
"""

import multiprocessing
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
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
from tests.chaos.card_weather import CardWeather
from tests.chaos.far_side import LocalX, Network
from tests.chaos.plan import Place, Plan
from tests.servers import PostgreSQL, free_port

TICK_S: Final = 0.1
SAY_EVERY_S: Final = 20
"""How often the parent says how far everything is (seconds)."""
LOOK_EVERY_S: Final = 0.5
"""How often the parent asks the database how far everything is (seconds)."""
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

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.seen = Seen()
        self._folder = folder
        (folder / "sepa").mkdir()
        self._random = random.Random(f"{plan.seed} house")
        self._stack = ExitStack()
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        wanted: dict[hands.Kind, int] = {
            "worker": plan.workers,
            "web": plan.webs,
            "people": plan.hands,
        }
        kinds = [kind for kind, count in wanted.items() for _ in range(count)]
        self._seats = [Seat(one, f"{kind}{one}", kind) for one, kind in enumerate(kinds)]

    def __enter__(self) -> Self:
        """Start everything but the bot's processes."""
        folder = self._folder
        # The child that all others are forked from loads what they use, once.
        self._context.set_forkserver_preload(["tests.chaos.hands"])
        self.database = self._stack.enter_context(PostgreSQL())
        # What was committed has to outlive a crash of the server, as in production.
        self.database.start(synchronous_commit="on", autovacuum="on")
        url = self.database.create("bot")
        migrations.upgrade(url)
        x_port, cards_port, web_port = free_port(), free_port(), free_port()
        self.place = Place(
            folder=folder,
            x_url=f"http://127.0.0.1:{x_port}",
            cards_url=f"http://127.0.0.1:{cards_port}",
            settings={
                "ENVIRONMENT": "sandbox",
                "DATABASE_URL": url,
                "PUBLIC_URL": f"http://localhost:{web_port}",
                "PORT": str(web_port),
                "SECRET_KEY": "a secret of the chaos alone",
                "LOG_FORMAT": "json",
                "STRIPE_API_KEY": far_side.STRIPE_KEY,
                "STRIPE_WEBHOOK_SECRET": far_side.WEBHOOK_SECRET,
                "STRIPE_API_BASE": f"http://127.0.0.1:{cards_port}",
                "CARD_SCA_COVERS_TRANSFER": "true",
                "MAX_PENDING": "100",
                "COMMANDS_AN_HOUR": "1000000",
                **far_side.x_settings(f"http://127.0.0.1:{x_port}"),
            },
        )
        self.board = Board(self.place.board)
        self._far = [
            far_side.start(self._context, "x", x_port, folder),
            far_side.start(
                self._context,
                "cards",
                cards_port,
                folder,
                f"http://127.0.0.1:{web_port}/webhooks/stripe",
            ),
        ]
        self.x, self.network = LocalX(self.place.x_url), Network(self.place.cards_url)
        self.x.lift_limits()
        self.weather = CardWeather(self.plan, self.network)
        settings = load(Needs.WORKER | Needs.WEB, self.place.settings)
        self.settings = settings
        self.deps: Deps = hands.impatient(settings, self.plan.card_timeout_s)
        whoami.whoami(self.deps)
        receive.first_start(self.deps)
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs, by its own handle."""
        for process in [*(seat.process for seat in self._seats), *self._far]:
            if process is not None and process.is_alive():
                process.kill()
                process.join()
        for client in (self.x, self.network):
            client.close()
        self.deps.store.close()
        self._stack.close()

    # --- the wild part ---------------------------------------------------------------------

    def live(self, say: Callable[[str], None]) -> None:
        """Let people pay while processes die, until there are enough orders and no more to do."""
        self.board.phase = Phase.POST
        for seat in self._seats:
            self._start(seat)
        began = time.monotonic()
        give_up_at = began + self.plan.minutes * 60
        restarts = self._restarts()
        kill_at, look_at, say_at, quiet_since = began + 1, began, began + SAY_EVERY_S, began
        while (now := time.monotonic()) < give_up_at:
            self._raise_the_dead()
            if now >= kill_at:
                self._kill()
                kill_at = now + self._random.expovariate(1 / self.plan.kill_every_s)
            if now < look_at:
                wait([s.process.sentinel for s in self._seats if s.process], TICK_S)
                continue
            look_at = now + LOOK_EVERY_S
            self.weather.blow(LOOK_EVERY_S)
            made, waiting, open_ones = self._look()
            done = max(made / self.plan.orders, (now - began) / (self.plan.minutes * 60))
            if restarts and done >= restarts[0]:
                del restarts[0]
                self._restart_database()
            if made >= self.plan.orders and self.board.phase is not Phase.PAY:
                self.board.phase = Phase.PAY
            if now >= say_at:
                say_at = now + SAY_EVERY_S
                said = f"{made} orders, {waiting} events to be read, {open_ones} to be ended"
                say(f"{now - began:5.0f} s: {said}, {self.seen.killed.total()} kills")
            if open_ones or self.board.phase is not Phase.PAY:
                quiet_since = now
            elif now - quiet_since > self.plan.quiet_for_s:
                return

    def _restarts(self) -> list[float]:
        """Return after which parts of the orders, or of the time, the database is restarted."""
        parts = self.plan.database_restarts + 1
        return [one / parts for one in range(1, parts)]

    def _look(self) -> tuple[int, int, int]:
        """Return how many orders there are, events to be read, and things for people to do.

        People wait with new orders where the bot reads more slowly than they write.
        """
        with self.deps.store.read() as session:
            made, read, waiting, open_ones = session.execute(
                text(
                    "SELECT (SELECT count(*) FROM orders),"
                    " (SELECT count(*) FROM inbox WHERE source = 'post' AND status <> 'ignored'),"
                    " (SELECT count(*) FROM inbox WHERE status = 'waiting'),"
                    " (SELECT count(*) FROM transfer t WHERE t.status = 'funding' OR"
                    "  (t.status = 'pending' AND t.order_id % 25 <> 0)"
                    "  OR (t.status = 'held' AND t.id % 5 <> 0))"
                )
            ).one()
        unheard = self.board.posts() - read
        if self.board.phase in (Phase.POST, Phase.WAIT):
            too_many = max(unheard, waiting, open_ones) > self.plan.ahead
            self.board.phase = Phase.WAIT if too_many else Phase.POST
        return made, waiting, open_ones

    def _start(self, seat: Seat) -> None:
        seat.life += 1
        seat.process = self._context.Process(
            target=hands.run,
            args=(seat.kind, self.plan, self.place, seat.index, seat.name, seat.life),
            name=seat.name,
        )
        seat.process.start()

    def _raise_the_dead(self) -> None:
        for seat in self._seats:
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

    def _kill(self) -> None:
        """Kill a process at random, as by `kill -9`."""
        seat = self._random.choice(self._seats)
        assert seat.process is not None
        if not seat.process.is_alive():
            return
        seat.process.kill()
        seat.process.join()
        doing = self.board.doing(seat.index)
        if not doing.startswith("step "):
            self.seen.killed[f"{seat.kind} after {doing}"] += 1

    def _restart_database(self) -> None:
        """Restart PostgreSQL: it ends its sessions, or nothing at all, as after a crash."""
        at_once = len(self.seen.restarts) % 2 == 0
        self.database.go_down(at_once=at_once)
        time.sleep(self._random.uniform(0.1, 1.0))
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
        """End the faults and the killing; people leave."""
        self.weather.calm()
        self.board.phase = Phase.CALM
        self._raise_the_dead()
        for seat in self._seats:
            if seat.kind == "people":
                self._let_end(seat)

    def stop_bot(self) -> None:
        """Tell the workers and the web to end, which they do with 0."""
        for seat in self._seats:
            if seat.kind != "people":
                assert seat.process is not None
                if seat.process.is_alive():
                    seat.process.terminate()
        for seat in self._seats:
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
