"""An experiment's tables: complete, stable, and consistent with each other."""

from pathlib import Path

import pandas as pd
import pytest

from rankk.cli import main
from rankk.evaluation import experiment
from rankk.io.trec import ranked, read_qrels, read_run, write_run
from rankk.report import tables
from rankk.report.evidence import Evidence

from .. import evidence
from ..conftest import ROOT


@pytest.fixture
def found(tmp_path):
    return evidence.evaluated(tmp_path, evidence.build(tmp_path))


def test_the_summary_has_a_row_for_each_cell_and_measure_with_its_interval_and_gain(found):
    table = pd.read_csv(found.files["summary"])
    assert tuple(table.columns) == experiment.COLUMNS["summary"]
    assert len(table) == 2 * 2 * 3 * 2
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    row = found.summary[found.summary["reranker"] == "think"].iloc[0]
    base = found.summary[found.summary["reranker"] == "none"].iloc[0]
    assert row["gain"] == pytest.approx(row["value"] / base["value"] - 1, abs=1e-4)
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]


def test_a_query_that_a_run_lacks_counts_nothing_and_is_reported(tmp_path):
    files = evidence.build(tmp_path, evidence.grid(), queries=4)[:1]
    lines = Path(files[0].run).read_text().splitlines(keepends=True)
    Path(files[0].run).write_text("".join(line for line in lines if not line.startswith("q1 ")))
    summary = evidence.evaluated(tmp_path, files, ["RR"]).summary
    assert summary["missing"].tolist() == [1]
    assert summary["queries"].tolist() == [4]


def test_counts_are_sums_without_an_interval(tmp_path):
    files = evidence.build(tmp_path, evidence.grid(), queries=4)[:1]
    found = evidence.evaluated(tmp_path, files, ["nDCG@10", "NumRet"])
    summary = pd.read_csv(found.files["summary"]).set_index("measure")
    assert summary.loc["NumRet", "value"] == 4 * evidence.DEPTH
    assert summary["aggregate"].tolist() == ["mean", "sum"]
    assert summary["low"].isna().tolist() == [False, True]


def test_every_comparison_belongs_to_one_family_that_is_corrected_by_itself(found):
    table = pd.read_csv(found.files["significance"])
    table = table[table["measure"] == "nDCG@10"]
    assert table.groupby("family").size().to_dict() == {"baseline": 8, "pairs": 4}
    systems = table[["reranker", "baseline"]].apply(frozenset, axis=1)
    assert not table[["collection", "language", "retriever"]].assign(systems=systems).duplicated().any()
    assert (table["p_t_holm"] >= table["p_t"] - 1e-9).all()


def test_calls_know_their_window_and_movement_its_passages(found):
    assert set(found.calls["rank"]) == {1, evidence.DEPTH - evidence.WINDOW + 1}
    assert (found.calls[found.calls["reranker"] == "quick"]["thought_tokens"] == 0).all()
    moved = found.movement
    assert moved["before"].between(1, evidence.DEPTH).all()
    assert moved["grade"].min() == 1
    group = moved[(moved["reranker"] == "think") & (moved["retriever"] == "bm25") & (moved["language"] == "eng")]
    assert not group.duplicated(["qid", "after"]).any()


def test_relevant_passages_are_those_of_the_measures_own_level(tmp_path):
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path), ["nDCG@10", "R(rel=2)@100"])
    assert found.movement["grade"].min() == 2


def test_every_query_of_a_reranked_cell_has_one_cause(found):
    causes = pd.read_csv(found.files["causes"])
    assert len(causes) == 8 * 24
    assert not causes.duplicated([*experiment.CELL, "qid"]).any()
    assert ((causes["cause"] == "gain") == (causes["gain"] > 0)).all()
    assert causes[causes["gain"] < 0][["docid", "call"]].notna().all(axis=None)


def test_resources_add_what_manifests_say(found):
    first, row = found.resources.iloc[0], found.resources.iloc[1]
    assert (first["stage"], row["stage"], row["seconds"], row["gpu_seconds"]) == ("retrieve", "rerank", 40.0, 30.0)
    assert pd.isna(first["gpu_seconds"])
    assert pd.isna(row["peak_memory_mb"])  # too short to be sampled
    assert row["tokens_per_second"] == pytest.approx(row["output_tokens"] / 30.0, rel=1e-4)


