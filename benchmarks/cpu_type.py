"""Prompt tokens that vLLM processes per second on this CPU, by data type: python benchmarks/cpu_type.py MODEL_DIR

Runs vLLM (from .venv-llm) once per data type on the passages of the embedded collection.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

PASSAGES = Path(__file__).parents[1] / "resources" / "mini" / "passages.jsonl"
PROMPTS, PASSAGES_EACH = 6, 20


def measure(model: str, dtype: str) -> None:
    """Print the speed of one engine and the text that it generated."""
    from vllm import LLM, SamplingParams

    texts = [json.loads(line)["contents"] for line in PASSAGES.read_text(encoding="utf-8").splitlines()]
    engine = LLM(model, dtype=dtype, enforce_eager=True, max_model_len=4096, disable_log_stats=True)
    starts = range(0, PROMPTS * PASSAGES_EACH, PASSAGES_EACH)
    prompts = ["Summarise.\n" + "\n".join(texts[start : start + PASSAGES_EACH]) + "\nSummary:" for start in starts]
    engine.generate(prompts[:1], SamplingParams(temperature=0, max_tokens=1), use_tqdm=False)
    began = time.monotonic()
    answers = engine.generate(prompts[1:], SamplingParams(temperature=0, max_tokens=1), use_tqdm=False)
    tokens = sum(len(answer.prompt_token_ids) for answer in answers)
    print(f"{dtype}: {tokens / (time.monotonic() - began):.0f} tokens/s")
    written = engine.generate(prompts[:1], SamplingParams(temperature=0, max_tokens=30), use_tqdm=False)
    print(f"{dtype}: {written[0].outputs[0].text!r}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(*sys.argv[1:])
    else:
        for kind in ("float32", "bfloat16"):
            subprocess.run([sys.executable, __file__, sys.argv[1], kind], check=True)
