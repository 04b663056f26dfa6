"""Figures: what they draw, what they say, and that nothing is cut off."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rankk.report.cost import pareto
from rankk.report.effectiveness import enumerated
from rankk.report.evidence import Evidence
from rankk.report.figures import FIGURES, draw
from rankk.report.style import STYLE

from .. import evidence


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    return evidence.evaluated(folder, evidence.build(folder))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_shows_and_keeps_its_text_inside(found, name):
    with plt.style.context(STYLE):
        drawn = FIGURES[name](found)
        drawn.figure.canvas.draw()
        inside = drawn.figure.get_tightbbox()  # in inches, of all that is drawn
        width, height = drawn.figure.get_size_inches()
        assert inside.x0 >= -0.01
        assert inside.y0 >= -0.01
        assert inside.x1 <= width + 0.01
        assert inside.y1 <= height + 0.01
        plt.close(drawn.figure)
    assert len(drawn.data) > 0
    assert any(character.isdigit() for character in drawn.caption)  # n
    assert len(drawn.alt) > 40


def test_figures_are_saved_for_print_and_screen_with_their_data(found, tmp_path):
    draw(found, ["effectiveness"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"effectiveness.{suffix}" for suffix in ("png", "pdf", "csv", "rst", "txt")
    }
    assert b"/FontFile2" in (tmp_path / "effectiveness.pdf").read_bytes()  # fonts are embedded
    assert Image.open(tmp_path / "effectiveness.png").width == pytest.approx(6.75 * 300, abs=2)
    assert len(pd.read_csv(tmp_path / "effectiveness.csv")) == 12


def test_gains_are_differences_from_the_baseline(found):
    drawn = FIGURES["gains"](found)
    plt.close(drawn.figure)
    assert np.allclose(drawn.data["gain"], drawn.data["value"] - drawn.data["base"])
    assert len(drawn.data) == 8 * 24


def test_quarters_hold_equally_many_queries_hardest_first(found):
    quarters = found.difficulty.groupby(["collection", "language", "retriever", "quarter"])["first"]
    assert set(quarters.size()) == {6}
    means = quarters.mean().unstack()
    assert (means[1] <= means[4]).all()


def test_movement_counts_every_relevant_passage_once(found):
    drawn = FIGURES["movement"](found)
    plt.close(drawn.figure)
    assert drawn.data["passages"].sum() == len(found.movement)


def test_reasoning_is_drawn_for_models_that_think(found):
    drawn = FIGURES["reasoning"](found)
    plt.close(drawn.figure)
    assert set(drawn.data["reranker"]) == {"think"}
    own = found.calls[(found.calls["reranker"] == "think") & (found.calls["language"] == "fas")]["thought_tokens"]
    row = drawn.data[drawn.data["value"] == "fas"].iloc[0]
    assert row["median"] == own.median()


def test_where_no_model_thought_reasoning_is_drawn_as_none(found):
    silent = Evidence(found.files)
    vars(silent).update(vars(found) | {"calls": found.calls.assign(thought_tokens=0.0)})
    drawn = FIGURES["reasoning"](silent)
    plt.close(drawn.figure)
    assert set(drawn.data["reranker"]) == {"quick", "think"}
    assert (drawn.data["median"] == 0).all()


def test_the_frontier_holds_what_nothing_cheaper_equals():
    assert pareto(np.array([3.0, 1.0, 2.0, 2.0]), np.array([0.9, 0.5, 0.5, 0.7])) == [1, 3, 0]


def test_long_ids_are_shortened_to_their_ends_where_there_is_no_room():
    assert enumerated(["q1", "q2"], 20) == "q1, q2"
    assert enumerated(["writer.guide.words_count", "q2"], 20) == "…s_count, q2"
