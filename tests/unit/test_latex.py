"""The tables' LaTeX in a real paper of two columns, where there is a LaTeX."""

import shutil
import subprocess

import pandas as pd
import pytest

from rankk.paths import Cell
from rankk.report.formats import latex
from rankk.report.tables import TABLES
from rankk.report.tables.base import Filled

from .. import evidence

PAPER = r"""\documentclass[twocolumn]{article}
\usepackage[margin=1in]{geometry}
\usepackage[T1]{fontenc}
\usepackage{booktabs,amssymb}
\begin{document}
TABLE
\end{document}
"""


def compiled(text: str, folder) -> str:
    """Log of a paper that holds the table."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no LaTeX; on Debian: apt-get install texlive-latex-recommended")
    (folder / "paper.tex").write_text(PAPER.replace("TABLE", text), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", [name for name in TABLES.names() if name != "published"])
def test_every_table_of_a_grid_of_collections_and_languages_fits_a_page(name, tmp_path):
    cells = [
        Cell(f"bright-{number}_with_a_long_name", language, "bm25", reranker)
        for number in range(8)
        for language in ("eng", "fas")
        for reranker in ("none", "think", "50 % & more")
    ]
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, cells, queries=6))
    log = compiled(latex(TABLES.get(name)().fill(found), name), tmp_path)
    assert "Overfull" not in log


@pytest.mark.parametrize("name", [name for name in TABLES.names() if name != "published"])
def test_the_tables_of_a_large_grid_are_split_over_pages(name, tmp_path):
    cells = [
        Cell(f"{family}-{number}_with_a_long_name", language, retriever, reranker)
        for family in ("bright", "neuclir")
        for number in range(6)
        for language in ("eng", "fas")
        for retriever in ("bm25", "splade-v3 (translations)")
        for reranker in ("none", "think", "quick")
    ]
    found = evidence.evaluated(tmp_path, evidence.build(tmp_path, cells, queries=2))
    log = compiled(latex(TABLES.get(name)().fill(found), name), tmp_path)
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_a_table_with_long_texts_in_every_row_fits_a_page(tmp_path):
    rows = ["BM25", "BM25_RM3", "SPLADE_P_P_ENSEMBLE_DISTIL"]
    lead = pd.DataFrame({"collection": "dl19", "language": "English", "retriever": rows, "reranker": "first stage"})
    lead = lead.assign(measure="nDCG@10", source="castorini/rank_llm, published list", setting="top 100")
    values = pd.DataFrame({"published": [0.506, 0.522, 0.731], "ours": [0.506, 0.522, 0.731]})
    assert "Overfull" not in compiled(latex(Filled(lead, values, "Caption.", "Note."), "published"), tmp_path)
