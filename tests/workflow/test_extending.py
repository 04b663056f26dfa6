"""The examples of docs/extending.md, run from a folder outside the checkout."""

import csv
import os
import re
import subprocess
import sys

import pytest

from rankk.io.trec import read_run

from ..conftest import ROOT

EXAMPLES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", (ROOT / "docs/extending.md").read_text(), re.M | re.S))
KINDS = 10  # components; the last example is the experiment that uses them
TEXTS = ["an apple is a fruit", "a pear is a fruit too", "a stone is no fruit", "rain"]


def snakemake(folder, *options, **environment):
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", folder, "--cores", "2"]
    return subprocess.run(
        [*command, *options, "--configfile", folder / "extended.yaml"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder):
    for name, text in EXAMPLES.items():
        (folder / name).write_text(text)
    (folder / "fruit.txt").write_text("\n".join(TEXTS))
    (folder / "queries.tsv").write_text("q1\tapple fruit\nq2\tstone\n")
    (folder / "qrels.txt").write_text("q1 0 1 2\nq1 0 2 1\nq2 0 3 1\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished experiment that uses a plugin of each kind."""
    folder = tmp_path_factory.mktemp("extended")
    write(folder)
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def docids(folder, retriever, reranker="none"):
    run = read_run(folder / f"results/runs/fruit/eng/{retriever}/{reranker}.trec")
    return {qid: [hit.docid for hit in hits] for qid, hits in run.items()}


def test_every_example_has_fewer_than_25_lines_of_code():
    assert len(EXAMPLES) == KINDS + 1
    lines = {name: sum(bool(line.strip()) for line in text.splitlines()) for name, text in EXAMPLES.items()}
    assert max(lines.values()) < 25, lines


def test_retriever_source_and_fusion_of_plugins_make_the_runs(finished):
    best = docids(finished, "bm25")
    assert best["q1"][0] == "1"
    assert docids(finished, "worst-first") == {qid: hits[::-1] for qid, hits in best.items()}
    assert docids(finished, "fused")["q1"][0] in (best["q1"][0], best["q1"][-1])


def test_strategy_parser_backend_and_preset_of_plugins_make_a_cell(finished):
    before, after = docids(finished, "bm25"), docids(finished, "bm25", "twice")
    assert after["q1"] == [before["q1"][1], before["q1"][0], *before["q1"][2:]]  # three times the two are swapped
    with (finished / "results/runs/fruit/eng/bm25/twice.calls.csv").open() as file:
        assert {(row["outcome"], row["first"]) for row in csv.DictReader(file)} == {("ok", "2")}


def test_measure_figure_and_table_of_plugins_are_in_the_results(finished):
    folder = finished / "results/experiments/extended"
    with (folder / "summary.csv").open() as file:
        rows = {
            (row["retriever"], row["reranker"], row["measure"]): float(row["value"]) for row in csv.DictReader(file)
        }
    assert rows["bm25", "none", "FirstRelevant@10"] == 1.0
    assert (folder / "figures/lengths.png").read_bytes().startswith(b"\x89PNG")
    assert "twice" in (folder / "tables/usable.md").read_text()


def test_changed_code_of_a_plugin_makes_its_cells_run_again_and_nothing_else(finished):
    plugin = finished / "twice.py"
    before = plugin.read_text()
    try:
        plugin.write_text(before.replace("list(docids[: self.window])", "[*docids[: self.window]]"))
        plan = snakemake(finished, "-n", "--quiet", "rules").stdout
    finally:
        plugin.write_text(before)
    assert re.search(r"^rerank +3$", plan, re.M), plan
    assert not re.search(r"^(corpus|index|retrieve) ", plan, re.M), plan


def test_a_plugin_that_cannot_be_imported_is_named_before_any_job(tmp_path):
    write(tmp_path)
    (tmp_path / "twice.py").write_text("import nothing_of_that_name\n")
    done = snakemake(tmp_path, "-n")
    assert done.returncode != 0
    assert "twice.py: cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'" in done.stderr


def test_an_installed_package_adds_components_by_its_entry_point(tmp_path):
    (tmp_path / "fruit_plugins.py").write_text(EXAMPLES["reversed_run.py"])
    facts = tmp_path / "fruit_plugins-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: fruit-plugins\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[rankk.plugins]\nfruit = fruit_plugins\n")
    code = "from rankk.retrievers.base import RETRIEVERS; print(RETRIEVERS.get('reversed').__module__)"
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "fruit_plugins", done.stderr
