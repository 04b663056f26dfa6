"""What runs again, and what does not: dry runs of a finished experiment after each kind of change."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ..conftest import ROOT
from .test_small_grid import write_experiment

PARTS = ["Snakefile", "workflow", "rules", "scripts", "config", "profiles", "envs", "resources"]
CELL = "results/runs/c/eng/bm25/stored.trec"
AFTER_A_CELL = {"page": 1, "evaluate": 1, "report": 1, "all": 1}


def snakemake(checkout: Path, *options: str) -> str:
    """Output of Snakemake in a checkout of its own, whose package is the one that runs."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "workflow")}
    command = [sys.executable, "-m", "snakemake", *options, "--configfile", "small.yaml", "--cores", "2"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def planned(checkout: Path, *options: str) -> dict[str, int]:
    """Jobs that would run, by rule."""
    output = snakemake(checkout, "-n", *options)
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, re.MULTILINE | re.DOTALL)
    if table is None:
        assert "Nothing to be done" in output
        return {}
    return {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", table[1], re.MULTILINE)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout with a finished experiment."""
    checkout = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, checkout / part)
    write_experiment(checkout)
    snakemake(checkout)
    return checkout


@pytest.fixture
def checkout(finished, tmp_path):
    """A copy of it, with all time stamps, to be changed."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def change(checkout: Path, **reranker: object) -> None:
    config = yaml.safe_load((checkout / "small.yaml").read_text())
    config["rerankers"]["stored"] |= reranker
    (checkout / "small.yaml").write_text(yaml.safe_dump(config))


def test_a_finished_experiment_and_a_finished_cell_have_nothing_to_do(checkout):
    assert planned(checkout) == {}
    assert planned(checkout, CELL) == {}


def test_forcing_a_cell_runs_it_alone_or_with_all_that_depends_on_it(checkout):
    assert planned(checkout, CELL, "-f") == {"rerank": 1}
    assert planned(checkout, "-R", CELL) == {"rerank": 1} | AFTER_A_CELL


def test_a_deleted_cell_is_made_again(checkout):
    (checkout / CELL).unlink()
    assert planned(checkout) == {"rerank": 1} | AFTER_A_CELL


def test_a_new_reranker_runs_its_cells_only(checkout):
    config = yaml.safe_load((checkout / "small.yaml").read_text())
    config["rerankers"]["new"] = config["rerankers"]["stored"] | {"seed": 1}
    config["grid"][0]["rerankers"].append("new")
    (checkout / "small.yaml").write_text(yaml.safe_dump(config))
    assert planned(checkout) == {"rerank": 1} | AFTER_A_CELL


def test_another_temperature_runs_the_rerankers_cells_only(checkout):
    change(checkout, temperature=0.9)
    assert planned(checkout) == {"rerank": 1} | AFTER_A_CELL


def test_what_only_tolerates_bad_answers_runs_no_cell(checkout):
    change(checkout, max_bad_outcomes=0.5)
    assert planned(checkout) == {"report": 1, "all": 1}  # the report shows the whole configuration


def test_a_changed_figure_runs_no_cell(checkout):
    edit(checkout / "workflow/rankk/report/figures/gains.py", "NAMED = 3", "NAMED = 4")
    assert planned(checkout) == {"report": 1, "all": 1}


def test_changed_code_runs_the_cells_that_it_decides(checkout):
    edit(checkout / "workflow/rankk/reranking/engine.py", "SHOWN_REASONS = 5", "SHOWN_REASONS = 6")
    jobs = planned(checkout)
    assert jobs["rerank"] == 1
    assert "retrieve_bm25" not in jobs


def test_a_comment_an_unrelated_module_and_a_fresh_checkout_run_nothing(checkout):
    engine = checkout / "workflow/rankk/reranking/engine.py"
    engine.write_text("# A comment.\n" + engine.read_text())
    with (checkout / "workflow/rankk/show.py").open("a") as file:
        file.write("\n\nNEW = 1\n")
    for part in PARTS:
        for path in (checkout / part).rglob("*.py"):
            path.touch()
    assert planned(checkout) == {}
