"""A real Slurm on this machine: one controller, a CPU node, and a node with two pretended GPUs."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ..conftest import ROOT, mini_collection

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """Slurm's environment; skipped where its daemons are not installed or may not be started."""
    missing = [name for name in ("slurmctld", "slurmd", "munged") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; on Debian: apt-get install slurm-wlm munge")
    if os.geteuid():
        pytest.skip("only root may start Slurm's daemons")
    lab = tmp_path_factory.mktemp("slurm")
    environment = os.environ | {"SLURM_LAB": str(lab), "SLURM_CONF": f"{lab}/etc/slurm.conf"}
    started = subprocess.run([HERE / "slurm-up.sh"], env=environment, capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"Slurm does not start here: {started.stderr[-300:]}")
    yield environment
    subprocess.run([HERE / "slurm-down.sh"], env=environment, check=False, capture_output=True)


def write_experiment(folder: Path, server: str, **reranker: object) -> None:
    """Six queries on the mini collection, reranked by the model behind `server` in windows of six passages."""
    settings = {"preset": "listwise", "model": "fake", "backend": "openai", "base_url": server, "depth": 18}
    config = {
        "experiment": "cluster",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["none", "asked"]}],
        "collections": {"c": mini_collection(max_queries=6)},
        "retrievers": {"bm25": {"type": "bm25", "depth": 20}},
        "rerankers": {"asked": settings | {"window": 6, "stride": 3} | reranker},
    }
    (folder / "cluster.yaml").write_text(yaml.safe_dump(config))


def command(
    folder: Path,
    *options: str,
    cluster: bool = True,
    rerank: dict[str, object] | None = None,
    profile_settings: dict[str, object] | None = None,
) -> list[str]:
    """Snakemake in a folder of its own; on the cluster with the project's profile, made to fit this machine."""
    profile = ROOT / "profiles" / "default"
    if cluster:
        settings = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
        settings |= {"slurm-init-seconds-before-status-checks": 3, "seconds-between-status-checks": 2}
        settings |= {"latency-wait": 5, "retries": 8}  # a slow machine may get little done before a time limit
        for rule in ("rerank", "rerank_shard"):
            settings.setdefault("set-resources", {})[rule] = {"mem_mb": 1000} | (rerank or {})
        settings |= profile_settings or {}
        profile = folder / "profile"
        profile.mkdir(exist_ok=True)
        (profile / "config.yaml").write_text(yaml.safe_dump(settings))
    return [
        *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *(*options, "--workflow-profile", str(profile), "--configfile", str(folder / "cluster.yaml")),
    ]


def until(true: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something to become true."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.1)
