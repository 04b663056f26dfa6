"""What a decoding step and a prompt cost with other options of the engine, at the contexts of full-length answers.

python benchmarks/engine_options.py --shape benchmarks/shapes/qwen2.5-32b --variants bf16 fp8-cache --in-flight 1 64
"""

import argparse
import asyncio
import math
import time
from pathlib import Path
from typing import Any

from common import report
from workload import ANSWER_TOKENS, PASSAGE_TOKENS, QUERY_TOKENS, SPREAD, Engine, engine

from rankk.llm.engine_config import EngineConfig

CONTEXT = round(QUERY_TOKENS + 20 * PASSAGE_TOKENS + ANSWER_TOKENS / 2 * math.exp(SPREAD**2))
"""Mean context of a decoding step in tokens: the prompt and the part of the answer that is already written.

For lengths L that part has a mean of E[L²] / 2E[L], because more steps belong to long answers; L is lognormal.
"""
STEPS = 64
"""Decoding steps that are timed while all calls decode."""
PROMPT_TOKENS_A_STEP = 1024
"""At least so many prompt tokens are computed in one step, so that calls that started early still decode at the end."""

FP8_CACHE = {"quantization": "fp8", "kv_cache_dtype": "fp8"}
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bf16": ({}, {}),
    "bf16-triton": ({}, {"attention_backend": "TRITON_ATTN"}),
    "fp8": ({"quantization": "fp8"}, {}),
    "fp8-cache": (FP8_CACHE, {}),
    "fp8-cache-triton": (FP8_CACHE, {"attention_backend": "TRITON_ATTN"}),
    "fp8-cache-2k-batch": (FP8_CACHE, {"max_num_batched_tokens": 2048}),
    "fp8-cache-32k-batch": (FP8_CACHE, {"max_num_batched_tokens": 32768}),
}
"""Settings of EngineConfig, and vLLM's engine arguments that EngineConfig does not have."""


def answer_tokens(calls: int, context: int) -> int:
    """Length of the answers: long enough for `STEPS` steps after the last prompt was computed."""
    return STEPS + math.ceil(calls * context / PROMPT_TOKENS_A_STEP)


async def steady(llm: Engine, calls: int, context: int) -> dict[str, float]:
    """Milliseconds of a decoding step while all calls decode, and of a prompt while earlier calls decode beside it."""

    async def one() -> list[tuple[float, int]]:
        answer = answer_tokens(calls, context)
        return [(time.perf_counter(), tokens) async for tokens in llm.stream(context, answer)]

    began = time.perf_counter()
    grown = await asyncio.gather(*(one() for _ in range(calls)))
    start, end = max(call[0][0] for call in grown), min(call[-1][0] for call in grown)
    written = sum(
        max(tokens for at, tokens in call if at <= end) - max(tokens for at, tokens in call if at <= start)
        for call in grown
    )
    return {
        "ms a step": 1000 * (end - start) * calls / written,
        "ms a prompt": 1000 * (start - began) / calls,
    }


async def measure(shape: Path, name: str, in_flight: list[int], context: int) -> list[dict[str, object]]:
    """The rows of one variant; numbers of calls that find no room in its KV cache are left out."""
    settings, more = VARIANTS[name]
    common: dict[str, Any] = {"load_format": "dummy", "enable_prefix_caching": False, "max_num_seqs": max(in_flight)}
    longest = context + answer_tokens(max(in_flight), context)
    config = EngineConfig(**common, max_model_len=longest, **settings)
    rows: list[dict[str, object]] = []
    async with engine(shape, config, 1, **more) as (llm, started):
        cache = llm.llm.vllm_config.cache_config
        room = cache.num_gpu_blocks * cache.block_size
        print(f"{name}: started in {started:.0f} s, room for {room} tokens", flush=True)
        await asyncio.gather(*(llm.generate(64, 8) for _ in range(8)))  # warm
        for calls in in_flight:
            if calls * (context + answer_tokens(calls, context)) < room:
                rows.append({"variant": name, "in flight": calls, "context": context, "room": room})
                rows[-1] |= await steady(llm, calls, context)
                print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Every variant on an engine of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=Path, required=True, help="folder with the model's config.json")
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1, 16, 64, 128])
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens of a prompt")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in options.variants:
        rows += asyncio.run(measure(options.shape, name, options.in_flight, options.context))
        report("engine-options", rows)


if __name__ == "__main__":
    main()
