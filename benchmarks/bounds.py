"""Lower bounds of the time of schedules that take too long to run, from a measured decoding curve.

python benchmarks/bounds.py --curve benchmarks/measured/h200/fp8-full-length.curve.csv --queries 192
"""

import argparse
import csv
from pathlib import Path

from common import report
from workload import Lengths, bound


def read_curve(path: Path) -> dict[int, tuple[float, float]]:
    """Seconds per decoding step and seconds of prefill per call, by calls in flight, from the CSV of `schedules.py`."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {int(row["in flight"]): (float(row["ms a step"]) / 1000, float(row["ms of prefill"]) / 1000) for row in rows}


def main() -> None:
    """Print the bounds for 16 and 32 calls in flight, and for the largest number of calls on the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--curve", type=Path, required=True, help="curve CSV of schedules.py, measured with the same --scale"
    )
    parser.add_argument("--queries", type=int, default=192)
    parser.add_argument("--windows", type=int, default=9, help="windows per query (9 for depth 100)")
    parser.add_argument("--scale", type=float, default=1, help="factor by which answers are shortened")
    options = parser.parse_args()
    measured, lengths = read_curve(options.curve), Lengths(options.scale)
    chains = [sum(lengths.of(query, call) for call in range(options.windows)) for query in range(options.queries)]
    all_places = min(options.queries, max(measured))
    calls = options.queries * options.windows
    least = {places: bound(chains, calls, measured, places) for places in (all_places, 32, 16)}
    report(
        f"{options.curve.name.removesuffix('.curve.csv')}.bounds",
        [{"in flight": n, "seconds": s, "times the first": s / least[all_places]} for n, s in least.items()],
    )


if __name__ == "__main__":
    main()
