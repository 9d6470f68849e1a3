"""A worker as a process of its own: how soon it hears X, and what it holds in memory at rest.

It runs on SQLite with the local X and the local card network beside it, as in the sandbox, and is
started as an operator starts it. The start is measured from the process's birth to the line of its
log that says that the stream stands; the processor's time stands beside it, for a machine that
others use too.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import RUNS, row
from bot import migrations
from tests.doors.far_side import ROOT, environment, far_side

START_TARGET_S = 2.0
"""The goal of the issue on X's weather (seconds)."""
MEMORY_TARGET_MB = 120
"""The goal of the same issue (millions of bytes)."""
REST_S = 20.0
"""How long a worker is left alone before its memory is read (seconds): by then every job that runs
at the start has run, and the pools of the database are as full as they will be."""
CONNECTED = "stream_connected"


def start() -> dict[str, object]:
    """From the start of the process until the stream stands, beside the target."""
    with _installation() as settings:
        _started(settings)  # code and grammar are compiled by now
        runs = [_started(settings) for _ in range(RUNS)]
    return row(
        "worker-start",
        [took_s for took_s, _cpu_s in runs],
        [START_TARGET_S],
        peer_name="target",
        unit="seconds",
        less_is_better=True,
        cpu=round(statistics.median(cpu_s for _took_s, cpu_s in runs), 3),
    )


def memory(runs: int = RUNS, rest_s: float = REST_S) -> dict[str, object]:
    """What a worker at rest holds in memory (its resident set, whole), beside the target."""
    with _installation() as settings:
        held = [_held_at_rest(settings, rest_s) for _ in range(runs)]
    return row(
        "worker-memory",
        held,
        [MEMORY_TARGET_MB],
        peer_name="target",
        unit="MB",
        less_is_better=True,
    )


@contextmanager
def _installation() -> Iterator[dict[str, str]]:
    """Yield the settings of a worker on a database of its own, with X and cards beside it."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'smoney.db'}"
        migrations.upgrade(url)
        with far_side(url) as far:
            yield dict(far.settings)


def _started(settings: dict[str, str]) -> tuple[float, float]:
    """Return how long a start took, by the clock on the wall and of the processor (seconds)."""
    began = time.perf_counter()
    with _connected(settings) as process:
        took_s = time.perf_counter() - began
        spent = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return took_s, sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def _held_at_rest(settings: dict[str, str], rest_s: float) -> float:
    """Return the worker's resident set (millions of bytes)."""
    with _connected(settings) as process:
        time.sleep(rest_s)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


@contextmanager
def _connected(settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a worker; yield it once its stream stands, and end it."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "worker"],
        env=environment(settings),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if CONNECTED in line:
                break
        assert CONNECTED in "".join(said[-1:]), "".join(said)
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate()
        assert process.returncode == 0, "it did not end well"
