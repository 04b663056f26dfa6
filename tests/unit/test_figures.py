"""Figures: what they draw, what they say, and that nothing is cut off or printed over something else."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from rankk.config.loading import load
from rankk.grouping import families
from rankk.paths import Cell
from rankk.report.condense import by_family
from rankk.report.evidence import Evidence
from rankk.report.figures import FIGURES, FORMATS, draw
from rankk.report.figures.cost import frontier
from rankk.report.figures.gains import enumerated
from rankk.report.fonts import drawable
from rankk.report.positions import NAMES, first_calls
from rankk.report.style import COLUMN_WIDTH, PAGE_HEIGHT, STYLE, TEXT_WIDTH, pyplot

from .. import evidence
from ..conftest import ROOT

SMALLEST = 6  # points


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    """Experiments by their number of reranked cells; the largest one fills the paper's grid."""
    grid = load(ROOT / "config" / "rank-k.yaml").cells
    cells = {"none": [Cell("c", "eng", "bm25")], "one": evidence.grid("quick")[:2], "8": evidence.SMALL, "184": grid}
    found = {}
    for name, members in cells.items():
        folder = tmp_path_factory.mktemp("experiment")
        files = evidence.build(folder, members, queries=24 if len(members) < 20 else 8)
        found[name] = evidence.evaluated(folder, files)
    assert sum(cell.reranked for cell in grid) == 184
    return found


@pytest.fixture(scope="module")
def found(experiments):
    return experiments["8"]


@pytest.fixture(autouse=True)
def style():
    with pyplot().style.context(STYLE):
        yield
    pyplot().close("all")


@pytest.mark.parametrize("width", [TEXT_WIDTH, COLUMN_WIDTH])
@pytest.mark.parametrize("experiment", ["none", "one", "8", "184"])
@pytest.mark.parametrize("name", FIGURES.names())
def test_every_figure_fits_on_a_page_and_is_legible_whatever_the_experiments_size(experiments, name, experiment, width):
    legible(name, experiments[experiment], width)


def legible(name, evidence_, width):
    """The figure, after checks of its size and its texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a layout that fails
        drawn = FIGURES.get(name)(width=width).draw(evidence_)
        drawn.figure.canvas.draw()
    size = drawn.figure.get_size_inches()
    assert size[0] == width
    assert size[1] <= PAGE_HEIGHT
    inside = drawn.figure.get_tightbbox()  # in inches, of all that is drawn
    assert min(inside.x0, inside.y0) >= -0.01
    assert inside.x1 <= size[0] + 0.01
    assert inside.y1 <= size[1] + 0.01
    texts = printed(drawn.figure)
    assert min(text.get_fontsize() for text in texts) >= SMALLEST
    assert not overlapping(texts)
    assert any(character.isdigit() for character in drawn.caption)  # n
    assert len(drawn.alt) > 30
    return drawn


def test_names_in_chinese_are_drawn_in_a_font_that_has_them():
    with drawable({"c": "气候 климат اقلیم"}) as names:
        if not names:
            pytest.skip("no installed font has Chinese characters; on Debian: apt-get install fonts-noto-cjk")
        figure, axis = pyplot().subplots()
        axis.set_title(names["c"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of glyphs that are missing
            figure.canvas.draw()


def test_a_name_in_a_right_to_left_script_does_not_turn_the_rest_of_a_title_round():
    with drawable({"a": "اخبار (news)", "b": "news (اخبار)"}) as names:
        assert names == {"a": "\u200eاخبار (news)", "b": "news (اخبار)"}


def test_a_name_that_no_font_can_draw_is_left_out_with_a_warning(caplog):
    with drawable({"a": "\U0010fffd", "b": "климат"}) as names:
        assert names == {"b": "климат"}
    assert "'a' is drawn" in caplog.text


TOKENS = {"think-0": 450, "think-500": 4500, "think-1000": 8550, "think-2000": 13500, "think-4000": 18900}
TOKENS |= {"rank-k": 21600, "samples-4": 86400, "samples-16": 345600}
"""Output tokens a query, by reranker of config/budget.yaml."""


@pytest.fixture(scope="module")
def budgets(tmp_path_factory):
    """Results of config/budget.yaml that grow with the tokens, but for the largest budget."""
    experiment = load(ROOT / "config" / "budget.yaml")
    folder = tmp_path_factory.mktemp("experiment")
    built = evidence.evaluated(folder, evidence.build(folder, experiment.cells))
    summary = pd.read_csv(built.files["summary"])
    tokens = summary["reranker"].map(TOKENS)
    summary["output_tokens"] = tokens * summary["queries_reranked"]
    summary["value"] = (0.5 + 0.02 * np.log(tokens)).fillna(0.5) - 0.1 * (summary["reranker"] == "think-4000")
    summary["low"], summary["high"] = summary["value"] - 0.03, summary["value"] + 0.03
    summary.to_csv(built.files["summary"], index=False)
    return Evidence(built.files, test_time=experiment.test_time)


@pytest.mark.parametrize("width", [TEXT_WIDTH, COLUMN_WIDTH])
def test_scaling_shows_budgets_and_samples_of_a_model_in_two_lines_and_the_frontier(budgets, width):
    drawn = legible("scaling", budgets, width)
    (axis,) = drawn.figure.axes
    *lines, best = [line for line in axis.get_lines() if len(line.get_xdata()) > 1 and line.get_linestyle() != "None"]
    assert [list(line.get_xdata()) for line in lines] == [sorted(TOKENS.values())[:6], sorted(TOKENS.values())[5:]]
    assert list(best.get_xdata()) == [tokens for name, tokens in TOKENS.items() if name != "think-4000"]
    marks = {text.get_text() for text in axis.texts}
    assert marks == {"0", "500", "1000", "2000", "4000", "∞", "×1", "×4", "×16"}
    assert set(drawn.data["model"]) == {"Rank-K-32B"}


def test_scaling_is_drawn_where_rerankers_differ_in_budget_or_samples_alone():
    experiments = {name: load(ROOT / "config" / f"{name}.yaml") for name in ("budget", "rank-k")}
    drawn = {name: FIGURES.get("scaling").shows(experiment) for name, experiment in experiments.items()}
    assert drawn == {"budget": True, "rank-k": False}


def test_a_family_is_named_by_the_words_that_its_collections_titles_begin_with():
    titles = {"bright-pony": "BRIGHT Pony", "bright-aops": "BRIGHT AoPS", "dl19": "TREC DL 2019", "bm25": "BM25"}
    titled = Evidence({}, names=titles)
    assert titled.shown("bright (2 collections)") == "BRIGHT (2 collections)"
    assert titled.shown("bright") == "BRIGHT"
    assert titled.shown("dl19") == "TREC DL 2019"
    assert titled.shown("zzz (3 collections)") == "zzz (3 collections)"


def printed(figure):
    """All texts of a figure but the labels of ticks beyond an axis's limits, which are not printed."""
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            beyond |= {tick.label1 for tick in ticks if not low - 1e-9 <= tick.get_loc() <= high + 1e-9}
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible() and artist not in beyond)
    return [text for text in found if text.get_text().strip()]


