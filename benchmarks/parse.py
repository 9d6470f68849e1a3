"""Texts read a second by `parse()`, beside the same grammar in Lark's Earley and a bare regex.

Run alone: `python -m benchmarks.parse`. The mix is two thirds commands and one third small talk.
What counts is the processor's time, "on one core": others may be using the machine. The rate by the
clock on the wall stands beside it.
"""

import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import lark

from bot.language import Text, characters, parse, tables
from bot.language.normalize import address

RUNS = 7
"""Measurements; the median counts."""
LEAST_S = 0.3
"""How long one measurement takes at least (seconds)."""

COMMANDS = [
    "@smoney pay @alice 10€",
    "@smoney envoie 12,50€ à @bob pour le resto",
    "@smoney split 30€ with @alice @bob @carol",
    "@smoney #envoyer 20€ @alice",
    "@smoney 20€ pour @alice #pizza",
    "Hey @smoney please send @alice 10.50 EUR!",
    "@smoney request 15 euros from @dave for the tickets",
    "@smoney demande 1 250,50 € à @bob",
    "@smoney pay @alice and @bob 10€ each, thanks!",
    "@smoney don 5€ @secours_demo",
    "@smoney cancel #4F7K2Q",
    "@smoney help",
    "@smoney pay @alice 10",
    "@smoney pay @alice 1.250€",
    "@smoney oui 4F7K2Q",
    "@smoney tip @carol 3€ great thread 🎉",
]
SMALL_TALK = [
    "thanks @smoney!",
    "I love what @smoney is doing these days, really cool bot",
    "@smoney no way this works",
    "just saw @smoney in the news, paying by tweet is the future 🎉",
    "@smoney give me a break",
    "RT @bob: @smoney pay @alice 10€",
    "@smoney c'est quoi exactement ?",
    "I used @smoney to pay @alice 10€ yesterday",
]
MIX = [Text(text) for text in COMMANDS + SMALL_TALK]
BARE = re.compile(r"@smoney pay @([a-z0-9_]{1,15}) ([0-9]+)€", re.IGNORECASE)


class Rate(NamedTuple):
    """Texts a second: of the processor's time, and by the clock on the wall."""

    cpu: float
    wall: float


def per_second(work: Callable[[], object], texts: int) -> list[Rate]:
    """Measure how many texts a second one call of `work` reads, `RUNS` times."""
    work()
    measured = []
    for _ in range(RUNS):
        done, cpu, wall = 0, time.process_time(), time.perf_counter()
        while (taken := time.process_time() - cpu) < LEAST_S:
            work()
            done += texts
        measured.append(Rate(done / taken, done / (time.perf_counter() - wall)))
    return measured


def median(rates: Iterable[Rate]) -> float:
    """The median of the processor's."""
    return statistics.median(rate.cpu for rate in rates)


def _ours() -> None:
    for text in MIX:
        parse(text)


def _earley() -> Callable[[], None]:
    parser = lark.Lark(tables.grammar(), parser="earley", start=list(tables.STARTS))
    found: Sequence[str] = [
        characters.shadow(addressed.command).strip()
        for text in MIX
        if (addressed := address(text)) is not None
    ]

    def work() -> None:
        for command in found:
            if command:
                parser.parse(command, start="public")

    return work


def _bare() -> None:
    for text in MIX:
        BARE.search(text.text)


def run() -> dict[str, object]:
    """Measure, and return one row of `benchmarks/latest.json`."""
    ours = per_second(_ours, len(MIX))
    peer = median(per_second(_earley(), len(MIX)))
    limit = median(per_second(_bare, len(MIX)))
    return {
        "name": "parse",
        "ours": round(median(ours)),
        "peer": round(peer),
        "peer_name": "the same grammar in Lark's Earley",
        "unit": "texts/s",
        "ratio": round(median(ours) / peer, 2),
        "runs": [round(one.cpu) for one in ours],
        "wall": round(statistics.median(one.wall for one in ours)),
        "limit": round(limit),
        "limit_name": "a bare regular expression for `@smoney pay @x N€` alone",
    }


if __name__ == "__main__":
    print(run())
