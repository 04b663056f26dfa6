"""Bootstrap intervals and paired tests over queries. Every random step has a fixed seed.

Resamples are drawn in batches to limit memory.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Values = np.ndarray[Any, np.dtype[np.float64]]

CONFIDENCE = 0.95
RESAMPLES = 2000
PERMUTATIONS = 9999
SEED = 0
BATCH = 2**20
"""Random numbers held in memory at a time."""

UNDEFINED = float("nan")


def mean_interval(values: "Values") -> tuple[float, float]:
    """Bootstrap interval (percentile, 95 %) of the mean; the mean twice where nothing varies."""
    if not _varies(values):
        return (float(values.mean()),) * 2
    return _interval(_bootstrap(len(values), lambda drawn: values[drawn].mean(axis=1)))


def gain_interval(ours: "Values", theirs: "Values") -> tuple[float, float]:
    """Bootstrap interval (paired over queries) of the relative gain of the mean, mean(ours) / mean(theirs) - 1.

    Undefined (NaN) where the baseline is so sparse that its mean is 0 in one of the resamples.
    """
    import numpy as np

    if not theirs.any():
        return (UNDEFINED,) * 2
    if not (_varies(ours) or _varies(theirs)):
        return (float(ours.mean() / theirs.mean() - 1),) * 2
    a = _bootstrap(len(ours), lambda drawn: ours[drawn].mean(axis=1))
    b = _bootstrap(len(ours), lambda drawn: theirs[drawn].mean(axis=1))
    return _interval(np.divide(a, b) - 1) if b.all() else (UNDEFINED,) * 2


def compare(ours: "Values", theirs: "Values") -> dict[str, float | int]:
    """Two systems over the same queries: differences, intervals, effect size, and two paired two-sided tests.

    `gain` is the relative gain of the mean, undefined (NaN) where its interval is. `effect_size` is Cohen's d of the
    differences (mean / standard deviation). It and the t-test are undefined where all differences are the same but
    not 0, and for a single query. Where no query differs, both p are 1.
    """
    difference = ours - theirs
    differs = bool(difference.any())
    low, high = mean_interval(difference)
    gain_low, gain_high = gain_interval(ours, theirs)
    effect, p_t = _t_test(difference) if differs else (0.0, 1.0)
    return {
        "queries": len(ours),
        "difference": float(difference.mean()),
        "difference_low": low,
        "difference_high": high,
        "gain": UNDEFINED if gain_low != gain_low else float(ours.mean() / theirs.mean() - 1),
        "gain_low": gain_low,
        "gain_high": gain_high,
        "wins": int((difference > 0).sum()),
        "losses": int((difference < 0).sum()),
        "effect_size": effect,
        "p_t": p_t,
        "p_randomization": randomization(difference) if differs else 1.0,
    }


def _t_test(difference: "Values") -> tuple[float, float]:
    """Cohen's d and the two-sided p of the t-test against a mean of 0."""
    from scipy.special import stdtr

    number, mean = len(difference), difference.mean()
    spread = difference.std(ddof=1) if number > 1 else 0.0
    if spread <= 1e-12 * abs(mean):  # rounding errors of equal differences
        return UNDEFINED, UNDEFINED
    return float(mean / spread), float(2 * stdtr(number - 1, -abs(mean) / spread * number**0.5))


def randomization(difference: "Values") -> float:
    """Two-sided p of the paired randomization test (Fisher's): signs of the differences are exchanged.

    Exact over all 2^n signs where these are fewer than `PERMUTATIONS`; otherwise (b + 1) / (m + 1) with m random
    permutations of which b are as extreme as what was seen (Phipson & Smyth 2010). Queries without a difference
    take no part.
    """
    import numpy as np

    changed = difference[difference != 0]
    seen = abs(changed.sum()) - 1e-9 * np.abs(changed).sum()  # as extreme, with a tolerance for rounding
    exact = 2 ** len(changed) <= PERMUTATIONS
    count = 2 ** len(changed) if exact else PERMUTATIONS
    generator, extreme = np.random.default_rng(SEED), 0
    flips: Any
    for start, stop in _batches(count, len(changed)):
        if exact:
            flips = (np.arange(start, stop)[:, None] >> np.arange(len(changed))) & 1
        else:
            bits = np.frombuffer(generator.bytes((stop - start) * -(-len(changed) // 8)), dtype=np.uint8)
            flips = np.unpackbits(bits.reshape(stop - start, -1), axis=1, count=len(changed))
        extreme += int((np.abs(changed.sum() - 2 * (flips @ changed)) >= seen).sum())
    return extreme / count if exact else (extreme + 1) / (count + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for the whole family of comparisons (Holm 1979); undefined ones (NaN) are not part of it."""
    defined = sorted((p, position) for position, p in enumerate(p_values) if p == p)
    corrected, largest = [UNDEFINED] * len(p_values), 0.0
    for number, (p, position) in enumerate(defined):
        largest = max(largest, min(1.0, (len(defined) - number) * p))
        corrected[position] = largest
    return corrected


def _varies(values: "Values") -> bool:
    import numpy as np

    return len(values) > 1 and bool(np.ptp(values) > 0)


def _batches(number: int, width: int) -> Iterator[tuple[int, int]]:
    """Ranges that divide `number` rows of `width` numbers, each of about `BATCH` numbers."""
    step = max(1, BATCH // width)
    for start in range(0, number, step):
        yield start, min(number, start + step)


def _bootstrap(size: int, statistic: "Callable[[Any], Values]") -> "Values":
    """The statistic of every resample; it maps indices (resamples × size) to values. Seeded, so resamples recur."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    return np.concatenate(
        [statistic(generator.integers(size, size=(stop - start, size))) for start, stop in _batches(RESAMPLES, size)]
    )


def _interval(resampled: "Values") -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
