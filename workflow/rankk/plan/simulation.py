"""The time that a cell's calls take, simulated call by call."""

import asyncio
import heapq
import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count

from rankk.plan.gpus import Engine
from rankk.reranking.strategies.base import Strategy
from rankk.reranking.types import TieGroups

SPREAD = 0.6
"""Standard deviation of the answers' log length (assumed, as in benchmarks/workload.py)."""
ROUNDS, CALLS = 4, 1800
"""Simulated calls: a multiple of the calls that the engine holds, and a minimum; longer times are extrapolated
linearly."""
DRAWS = 8
"""Number of queries whose calls are determined with random answers."""

Lengths = Callable[[int, int], float]
"""Tokens of the answer to a query's call, both numbered from 0."""


@dataclass
class RandomRanker:
    """Ranker with random answers that counts the calls that wait at the same time."""

    draw: random.Random
    limit: float = math.inf
    """Calls that a budget affords."""

    def __post_init__(self) -> None:
        self.stages: list[int] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The window in a random order."""
        await self._answered()
        return [[docid] for docid in self.draw.sample(list(window), len(window))]

    async def score(self, docid: str) -> float:
        """A random score."""
        await self._answered()
        return self.draw.random()

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """None: answers are orders."""
        return None

    def prior(self, docid: str) -> float:
        """A score that decreases with the rank."""
        return -float(docid)

    def room(self) -> float:
        """Calls left of the limit."""
        return self.limit - sum(self.stages)

    async def _answered(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    async def play(self, strategy: Strategy, depth: int) -> list[int]:
        """Numbers of calls of the stages of one query's reranking."""
        task = asyncio.ensure_future(strategy.rerank([str(position) for position in range(depth)], self))
        while not task.done():
            for _ in range(8):  # until all possible calls are waiting
                await asyncio.sleep(0)
            if self._waiting:
                self.stages.append(len(self._waiting))
                for waiting in self._waiting:
                    waiting.set_result(None)
                self._waiting = []
        task.result()
        return self.stages


def stages(strategy: Strategy, depth: int, limit: float = math.inf) -> tuple[tuple[int, ...], ...]:
    """Calls of a query, stage by stage, for some queries: calls of a stage need no answer of one another.

    The strategy itself is asked, with random answers. All queries are alike where answers decide nothing. `limit`:
    calls of a query that a budget affords.
    """
    return _stages(type(strategy), strategy.model_dump_json(), depth, limit)


@cache
def _stages(kind: type[Strategy], settings: str, depth: int, limit: float) -> tuple[tuple[int, ...], ...]:
    strategy = kind.model_validate_json(settings)

    async def all_queries() -> list[tuple[int, ...]]:
        draws = range(1 if strategy.exact else DRAWS)
        return [tuple(await RandomRanker(random.Random(query), limit).play(strategy, depth)) for query in draws]

    with ThreadPoolExecutor(1) as thread:  # Snakemake's own thread already has an event loop
        return tuple(thread.submit(asyncio.run, all_queries()).result())


def drawn_lengths(mean: float, longest: float) -> Lengths:
    """Lognormal lengths of that mean, none above the token budget; the same ones each time."""

    def length(query: int, call: int) -> float:
        return min(longest, max(1.0, mean * _share(query * 1_000_003 + call)))

    return length


@cache
def _share(seed: int) -> float:
    """A length as a multiple of the mean."""
    return math.exp(SPREAD * random.Random(seed).normalvariate(0.0, 1.0) - SPREAD**2 / 2)


def places(engine: Engine, prompt: float, output: float) -> int:
    """Calls in flight that all copies together hold, 0 where there is no room for one.

    The mean context of a call in flight counts: long answers are in flight for longer.
    """
    context = prompt + output / 2 * math.exp(SPREAD**2)
    if engine.cache_tokens < prompt + output:
        return 0
    return min(int(engine.cache_tokens / context), engine.config.max_num_seqs) * engine.config.data_parallel


def milliseconds(
    engine: Engine, shapes: Sequence[Sequence[int]], prompt: float, lengths: Lengths, in_flight: int
) -> Callable[[int], float]:
    """Time until the last of a number of queries is done; large numbers share two simulations.

    `shapes`: calls of a query stage by stage, used in turn. `prompt`: tokens. `in_flight`: places of all copies.
    """
    widest, most = max(max(shape) for shape in shapes), max(sum(shape) for shape in shapes)
    enough = 2 * math.ceil(max(CALLS / most, ROUNDS * in_flight / widest) / 2)
    simulated = cache(lambda queries: _simulated(engine, shapes, queries, prompt, lengths, in_flight))

    def of(queries: int) -> float:
        if queries <= enough:
            return simulated(queries)
        half, whole = simulated(enough // 2), simulated(enough)
        return whole + (queries - enough) * (whole - half) / (enough - enough // 2)

    return of


def _simulated(
    engine: Engine, shapes: Sequence[Sequence[int]], queries: int, prompt: float, lengths: Lengths, in_flight: int
) -> float:
    """All calls in flight gain a token a step; the longest remaining chain of calls goes first, as in the scheduler."""
    order, copies, prefill = count(), engine.config.data_parallel, engine.prefill_ms(prompt)
    waiting: list[tuple[int, int, int, float]] = []
    running: list[tuple[float, int, float]] = []
    stage, open_calls, asked = [0] * queries, [0] * queries, [0] * queries

    def ask(query: int) -> None:
        shape = shapes[query % len(shapes)]
        if stage[query] < len(shape):
            open_calls[query] = shape[stage[query]]
            for _ in range(open_calls[query]):
                remaining = len(shape) - stage[query]
                heapq.heappush(waiting, (-remaining, next(order), query, lengths(query, asked[query])))
                asked[query] += 1
            stage[query] += 1

    for query in range(queries):
        ask(query)
    now = steps = begun = 0.0  # milliseconds, steps made, the steps at which the calls in flight began, summed
    while waiting or running:
        while waiting and len(running) < in_flight:
            _, _, query, length = heapq.heappop(waiting)
            heapq.heappush(running, (steps + length, query, steps))
            begun += steps
            now += prefill / min(copies, len(running))
        ends, query, began = heapq.heappop(running)
        number = len(running) + 1
        written = number * (steps + ends) / 2 - begun
        used = min(copies, number)
        now += (ends - steps) * engine.step_ms(number / used, (number * prompt + written) / used)
        steps, begun = ends, begun - began
        open_calls[query] -= 1
        if not open_calls[query]:
            ask(query)
    return now
