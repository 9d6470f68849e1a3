"""`make chaos`: a run of minutes, with a report; exit 1 where anything is wrong."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.plan import whole
from tests.chaos.run import run


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read what is wanted, do it, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60, help="at most")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    folder = Path(tempfile.mkdtemp(prefix="smoney-chaos-"))
    verdict = run(whole(wanted.seed, wanted.orders, wanted.processes, wanted.minutes), folder, say)
    for line in verdict.story:
        say(line)
    if verdict.orders < wanted.orders:
        verdict.wrong.append(f"only {verdict.orders} orders in {wanted.minutes} minutes")
    if verdict.wrong:
        say(f"WRONG, with seed {wanted.seed}; the logs are in {folder}:")
        for line in verdict.wrong:
            say(f"- {line}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    say("The books are proven, nothing is left open, and both sides' books are equal.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
