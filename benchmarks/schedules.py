"""Time of schedules and strategies on one engine with a model's real shape, for the same windows and answer lengths.

python benchmarks/schedules.py --shape benchmarks/shapes/qwen2.5-32b --queries 96 --scale 16
"""

import argparse
import asyncio
import json
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from common import report
from workload import Engine, Lengths, bound, curve, engine

from rankk.llm.engine_config import EngineConfig
from rankk.llm.scheduler import PriorityGate
from rankk.reranking.strategies.base import STRATEGIES
from rankk.reranking.types import TieGroups

DEPTH, WINDOW, STRIDE = 100, 20, 10
IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256)


class Load:
    """The calls of `queries` queries with sliding windows; the windows of one query depend on each other in turn."""

    def __init__(self, engine: Engine, queries: int, scale: float, windows: int) -> None:
        self.engine, self.lengths, self.queries, self.windows = engine, Lengths(scale), queries, windows

    @property
    def chains(self) -> list[int]:
        """Sum of the answer lengths (tokens) over the windows of each query."""
        return [sum(self.lengths.of(query, call) for call in range(self.windows)) for query in range(self.queries)]

    async def window(self, query: int, call: int, priority: int = 0) -> None:
        """Ask the engine about one window."""
        await self.engine.ask(WINDOW, self.lengths.of(query, call), priority)

    async def chain(self, query: int) -> None:
        """Ask about the windows of one query, one after another."""
        for call in range(self.windows):
            await self.window(query, call)

    async def at_most(self, places: int) -> None:
        """A pool of `places` workers: each takes the next query and processes its windows one after another."""
        gate = asyncio.Semaphore(places)

        async def one(query: int) -> None:
            async with gate:
                await self.chain(query)

        await asyncio.gather(*map(one, range(self.queries)))

    async def calls_at_most(self, places: int) -> None:
        """All queries run concurrently, with at most `places` calls in flight."""
        gate = asyncio.Semaphore(places)

        async def one(query: int) -> None:
            for call in range(self.windows):
                async with gate:
                    await self.window(query, call)

        await asyncio.gather(*map(one, range(self.queries)))

    async def barrier(self) -> None:
        """Batches: the first windows of all queries, then the second windows of all queries, and so on."""
        for call in range(self.windows):
            await asyncio.gather(*(self.window(query, call) for query in range(self.queries)))

    async def ours(self, places: int) -> None:
        """The schedule of rankk: all queries run concurrently; the query with the most windows left has priority."""
        gate = PriorityGate(places)

        async def one(query: int) -> None:
            for call in range(self.windows):
                remaining = self.windows - 1 - call
                async with gate.slot(-remaining):
                    await self.window(query, call, -remaining)

        await asyncio.gather(*map(one, range(self.queries)))


class RandomJudge:
    """Waits for a call to the engine and then answers with a random order."""

    def __init__(self, engine: Engine, lengths: Lengths, query: int, gate: PriorityGate) -> None:
        self._engine, self._lengths, self._query, self._gate = engine, lengths, query, gate
        self.calls = 0

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """A random order, after a call to the engine."""
        call, self.calls = self.calls, self.calls + 1
        async with self._gate.slot(-chain):
            await self._engine.ask(len(window), self._lengths.of(self._query, call), -chain)
        order = [[docid] for docid in window]
        random.Random(f"{self._query} {call}").shuffle(order)
        return order

    async def score(self, docid: str) -> float:
        """A random score, after a call to the engine about one passage."""
        await self.rank([docid])
        return random.random()

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """None: answers are orders."""
        return None

    def prior(self, docid: str) -> float:
        """A score that decreases with the rank."""
        return -float(docid)

    def room(self) -> float:
        """Unlimited: there is no budget of tokens."""
        return math.inf


