"""Experiments on reranking with reasoning language models; usable without Snakemake.

`rerank`, `evaluate` and `compare` work in memory (`rankk.api`).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

IN_MEMORY = ("rerank", "evaluate", "compare")


def __getattr__(name: str) -> Any:
    """Functions of `rankk.api`, imported on first access so that `import rankk` is fast."""
    if name in IN_MEMORY:
        return getattr(import_module("rankk.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
