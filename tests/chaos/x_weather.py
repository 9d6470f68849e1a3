"""X's weather: people mention the bot while X errs and processes die; each gets its one answer.

`weather` is a run at X's limits scaled, on which nothing may be dropped. `limits` is a shorter one
at X's own limits: what is dropped there is counted, and is what matters least.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.services import poll
from tests.chaos import report, x_proof
from tests.chaos.ending import work_ahead
from tests.chaos.mentions import MOSTLY_HINTS
from tests.chaos.run import Verdict, told
from tests.chaos.x_house import WeatherHouse, WeatherPlan

LEASES_ARE_OVER: Final = timedelta(minutes=3)
X_WINDOW: Final = timedelta(minutes=16)
"""By a clock that is so far ahead X's window is another."""
WINDOWS_AT_MOST: Final = 40
POLLS_AT_MOST: Final = 100


def whole(seed: int, mentions: int, minutes: float) -> WeatherPlan:
    """Return the run of `make chaos ONLY=weather`: X's windows are 15 s, of 1,000 posts each."""
    return WeatherPlan(
        seed=seed,
        workers=3,
        minutes=minutes,
        ahead=700,
        database="pooled",
        database_restarts=2,
        deaths_at_steps=0.0002,
        catch_up_s=90,
        mentions=mentions,
        writers=mentions // 20,
        a_second=30,
        limits={"scale": 10, "clock_speed": 60},
        dm_poll_s=2,
        kill_every_s=20,
        disconnect_every_s=30,
    )


def at_xs_limits(seed: int, mentions: int = 400) -> WeatherPlan:
    """Return the run of `make chaos ONLY=limits`: in a minute, four times what X lets us answer."""
    return WeatherPlan(
        seed=seed,
        workers=3,
        minutes=10,
        ahead=mentions,
        database="pooled",
        deaths_at_steps=0.001,
        catch_up_s=30,
        mentions=mentions,
        a_second=mentions / 60,
        weights=MOSTLY_HINTS,
        limits={"reset": True},
        kill_every_s=20,
        disconnect_every_s=30,
    )


def small(seed: int) -> WeatherPlan:
    """Return the run of `make test`: in seconds, with a window as small in proportion."""
    return replace(
        at_xs_limits(seed),
        workers=2,
        database_restarts=1,
        catch_up_s=11,  # the queue is relieved every five seconds, while a process may be gone
        mentions=80,
        a_second=20,
        limits={"reset": True, "endpoints": {"POST /2/tweets": {"limit": 20}}},
        kill_every_s=3,
        disconnect_every_s=2,
        louder=3,
    )


def with_jumps(seed: int, mentions: int = 1_000) -> WeatherPlan:
    """Return the run of `make chaos ONLY=clock`: the workers' clock jumps, nobody is killed.

    APScheduler's clock is the machine's, which nobody may set: a worker that began while ours is
    ahead would begin its ticks by then.
    """
    return WeatherPlan(
        seed=seed,
        workers=3,
        minutes=10,
        ahead=700,
        catch_up_s=30,
        mentions=mentions,
        writers=mentions // 20,
        a_second=20,
        limits={"scale": 10, "clock_speed": 60},
        dm_poll_s=2,
        kill_every_s=math.inf,
        disconnect_every_s=15,
        jumps_h=(3, 0, -3, 0, 3, -3, 0),
    )


def weather(plan: WeatherPlan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Do a run on which every mention that was owed one has its reply at the end."""
    with told(folder) as clock, WeatherHouse(plan, folder) as house:
        say(f"{plan.mentions} mentions, {plan.workers} workers, seed {plan.seed}: logs in {folder}")
        house.live(say)
        house.end()
        house.x.lift_limits()
        furthest = max((0.0, *plan.jumps_h))  # what was put off by that clock waits for it
        ahead = LEASES_ARE_OVER + timedelta(hours=furthest)
        _hear_out(house)
        work_ahead(house, ahead)
        if house.writers.unsaid():  # they are told by that clock alone what to confirm
            house.writers.confirm()
            _hear_out(house)
            work_ahead(house, ahead)
        problems = [
            *x_proof.problems(house, house.crowd),
            *x_proof.problems_of_messages(house, house.writers),
        ]
        return _verdict(house, [f"{clock() / 60:.1f} minutes", *_story(house)], problems)


def _hear_out(house: WeatherHouse) -> None:
    """Read the gaps that the rush has left."""
    for _ in range(POLLS_AT_MOST):
        if not house.writers.unheard():
            return
        poll.poll_messages(house.deps)


def limits(plan: WeatherPlan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Do a run on which X takes far fewer answers than are owed."""
    with told(folder) as clock, WeatherHouse(plan, folder) as house:
        say(f"{plan.mentions} mentions at X's limits, seed {plan.seed}: logs in {folder}")
        house.live(say)
        house.end()
        at_once = x_proof.replies(house).total()
        windows = 0
        while windows < WINDOWS_AT_MOST and house.figures(
            "SELECT 1 FROM outbox WHERE status = 'waiting' LIMIT 1"
        ):
            windows += 1
            house.x.limit(reset=True)
            work_ahead(house, windows * X_WINDOW)
        problems = [*x_proof.problems_at_xs_limits(house, house.crowd)]
        story = [
            f"{clock() / 60:.1f} minutes; {at_once} answers at once, the rest in {windows} windows",
            *_story(house),
        ]
        return _verdict(house, story, problems)


def _verdict(house: WeatherHouse, story: list[str], problems: list[str]) -> Verdict:
    return Verdict(
        story=story,
        wrong=[*house.seen.wrong, *report.wrong_in_logs(house), *problems],
        orders=report.count(house, "orders"),
        kills=house.seen.killed.total() + house.seen.died.total(),
        restarts=len(house.seen.restarts),
    )


def _story(house: WeatherHouse) -> Iterator[str]:
    """Yield what a run did, line by line."""
    seen = house.seen
    yield from report.columns(house.crowd.sorts())
    if house.writers.said:
        yield "direct messages"
        yield from report.columns(house.writers.said)
    yield (
        f"killed {seen.killed.total()} times at random and {seen.died.total()} times right after "
        f"a step; PostgreSQL: {', '.join(seen.restarts) or 'left alone'}"
    )
    for counts in (seen.killed, seen.died):
        yield from report.columns(counts)
    yield f"X: {house.disconnects} disconnects, and what struck of its other faults"
    yield from report.columns(house.struck)
    for table in ("inbox", "outbox", "orders"):
        rows = house.figures(
            "SELECT "
            + _WORDS[table]
            + f" AS word, count(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC"
        )
        yield f"{table}: " + ", ".join(f"{count} {word}" for word, count in rows)


_WORDS: Final = {
    "inbox": "status",
    "outbox": "CASE WHEN status = 'dropped' THEN 'dropped: ' || reason ELSE status END",
    "orders": "kind",
}
