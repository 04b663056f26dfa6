"""The best split of an experiment over many GPUs, from a simulation of its jobs in a cluster's queue."""

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill

from rankk.config.reranker import Reranker
from rankk.experiment import Experiment
from rankk.llm.backends.vllm import Vllm
from rankk.paths import Cell
from rankk.plan.costs import cost_of, queries_of
from rankk.plan.gpus import between

GPUS = (1, 2, 4, 8, 16, 32, 64)
TENSOR_PARALLEL = (1, 2, 4, 8)
SHARDS = (1, 2, 4, 8)
SIZES = (1, 8, 32, 100, 200, 400)
"""Queries for which a job's hours are simulated; linear between them."""
WAIT_HOURS, START_HOURS, FAILURE_HOURS = 0.25, 0.1, 1000.0
"""Assumed: mean wait of a job in the queue; start of an engine (measured: 73 to 119 s from a warm disk); mean GPU-hours
between failures of nodes."""
SEEDS = 3
CLOSE = 1.05
"""Splits whose hours differ by less count as equally fast: of them the cheapest is taken."""

Job = tuple[float, int]
"""Hours of work and GPUs."""


@dataclass(frozen=True)
class Split:
    """A split of the experiment with its costs; GPU-hours include engine starts and failures."""

    gpus: int
    tensor_parallel: int
    shards: int
    hours: float
    gpu_hours: float


def best(experiment: Experiment) -> list[Split]:
    """For each number of GPUs the split that is done first, the cheapest of those that are about as fast.

    `tensor_parallel` is varied for models that leave too little room on one GPU; others keep to one. Empty where no
    model's size is known.
    """
    splits = [split for tensor_parallel in TENSOR_PARALLEL for split in splits_with(experiment, tensor_parallel)]
    numbers = sorted({split.gpus for split in splits})
    return [_fastest([split for split in splits if split.gpus == gpus]) for gpus in numbers]


def _fastest(splits: Sequence[Split]) -> Split:
    limit = CLOSE * min(split.hours for split in splits)
    return min((split for split in splits if split.hours <= limit), key=lambda split: split.gpu_hours)


def splits_with(experiment: Experiment, tensor_parallel: int) -> Iterator[Split]:
    """All numbers of GPUs and shards with one `tensor_parallel`; none where a model does not fit or is not known."""
    cells: list[tuple[Timing, int]] = []
    timings: dict[str, Timing | None] = {}
    for cell in experiment.cells:
        reranker = experiment.rerankers.get(cell.reranker)
        if reranker is None or not isinstance(reranker.backend, Vllm):
            continue
        if cell.reranker not in timings:
            timings[cell.reranker] = _timing(experiment, cell, reranker, tensor_parallel)
        if (timing := timings[cell.reranker]) is None:
            return
        cells.append((timing, queries_of(experiment, cell.collection, cell.language)))
    for shards in SHARDS if cells else ():
        jobs: list[Job] = []
        for timing, queries in cells:
            parts = min(shards, queries)
            jobs += [(between(timing.hours, queries / parts), timing.gpus)] * parts
        for gpus in GPUS:
            if gpus >= max(needed for _, needed in jobs):
                runs = [simulated(jobs, gpus, random.Random(seed)) for seed in range(SEEDS)]
                hours, gpu_hours = (sum(values) / SEEDS for values in zip(*runs, strict=True))
                yield Split(gpus, tensor_parallel, shards, hours, gpu_hours)


@dataclass(frozen=True)
class Timing:
    """Hours of a reranker's job by its number of queries, and its GPUs."""

    hours: Mapping[int, float]
    gpus: int


def _timing(experiment: Experiment, cell: Cell, reranker: Reranker, tensor_parallel: int) -> Timing | None:
    """None where the model does not fit or is not known."""
    one = partial(cost_of, experiment, cell)
    alone = _on(reranker, 1)
    chosen = _on(reranker, tensor_parallel) if one(alone, SIZES[0]).warning else alone
    costs = {size: one(chosen, size) for size in SIZES}
    if any(each.hours is None or "does not fit" in each.warning for each in costs.values()):
        return None
    return Timing({size: each.hours or 0.0 for size, each in costs.items()}, chosen.backend.gpus)


def _on(reranker: Reranker, tensor_parallel: int) -> Reranker:
    """The reranker with one copy of its model over so many GPUs."""
    assert isinstance(reranker.backend, Vllm)
    engine = reranker.backend.engine.model_copy(update={"tensor_parallel": tensor_parallel, "data_parallel": 1})
    return reranker.model_copy(update={"backend": reranker.backend.model_copy(update={"engine": engine})})


def simulated(jobs: Sequence[Job], gpus: int, draw: random.Random) -> tuple[float, float]:
    """Hours until all jobs are done on so many GPUs, and GPU-hours.

    All jobs are submitted at once; each waits for its turn in the queue, then for GPUs, the longest first. A failure
    ends a job, which is submitted again and goes on with the calls that its journal lacks.
    """
    ready = [(draw.expovariate(1 / WAIT_HOURS), -work, needed) for work, needed in jobs]
    heapq.heapify(ready)
    able: dict[int, list[float]] = {needed: [] for _, needed in jobs}  # by GPUs: minus hours of work
    running: list[tuple[float, int]] = []
    now = spent = 0.0
    free = gpus
    while True:
        while fitting := [needed for needed, waiting in able.items() if waiting and needed <= free]:
            needed = min(fitting, key=lambda needed: able[needed][0])
            work = heapq.heappop(able[needed])
            lasts, failure = START_HOURS - work, draw.expovariate(needed / FAILURE_HOURS)
            if failure < lasts:
                left = work + max(0.0, failure - START_HOURS)
                heapq.heappush(ready, (now + failure + draw.expovariate(1 / WAIT_HOURS), left, needed))
            free -= needed
            spent += needed * min(failure, lasts)
            heapq.heappush(running, (now + min(failure, lasts), needed))
        if running and (not ready or running[0][0] <= ready[0][0]):
            now, needed = heapq.heappop(running)
            free += needed
        elif ready:
            now, work, needed = heapq.heappop(ready)
            heapq.heappush(able[needed], work)
        else:
            break
    return now, spent


ASSUMPTIONS = f"""\
Assumed: jobs wait {WAIT_HOURS * 60:.0f} minutes in the queue on average, an engine starts in {START_HOURS * 60:.0f} \
minutes, a node fails every {FAILURE_HOURS:,.0f} GPU-hours; all jobs are submitted at once. tensor_parallel is that of \
models which leave little room on one GPU; others take one. Speeds are extrapolated beyond two GPUs for one copy."""


def lines(experiment: Experiment) -> list[str]:
    """The table as text, with a recommendation; empty where no model's size is known."""
    splits = best(experiment)
    if not splits:
        return []
    rows = [f"{'GPUs':>5} {'tensor_parallel':>16} {'shards':>7} {'hours':>7} {'GPU-hours':>10}"]
    rows += [
        f"{each.gpus:5} {each.tensor_parallel:16} {each.shards:7} {each.hours:7.1f} {each.gpu_hours:10.0f}"
        for each in splits
    ]
    told = {
        "soonest": _fastest(splits),
        "cheapest": min(splits, key=lambda split: (round(split.gpu_hours), split.hours)),
    }
    for word, split in told.items():
        rows.append(
            f"{word}: {split.gpus} GPUs, tensor_parallel {split.tensor_parallel}, shards {split.shards}: "
            f"{split.hours:.1f} hours, {split.gpu_hours:.0f} GPU-hours"
        )
    return [f"Split over several {experiment.gpu}:", *rows, fill(ASSUMPTIONS, 80)]
