"""`make chaos`: runs of minutes, each with a report; exit 1 where anything is wrong."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.chaos import disk, flood, plan, x_weather
from tests.chaos.run import Verdict, run

Run = Callable[[Path, Callable[[str], None]], Verdict]


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def money(wanted: plan.Plan, folder: Path, tell: Callable[[str], None]) -> Verdict:
    """Do the run of money, which is to come to all its orders."""
    verdict = run(wanted, folder, tell)
    if verdict.orders < wanted.orders:
        verdict.wrong.append(f"only {verdict.orders} orders in {wanted.minutes} minutes")
    return verdict


def runs(wanted: argparse.Namespace) -> dict[str, tuple[Run, str]]:
    """Return the runs by name, each with what is proven where nothing is wrong."""
    seed, minutes = wanted.seed, wanted.minutes
    return {
        "money": (
            partial(money, plan.whole(seed, wanted.orders, wanted.processes, minutes)),
            "The books are proven, nothing is left open, and both sides' books are equal.",
        ),
        "weather": (
            partial(x_weather.weather, x_weather.whole(seed, wanted.mentions, minutes)),
            "One reply where one was owed, orders as commanded, proven books, no objection of X's.",
        ),
        "limits": (
            partial(x_weather.limits, x_weather.at_xs_limits(seed)),
            "Every command has its answer; what was dropped is counted, and is hints and help.",
        ),
        "flood": (
            partial(flood.flood, flood.whole(seed, wanted.seconds)),
            "All is in the inbox, in time, within one core and without growing.",
        ),
        "clock": (
            partial(x_weather.weather, x_weather.with_jumps(seed)),
            "The clock jumped by hours, and nothing was lost or done twice.",
        ),
        "disk": (
            partial(disk.disk, disk.whole(seed)),
            "The bot said so each time, and answered everything once there was room.",
        ),
    }


def main() -> int:
    """Read what is wanted, do it, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of runs; all of them where none is given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--mentions", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=300, help="of the flood")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60, help="at most, for each run")
    wanted = parser.parse_args()
    known = runs(wanted)
    unknown = sorted(set(wanted.only) - set(known))
    if unknown:
        parser.error(f"no run is called {', '.join(unknown)}: there are {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    held = [_holds(name, *known[name], seed=wanted.seed) for name in wanted.only or known]
    return 0 if all(held) else 1


def _holds(name: str, run: Run, proven: str, *, seed: int) -> bool:
    """Do a run and tell of it; whether all held."""
    folder = Path(tempfile.mkdtemp(prefix=f"smoney-chaos-{name}-"))
    say(f"--- {name}")
    verdict = run(folder, say)
    for line in verdict.story:
        say(line)
    if verdict.wrong:
        say(f"WRONG in {name}, with seed {seed}; the logs are in {folder}:")
        for line in verdict.wrong:
            say(f"- {line}")
        return False
    shutil.rmtree(folder, ignore_errors=True)
    say(proven)
    return True


if __name__ == "__main__":
    sys.exit(main())
