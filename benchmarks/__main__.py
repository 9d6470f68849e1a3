"""Run the benchmarks, print them as a table and write `benchmarks/latest.json`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import cold_start, inbox, latency, ledger, long_books, parse, webhook, worker

BENCHMARKS: dict[str, Callable[[], dict[str, object]]] = {
    "parse": parse.run,
    "cold-start": cold_start.run,
    "ledger-batch-postgresql": ledger.batch_postgresql,
    "ledger-single-postgresql": ledger.single_postgresql,
    "ledger-sqlite": ledger.sqlite,
    "ledger-hot": ledger.hot,
    "ledger-flat": long_books.flat,
    "ledger-check": long_books.check,
    "inbox-sqlite": inbox.sqlite,
    "inbox-postgresql": inbox.postgresql,
    "worker-memory": worker.memory,
    "worker-start": worker.start,
    "reply-latency": latency.run,
    "webhook-answer": webhook.run,
}
LATEST = Path(__file__).parent / "latest.json"


def main(only: list[str]) -> int:
    """Run those that are named, or all; 2 where a name is unknown."""
    unknown = [name for name in only if name not in BENCHMARKS]
    if unknown:
        print(f"No benchmark {unknown[0]}: there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    rows = []
    for name in only or BENCHMARKS:
        print(f"{name}: measuring", file=sys.stderr, flush=True)
        rows.append(BENCHMARKS[name]())
    print(f"{'name':<24} {'ours':>10} {'peer':>10} {'ratio':>7}  unit, peer")
    for row in rows:
        figures = f"{row['ours']:>10} {row['peer']:>10} {row['ratio']:>7}"
        print(f"{row['name']:<24} {figures}  {row['unit']}, {row['peer_name']}")
        if "limit" in row:
            print(f"{'':<24} {row['limit']:>10} {'':>18}  {row['unit']}, {row['limit_name']}")
        if "wall" in row:
            print(f"{'':<24} {row['wall']:>10} {'':>18}  {row['unit']}, by the clock on the wall")
        if "cpu" in row:
            print(f"{'':<24} {row['cpu']:>10} {'':>18}  {row['unit']}, of the processor")
        if "parts_ms" in row:
            print(f"{'':<24} {row['median_ms']:>10} {'':>18}  ms, median; of it {row['parts_ms']}")
        if "idle_ms" in row:
            print(f"{'':<24} {row['idle_ms']:>10} {'':>18}  ms, p99, while it is idle")
        if "memory_mb" in row:
            figures = f"{row['memory_mb']:>10} {row['memory_of_few_mb']:>10} {'':>7}"
            print(f"{'':<24} {figures}  MB, with {row['postings']:,} postings and with few")
    LATEST.write_text(json.dumps(_latest(rows), indent=2) + "\n")
    return 0


def _latest(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Put what was measured now among what was measured last, in the order of the table."""
    known = json.loads(LATEST.read_text()) if LATEST.exists() else []
    by_name = {row["name"]: row for row in [*known, *rows]}
    return [by_name[name] for name in BENCHMARKS if name in by_name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
