"""Answers of drawn lengths from a real engine with random weights: what schedules are compared on."""

import asyncio
import json
import math
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from rankk.llm.engine_config import EngineConfig
from rankk.provenance import gpus

PASSAGE_TOKENS, QUERY_TOKENS = 96, 80
"""A window of 20 passages is a prompt of 2,000 tokens."""
ANSWER_TOKENS = 2400
"""Mean length of an answer (Rank-K, arXiv 2505.14432)."""
SPREAD = 0.6
"""Standard deviation of the answers' log length: assumed, the paper tells the mean alone."""


@dataclass
class Engine:
    """vLLM with a model's shape and random weights; every answer has exactly the length that is asked for."""

    llm: Any
    vocabulary: int
    scale: float  # lengths are divided by it
    few_words: int | None = None  # prompts and answers are made of so many different tokens alone
    numbers: "count[int]" = field(default_factory=count)

    async def ask(self, window: int, answer_tokens: int, priority: int = 0) -> None:
        """One call for a window of so many passages."""
        await self.generate(
            max(1, round((QUERY_TOKENS + PASSAGE_TOKENS * window) / self.scale)), answer_tokens, priority
        )

    async def generate(self, prompt_tokens: int, answer_tokens: int, priority: int = 0) -> None:
        """One call of these lengths in tokens; no two prompts share a prefix."""
        async for _ in self.stream(prompt_tokens, answer_tokens, priority):
            pass

    async def stream(self, prompt_tokens: int, answer_tokens: int, priority: int = 0) -> AsyncIterator[int]:
        """The same call: the number of tokens that its answer has, whenever it has grown."""
        from vllm import SamplingParams, TokensPrompt

        number = next(self.numbers)
        ids = random.Random(number).choices(range(self.few_words or self.vocabulary), k=prompt_tokens)
        allowed = list(range(self.few_words)) if self.few_words else None
        lengths = {"min_tokens": answer_tokens, "max_tokens": answer_tokens, "ignore_eos": True, "detokenize": False}
        parameters = SamplingParams(temperature=1.0, seed=None, allowed_token_ids=allowed, **lengths)
        async for output in self.llm.generate(
            TokensPrompt(prompt_token_ids=ids), parameters, str(number), priority=priority
        ):
            yield len(output.outputs[0].token_ids)


@asynccontextmanager
async def engine(shape: Path, config: EngineConfig, scale: float, **more: Any) -> AsyncIterator[tuple[Engine, float]]:
    """The engine and the seconds that its start took. `more`: vLLM's engine arguments that a configuration lacks."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    began = time.perf_counter()
    os.environ.update(config.environment(on_cpu=not gpus()))
    context = config.max_model_len or 4096
    arguments = config.arguments(on_cpu=not gpus(), revision=None, max_model_len=context) | more
    llm = AsyncLLM.from_engine_args(AsyncEngineArgs(model=str(shape), skip_tokenizer_init=True, **arguments))
    started = time.perf_counter() - began
    try:
        yield Engine(llm, json.loads((shape / "config.json").read_text())["vocab_size"], scale), started
    finally:
        llm.shutdown()


class Lengths:
    """Answer length of a query's call, drawn once: every schedule sees the same."""

    def __init__(self, scale: float, seed: int = 0) -> None:
        self._mean, self._seed = ANSWER_TOKENS / scale, seed

    def of(self, query: int, call: int) -> int:
        """Tokens; lognormal with the published mean."""
        draw = random.Random(f"{self._seed} {query} {call}")
        return max(1, round(draw.lognormvariate(math.log(self._mean) - SPREAD**2 / 2, SPREAD)))


async def curve(engine: Engine, in_flight: Sequence[int], tokens: int = 48) -> dict[int, tuple[float, float]]:
    """Seconds a decoding step and seconds a call's prefill, by number of calls in flight.

    Two lengths are timed and the difference divided: what is the same in both (prefill, start of calls) drops out.
    """
    found = {}
    for number in in_flight:
        times = []
        for length in (4, 4 + tokens):
            began = time.perf_counter()
            await asyncio.gather(*(engine.ask(20, length) for _ in range(number)))
            times.append(time.perf_counter() - began)
        step = (times[1] - times[0]) / tokens
        found[number] = (step, max(0.0, times[0] - 4 * step) / number)
    return found


def bound(chains: Sequence[int], calls: int, measured: dict[int, tuple[float, float]], places: int) -> float:
    """Seconds of a schedule that loses none, for chains of so many answer tokens each.

    As many chains as there are places decode together, longest first, at the measured seconds a step; whenever one
    ends the others go on with fewer beside them. Prefill is counted for every call at its best rate.
    """
    left = sorted(chains, reverse=True)
    running, waiting = left[:places], left[places:]
    seconds = calls * min(prefill for _, prefill in measured.values())
    while running:
        tokens = min(running)
        seconds += tokens * step_seconds(measured, len(running))
        running = [chain - tokens for chain in running if chain > tokens]
        while waiting and len(running) < places:
            running.append(waiting.pop(0))
    return seconds


def step_seconds(measured: dict[int, tuple[float, float]], in_flight: int) -> float:
    """A decoding step's seconds, linear between the numbers in flight that were measured."""
    numbers = sorted(measured)
    below = max((n for n in numbers if n <= in_flight), default=numbers[0])
    above = min((n for n in numbers if n >= in_flight), default=numbers[-1])
    if below == above:
        return measured[below][0]
    share = (in_flight - below) / (above - below)
    return measured[below][0] * (1 - share) + measured[above][0] * share
