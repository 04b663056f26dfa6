"""Time of a decoding step that verifies speculated tokens, and the tokens per step at which speculation pays.

python benchmarks/speculation.py --shape benchmarks/shapes/qwen2.5-32b

With random weights, tokens are proposed in every step and none is accepted. A step then yields one token, and the ratio
of its time to that of a step without speculation is the mean number of tokens per step at which speculation breaks
even.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from common import report
from workload import curve, engine

from rankk.llm.engine_config import EngineConfig, NgramSpeculation

WORDS = 8
"""Number of distinct tokens in prompts and answers: so few that the last n-gram has always occurred before."""
IN_FLIGHT = (1, 4, 8, 16, 32, 64, 96, 128)


def arguments(config: EngineConfig) -> dict[str, Any]:
    """vLLM's arguments for speculation in which no token is accepted."""
    if not config.speculative:
        return {}
    settings = config.arguments(on_cpu=False, revision=None, max_model_len=1)["speculative_config"]
    none = {"rejection_sample_method": "synthetic", "synthetic_acceptance_rates": [0.0] * config.speculative.tokens}
    return {"speculative_config": settings | none}


async def steps(shape: Path, config: EngineConfig, scale: float) -> dict[int, float]:
    """Seconds per decoding step, by number of calls in flight."""
    async with engine(shape, config, scale, **arguments(config)) as (llm, started):
        print(f"engine started in {started:.1f} s", flush=True)
        llm.few_words = WORDS
        await asyncio.gather(*(llm.ask(1, 8) for _ in range(8)))  # warm-up
        return {number: step for number, (step, _) in (await curve(llm, IN_FLIGHT)).items()}


def main() -> None:
    """Measure steps without speculation, and with each number of speculated tokens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=Path, required=True, help="folder with the model's config.json")
    parser.add_argument("--scale", type=float, default=8, help="factor by which prompts are shorter than 2,000 tokens")
    parser.add_argument("--tokens", type=int, nargs="*", default=[3, 8], help="numbers of speculated tokens")
    parser.add_argument("--engine", type=json.loads, default={}, help="engine settings as JSON")
    parser.add_argument("--name", default="speculation", help="name of the table")
    options = parser.parse_args()
    settings = {"load_format": "dummy", "enable_prefix_caching": False, "max_num_seqs": max(IN_FLIGHT)} | options.engine
    plain = asyncio.run(steps(options.shape, EngineConfig(**settings), options.scale))
    rows: list[dict[str, object]] = []
    for tokens in options.tokens:
        guessing = EngineConfig(**settings, speculative=NgramSpeculation(tokens=tokens, shortest=1))
        for number, step in asyncio.run(steps(options.shape, guessing, options.scale)).items():
            row: dict[str, object] = {"guessed": tokens, "in flight": number, "ms a plain step": 1000 * plain[number]}
            rows.append(row | {"ms a step": 1000 * step, "tokens a step that pay": step / plain[number]})
    report(options.name, rows)


if __name__ == "__main__":
    main()
