"""Cells of one model in one allocation of a real Slurm: one engine for all of them, as the profile's comments say."""

import subprocess
from pathlib import Path

import pytest
import yaml

from rankk.io.trec import read_run
from rankk.provenance import gpus

from ..conftest import ROOT, mini_collection
from ..tiny_model import build_model
from .conftest import command

pytestmark = [pytest.mark.llm, pytest.mark.slow, pytest.mark.skipif(bool(gpus()), reason="checks the CPU engine")]

COMMENTED = "# groups: [rerank=engine]"


def grouped_by_the_profiles_comments():
    """The profile's last commented lines, as a user who takes the marks away gets them: one GPU, two cells."""
    text = (ROOT / "profiles" / "slurm" / "config.yaml").read_text()
    lines = text[text.index(COMMENTED) :].splitlines()
    settings = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines))
    return settings | {"group-components": ["engine=2"], "resources": ["gpu=1"]}


def test_cells_of_one_model_start_one_engine(slurm, tmp_path):
    model = build_model(tmp_path)
    cell = {"preset": "listwise", "model": str(model), "depth": 4, "window": 4, "stride": 2, "max_tokens": 8}
    cell["engine"] = {"max_model_len": 1024, "max_num_seqs": 8}
    config = {
        "experiment": "cluster",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["short", "long"]}],
        "collections": {"c": mini_collection(max_queries=2)},
        "retrievers": {"bm25": {"type": "bm25", "depth": 10}},
        "rerankers": {"short": cell, "long": cell | {"max_tokens": 12}},
    }
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(config))
    runs = [f"results/runs/c/eng/bm25/{name}.trec" for name in ("short", "long")]
    environment = slurm | {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    settings = grouped_by_the_profiles_comments()
    grouped = command(tmp_path, *runs, profile_settings=settings, rerank={"mem_mb": 4000, "mpi": 0})
    done = subprocess.run(grouped, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    assert all(len(read_run(tmp_path / run)) == 2 for run in runs)
    assert len(list(Path(environment["TMPDIR"]).glob("rankk-*/*.log"))) == 1
