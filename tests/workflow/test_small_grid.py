"""The real Snakemake over a small grid: Lucene, stored answers, evaluation, figures."""

import csv
import json
import subprocess
import sys

import pytest
import yaml

from rankk.io.trec import read_queries, read_run

from ..conftest import MINI, ROOT, mini_collection


def snakemake(folder, *options, seconds=300):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
        "--cores",
        "2",
        *options,
        "--configfile",
        str(folder / "small.yaml"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


def write_experiment(folder, **changes):
    config = {
        "experiment": "small",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["none", "stored"]}],
        "collections": {"c": mini_collection(max_queries=5)},
        "retrievers": {"bm25": {"type": "bm25", "depth": 20}},
        "rerankers": {
            "stored": {
                "backend": "replay",
                "responses": str(folder / "answers.jsonl"),
                "strategy": "single",
                "window": 3,
                "depth": 3,
            }
        },
    }
    (folder / "small.yaml").write_text(yaml.safe_dump(config | changes))
    with (folder / "answers.jsonl").open("w") as file:
        for qid in read_queries(MINI / "queries.eng.tsv"):
            file.write(json.dumps({"qid": qid, "call": 0, "response": "[3] > [1] > [2]"}) + "\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished experiment."""
    folder = tmp_path_factory.mktemp("small")
    write_experiment(folder)
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


def test_every_cell_is_evaluated(finished):
    with (finished / "results/experiments/small/summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["reranker"], row["measure"], row["queries"]) for row in rows] == [
        (reranker, measure, "5") for reranker in ("none", "stored") for measure in ("nDCG@10", "R@100")
    ]
    assert all(0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) <= 1 for row in rows)


def test_a_reranked_run_is_what_the_answers_say_and_holds_the_whole_first_stage(finished):
    runs = finished / "results/runs/c/eng/bm25"
    before, after = read_run(runs / "none.trec"), read_run(runs / "stored.trec")
    for qid, hits in before.items():
        docids = [hit.docid for hit in hits]
        assert [hit.docid for hit in after[qid]] == [docids[2], docids[0], docids[1], *docids[3:]]


def test_figures_and_tables_are_there_in_print_and_screen_formats(finished):
    folder = finished / "results/experiments/small"
    assert (folder / "figures/effectiveness.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "figures/effectiveness.pdf").read_bytes().startswith(b"%PDF")
    assert r"\toprule" in (folder / "tables/effectiveness.tex").read_text()


def test_the_last_lines_are_what_reranking_gained_and_the_page_to_open(finished):
    *_, counts, difference, calls, page = (finished / "stdout.txt").read_text().splitlines()
    assert counts.startswith("small: 1 reranked cell: ")
    assert difference.startswith("  change  ")
    assert calls == "  5 calls, 100.0% usable"
    assert page == "Open results/experiments/small/index.html"
    assert (finished / "results/experiments/small/index.html").is_file()


def test_the_whole_configuration_and_its_provenance_are_kept(finished):
    facts = json.loads((finished / "results/experiments/small/experiment.json").read_text())
    assert facts["experiment"]["rerankers"]["stored"]["temperature"] is None
    assert facts["experiment"]["retrievers"]["bm25"]["k1"] == 0.9
    assert facts["provenance"]["versions"]["ir-measures"]


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished).stderr


def test_a_cell_whose_answers_are_missing_fails_alone_and_leaves_no_run(tmp_path):
    write_experiment(tmp_path)
    (tmp_path / "answers.jsonl").write_text('{"qid": "other", "call": 0, "response": "[1]"}\n')
    done = snakemake(tmp_path)
    runs = tmp_path / "results/runs/c/eng/bm25"
    assert done.returncode != 0
    assert "5 of 5 queries failed" in done.stderr
    assert (runs / "none.trec").exists()
    assert not (runs / "stored.trec").exists()


def test_a_wrong_configuration_stops_before_any_job(tmp_path):
    write_experiment(tmp_path, retrievers={"bm25": {"type": "bm25", "k1": "high"}})
    done = snakemake(tmp_path)
    assert done.returncode != 0
    assert "small.yaml: retrievers.bm25.k1: 'high'" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_hybrid_runs_its_members_and_fuses_them(tmp_path):
    retrievers = {name: {"type": "bm25", "k1": k1, "depth": 20} for name, k1 in (("low", 0.2), ("high", 3.0))}
    retrievers["both"] = {"type": "fusion", "retrievers": ["low", "high"], "depth": 10}
    write_experiment(tmp_path, retrievers=retrievers)
    grid = [{"collections": ["c"], "languages": ["eng"], "retrievers": ["both"], "rerankers": ["none"]}]
    config = yaml.safe_load((tmp_path / "small.yaml").read_text()) | {"grid": grid}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stderr
    runs = [read_run(tmp_path / f"results/runs/c/eng/{name}/none.trec") for name in ("low", "high", "both")]
    for qid, hits in runs[2].items():
        assert len(hits) == 10
        assert {hit.docid for hit in hits} <= {hit.docid for run in runs[:2] for hit in run[qid]}


def test_downloads_names_all_that_comes_from_a_network_and_nothing_else(tmp_path):
    (tmp_path / "small.yaml").write_text(
        yaml.safe_dump(
            {
                "experiment": "small",
                "grid": [{"collections": ["nf"], "languages": ["eng"], "retrievers": ["bm25"]}],
                "collections": {"nf": {"source": "ir-datasets", "dataset": "beir/nfcorpus/test", "language": "eng"}},
                "retrievers": {"bm25": {"type": "bm25"}},
            }
        )
    )
    done = snakemake(tmp_path, "-n", "downloads")
    assert done.returncode == 0, done.stderr
    assert "Download ir_datasets/beir/nfcorpus/test.passages" in done.stdout + done.stderr
    assert "Index bm25" not in done.stdout + done.stderr
