"""The real thing end to end: TREC DL19's published lists and answers, through the whole workflow."""

import csv
import os
import subprocess
import sys

import pytest

from ..conftest import DL19, ROOT

PUBLISHED = {"BM25": "0.5058", "SPLADE_P_P_ENSEMBLE_DISTIL": "0.7308", "D_BERT_KD_TASB": "0.7210"}


@pytest.mark.slow
def test_published_lists_have_their_published_effectiveness_and_every_replay_is_scored(dl19, tmp_path):
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", tmp_path, "--cores", "2"]
    done = subprocess.run(
        [*command, "--configfile", ROOT / "config" / "dl19-published.yaml"],
        env=os.environ | {"RANKK_DATA": str(DL19.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results/experiments/dl19-published"
    with (folder / "summary.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] == "nDCG@10"]
    first = {row["retriever"]: f"{float(row['value']):.4f}" for row in rows if row["reranker"] == "none"}
    assert first | PUBLISHED == first
    assert sum(row["reranker"] != "none" for row in rows) == 31
    drawn = {path.stem for path in (folder / "figures").glob("*.png")}
    shown = {
        "effectiveness",
        "differences",
        "gains",
        "causes",
        "difficulty",
        "movement",
        "position",
        "outcomes",
        "time",
    }
    assert drawn == shown  # neither languages nor reasoning: the queries are English, and no thought is stored
