"""The bodies of the processes that are killed: `smoney worker`, `smoney web`, and people.

Each is forked from a server that has loaded everything, so that one that was killed is there again
at once. What it is made of is the bot's own: settings, `open_deps`, the worker, the web. Only the
steps of the registry are listened to, the card network is waited for less long, and the board says
how far the clock is ahead and how large a SQLite file may be.
"""

import json
import logging
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from typing import Any, Final, Literal

from sqlalchemy import event

from bot import telemetry
from bot.adapters.stripe_api import StripeApi
from bot.adapters.stripe_cards import StripeCheckout, StripePayments, StripeVault
from bot.adapters.stripe_payouts import StripePayouts
from bot.adapters.stripe_reversals import StripeReversals
from bot.app import open_deps
from bot.cli.serve import finish, make_web, make_worker, watch_database
from bot.cli.signals import Signals
from bot.config import Needs, Settings, load
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.language import Text, parse
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store.down import is_away
from tests.chaos.board import Board, Phase
from tests.chaos.far_side import LocalX, Network, leave
from tests.chaos.operators import OPERATORS
from tests.chaos.people import ORDERING, PEOPLE, move_in
from tests.chaos.plan import Basis, Place, Plan
from tests.chaos.scene import NothingToDo, Scene

parse(Text("@smoney help"))  # once, in the server from which all are forked

Kind = Literal["worker", "web", "people"]
Ask = Callable[[Scene], str]

AWAY_S: Final = 0.3
"""How long people stay away where the database or the acquirer is down (seconds)."""
NO_LIMIT: Final = 4_294_967_294
"""The most pages that a SQLite file may have."""
IDLE_S: Final = 0.2
"""How long they wait where there is nothing to do (seconds)."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A clock that is ahead of the true one, or behind it."""

    by: Callable[[], timedelta]
    true_now: Callable[[], datetime]

    def now(self) -> datetime:
        """Return the time that this clock shows."""
        return self.true_now() + self.by()


class Hand:
    """One life of a process: its place on the board, its chances, and what it may die of."""

    def __init__(self, plan: Basis, place: Place, index: int, name: str, life: int) -> None:
        self.plan, self.place, self.index = plan, place, index
        self.board = Board(place.board)
        self.random = random.Random(f"{plan.seed} {name} {life}")
        self.file = (place.folder / f"{name}.deeds").open("a", buffering=1)
        leave(place.folder / f"{name}.log")

    def step(self, step: Step) -> None:
        """Say which step was reached, and perhaps die right there, as by `kill -9`."""
        self.board.note(self.index, step.value)
        if self.board.phase is not Phase.CALM and self.random.random() < self.plan.deaths_at_steps:
            self.board.note(self.index, f"step {step.value}")
            os.kill(os.getpid(), signal.SIGKILL)

    def told(self, deed: str, outcome: str, **more: str) -> None:
        """Write down how a deed ended: one line, which is there whole whoever dies."""
        self.file.write(json.dumps({"deed": deed, "outcome": outcome, **more}) + "\n")

    def settings(self, needs: Needs) -> Settings:
        """Return the settings, with the log as they say."""
        settings = load(needs, self.place.settings)
        telemetry.configure(log_format=settings.log_format, level=settings.log_level)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # what people do is told elsewhere
        return settings

    def deps(self, settings: Settings) -> Deps:
        """Return what the services use; see the module."""
        deps = impatient(settings, self.plan.card_timeout_s)
        if deps.store.is_sqlite:
            event.listen(deps.store.engine, "checkout", self._limit_file)
        return replace(deps, step=self.step, clock=Ahead(self._ahead, deps.clock.now))

    def _ahead(self) -> timedelta:
        return timedelta(seconds=self.board.clock_ahead_s)

    def _limit_file(self, connection: Any, _record: object, _proxy: object) -> None:
        """Let the file grow as far as the board says: SQLite keeps that by connection."""
        connection.execute(f"PRAGMA max_page_count = {self.board.pages or NO_LIMIT}")