def test_tables_mark_the_best_and_average_only_complete_rows(found):
    table = tables.effectiveness(found)
    assert table.bold.sum().to_list() == [1, 1, 1]
    assert table.values["average"].iloc[0] == pytest.approx(table.values.iloc[0, :2].mean())
    text = tables.latex(table)
    assert text.count(r"\textbf{") == 3
    assert r"\toprule" in text
    assert "first stage" in tables.markdown(table)


def test_a_gap_in_the_grid_is_a_dash_and_keeps_its_row_from_an_average(found):
    cells = found.summary.iloc[:-1].assign(column=lambda rows: rows["language"])
    table = tables.table_of(found, cells, ["eng", "fas"], ["retriever", "reranker"])
    assert table.values["average"].isna().sum() == 1
    assert "rows with a gap have no average" in table.note
    assert tables.markdown(table).count("| — ") == 2


def test_letters_name_the_rows_that_are_beaten(tmp_path):
    files = evidence.build(tmp_path)
    best = next(entry for entry in files if entry.cell.reranker == "think")
    grades = read_qrels(best.qrels)
    ideal = {
        qid: ranked(sorted((hit.docid for hit in hits), key=lambda docid: -grades[qid].get(docid, 0)))
        for qid, hits in read_run(best.run).items()
    }
    write_run(best.run, ideal, "best")
    table = tables.effectiveness(evidence.evaluated(tmp_path, files))
    row = table.rows[(table.rows["retriever"] == best.cell.retriever) & (table.rows["reranker"] == "think")].index[0]
    assert table.marks[f"c {best.cell.language}"][row] == "b†"


def test_two_runs_are_compared_in_a_terminal(tmp_path, capsys):
    theirs, _, ours, *_ = evidence.build(tmp_path)
    options = ["--qrels", ours.qrels, "--queries", ours.queries, "--most", "3"]
    assert main(["compare", ours.run, theirs.run, *options]) == 0
    printed = capsys.readouterr().out
    assert "nDCG@10 over 24 judged queries" in printed
    assert printed.count("what is subject") == 3


def test_published_figures_stand_beside_ours_with_their_source(found):
    row = {"collection": "c", "language": "eng", "retriever": "bm25", "reranker": "think", "measure": "nDCG@10"}
    row |= {"value": "0.5", "source": "A paper, table 1", "setting": "as ours"}
    table = tables.published(Evidence(found.files, others=[row]))
    assert table.values["published"].tolist() == [0.5]
    assert (
        table.values["ours"].tolist()
        == found.summary.query("language == 'eng' and retriever == 'bm25' and reranker == 'think'")["value"].tolist()
    )
    assert "| A paper, table 1 | as ours | 0.5000 |" in tables.markdown(table)


def test_every_published_figure_has_a_source_and_a_setting():
    table = pd.read_csv(ROOT / "config" / "reference" / "published.csv")
    assert table["value"].between(0, 1).all()
    assert table[["source", "setting"]].notna().all(axis=None)
    assert not table.duplicated(["collection", "language", "retriever", "reranker", "measure", "source"]).any()


def test_the_position_table_tells_where_in_the_first_windows_the_first_named_passages_stood(found):
    calls = found.calls[(found.calls["reranker"] == "quick") & (found.calls["language"] == "eng")]
    calls = calls[(calls["retriever"] == "bm25") & (calls["call"] == 0)]
    assert len(calls) < len(found.calls)
    table = tables.position(found)
    row = table.rows.query("language == 'eng' and retriever == 'bm25' and reranker == 'quick'").index[0]
    shares = table.values.loc[row]
    assert shares.sum() == pytest.approx(1)
    assert shares["last fifth"] == pytest.approx((calls["first"] == evidence.WINDOW).mean())
    found.calls["first"] = 1
    assert (tables.position(found).values["first fifth"] == 1).all()
    found.calls["size"] = 2
    assert tables.position(found).values.empty
