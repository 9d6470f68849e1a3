"""A flood: as many mentions a second as X ever sends, for minutes, into one worker.

All have to be in the inbox, soon after they were made, while the worker's memory stays flat and
it uses one core at most. When a row was committed PostgreSQL itself says; when a post was made, its
id.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bot.sandbox.x_server.ids import EPOCH_MS, SEQUENCE_BITS
from bot.services.check import prove
from tests.chaos import report
from tests.chaos.house import House
from tests.chaos.mentions import MOSTLY_ORDERS, Crowd
from tests.chaos.plan import Basis
from tests.chaos.proof import few
from tests.chaos.run import Verdict, told

LAG_P99_S: Final = 1.0
"""The goal of the issue on X's weather, from a post to its row in the inbox (seconds)."""
CORES: Final = 1.0
GROWTH_MB: Final = 10
"""What memory may gain from the run's second quarter to its last and still be flat (MB)."""
AT_ONCE: Final = 25
"""Posts in one call of test control: a tenth of a second's."""
SAMPLE_S: Final = 1.0
SAY_EVERY: Final = 20
"""Samples between two lines of the report."""
STOOD_STILL_S: Final = 1.0
"""A parent that wakes up so late was stopped by somebody, and everything with it (seconds)."""

# Rows of the inbox change when they are read: one that never does keeps its first commit's time.
WATCH: Final = (
    "CREATE TABLE heard (source_id text NOT NULL)",
    """
    CREATE FUNCTION note_heard() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO heard VALUES (NEW.source_id); RETURN NULL; END $$
    """,
    "CREATE TRIGGER heard AFTER INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION note_heard()",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodPlan(Basis):
    """The figures of a flood."""

    seconds: float
    payers: int = 100
    a_second: int = 250
    """X's own maximum."""
    is_judged: bool = True
    """Whether figures that miss their goals are wrong: not beside other tests."""


def whole(seed: int, seconds: float) -> FloodPlan:
    """Return the run of `make chaos ONLY=flood`."""
    return FloodPlan(seed=seed, workers=1, catch_up_s=60, seconds=seconds)


def small(seed: int) -> FloodPlan:
    """Return the flood of `make test`: a second of it, whose figures nobody judges."""
    return replace(whole(seed, 1), payers=8, a_second=100, is_judged=False)


@dataclass(slots=True)
class Gauge:
    """What the processes used, and when everything stood still."""

    worker_mb: list[float] = field(default_factory=list)
    still: list[tuple[float, float]] = field(default_factory=list)
    """From when to when (seconds since 1970)."""
    seconds: float = 0.0
    """How long it lasted, without these."""
    cores: list[float] = field(default_factory=list)
    """Of the worker, and of the local X."""
    read: int = 0
    """Rows of the inbox that were read meanwhile."""

    @property
    def still_s(self) -> float:
        """How long everything stood still (seconds)."""
        return sum(ended - began for began, ended in self.still)

    def was_still(self, at_s: float) -> bool:
        """Whether a post of that moment had to wait for whoever stopped everything."""
        return any(began - STOOD_STILL_S <= at_s <= ended for began, ended in self.still)


def flood(plan: FloodPlan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Do the run."""
    with told(folder), House(plan, folder, {"worker": 1}) as house:
        say(f"{plan.a_second} a second for {plan.seconds} s, seed {plan.seed}: logs in {folder}")
        with house.deps.store.write() as session:
            for statement in WATCH:
                session.execute(text(statement))
        crowd = Crowd(house, plan.seed, payers=plan.payers, newcomers=5 * plan.payers)
        crowd.move_in()
        house.x.limit(reset=True)
        house.start_bot()
        _wait(house.x.is_heard, plan.catch_up_s)
        gauge = _pour(house, crowd, plan, say)
        _wait(lambda: _heard(house) >= len(crowd.said), plan.catch_up_s)
        house.calm_down()
        house.stop_bot()
        lags = sorted(_lags(house, gauge))
        heard = {row.source_id for row in house.figures("SELECT source_id FROM heard")}
        wrong = [
            *house.seen.wrong,
            *report.wrong_in_logs(house),
            *prove(house.deps.store).problems,
            *few([f"post {one} is not in the inbox" for one in sorted(crowd.said.keys() - heard)]),
            *(_misses(lags, gauge) if plan.is_judged else ()),
        ]
        return Verdict(story=list(_story(len(crowd.said), lags, gauge)), wrong=wrong)


def _pour(house: House, crowd: Crowd, plan: FloodPlan, say: Callable[[str], None]) -> Gauge:
    """Let people post at an even pace, never faster, whatever was late; return what it took."""
    gauge, pids = Gauge(), _pids(house)
    wanted, pause_s = int(plan.seconds * plan.a_second), AT_ONCE / plan.a_second
    used, began = [_used_s(pid) for pid in pids], time.time()
    due = sample_at = began
    while (said := len(crowd.said)) < wanted:
        now = time.time()
        if now - due > STOOD_STILL_S:
            gauge.still.append((due, now))
        if now >= sample_at:
            sample_at = now + SAMPLE_S
            gauge.worker_mb.append(_memory_mb(pids[0]))
            if len(gauge.worker_mb) % SAY_EVERY == 0:
                say(f"{said} mentions, {_heard(house)} heard, {gauge.worker_mb[-1]:.0f} MB")
        crowd.post(min(AT_ONCE, wanted - said), MOSTLY_ORDERS)
        due = max(due, now - pause_s) + pause_s
        time.sleep(max(0.0, due - time.time()))
    gauge.seconds = time.time() - began - gauge.still_s
    gauge.cores = [
        (_used_s(pid) - before) / gauge.seconds for pid, before in zip(pids, used, strict=True)
    ]
    (row,) = house.figures("SELECT count(*) AS n FROM inbox WHERE status <> 'waiting'")
    gauge.read = row.n
    return gauge


def _story(said: int, lags: list[float], gauge: Gauge) -> Iterator[str]:
    yield f"{said} mentions in {gauge.seconds:.1f} s: {said / gauge.seconds:.0f} a second"
    if not lags:
        yield "the machine stood still all the time: no lag could be measured"
        return
    median, p99 = statistics.median(lags), _p99(lags)
    yield f"from a post to its row: median {median:.3f} s, p99 {p99:.3f}, at most {lags[-1]:.3f}"
    before, after = _quarters(gauge)
    worker, far = gauge.cores
    yield f"the worker: {worker:.2f} cores; it read {gauge.read} of them in that time"
    yield f"its memory: {before:.0f} MB in the second quarter, {after:.0f} in the last"
    yield f"the local X: {far:.2f} cores"
    if gauge.still:
        yield f"left out: {gauge.still_s:.0f} s in which somebody had stopped everything"


def _misses(lags: list[float], gauge: Gauge) -> Iterator[str]:
    if lags and _p99(lags) >= LAG_P99_S:
        yield f"p99 is {_p99(lags):.3f} s where {LAG_P99_S} is the goal"
    if gauge.cores[0] > CORES:
        yield f"the worker used {gauge.cores[0]:.2f} cores where {CORES} is the goal"
    before, after = _quarters(gauge)
    if after - before > GROWTH_MB:
        yield f"the worker's memory grew from {before:.0f} to {after:.0f} MB"


def _quarters(gauge: Gauge) -> tuple[float, float]:
    """Return what memory was in the second quarter of the run, and in its last (MB)."""
    size = len(gauge.worker_mb) // 4
    return max(gauge.worker_mb[size : 2 * size + 1]), max(gauge.worker_mb[-size - 1 :])


def _lags(house: House, gauge: Gauge) -> Iterator[float]:
    """Yield how long each post took to its committed row (seconds)."""
    for row in house.figures("SELECT source_id, pg_xact_commit_timestamp(xmin) AS at FROM heard"):
        made_s = ((int(row.source_id) >> SEQUENCE_BITS) + EPOCH_MS) / 1000
        if not gauge.was_still(made_s):
            yield row.at.timestamp() - made_s


def _p99(sorted_figures: list[float]) -> float:
    return sorted_figures[-(-99 * len(sorted_figures) // 100) - 1]


def _heard(house: House) -> int:
    return int(house.figures("SELECT count(*) FROM heard")[0][0])


def _wait(is_so: Callable[[], bool], within_s: float) -> None:
    give_up_at = time.monotonic() + within_s
    while not is_so() and time.monotonic() < give_up_at:
        time.sleep(0.1)


def _pids(house: House) -> list[int]:
    """Return the processes of the worker and of the local X."""
    processes = [house.seats[0].process, house.far[0]]
    pids = [process.pid for process in processes if process is not None]
    return [pid for pid in pids if pid is not None]


def _used_s(pid: int) -> float:
    """Return what a process has had of the processors (seconds)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    """Return what a process has in memory (MB)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
