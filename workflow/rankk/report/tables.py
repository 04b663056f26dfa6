"""Tables of an experiment: CSV, LaTeX (booktabs) and Markdown from the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rankk.files import atomic_write, write_csv
from rankk.report.summary import ALPHA, SYSTEM, main_measure, read_summary

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = "†"
"""Marks a difference from the baseline at p < 0.05 (paired t-test, Holm-corrected over the experiment)."""


def effectiveness(summary: str | Path, outputs: Sequence[str]) -> None:
    """One row a retriever and reranker, one column a collection and language: mean of its first measure.

    The best of a column is bold, † marks p < 0.05 against the baseline.
    """
    rows = main_measure(read_summary(summary))
    cells = rows.assign(column=rows["collection"] + " " + rows["language"])
    best = cells.groupby("column")["value"].transform("max")
    cells["bold"] = cells["value"] == best
    cells["mark"] = [SIGNIFICANT if p < ALPHA else "" for p in cells["p_t_holm"].fillna(1.0)]
    for output in outputs:
        suffix = Path(output).suffix
        if suffix == ".csv":
            wide = cells.pivot_table(index=SYSTEM, columns="column", values="value", sort=False)
            write_csv(output, wide.reset_index())
        else:
            text = latex(cells) if suffix == ".tex" else markdown(cells)
            with atomic_write(output) as file:
                file.write(text)


def grid_of(cells: "pd.DataFrame", bold: tuple[str, str]) -> "pd.DataFrame":
    """Formatted values by system and column; an em dash where there is no such cell."""
    shown = [
        f"{bold[0]}{value:.4f}{bold[1]}{mark}" if is_best else f"{value:.4f}{mark}"
        for value, is_best, mark in zip(cells["value"], cells["bold"], cells["mark"], strict=True)
    ]
    table = cells.assign(shown=shown).pivot(index=SYSTEM, columns="column", values="shown")
    order = cells[SYSTEM].drop_duplicates()
    return table.reindex(list(map(tuple, order.to_numpy())))[list(cells["column"].unique())].fillna("—")


def markdown(cells: "pd.DataFrame") -> str:
    """A pipe table."""
    table = grid_of(cells, ("**", "**")).reset_index()
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(row) + " |" for row in table.to_numpy()]
    return "\n".join([*lines, "", note(cells), ""])


def latex(cells: "pd.DataFrame") -> str:
    """A booktabs table."""
    table = grid_of(cells, (r"\textbf{", "}")).reset_index()

    def row(fields: Sequence[str]) -> str:
        return " & ".join(fields).replace("†", r"$^\dagger$").replace("—", "--").replace("_", r"\_") + r" \\"

    lines = [
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{ll{'r' * (len(table.columns) - 2)}}}",
        r"\toprule",
    ]
    lines += [row(list(table.columns)), r"\midrule", *(row(list(fields)) for fields in table.to_numpy())]
    lines += [r"\bottomrule", r"\end{tabular}", f"% {note(cells)}"]
    return "\n".join(lines) + "\n"


def note(cells: "pd.DataFrame") -> str:
    """What the numbers are."""
    measures = ", ".join(
        f"{row.collection}: {row.measure} over {row.queries} queries"
        for row in cells.drop_duplicates(["collection", "queries"]).itertuples()
    )
    return f"{measures}. {SIGNIFICANT}: p < {ALPHA} against the baseline, paired t-test, Holm-corrected."
