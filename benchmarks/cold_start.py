"""How long `smoney parse` takes from a cold process to its answer, beside its target.

By the clock on the wall, as a person waits; the processor's time stands beside it, for a machine
that others use too.
"""

import os
import statistics
import subprocess
import sys
import time

RUNS = 7
"""Measurements; the median counts."""
TARGET_S = 0.4
"""The goal of the issue on the language (seconds)."""


def run() -> dict[str, object]:
    """Measure, and return the row of the table."""
    command = [sys.executable, "-m", "bot", "parse", "@smoney pay @alice 10€"]
    subprocess.run(command, check=True, capture_output=True)  # the tables are cached by now
    runs, spent = [], []
    for _ in range(RUNS):
        began, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, capture_output=True)
        runs.append(time.perf_counter() - began)
        after = os.times()
        spent.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    ours = statistics.median(runs)
    return {
        "name": "cold-start",
        "ours": round(ours, 3),
        "peer": TARGET_S,
        "peer_name": "target",
        "unit": "seconds",
        "ratio": round(TARGET_S / ours, 2),
        "runs": [round(one, 3) for one in runs],
        "cpu": round(statistics.median(spent), 3),
    }
