"""What rules ask for, and who owns the engines that jobs share."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

OWNER = "RANKK_OWNER"
ALLOCATION = "RANKK_ALLOCATION"
PLUGINS = "RANKK_PLUGINS"


def import_from(folder: str) -> None:
    """Let this process's jobs import the package from a folder, where it holds one, whatever else is installed."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if Path(folder, "rankk").is_dir() and known[0] != folder:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, known)])


def share_plugins(plugins: Iterable[str]) -> None:
    """Let this process's jobs load plugins before anything else."""
    os.environ[PLUGINS] = os.pathsep.join(str(Path(p).resolve()) if p.endswith(".py") else p for p in plugins)


def shared_plugins() -> list[str]:
    """Plugins that the process which started this job has loaded."""
    return [plugin for plugin in os.environ.get(PLUGINS, "").split(os.pathsep) if plugin]


def grown(amount: int) -> Callable[[Any, int], int]:
    """A resource that grows with every try of a job."""

    return lambda wildcards, attempt: amount * attempt  # noqa: ARG005 (Snakemake passes both by name)


def fetch_from(mirror: str | None) -> None:
    """Let this process's jobs fetch from a mirror of the hub; None: from where HF_ENDPOINT says, or the hub itself."""
    if mirror:
        os.environ["HF_ENDPOINT"] = mirror.rstrip("/")


def own_engines(*, cluster_job: bool) -> None:
    """Let engines that this process's jobs start live as long as it does (rankk.llm.server).

    Processes started by this one keep its claim. A cluster job makes its own, for it runs on another machine; but jobs
    that are grouped into one of Slurm's allocations belong to the process that heads it.
    """
    allocation = os.environ.get("SLURM_JOB_ID")
    elsewhere = cluster_job and (allocation is None or os.environ.get(ALLOCATION) != allocation)
    if elsewhere or OWNER not in os.environ:
        os.environ |= {OWNER: str(os.getpid()), ALLOCATION: allocation or ""}