def impatient(settings: Settings, timeout_s: float) -> Deps:
    """Return the bot's own ports, with less patience with the card network."""
    stripe = StripeApi(
        api_key=settings.stripe_api_key.get_secret_value(),
        base_url=settings.stripe_api_base,
        read_timeout_s=timeout_s,
    )
    return replace(
        open_deps(settings),
        checkout=StripeCheckout(stripe),
        payments=StripePayments(stripe),
        reversals=StripeReversals(stripe),
        acquirer=StripePayouts(stripe),
        vault=StripeVault(stripe),
    )


def run(kind: Kind, plan: Basis, place: Place, index: int, name: str, life: int) -> None:
    """Be a process of the bot until killed or told to end."""
    hand = Hand(plan, place, index, name, life)
    sys.exit(_people(hand) if kind == "people" else _smoney(hand, kind))


def _smoney(hand: Hand, kind: Kind) -> int:
    """Do what `smoney worker` or `smoney web` does."""
    with Signals() as signals:
        settings = hand.settings(Needs.WORKER if kind == "worker" else Needs.WEB)
        deps = hand.deps(settings)
        if kind == "worker":
            worker = make_worker(settings, deps, signals)
            worker.start()
            ending = signals.wait()
            drained = worker.stop()
        else:
            site = make_web(settings, deps)
            site.start()
            watch = watch_database(deps)
            ending = signals.wait()
            watch.stop()
            drained = site.stop()
        deps.store.close()
        assert ending is not None, "without a time-out there is an ending"
        return finish(ending, drained=drained)


def _people(hand: Hand) -> int:
    """Let people do what they do, some at once, until the run is calm."""
    plan = hand.plan
    assert isinstance(plan, Plan), "only the run of money has people"
    deps = hand.deps(hand.settings(Needs.WORKER | Needs.WEB))
    threads = [Thread(target=_live, args=(hand, plan, deps, one)) for one in range(plan.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deps.store.close()
    return 0


def _live(hand: Hand, plan: Plan, deps: Deps, number: int) -> None:
    """Do one thing after another."""
    place = hand.place
    scene = Scene(
        plan,
        deps,
        LocalX(place.x_url),
        Network(place.cards_url),
        random.Random(hand.random.random()),
        lambda: hand.board.posted(hand.index),
        place.folder,
    )
    share = hand.index - plan.workers - plan.webs
    mine = range(share * plan.threads + number, plan.people, _everybody(plan))
    for one in mine:
        arrival = partial(move_in, number=one)
        while hand.board.phase is not Phase.CALM and not _do(hand, scene, "moves in", arrival):
            time.sleep(AWAY_S)
    deeds = {**PEOPLE, **OPERATORS}
    names = list(deeds)
    weights = [deeds[name][0] for name in names]
    while hand.board.phase is not Phase.CALM:
        (name,) = scene.random.choices(names, weights)
        if name in ORDERING and hand.board.phase is not Phase.POST:
            name = "pays"
        _do(hand, scene, name, deeds[name][1])


def _everybody(plan: Plan) -> int:
    return plan.hands * plan.threads


def _do(hand: Hand, scene: Scene, name: str, deed: Ask) -> bool:
    """Do something, and write down how it ended; False where it has to be done again."""
    hand.board.note(hand.index, name)
    try:
        hand.told(name, deed(scene))
    except NothingToDo:
        time.sleep(IDLE_S)
    except Refusal as refusal:
        hand.told(name, refusal.reply.key)
        time.sleep(IDLE_S)
    except (Unavailable, Rejected) as error:
        hand.told(name, str(error))
        time.sleep(AWAY_S)
        return False
    except Exception as error:  # noqa: BLE001 (whatever it is, the report says so)
        if not is_away(error):
            hand.told(name, "WRONG", why=traceback.format_exc())
            return False
        hand.told(name, "the database is down")
        time.sleep(AWAY_S)
        return False
    return True
