"""Checks of a Slurm cluster and of the profile that is used there."""

import fcntl
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from rankk.doctor import Finding
from rankk.errors import RankkError
from rankk.experiment import Experiment
from rankk.io.yaml_files import read_yaml
from rankk.jobs import JobResources
from rankk.plan.costs import costs
from rankk.plan.gpus import GPUS
from rankk.slurm import Partition, command_output, partitions
from rankk.stages import DAY

NODE_SECONDS = 30
"""Seconds to wait for the job that checks the shared files on a node."""
SEEN = {11: "the working directory", 12: "HF_HOME", 13: "locks (flock) of other nodes"}
"""Files that a node cannot access, by the exit code of `LOOK`."""
LOOK = 'test -d "$1" || exit 11; test -z "$2" -o -d "$2" || exit 12; ! flock -n "$3" true || exit 13'


def findings(experiment: Experiment, profile: str) -> Iterator[Finding]:
    """All checks of a cluster: partitions against the profile and the plan, then files as its nodes see them."""
    settings = read_profile(profile)
    resources = profile_resources(settings)
    for text in settings.get("config") or ():
        if str(text).startswith("gpu="):
            experiment = experiment.model_copy(update={"gpu": _known_gpu(text.removeprefix("gpu="), profile)})
    try:
        known = partitions(command_output("sinfo", "--noheader", "--format=%R|%l|%G|%m|%a"))
    except RankkError as error:
        yield Finding("wrong", f"Slurm: {error}", "run this on a node from which jobs are submitted")
        return
    yield from of_partitions(experiment, resources, known)
    for name in known:
        if name in (resources.slurm_partition, resources.gpu_partition):
            yield of_node(name)


def _known_gpu(name: str, profile: str) -> str:
    if name not in GPUS:
        raise RankkError(f"{profile}: config: gpu={name}: expected one of {', '.join(GPUS)}")
    return name


def read_profile(profile: str) -> Mapping[str, Any]:
    """A profile's settings. `profile`: its file, its folder, or its name below profiles/."""
    folder = Path(profile) if Path(profile).exists() else Path("profiles", profile)
    file = folder / "config.yaml" if folder.is_dir() else folder
    if not file.is_file():
        raise RankkError(f"--profile {profile}: no such profile; give its name below profiles/, its folder or its file")
    return read_yaml(file)


def profile_resources(settings: Mapping[str, Any]) -> JobResources:
    """Partitions and limits that a profile names."""
    given = settings.get("default-resources") or []
    texts = [f"{name}={value}" for name, value in given.items()] if isinstance(given, Mapping) else given
    return JobResources.of(texts)


def of_partitions(experiment: Experiment, resources: JobResources, known: Mapping[str, Partition]) -> Iterator[Finding]:
    """Check that the profile's partitions exist, are up, and have the time limits and GPUs that jobs request."""
    gpus = {name: experiment.gpus(name) for name in experiment.rerankers}
    wanted = {"slurm_partition": resources.slurm_partition}
    if any(gpus.values()):
        wanted["gpu_partition"] = resources.gpu_partition
    for key, name in wanted.items():
        if name is None or name not in known:
            remedy = f"set {key} in the profile's default-resources to one of {', '.join(sorted(known))}"
            yield Finding(
                "wrong", f"{key}: {name}: the cluster has no such partition" if name else f"{key}: none", remedy
            )
            continue
        partition = known[name]
        if not partition.up:
            yield Finding("wrong", f"{key}: {name} is not up", "ask the cluster's administrators, or name another")
        yield _time_limit(f"{key}: {name}", resources, partition)
        if resources.max_mem_mb and resources.max_mem_mb > partition.mem_mb:
            remedy = f"set max_mem_mb={partition.mem_mb} in the profile's default-resources"
            yield Finding("wrong", f"{key}: {name}: max_mem_mb is more than its nodes have", remedy)
        if key == "gpu_partition":
            yield from _gpus(experiment, gpus, partition)


def _time_limit(what: str, resources: JobResources, partition: Partition) -> Finding:
    """Check that no job requests more minutes than its partition allows."""
    limit = partition.minutes
    asked = resources.max_runtime
    if limit is None or (asked is not None and asked <= limit):
        return Finding("ok", f"{what}: time limit {'none' if limit is None else f'{limit} minutes'}")
    said = (
        "the profile has no max_runtime, and tries ask for a day or more" if asked is None else f"max_runtime={asked}"
    )
    return Finding(
        "wrong",
        f"{what}: allows {limit} minutes; {said}",
        f"set max_runtime={limit} in the profile's default-resources",
    )


def _gpus(experiment: Experiment, gpus: Mapping[str, int], partition: Partition) -> Iterator[Finding]:
    """Check that a node has enough GPUs for each engine, and that the partition allows the planned hours."""
    for name, number in gpus.items():
        if number > partition.gpus:
            text = f"reranker {name}: asks for {number} GPUs, a node of {partition.name} has {partition.gpus}"
            yield Finding("wrong", text, "lower tensor_parallel × data_parallel, or name another gpu_partition")
    limit = DAY if partition.minutes is None else partition.minutes
    slowest: dict[str, float] = {}
    for cost in costs(experiment):
        if cost.hours is not None and gpus[cost.cell.reranker]:
            slowest[cost.cell.reranker] = max(slowest.get(cost.cell.reranker, 0.0), 60 * cost.hours)
    for name, minutes in slowest.items():
        text = f"reranker {name}: its largest cell takes about {ceil(minutes)} minutes"
        shards = experiment.rerankers[name].shards
        if minutes / shards <= limit:
            yield Finding("ok", f"{text} (limit {limit}{f', {shards} shards' if shards > 1 else ''})")
        else:
            yield Finding("wrong", f"{text}, a job has {limit}", f"set shards: {ceil(2 * minutes / limit)}")


def of_node(partition: str) -> Finding:
    """Check that a node of a partition has access to the working directory and HF_HOME, and that file locks work."""
    home = os.environ.get("HF_HOME", "")
    what = f"files as a node of {partition} sees them"
    with tempfile.NamedTemporaryFile(dir=".", prefix=".lock-") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            remedy = "work on a file system with flock (Lustre: mount with -o flock)"
            return Finding("wrong", f"working directory: no locks ({error.strerror})", remedy)
        limits = ("--immediate=20", "--time=1", "--ntasks=1", "--mem=50")
        command = [
            "srun",
            f"--partition={partition}",
            *limits,
            "sh",
            "-c",
            LOOK,
            "sh",
            str(Path.cwd()),
            home,
            file.name,
        ]
        try:
            code = subprocess.run(command, capture_output=True, text=True, check=False, timeout=NODE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return Finding("note", f"{what}: not checked, no node was free; try `{shlex.join(command[:6])} ls`")
    if code.returncode in SEEN:
        remedy = "work, and keep HF_HOME, on a file system that all nodes share with locks"
        return Finding("wrong", f"{what}: it does not see {SEEN[code.returncode]}", remedy)
    if code.returncode:
        return Finding("note", f"{what}: not checked ({' '.join(code.stderr.split())[:160]})")
    return Finding("ok", f"{what}: working directory, {'HF_HOME' if home else 'no HF_HOME is set'}, locks")
