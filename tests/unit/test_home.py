"""The page of an experiment, in a real browser where there is one."""

import re
from html.parser import HTMLParser

import pytest

from rankk import paths
from rankk.report.formats import MISSING
from rankk.report.home import cells, headline
from rankk.report.tables import TABLES

from .. import evidence
from .test_page import shown

NAMES = {"think": "thinks <b>twice</b>"}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Folder and evidence of an experiment with two rerankers, one of which has a hostile name."""
    folder = tmp_path_factory.mktemp("experiment")
    built = evidence.evaluated(folder, evidence.build(folder))
    return folder, type(built)(built.files, built.passage_languages, NAMES)


@pytest.fixture(scope="module")
def page(experiment):
    return evidence.home(*experiment)


class Text(HTMLParser):
    """Text of the fields of a page's first table, row by row, and the addresses of links and images."""

    def __init__(self):
        super().__init__()
        self.rows, self.links, self.images, self.inside = [], [], [], False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        self.inside = tag == "td" or (self.inside and tag in ("a", "span", "strong"))
        if tag == "a":
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)

    def handle_endtag(self, tag):
        if tag == "td":
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def parsed(page):
    text = Text()
    text.feed(page.read_text(encoding="utf-8"))
    return text


def test_every_cell_stands_on_the_page_with_the_values_of_the_summary(experiment, page):
    _, found = experiment
    rows = [row for row in parsed(page).rows if len(row) == 13]
    assert len(rows) == len(found.summary) == 12
    for row, (_, expected) in zip(rows, found.summary.iterrows(), strict=True):
        assert row[3] == found.shown(expected["reranker"])
        assert row[5].startswith(f"{expected['value']:.3f}")
        assert (row[6] == MISSING) == (expected["reranker"] == paths.FIRST_STAGE)


def test_a_reranked_cell_leads_to_the_page_of_its_answers(page):
    links = [link for link in parsed(page).links if "/runs/" in link]
    assert links[0] == "../../runs/c/eng/bm25/quick.html"
    assert len(links) == 16  # in the matrix, and in the table of all cells


def test_the_headline_counts_the_significant_differences(experiment):
    _, found = experiment
    compared = found.significance[found.significance["family"] == "baseline"]
    better = int(((compared["p_t_holm"] < 0.05) & (compared["difference"] > 0)).sum())
    first, highest, lowest = headline(found)
    assert re.match(rf"Of 8 reranked cells, {better} (is|are) significantly better", first)
    assert f"{compared['difference'].max():+.3f}".replace("-", "−") in highest
    assert f"{compared['difference'].min():+.3f}".replace("-", "−") in lowest


def test_an_experiment_without_rerankers_says_that_nothing_is_compared(tmp_path):
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, evidence.grid()))
    assert headline(found) == ["No reranked cell of this experiment is compared with a baseline."]
    assert [row["page"] for row in cells(found)] == [""] * 4


def test_texts_of_others_stay_text_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    assert "thinks &lt;b&gt;twice&lt;/b&gt;" in text
    assert "thinks <b>" not in text


def test_the_page_holds_its_images_and_asks_nobody_for_anything(page):
    text, found = page.read_text(encoding="utf-8"), parsed(page)
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in found.images)


def test_the_best_mean_of_a_table_is_bold_and_its_latex_is_at_hand(experiment, page):
    text = page.read_text(encoding="utf-8")
    best = TABLES.get("effectiveness")().fill(experiment[1]).values.max().max()
    assert f"<strong>{best:.3f}</strong>" in text
    assert r"\toprule" in text


def test_a_click_on_a_column_sorts_the_cells_by_number(page, tmp_path):
    clicked = tmp_path / "clicked.html"
    click = '<script>document.querySelectorAll("#cells th button")[5].click()</script></body>'
    clicked.write_text(page.read_text(encoding="utf-8").replace("</body>", click), encoding="utf-8")
    dom = shown(clicked)
    clicked.write_text(dom, encoding="utf-8")
    values = [float(row[5][:5]) for row in parsed(clicked).rows if len(row) == 13]
    assert values == sorted(values)
    assert 'aria-sort="ascending"' in dom
