"""Costs of jobs and reranked cells."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rankk.io.files import read_json

RESOURCES = (
    *("stage", "what", "seconds", "peak_memory_mb", "engine_start_seconds", "rerank_seconds", "gpus", "gpu_seconds"),
    *("calls", "prompt_tokens", "output_tokens", "tokens_per_second"),
)


def spent(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Costs of a reranked cell, from its manifest."""
    calls, engine, seconds = manifest["calls"], manifest["reranker"].get("engine"), manifest["seconds"]
    gpus = engine["tensor_parallel"] * engine["data_parallel"] if engine and manifest["gpus"] else 0
    return {
        "engine_start_seconds": manifest.get("engine_start_seconds", 0.0),
        "rerank_seconds": seconds,
        "gpus": gpus,
        "gpu_seconds": gpus * seconds,
        "calls": sum(calls["outcomes"].values()),
        "prompt_tokens": calls["prompt_tokens"],
        "output_tokens": calls["output_tokens"],
        "tokens_per_second": calls["output_tokens"] / seconds if seconds else 0.0,
    }


def resources(jobs: Mapping[str, str], manifests: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """One row per job (columns `RESOURCES`): seconds, peak memory (MB) and, of reranked cells, what the manifest adds.

    `jobs`: benchmark file by "stage: what", for every job of the experiment that left one; `manifests`: path by `what`.
    """
    for name, file in jobs.items():
        if not Path(file).is_file():
            continue
        stage, _, what = name.partition(": ")
        with Path(file).open(encoding="utf-8", newline="") as lines:
            measured = next(csv.DictReader(lines, delimiter="\t"))
        row = {"stage": stage, "what": what, "seconds": float(measured["s"])}
        row["peak_memory_mb"] = _number(measured["max_rss"])
        yield row | (spent(read_json(manifests[what])) if what in manifests else {})


def _number(text: str) -> float | None:
    """A benchmark's value; Snakemake writes NA for jobs too short to be sampled."""
    try:
        return float(text)
    except ValueError:
        return None
