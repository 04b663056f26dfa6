"""Intervals and tests over queries, by scipy and statsmodels. Every random step has a fixed seed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Values = np.ndarray[Any, np.dtype[np.float64]]

CONFIDENCE = 0.95
RESAMPLES = 2000
PERMUTATIONS = 9999
SEED = 0


def mean_interval(values: "Values") -> tuple[float, float]:
    """Bootstrap interval (percentile, 95 %) of the mean; the mean twice where nothing varies."""
    import numpy as np

    return _bootstrap((values,), np.mean) if _varies(values) else (float(values.mean()),) * 2


def gain_interval(ours: "Values", theirs: "Values") -> tuple[float, float]:
    """Bootstrap interval (paired over queries) of the relative gain of the mean, mean(ours) / mean(theirs) - 1."""
    if not theirs.any():
        return (float("nan"),) * 2
    if not (_varies(ours) or _varies(theirs)):
        return (relative_gain(ours, theirs),) * 2
    return _bootstrap((ours, theirs), lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis) - 1)


def relative_gain(ours: "Values", theirs: "Values") -> float:
    """mean(ours) / mean(theirs) - 1; NaN where the baseline finds nothing."""
    return float(ours.mean() / theirs.mean() - 1) if theirs.any() else float("nan")


def compare(ours: "Values", theirs: "Values") -> dict[str, float | int]:
    """Two systems over the same queries: difference, wins, effect size, and two paired two-sided tests.

    `effect_size` is Cohen's d of the differences (mean / standard deviation). Where no query differs, both p are 1.
    """
    from scipy.stats import permutation_test, ttest_rel

    difference = ours - theirs
    low, high = gain_interval(ours, theirs)
    found: dict[str, float | int] = {
        "queries": len(ours),
        "difference": float(difference.mean()),
        "gain": relative_gain(ours, theirs),
        "gain_low": low,
        "gain_high": high,
        "wins": int((difference > 0).sum()),
        "losses": int((difference < 0).sum()),
        "effect_size": 0.0,
        "p_t": 1.0,
        "p_randomization": 1.0,
    }
    if len(ours) > 1 and difference.any():
        spread = difference.std(ddof=1)
        found["effect_size"] = float(difference.mean() / spread) if spread else float("inf")
        found["p_t"] = float(ttest_rel(ours, theirs).pvalue) if spread else 0.0
        found["p_randomization"] = float(
            permutation_test(
                (ours, theirs),
                lambda a, b, axis: (a - b).mean(axis=axis),
                permutation_type="samples",
                n_resamples=PERMUTATIONS,
                vectorized=True,
                batch=500,
                rng=SEED,
            ).pvalue
        )
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for the whole family of comparisons (Holm 1979)."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]] if len(p_values) else []


def _varies(values: "Values") -> bool:
    import numpy as np

    return len(values) > 1 and bool(np.ptp(values) > 0)


def _bootstrap(samples: tuple["Values", ...], statistic: Any) -> tuple[float, float]:
    from scipy.stats import bootstrap

    interval = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        paired=len(samples) > 1,
        vectorized=True,
        rng=SEED,
    ).confidence_interval
    return float(interval.low), float(interval.high)
