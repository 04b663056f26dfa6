"""Resources that rules request, and the owner of the engines that jobs share."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk.errors import RankkError

if TYPE_CHECKING:
    from rankk.experiment import Experiment

OWNER = "RANKK_OWNER"
ALLOCATION = "RANKK_ALLOCATION"
PLUGINS = "RANKK_PLUGINS"
BACKENDS = "RANKK_BACKENDS"


def shared_plugins() -> list[str]:
    """Plugins loaded by the process that started this job."""
    return [plugin for plugin in os.environ.get(PLUGINS, "").split(os.pathsep) if plugin]


def shared_backend(name: str) -> dict[str, Any]:
    """The backend's settings of a reranker or translator."""
    settings: dict[str, Any] = json.loads(os.environ[BACKENDS])[name]
    return settings


def prepare_jobs(experiment: "Experiment", package: str, *, cluster_job: bool) -> None:
    """Set the environment of this process's jobs.

    `package`: folder of the package beside the Snakefile; where there is one, jobs import it, whatever is installed.
    Backends' settings that decide no answer are no parameters of a rule: Snakemake would run the job again when they
    change, and keep them in its files, passwords in addresses included.
    """
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if Path(package, "rankk").is_dir() and known[0] != package:
        os.environ["PYTHONPATH"] = os.pathsep.join([package, *filter(None, known)])
    own_engines(cluster_job=cluster_job)
    if experiment.mirror:
        os.environ["HF_ENDPOINT"] = experiment.mirror
    plugins = (str(Path(name).resolve()) if name.endswith(".py") else name for name in experiment.plugins)
    os.environ[PLUGINS] = os.pathsep.join(plugins)
    os.environ[BACKENDS] = json.dumps(experiment.backends)


@dataclass(frozen=True)
class JobResources:
    """Resources that rules ask for, within the limits that a profile names among its default-resources."""

    max_runtime: int | None = None
    max_mem_mb: int | None = None
    slurm_partition: str | None = None
    gpu_partition: str | None = None

    @classmethod
    def of(cls, default_resources: Any) -> "JobResources":
        """Read Snakemake's default resources, or their "name=value" texts. RankkError if a limit is not a number."""
        given = dict(text.split("=", 1) for text in getattr(default_resources, "args", default_resources) or ())
        values: dict[str, Any] = {name: given[name].strip("'\"") for name in cls.__annotations__ if name in given}
        for name in values.keys() & {"max_runtime", "max_mem_mb"}:
            if not values[name].isdecimal() or not int(values[name]):
                unit = "minutes" if name == "max_runtime" else "MB"
                raise RankkError(f"default-resources: {name}={values[name]}: expected a whole number of {unit}")
            values[name] = int(values[name])
        return cls(**values)

    @classmethod
    def of_profile(cls, default_resources: Any) -> "JobResources":
        """`of` Snakemake's default resources, ending the process with one line where a limit is no number."""
        try:
            return cls.of(default_resources)
        except RankkError as error:
            sys.exit(f"Profile: {error}")

    def memory(self, mb: int) -> Callable[[Any, int], int]:
        """`mem_mb` that grows with every attempt of a job."""
        return self._grown(lambda _: mb, self.max_mem_mb)

    def minutes(self, amount: int | Callable[[Any], int]) -> Callable[[Any, int], int]:
        """`runtime` that grows with every attempt. `amount`: minutes of the first attempt, or a function of the
        wildcards."""
        return self._grown(amount if callable(amount) else lambda _: amount, self.max_runtime)

    def gpus(self, number: int | Callable[[Any], int]) -> dict[str, Any]:
        """`gpu`, and the partition that jobs with and without GPUs go to."""
        asked = number if callable(number) else lambda _: number
        partition = (
            {"slurm_partition": lambda wildcards: self.partition(asked(wildcards))} if self.gpu_partition else {}
        )
        return {"gpu": number} | partition

    def partition(self, gpus: int) -> str:
        """The partition of a job with so many GPUs."""
        return (self.gpu_partition if gpus else self.slurm_partition) or ""

    @staticmethod
    def _grown(amount: Callable[[Any], int], most: int | None) -> Callable[[Any, int], int]:
        def asked(wildcards: Any, attempt: int) -> int:
            wanted = amount(wildcards) * attempt
            return wanted if most is None else min(wanted, most)

        return asked


def own_engines(*, cluster_job: bool) -> None:
    """Let engines that this process's jobs start live as long as it does (rankk.llm.server).

    Processes started by this one keep its claim. A cluster job makes its own, for it runs on another machine; but jobs
    that are grouped into one of Slurm's allocations belong to the process that heads it.
    """
    allocation = os.environ.get("SLURM_JOB_ID")
    elsewhere = cluster_job and (allocation is None or os.environ.get(ALLOCATION) != allocation)
    if elsewhere or OWNER not in os.environ:
        os.environ |= {OWNER: str(os.getpid()), ALLOCATION: allocation or ""}
