"""How a figure is measured here: runs beside their peer's, medians, one row of the table."""

import statistics
import time
from collections.abc import Callable, Sequence

RUNS = 5
"""Measurements, ours and the peer's in turn; the medians count."""


def rate(work: Callable[[], int]) -> float:
    """Return how many a second `work` does; it returns how many it did."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


def row(
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    *,
    peer_name: str,
    unit: str,
    less_is_better: bool = False,
    **more: object,
) -> dict[str, object]:
    """Return one row of `benchmarks/latest.json`."""
    our_median, peer_median = statistics.median(ours), statistics.median(peer)
    ratio = peer_median / our_median if less_is_better else our_median / peer_median
    return {
        "name": name,
        "ours": _rounded(our_median),
        "peer": _rounded(peer_median),
        "peer_name": peer_name,
        "unit": unit,
        "ratio": round(ratio, 2),
        "runs": [_rounded(one) for one in ours],
        **more,
    }


def _rounded(figure: float) -> float:
    return round(figure) if figure >= 100 else round(figure, 3)


def say(sentence: str) -> None:
    """Say what is going on, beside the table."""
    print(f"  {sentence}", flush=True)
