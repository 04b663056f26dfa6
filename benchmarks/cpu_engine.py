"""What vLLM's server costs on this machine's CPU: its start, tokens read and tokens written, by variant of the engine.

python benchmarks/cpu_engine.py results/models/rankk-mini --variants float32 float32-two-processes int8

Seconds of the processor hardly depend on what else runs; seconds on the clock do. The prompts are windows of the
embedded collection as `rankk-mini-top10` reads them. `equal` compares the answers with those of the first variant.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
from common import report

from rankk.llm.engine_config import EngineConfig
from rankk.llm.server import MODEL_NAME, server_command
from rankk.llm.tokenizers import ModelTokenizer
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import render

MINI = Path("resources/mini")
PASSAGES, EMPTY_THOUGHT, ANSWER_TOKENS = 10, "<think>\n\n</think>\n\n", 64
TWO_PROCESSES = {"distributed_executor_backend": "mp"}
VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {"dtype": "float32"},
    "float32-two-processes": {"dtype": "float32", **TWO_PROCESSES},
    "bfloat16": {"dtype": "bfloat16"},
    "int8": {"dtype": "float32"},
}
"""Engine arguments beside those that rankk gives; int8: weights and activations, of a copy of the model."""


def prompts(model: str, queries: int, passage_tokens: int) -> list[str]:
    """One window for each of the first queries: ten of its judged passages."""
    tokenizer, preset = ModelTokenizer(model), load_preset("listwise")
    texts = {line["id"]: line["contents"] for line in map(json.loads, (MINI / "passages.jsonl").open())}
    judged = [line.split() for line in (MINI / "qrels.txt").open()]
    made = []
    for qid, query in (line.rstrip("\n").split("\t") for line in (MINI / "queries.eng.tsv").open()):
        window = sorted(docid for topic, _, docid, _ in judged if topic == qid)[:PASSAGES]
        shown = [tokenizer.cut(texts[docid], passage_tokens) for docid in window]
        made.append(tokenizer.render(render(preset, query, shown)) + EMPTY_THOUGHT)
    return made[:queries]


def in_int8(model: Path, folder: Path) -> Path:
    """A copy of a model in int8 as compressed-tensors saves it: weights by output channel, activations by token."""
    import torch
    from safetensors.torch import load_file, save_file

    target = folder / f"{model.name}-int8"
    shutil.copytree(model, target, ignore=shutil.ignore_patterns("*.safetensors"))
    weights = {}
    for name, values in load_file(model / "model.safetensors").items():
        weights[name] = values
        if name.endswith("_proj.weight"):
            scale = values.float().abs().amax(1, keepdim=True) / 127
            weights |= {name: torch.round(values.float() / scale).to(torch.int8), f"{name}_scale": scale}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    int8 = {"num_bits": 8, "type": "int", "symmetric": True}
    group = {
        "targets": ["Linear"],
        "weights": int8 | {"strategy": "channel", "dynamic": False},
        "input_activations": int8 | {"strategy": "token", "dynamic": True},
    }
    config = json.loads((target / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
    }
    (target / "config.json").write_text(json.dumps(config))
    return target


def processor(server: subprocess.Popen[bytes]) -> float:
    """Seconds of the processor that a server and its processes have used."""
    root = psutil.Process(server.pid)
    return sum(sum(process.cpu_times()[:2]) for process in [root, *root.children(recursive=True)])


def measure(name: str, model: str, texts: list[str], port: int) -> tuple[dict[str, object], list[str]]:
    """A variant's row, and its answers."""
    config, key = EngineConfig(), secrets.token_urlsafe()
    arguments = config.arguments(on_cpu=True, revision=None, max_model_len=4096) | VARIANTS[name]
    environment = os.environ | config.environment(on_cpu=True) | {"VLLM_API_KEY": key, "HF_HUB_OFFLINE": "1"}
    if VARIANTS[name].get("distributed_executor_backend"):
        environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=None, trust_env=False
    )
    began = time.monotonic()
    log = Path(tempfile.gettempdir(), f"cpu-engine-{name}.log")
    with log.open("wb") as output:
        server = subprocess.Popen(server_command(model, arguments, port), env=environment, stdout=output, stderr=output)
    row: dict[str, object] = {"variant": name, "prompts": len(texts)}
    try:
        while True:
            if server.poll() is not None:
                raise SystemExit(f"{name}: the server did not start; see {log}")
            try:
                client.get("/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        row |= {"start_s": time.monotonic() - began, "start_cpu_s": processor(server)}
        answers: list[str] = []
        for what, limit in (("read", 1), ("write", ANSWER_TOKENS)):
            began, used = time.monotonic(), processor(server)

            def ask(text: str, limit: int = limit) -> dict[str, Any]:
                asked = {"model": MODEL_NAME, "prompt": text, "max_tokens": limit, "temperature": 0}
                answer: dict[str, Any] = client.post("/v1/completions", json=asked).raise_for_status().json()
                return answer

            with ThreadPoolExecutor(len(texts)) as pool:
                done = list(pool.map(ask, texts))
            kind = "prompt_tokens" if what == "read" else "completion_tokens"
            row |= {
                f"{what}_tokens": sum(answer["usage"][kind] for answer in done),
                f"{what}_s": time.monotonic() - began,
                f"{what}_cpu_s": processor(server) - used,
            }
            answers = [answer["choices"][0]["text"] for answer in done]
        return row, answers
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--queries", type=int, default=6)
    parser.add_argument("--passage_tokens", type=int, default=64)
    parser.add_argument("--port", type=int, default=8531)
    given = parser.parse_args()
    texts = prompts(str(given.model), given.queries, given.passage_tokens)
    rows: list[dict[str, object]] = []
    first: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for variant in given.variants:
            model = in_int8(given.model, Path(scratch)) if variant == "int8" else given.model
            row, answers = measure(variant, str(model), texts, given.port)
            first = first or answers
            row["equal"] = f"{sum(a == b for a, b in zip(answers, first, strict=True))}/{len(answers)}"
            rows.append(row)
            report("cpu-engine", rows, shown=1)