def overlapping(texts):
    """Pairs of texts that are printed over each other by more than a hair."""
    boxes = [(text.get_text(), text.get_window_extent().shrunk(0.9, 0.7)) for text in texts]
    return [(a, b) for (a, first), (b, second) in combinations(boxes, 2) if first.overlaps(second)]


def test_figures_are_saved_for_print_and_screen_with_their_data(found, tmp_path):
    draw(found, ["effectiveness"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"effectiveness.{suffix}" for suffix in FORMATS}
    assert b"/FontFile2" in (tmp_path / "effectiveness.column.pdf").read_bytes()  # fonts are embedded
    assert Image.open(tmp_path / "effectiveness.png").width == pytest.approx(6.75 * 300, abs=2)
    assert len(pd.read_csv(tmp_path / "effectiveness.csv")) == 12


def test_display_names_are_shown_where_there_are_some(found):
    named = Evidence(found.files, names={"bm25": "BM25", "quick": "Quick 7B"})
    figure = FIGURES.get("effectiveness")().draw(named).figure
    texts = {text.get_text() for text in figure.findobj(Text)}
    assert {"BM25", "Quick 7B", "first stage", "c, Persian"} <= texts


@pytest.mark.parametrize("name", ["causes", "languages", "position"])
def test_names_that_are_longer_than_a_column_are_shortened(found, name):
    long = {name: f"{name} with a title that is wider than the column of a paper" for name in ("c", "splade", "think")}
    legible(name, Evidence(found.files, names=long), COLUMN_WIDTH)


def test_panels_of_gains_are_named_by_what_differs(found):
    drawn = FIGURES.get("gains")().draw(found)
    assert drawn.figure.axes[0].get_title() == "English, bm25\nquick"
    assert "All panels: c." in drawn.caption


def test_differences_are_paired(found):
    data = FIGURES.get("differences")().draw(found).data
    values = found.per_query.astype({"reranker": str}).set_index(["language", "retriever", "reranker", "qid"])["value"]
    gain = values["eng", "bm25", "quick"] - values["eng", "bm25", "none"]
    assert data["difference"].iloc[0] == pytest.approx(gain.mean(), abs=1e-5)
    assert len(data) == 8


def test_significant_differences_are_marked_apart_as_gains_and_losses(found):
    marked = Evidence(found.files)
    table = found.significance.copy()
    declared = table.index[table["family"] == "baseline"]
    table.loc[declared, ["difference", "difference_low", "difference_high"]] = (-0.1, -0.2, -0.05)
    table.loc[declared[:3], ["difference", "difference_low", "difference_high"]] = (0.1, 0.05, 0.2)
    table.loc[declared, "p_t_holm"] = [0.01] * 7 + [0.2]
    vars(marked)["significance"] = table
    drawn = FIGURES.get("differences")().draw(marked)
    texts = [text.get_text() for text in drawn.figure.findobj(Text)]
    assert (texts.count("▲"), texts.count("▼")) == (3, 4)
    assert "3 significant gains, 4 significant losses" in drawn.alt


def test_gains_are_differences_from_the_baseline(found):
    data = FIGURES.get("gains")().draw(found).data
    assert np.allclose(data["gain"], data["value"] - data["base"])
    assert len(data) == 8 * 24


def test_quarters_are_chosen_by_the_second_measure_of_the_first_stage(found):
    recall = pd.read_csv(found.files["per_query"], dtype={"qid": str})
    recall = recall[(recall["measure"] == "R@100") & (recall["reranker"] == "none")]
    stage = ["collection", "language", "retriever"]
    quarters = found.difficulty.merge(recall, on=[*stage, "qid"])
    assert len(quarters) == 4 * 24
    assert quarters.groupby(["language", "retriever", "value"])["quarter"].nunique().max() == 1  # ties stay together
    bounds = quarters.groupby(["language", "retriever", "quarter"])["value"].agg(["min", "max"])
    for _, group in bounds.groupby(["language", "retriever"]):
        assert (group["max"].iloc[:-1].to_numpy() < group["min"].iloc[1:].to_numpy()).all()


def test_movement_counts_every_relevant_passage_once(found):
    assert FIGURES.get("movement")().draw(found).data["passages"].sum() == len(found.movement)


def test_causes_count_every_query_of_a_reranked_cell_once(found):
    data = FIGURES.get("causes")().draw(found).data
    assert data.groupby(["language", "retriever", "reranker"])["queries"].sum().tolist() == [24] * 8


def test_positions_are_shares_of_the_first_calls(found):
    data = FIGURES.get("position")().draw(found).data
    row = data.query("language == 'eng' and retriever == 'bm25' and reranker == 'quick'").iloc[0]
    calls = found.calls.query("language == 'eng' and retriever == 'bm25' and reranker == 'quick' and call == 0")
    last = (calls["first"] == evidence.WINDOW).mean() + (calls["first"] == evidence.WINDOW - 1).mean() / 5
    assert row["last fifth"] == pytest.approx(last)
    assert row["calls"] == 24


@pytest.mark.parametrize("size", [5, 6, 7, 12, 20])
def test_answers_without_a_position_bias_take_a_fifth_from_each_fifth_of_any_window(size):
    cell = {"collection": "c", "language": "eng", "retriever": "bm25", "reranker": "r", "call": 0, "size": size}
    table = first_calls(pd.DataFrame([cell | {"first": place} for place in range(1, size + 1)]))
    assert table[NAMES].to_numpy() == pytest.approx(0.2)
    assert table["calls"].tolist() == [size]


def test_reasoning_is_drawn_for_models_that_think(found):
    data = FIGURES.get("reasoning")().draw(found).data
    assert set(data["reranker"]) == {"think"}
    tokens = found.calls.query("reranker == 'think' and language == 'fas'")["thought_tokens"]
    assert data[data["value"] == "fas"].iloc[0]["median"] == tokens.median()


def test_where_no_model_thought_reasoning_is_drawn_as_none(found):
    silent = Evidence(found.files)
    vars(silent)["calls"] = found.calls.assign(thought_tokens=0.0)
    data = FIGURES.get("reasoning")().draw(silent).data
    assert set(data["reranker"]) == {"quick", "think"}
    assert (data["median"] == 0).all()


def test_the_frontier_holds_what_nothing_cheaper_equals():
    assert frontier(np.array([3.0, 1.0, 2.0, 2.0]), np.array([0.9, 0.5, 0.5, 0.7])) == [1, 3, 0]


def test_long_ids_are_shortened_to_their_ends_where_there_is_no_room():
    assert enumerated(["q1", "q2"], 20) == "q1, q2"
    assert enumerated(["writer.guide.words_count", "q2"], 20) == "…s_count, q2"


def test_a_family_has_several_collections_whose_names_begin_with_the_same_letters():
    assert families(["dl19", "dl20", "bright-pony", "2wiki", "dl19"]) == {
        **{"dl19": "dl", "dl20": "dl"},
        **{"bright-pony": "bright-pony", "2wiki": "2wiki"},
    }


def test_families_are_averaged_over_the_systems_that_have_all_of_their_collections():
    names = ["collection", "retriever", "reranker", "value", "low", "high", "queries"]
    rows = pd.DataFrame(
        [
            ("dl19", "bm25", "a", 0.4, 0.1, 0.5, 43),
            ("dl20", "bm25", "a", 0.6, 0.2, 0.6, 54),
            ("dl19", "bm25", "b", 0.9, 0.9, 0.9, 43),
        ],
        columns=names,
    ).assign(language="eng", measure="nDCG@10")
    assert by_family(rows, 2)[1] == ""
    condensed, note = by_family(rows, 1)
    assert "averaged" in note
    (row,) = condensed.to_dict("records")
    assert (row["collection"], row["reranker"], row["queries"]) == ("dl (2 collections)", "a", 97)
    assert row["value"] == pytest.approx(0.5)
    assert row["low"] == pytest.approx(0.5 - (0.3**2 + 0.4**2) ** 0.5 / 2)
    assert row["high"] == pytest.approx(0.5 + 0.1 / 2)
