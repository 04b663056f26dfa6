"""Snakemake plans every experiment that comes with the workflow."""

import os
import subprocess
import sys

import pytest

from ..conftest import ROOT

EXPERIMENTS = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "config").glob("**/*.yaml"))]


@pytest.mark.parametrize("experiment", [path for path in EXPERIMENTS if "/catalog/" not in path])
def test_a_shipped_experiment_can_be_planned(experiment, tmp_path):
    if "${" in (ROOT / experiment).read_text(encoding="utf-8"):
        pytest.skip("needs data that are not part of the project")
    options = ["-s", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--configfile", str(ROOT / experiment)]
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", *options]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rerank" in done.stdout + done.stderr
