"""`rankk doctor --profile` on a real Slurm: the fixture's nodes share this machine's files."""

import subprocess
import sys

import pytest

from ..conftest import ROOT
from .conftest import write_experiment

pytestmark = pytest.mark.slow


def test_partitions_and_shared_files_are_checked_on_the_cluster(slurm, tmp_path):
    write_experiment(tmp_path, "http://127.0.0.1:1/v1")
    shipped = (ROOT / "profiles" / "slurm" / "config.yaml").read_text()

    def report(profile, **environment):
        (tmp_path / "config.yaml").write_text(profile)
        command = [sys.executable, "-m", "rankk", "doctor", "cluster.yaml", "--profile", "config.yaml"]
        return subprocess.run(
            command, cwd=tmp_path, env=slurm | environment, capture_output=True, text=True, check=False, timeout=200
        )

    sound = report(shipped)
    assert sound.returncode == 0, sound.stdout
    assert "slurm_partition: cpu" in sound.stdout
    assert "files as a node of cpu sees them: working directory" in sound.stdout
    assert "ok" in next(line for line in sound.stdout.splitlines() if "a node of cpu sees" in line)
    faulty = report(shipped.replace("slurm_partition=cpu", "slurm_partition=batch"), HF_HOME=str(tmp_path / "none"))
    assert faulty.returncode == 1
    assert "batch: the cluster has no such partition" in faulty.stdout
    assert "it does not see HF_HOME" in faulty.stdout
