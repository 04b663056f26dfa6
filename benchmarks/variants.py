"""Settings of the strategies that benchmarks compare."""

from collections.abc import Mapping
from typing import Any

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "acurank": [{"matches": 3}, {"matches": 6}, {}, {"tolerance": 0.001}],
    "adaptive": [{"matches": 1}, {"matches": 2}, {}, {"matches": 8}, {"matches": 16}],
    "groups": [{"rounds": 1}, {}, {"rounds": 4}, {"rounds": 8}],
    "jointrank": [{}, {"rounds": 4}, {"rounds": 8}],
    "passes": [{"passes": 2}, {}],
    "setwise": [{"window": 4}, {}],
    "setwise-insertion": [{"window": 4}, {}],
    "sliding": [{"depth": 50}, {}, {"samples": 2}, {"samples": 4}],
    "single": [{}, {"samples": 2}, {"samples": 4}],
    "tournament": [{"rounds": 1}, {}, {"rounds": 5}, {"rounds": 10}],
    "ts-setrank": [{"draws": 5}, {}, {"draws": 20}, {"draws": 40}],
}
"""Settings that spend less and more; every other strategy is run at its defaults. `samples` are shuffled and merged by
RRF; passages beyond `depth` keep their order."""
BASELINE = "sliding"


def label(settings: Mapping[str, Any]) -> str:
    """Settings in one cell of a table."""
    return " ".join(f"{key}={value}" for key, value in settings.items())