async def strategies(engine: Engine, scale: float, queries: int, places: int) -> list[dict[str, object]]:
    """Seconds and calls of every listwise strategy for lists of 100 passages, with one query and with many."""
    rows: list[dict[str, object]] = []
    for name, kind in STRATEGIES.all().items():
        if name in ("pointwise", "single"):
            continue
        strategy = kind()
        for number in (1, queries):
            gate, lengths = PriorityGate(places), Lengths(scale)
            judges = [RandomJudge(engine, lengths, query, gate) for query in range(number)]
            docids = [str(place) for place in range(DEPTH)]
            reranked = [strategy.rerank(docids, judge) for judge in judges]
            began = time.perf_counter()
            await asyncio.gather(*reranked)
            took = time.perf_counter() - began
            calls = sum(judge.calls for judge in judges) / number
            chain = strategy.longest_chain(DEPTH)
            rows.append({"strategy": name, "queries": number, "calls a query": calls, "chain": chain, "seconds": took})
            print(rows[-1], flush=True)
    return rows


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Wall-clock seconds that the coroutine takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def measure(options: argparse.Namespace, config: EngineConfig) -> None:
    """Measure all selected schedules and strategies on one engine."""
    async with engine(options.shape, config, options.scale) as (llm, started):
        print(f"engine started in {started:.1f} s", flush=True)
        await asyncio.gather(*(llm.ask(WINDOW, 8) for _ in range(8)))  # warm-up
        numbers = [number for number in options.in_flight if number <= config.max_num_seqs]
        measured = await curve(llm, numbers)
        report(
            f"{options.name}.curve",
            [
                {"in flight": n, "ms a step": 1000 * step, "tokens a second": n / step, "ms of prefill": 1000 * prefill}
                for n, (step, prefill) in measured.items()
            ],
        )
        load = Load(llm, options.queries, options.scale, options.windows)
        places = config.waiting
        schedules: dict[str, Callable[[], Awaitable[object]]] = {
            "ours": lambda: load.ours(places),
            "ours, first come first served": lambda: load.calls_at_most(places),
            "barrier after each window": load.barrier,
            "32 calls in flight": lambda: load.calls_at_most(32),
            "16 workers": lambda: load.at_most(16),
        }
        tokens = sum(load.chains)
        lower = bound(load.chains, options.queries * options.windows, measured, config.max_num_seqs)
        rows: list[dict[str, object]] = [
            {"schedule": "lower bound", "seconds": lower, "tokens a second": tokens / lower}
        ]
        for name in options.schedules:
            for _ in range(options.repeats):
                took = await timed(schedules[name])
                rows.append({"schedule": name, "seconds": took, "tokens a second": tokens / took})
                print(rows[-1], flush=True)
        ours = min((float(str(row["seconds"])) for row in rows if row["schedule"] == "ours"), default=lower)
        for row in rows:
            row["times ours"] = float(str(row["seconds"])) / ours
        report(f"{options.name}.schedules", rows)
        if options.strategies:
            report(f"{options.name}.strategies", await strategies(llm, options.scale, options.strategies, places))


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="schedules", help="name of the tables")
    parser.add_argument("--shape", type=Path, required=True, help="folder with the model's config.json")
    parser.add_argument("--queries", type=int, default=96)
    parser.add_argument("--windows", type=int, default=9, help="windows per query (9 for depth 100)")
    parser.add_argument("--scale", type=float, default=16, help="factor by which prompts and answers are shortened")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--in-flight", type=int, nargs="*", default=IN_FLIGHT, help="points of the decoding curve")
    parser.add_argument(
        "--strategies", type=int, default=0, help="also measure all strategies, with this number of queries"
    )
    parser.add_argument("--engine", type=json.loads, default={}, help="engine settings as JSON, e.g. quantization")
    names = ["ours", "ours, first come first served", "barrier after each window", "32 calls in flight", "16 workers"]
    parser.add_argument("--schedules", nargs="*", choices=names, default=names)
    options = parser.parse_args()
    settings = {"load_format": "dummy", "enable_prefix_caching": False} | options.engine
    asyncio.run(measure(options, EngineConfig(**settings)))


if __name__ == "__main__":
    main()
