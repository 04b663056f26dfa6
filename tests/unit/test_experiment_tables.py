"""An experiment's tables: complete, stable, and consistent with each other."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from rankk.cli import main
from rankk.config.loading import load
from rankk.evaluation import experiment
from rankk.evaluation.causes import Cause
from rankk.io.runs import ranked
from rankk.io.trec import read_qrels, read_run, write_run
from rankk.paths import Cell
from rankk.report import contents, escape
from rankk.report.evidence import Evidence
from rankk.report.figures import FIGURES
from rankk.report.formats import latex, markdown
from rankk.report.means import means
from rankk.report.style import neutral
from rankk.report.tables import FORMATS, TABLES, write
from rankk.report.tables.base import Filled

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


def test_comparisons_by_the_collections_first_measures_are_corrected_together_whichever_these_are(tmp_path):
    cells = [replace(cell, collection=name) for name in ("c", "d") for cell in evidence.grid("quick", "think")]
    first = {"c": ["nDCG@10", "RR"], "d": ["RR", "nDCG@10"]}
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, cells), of_collections=first)
    table = pd.read_csv(found.files["significance"])
    table = table.assign(main=table["measure"] == table["collection"].map({"c": "nDCG@10", "d": "RR"}))
    for (family, _), members in table.groupby(["family", table["measure"].where(~table["main"], "first")]):
        expected = multipletests(members["p_t"], method="holm")[1]
        assert members["p_t_holm"].to_numpy() == pytest.approx(expected, abs=2e-5)
        if members["main"].all():
            assert len(members) == {"baseline": 16, "pairs": 8}[family]
    drawn = FIGURES.get("differences")().plot(found)
    assert "Holm-corrected over the 16 comparisons" in drawn.caption


def test_tokens_per_query_are_divided_by_all_queries_that_were_reranked(tmp_path):
    """Reranking asks about queries without judgments too; effectiveness is the mean over the judged ones."""
    files = evidence.build(tmp_path, evidence.grid("quick"), queries=8)
    judged = Path(files[0].qrels)
    lines = judged.read_text().splitlines(keepends=True)
    judged.write_text("".join(line for line in lines if line.split()[0] in ("q0", "q1")))
    found = evidence.evaluated(tmp_path, files)
    summary = pd.read_csv(found.files["summary"]).dropna(subset="output_tokens")
    assert (set(summary["queries"]), set(summary["queries_reranked"])) == ({2}, {8})
    drawn = FIGURES.get("cost")().plot(found)
    expected = summary[summary["measure"] == "nDCG@10"]["output_tokens"] / 8
    assert drawn.data["tokens_per_query"].tolist() == pytest.approx(expected.tolist())


def test_calls_know_their_window_and_movement_its_passages(found):
    assert set(found.calls["rank"]) == {1, evidence.DEPTH - evidence.WINDOW + 1}
    assert (found.calls[found.calls["reranker"] == "quick"]["thought_tokens"] == 0).all()
    moved = pd.read_csv(found.files["movement"])
    assert moved["before"].between(1, evidence.DEPTH).all()
    assert moved["grade"].min() == 1
    group = moved[(moved["reranker"] == "think") & (moved["retriever"] == "bm25") & (moved["language"] == "eng")]
    assert not group.duplicated(["qid", "after"]).any()


def test_relevant_passages_are_those_of_the_measures_own_level(tmp_path):
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path), ["nDCG@10", "R(rel=2)@100"])
    assert found.movement["grade"].min() == 2


def test_causes_explain_a_gain_with_the_passages_that_its_own_measure_calls_relevant(tmp_path):
    """nDCG counts grade 1, whatever R(rel=2), which stands beside it, does."""
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path), ["nDCG@10", "R(rel=2)@100"])
    alone = evidence.evaluated(tmp_path / "alone", evidence.build(tmp_path / "alone"), ["nDCG@10"])
    assert pd.read_csv(found.files["causes"]).equals(pd.read_csv(alone.files["causes"]))
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


@pytest.mark.parametrize("name", TABLES.names())
def test_every_table_is_written_in_all_formats(found, tmp_path, name):
    row = {"collection": "c", "language": "eng", "retriever": "bm25", "reranker": "think", "measure": "nDCG@10"}
    results = Evidence(found.files, others=[row | {"value": "0.5", "source": "A, B & C", "setting": "100 % | 5"}])
    tmp_path /= "tables"
    write(results, [name], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.{suffix}" for suffix in FORMATS}
    lines = len(pd.read_csv(tmp_path / f"{name}.csv"))
    text = (tmp_path / f"{name}.tex").read_text()
    body = text.split(r"\midrule", 1)[1].split(r"\bottomrule", 1)[0].strip().splitlines()
    assert len(body) == lines > 0
    layout = re.search(r"\\begin\{tabular\}\{(.*)\}", text)[1].replace("@{}", "")
    assert {len(re.split(r"(?<!\\)&", line)) for line in body} == {len(layout)}
    assert r"\caption" in text
    assert rf"\label{{tab:{name}}}" in text
    markdown = (tmp_path / f"{name}.md").read_text().split("\n\n")[0].splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in markdown} == {len(re.findall(r"\|", markdown[1]))}


def test_the_paper_grids_tables_are_broken_into_parts_of_a_pages_width(tmp_path):
    cells = [
        Cell(f"bright-{number}-with-a-long-name", "eng", "bm25", reranker)
        for number in range(12)
        for reranker in ("none", "a")
    ]
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, cells, queries=6))
    text = latex(TABLES.get("effectiveness")().fill(found), "effectiveness")
    assert r"\begin{table*}" in text
    assert text.count(r"\begin{tabular}") > 2
    assert text.count("bright-") == 12


def test_tables_mark_the_best_and_average_only_complete_rows(found):
    table = TABLES.get("effectiveness")().fill(found)
    assert table.bold.sum().to_list() == [1, 1, 1]
    assert table.values["average"].iloc[0] == pytest.approx(table.values.iloc[0, :2].mean())
    text = latex(table, "effectiveness")
    assert text.count(r"\textbf{") == 3
    assert "% are judged" in table.note
    assert r"\% are judged" in text
    assert "first stage" in markdown(table)
    assert all(re.fullmatch(r"(\*\*)?0\.\d{3}.*", field) for field in markdown(table).splitlines()[2].split(" | ")[2:])


def test_a_gap_in_the_grid_is_a_dash_and_keeps_its_row_from_an_average(found):
    cells = found.summary.iloc[:-1].assign(column=lambda rows: rows["language"])
    table = means(found, cells, ["retriever", "reranker"], "Means.")
    assert table.values["average"].isna().sum() == 1
    assert "rows with a gap have no average" in table.note
    assert markdown(table).count("| — ") == 2


def test_marks_tell_gains_from_losses_and_letters_name_other_rows_that_are_outperformed(tmp_path):
    files = evidence.build(tmp_path)
    best, worst = (next(e for e in files if e.cell.reranker == name) for name in ("think", "quick"))
    grades = read_qrels(best.qrels)
    for entry, sign in ((best, -1), (worst, 1)):
        run = {
            qid: ranked(sorted((hit.docid for hit in hits), key=lambda docid: sign * grades[qid].get(docid, 0)))
            for qid, hits in read_run(entry.run).items()
        }
        write_run(entry.run, run, "sorted")
    table = TABLES.get("effectiveness")().fill(evidence.evaluated(tmp_path, files))
    rows = table.lead[table.lead["retriever"] == best.cell.retriever]
    marks = dict(zip(rows["reranker"], table.marks.loc[rows.index, "c, English"], strict=True))
    assert marks == {"first stage": "", "quick": "▼", "think": "b▲"}
    text = latex(table, "effectiveness")
    assert r"$^{b\blacktriangle }$" in text
    assert r"$^{\blacktriangledown }$" in text


def test_counts_are_shown_as_whole_numbers(tmp_path):
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, evidence.grid(), queries=4), ["NumRet"])
    table = TABLES.get("effectiveness")().fill(found)
    assert f" | {4 * evidence.DEPTH}" in markdown(table).replace("*", "")
    assert "average" not in table.values


def test_texts_that_every_row_repeats_go_to_the_note_where_the_page_is_too_narrow():
    long = "a source with a long name, published list, table 1 of its second version"
    lead = pd.DataFrame({"collection": ["dl19"] * 2, "retriever": ["BM25", "SPLADE"], "source": [long] * 2})
    narrow = Filled(lead.drop(columns="source"), pd.DataFrame({"ours": [0.1, 0.2]}), "Caption.", "Note.")
    wide = Filled(lead.assign(setting="x" * 30), narrow.values, "Caption.", "Note.")
    assert "dl19 & BM25 & 0.100" in latex(narrow, "narrow")
    text = latex(wide, "wide")
    assert "\nBM25 & 0.100" in text
    assert f"Note. All rows: collection dl19, source {long}, setting {'x' * 30}." in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 % #1 {x}", r"a\_b \& 50 \% \#1 \{x\}"),
        ("a<b|c>d", r"a\textless{}b\textbar{}c\textgreater{}d"),
        ("$y$ ~z ^2", r"\$y\$ \textasciitilde{}z \textasciicircum{}2"),
        (r"back\slash", r"back\textbackslash{}slash"),
    ],
)
def test_all_special_characters_of_latex_are_escaped(text, expected):
    assert escape.latex(text) == expected


def test_a_bar_in_a_text_ends_no_cell_of_a_markdown_table():
    assert escape.markdown("a|b\nc") == r"a\|b c"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_text_is_a_formula_in_a_spreadsheet(text):
    assert escape.cell(text) == "'" + text
    assert neutral(pd.DataFrame({"a": [text, "b-c"], "b": [-1, 2]})).to_numpy().tolist() == [
        ["'" + text, -1],
        ["b-c", 2],
    ]


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
    table = TABLES.get("published")().fill(Evidence(found.files, others=[row]))
    assert table.values["published"].tolist() == [0.5]
    ours = found.summary.query("language == 'eng' and retriever == 'bm25' and reranker == 'think'")["value"]
    assert table.values["ours"].tolist() == ours.tolist()
    assert "| A paper, table 1 | as ours | 0.500 |" in markdown(table)


def test_every_published_figure_has_a_source_and_a_setting():
    table = pd.read_csv(ROOT / "config" / "reference" / "published.csv")
    assert table["value"].between(0, 1).all()
    assert table[["source", "setting"]].notna().all(axis=None)
    assert not table.duplicated(["collection", "language", "retriever", "reranker", "measure", "source"]).any()


def test_the_position_table_tells_where_in_the_first_windows_the_first_named_passages_stood(found):
    calls = found.calls.query("reranker == 'quick' and language == 'eng' and retriever == 'bm25' and call == 0")
    table = TABLES.get("position")().fill(found)
    row = table.lead.query("language == 'English' and retriever == 'bm25' and reranker == 'quick'").index[0]
    shares = table.values.loc[row].drop("calls")
    assert shares.sum() == pytest.approx(1)
    # Of the six places of a window, the last one is in the last fifth, and a fifth of the one before.
    last = (calls["first"] == evidence.WINDOW).mean() + (calls["first"] == evidence.WINDOW - 1).mean() / 5
    assert shares["last fifth"] == pytest.approx(last)
    found.calls["first"] = 1
    assert TABLES.get("position")().fill(found).values["first fifth"].tolist() == pytest.approx([1.0] * 8)
    found.calls["size"] = 2
    assert TABLES.get("position")().fill(found).values.empty


def test_the_table_of_causes_counts_every_query_once(found):
    values = TABLES.get("causes")().fill(found).values
    assert values.sum(axis=1).tolist() == [24] * 8
    assert list(values.columns) == [cause.value for cause in Cause]


def test_contents_follow_from_the_configuration():
    demo, grid = (load(ROOT / "config" / f"{name}.yaml") for name in ("config", "rank-k"))
    assert (grid.titles["bm25"], grid.titles["rank-k"]) == ("BM25", "Rank-K")
    assert "title" not in grid.retrievers["bm25"].deciding() | grid.rerankers["rank-k"].deciding()
    assert set(contents.figures(demo)) == set(FIGURES.names())
    assert list(contents.figures(demo))[:2] == ["differences", "effectiveness"]  # before what explains them
    assert set(contents.figures(grid)) == set(FIGURES.names()) - {"scaling"}  # no budgets or samples to compare
    assert "published" not in contents.tables(demo, [])
    others = contents.published(grid, ROOT / "config" / "reference" / "published.csv")
    assert set(contents.tables(grid, others)) == set(TABLES.names())
