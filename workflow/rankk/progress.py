"""Progress bars: on a terminal a live bar, in a log file a line every half minute."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

AFFECTS_RESULTS = False


def bar(items: Iterable[Any] | None = None, *, what: str, unit: str, total: int | None = None) -> Any:
    """A tqdm bar on standard error over `items`, or to be moved by `.update()`."""
    interval = 0.5 if sys.stderr.isatty() else 30.0
    return tqdm(
        items,
        desc=what,
        unit=f" {unit}",
        unit_scale=unit == "B",
        total=total,
        mininterval=interval,
        dynamic_ncols=True,
        file=sys.stderr,
    )
