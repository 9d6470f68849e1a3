"""Run the benchmarks, print them as a table and write `benchmarks/latest.json`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import cold_start, ledger, parse

BENCHMARKS: dict[str, Callable[[], dict[str, object]]] = {
    "parse": parse.run,
    "cold-start": cold_start.run,
    "ledger-batch-postgresql": ledger.batch_postgresql,
    "ledger-single-postgresql": ledger.single_postgresql,
    "ledger-sqlite": ledger.sqlite,
    "ledger-hot": ledger.hot,
}
LATEST = Path(__file__).parent / "latest.json"


def main(only: list[str]) -> int:
    """Run those that are named, or all; 2 where a name is unknown."""
    unknown = [name for name in only if name not in BENCHMARKS]
    if unknown:
        print(f"No benchmark {unknown[0]}: there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    rows = [BENCHMARKS[name]() for name in only or BENCHMARKS]
    print(f"{'name':<12} {'ours':>12} {'peer':>12} {'ratio':>8}  unit, peer")
    for row in rows:
        figures = f"{row['ours']:>12} {row['peer']:>12} {row['ratio']:>8}"
        print(f"{row['name']:<12} {figures}  {row['unit']}, {row['peer_name']}")
        if "limit" in row:
            print(f"{'':<12} {row['limit']:>12} {'':>21}  {row['unit']}, {row['limit_name']}")
        if "wall" in row:
            print(f"{'':<12} {row['wall']:>12} {'':>21}  {row['unit']}, by the clock on the wall")
        if "cpu" in row:
            print(f"{'':<12} {row['cpu']:>12} {'':>21}  {row['unit']}, of the processor")
    LATEST.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
