"""Too many unusable answers fail a cell of the workflow as they fail one of the command line; no call is made again."""

import csv
import json

import pytest
import yaml

from rankk.cli import main

from ..conftest import MINI
from .test_small_grid import snakemake, write_experiment

TOPICS = ["101", "109", "207", "305", "403"]
CELL = "results/runs/c/eng/bm25"


@pytest.fixture
def small(tmp_path):
    """A small grid whose model says nothing that can be used to two queries of five."""
    write_experiment(tmp_path)
    with (tmp_path / "answers.jsonl").open("w") as file:
        for number, qid in enumerate(TOPICS):
            answer = "I cannot rank these." if number < 2 else "[3] > [1] > [2]"
            file.write(json.dumps({"qid": qid, "call": 0, "response": answer}) + "\n")
    return tmp_path


def run(folder, **settings):
    """The workflow with these settings of the reranker."""
    config = yaml.safe_load((folder / "small.yaml").read_text())
    config["rerankers"]["stored"] |= settings
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    return snakemake(folder)


@pytest.mark.parametrize("shards", [1, 2])
def test_the_limit_fails_the_workflow_and_another_limit_asks_nothing_again(small, shards):
    failed = run(small, max_bad_outcomes=0.1, shards=shards)
    told = "40.0% of the answers could not be used (3 ok, 2 refused); max_bad_outcomes allows 10.0%. rankk calls "
    assert failed.returncode != 0
    assert told + f"{CELL}/stored.calls.jsonl shows them" in failed.stderr
    assert not (small / "results/experiments/small/summary.csv").exists()
    made = {path: path.stat().st_mtime_ns for path in (small / CELL).rglob("*") if path.is_file()}
    assert small / CELL / "stored.trec" in made  # the finished cell stays, to be looked at

    passed = run(small, max_bad_outcomes=0.4)
    assert passed.returncode == 0, passed.stderr
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert (small / CELL / "stored.checked.txt").read_text() == "3 ok, 2 refused\n"
    with (small / "results/experiments/small/summary.csv").open() as file:
        assert {row["usable_share"] for row in csv.DictReader(file) if row["reranker"] == "stored"} == {"0.600000"}

    again = run(small, max_bad_outcomes=0.39)  # a finished experiment is refused as well
    assert again.returncode != 0
    assert "max_bad_outcomes allows 39.0%" in again.stderr


def test_the_command_line_says_the_same_and_writes_no_run(small, capsys):
    first = small / "first.trec"
    first.write_text("".join(f"{qid} Q0 d{i} {i} {9 - i} t\n" for qid in TOPICS for i in (1, 2, 3)))
    (small / "p.jsonl").write_text("".join(json.dumps({"id": f"d{i}", "contents": "text"}) + "\n" for i in (1, 2, 3)))
    files = [f"--run={first}", f"--queries={MINI / 'queries.eng.tsv'}", f"--passages={small / 'p.jsonl'}"]
    options = ["--backend=replay", f"--responses={small / 'answers.jsonl'}", "--window=3", "--stride=1", "--depth=3"]
    command = ["rerank", *files, *options, f"--output={small / 'o.trec'}"]
    assert main([*command, "--max-bad-outcomes=0.1"]) == 1
    assert "40.0% of the answers could not be used (3 ok, 2 refused)" in capsys.readouterr().err
    assert not (small / "o.trec").exists()
    assert main([*command, "--max-bad-outcomes=0.4"]) == 0
