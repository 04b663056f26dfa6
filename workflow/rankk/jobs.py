"""What rules ask for, and who owns the engines that jobs share."""

import os
from collections.abc import Callable
from typing import Any

OWNER = "RANKK_OWNER"


def grown(amount: int) -> Callable[[Any, int], int]:
    """A resource that grows with every try of a job."""

    return lambda wildcards, attempt: amount * attempt  # noqa: ARG005 (Snakemake passes both by name)


def own_engines(*, cluster_job: bool) -> None:
    """Let engines that this process's jobs start live as long as it does (rankk.reranking.backends.server).

    Processes started by this one keep its claim; a cluster job makes its own, for it runs on another machine.
    """
    if cluster_job or OWNER not in os.environ:
        os.environ[OWNER] = str(os.getpid())
