"""A real engine with random weights and answers of random lengths, used to compare schedules."""

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
"""Standard deviation of the logarithm of the answer length (assumed: the paper states only the mean)."""


@dataclass
class Engine:
    """vLLM with the shape of a model and random weights; every answer has exactly the requested length."""

    llm: Any
    vocabulary: int
    scale: float  # divides all lengths
    few_words: int | None = None  # number of distinct tokens in prompts and answers
    numbers: "count[int]" = field(default_factory=count)

    async def ask(self, window: int, answer_tokens: int, priority: int = 0) -> None:
        """One call about a window of `passages` passages."""
        await self.generate(
            max(1, round((QUERY_TOKENS + PASSAGE_TOKENS * window) / self.scale)), answer_tokens, priority
        )

    async def generate(self, prompt_tokens: int, answer_tokens: int, priority: int = 0) -> None:
        """One call with these lengths of prompt and answer in tokens; no two prompts share a prefix."""
        async for _ in self.stream(prompt_tokens, answer_tokens, priority):
            pass

    async def stream(self, prompt_tokens: int, answer_tokens: int, priority: int = 0) -> AsyncIterator[int]:
        """Make the same call and yield the number of tokens of its answer whenever it grows."""
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
    """Start an engine; yields it with the seconds that its start took. `more`: further engine arguments of vLLM."""
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
    """Random answer lengths by query and call; the same for every schedule."""

    def __init__(self, scale: float, seed: int = 0) -> None:
        self._mean, self._seed = ANSWER_TOKENS / scale, seed

    def of(self, query: int, call: int) -> int:
        """Length in tokens, lognormal with the published mean."""
        draw = random.Random(f"{self._seed} {query} {call}")
        return max(1, round(draw.lognormvariate(math.log(self._mean) - SPREAD**2 / 2, SPREAD)))


async def curve(engine: Engine, in_flight: Sequence[int], tokens: int = 48) -> dict[int, tuple[float, float]]:
    """Seconds per decoding step and seconds of prefill per call, by number of calls in flight.

    The difference between the times of two answer lengths is used, which cancels prefill and the start of calls.
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
    """Lower bound in seconds for queries whose windows have these total answer lengths (`chains`, in tokens).

    Up to `places` chains decode concurrently, the longest first, at the measured seconds per step for the number in
    flight. Every call's prefill is counted at the best measured rate.
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
    """Seconds per decoding step, interpolated linearly between the measured numbers of calls in flight."""
    numbers = sorted(measured)
    below = max((n for n in numbers if n <= in_flight), default=numbers[0])
    above = min((n for n in numbers if n >= in_flight), default=numbers[-1])
    if below == above:
        return measured[below][0]
    share = (in_flight - below) / (above - below)
    return measured[below][0] * (1 - share) + measured[above][0] * share
