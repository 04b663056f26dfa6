"""How an experiment is split over many GPUs."""

import random
import re
from itertools import pairwise

import pytest

from rankk.cli import main
from rankk.config.loading import load
from rankk.plan import split
from rankk.plan.split import FAILURE_HOURS, START_HOURS, WAIT_HOURS, best, simulated, splits_with

from ..conftest import ROOT


@pytest.fixture(scope="module")
def paper():
    return load(ROOT / "config/rank-k.yaml")


def test_the_tables_of_the_documentation_are_those_of_the_code(paper):
    text = (ROOT / "docs/cluster.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \| (\d+) \|$", text, re.MULTILINE)
    assert rows == [
        (str(each.gpus), str(each.tensor_parallel), str(each.shards), f"{each.hours:.1f}", f"{each.gpu_hours:.0f}")
        for each in best(paper)
    ]
    others = re.findall(r"^\| `tensor_parallel: (\d+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert [int(row[0]) for row in others] == list(split.TENSOR_PARALLEL)
    for tensor_parallel, *hours in others:
        on_16 = {each.shards: each.hours for each in splits_with(paper, int(tensor_parallel)) if each.gpus == 16}
        assert hours == [f"{on_16[shards]:.1f}" for shards in (1, 2, 4)]


def test_more_gpus_are_never_slower_and_no_split_beats_its_work(paper):
    splits = best(paper)
    assert [each.gpus for each in splits] == list(split.GPUS)
    assert all(one.hours > other.hours for one, other in pairwise(splits))
    assert all(each.hours * each.gpus >= each.gpu_hours for each in splits)


def test_without_waits_and_failures_jobs_fill_the_gpus_longest_first(monkeypatch):
    monkeypatch.setattr(split, "WAIT_HOURS", 1e-9)
    monkeypatch.setattr(split, "FAILURE_HOURS", 1e12)
    monkeypatch.setattr(split, "START_HOURS", 0.5)
    hours, gpu_hours = simulated([(2.0, 1), (3.5, 1), (1.0, 1), (1.0, 2)], 2, random.Random(0))
    assert hours == pytest.approx(2.5 + 1.5 + 1.5, abs=1e-6)  # 3.5 beside 2 and 1, then the one of two GPUs
    assert gpu_hours == pytest.approx(2.5 + 4 + 1.5 + 2 * 1.5, abs=1e-6)


def test_a_failed_job_goes_on_where_it_was_and_starts_its_engine_again(monkeypatch):
    monkeypatch.setattr(split, "FAILURE_HOURS", 4.0)
    runs = [simulated([(10.0, 1)], 1, random.Random(seed)) for seed in range(300)]
    assert all(gpu_hours >= 10.0 + START_HOURS for _, gpu_hours in runs)
    mean = sum(gpu_hours for _, gpu_hours in runs) / len(runs)
    assert mean == pytest.approx(10.0 + START_HOURS * (1 + 10.0 / 4.0), rel=0.05)
    assert sum(hours for hours, _ in runs) / len(runs) == pytest.approx(mean + WAIT_HOURS * (1 + 10 / 4), rel=0.05)


def test_assumptions_are_printed_with_the_plan(capsys):
    assert main(["plan", str(ROOT / "config/strategies.yaml")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^soonest: \d+ GPUs, tensor_parallel \d", printed, re.MULTILINE)
    assert f"a node fails every {FAILURE_HOURS:,.0f} GPU-hours" in " ".join(printed.split())


def test_nothing_is_recommended_where_no_size_is_known(tmp_path, capsys):
    grid = "{collections: [mini], languages: [eng], retrievers: [bm25], rerankers: [mine]}"
    mine = "{preset: listwise, model: someone/model-of-unknown-size}"
    config = tmp_path / "unknown.yaml"
    config.write_text(f"experiment: unknown\ngrid: [{grid}]\nrerankers:\n  mine: {mine}\n")
    assert main(["plan", str(config)]) == 0
    assert "soonest" not in capsys.readouterr().out
