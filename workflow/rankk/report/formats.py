"""Tables as CSV, Markdown and LaTeX (booktabs)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pandas as pd

from rankk.report import escape
from rankk.report.style import neutral
from rankk.report.tables.base import Filled

MISSING = "—"
DIGITS = 3
GAIN, LOSS = "▲", "▼"
LATEX_MARKS = {GAIN: r"\blacktriangle ", LOSS: r"\blacktriangledown "}
COLUMN, PAGE = 50, 104
"""Characters of \\footnotesize that fit side by side in a column and on a page."""


def data(table: Filled) -> pd.DataFrame:
    """Leading columns and values for a CSV file."""
    return neutral(pd.concat([table.lead.drop(columns="", errors="ignore"), table.values], axis=1))


def number(table: Filled, column: str, value: float) -> str:
    """A value as it is printed."""
    return MISSING if pd.isna(value) else f"{value:.{0 if column in table.counts else DIGITS}f}"


def fields(
    table: Filled, show: Callable[[str, bool, str], Sequence[str]], text: Callable[[str], str], columns: Sequence[str]
) -> list[list[str]]:
    """Rows as texts; `show` turns number, whether it is bold, and marks into one or several fields."""
    lines = []
    for position in range(len(table.values)):
        line = [text(str(value)) for value in table.lead.iloc[position]]
        for column in columns:
            bold = table.bold is not None and column in table.bold and bool(table.bold[column].iloc[position])
            marks = str(table.marks[column].iloc[position]) if table.marks is not None and column in table.marks else ""
            line += show(number(table, column, table.values[column].iloc[position]), bold, marks)
        lines.append(line)
    return lines


def markdown(table: Filled) -> str:
    """A pipe table with its note."""

    def show(value: str, bold: bool, marks: str) -> list[str]:
        return [(f"**{value}**" if bold else value) + (f" {marks}" if marks and value != MISSING else "")]

    columns = list(table.values.columns)
    header = [escape.markdown(str(name)) for name in (*table.lead.columns, *columns)]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * table.lead.shape[1] + "---:|" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in fields(table, show, escape.markdown, columns)]
    return "\n".join([*lines, "", table.note, ""])


def latex(table: Filled, name: str) -> str:
    """A `table` environment with caption, label and note; of a page's width where it has to be.

    Needs the packages booktabs and amssymb. Columns that do not fit side by side follow each other as parts. Where the
    leading columns take a page's width, those with the same text in every row go to the note.
    """
    table = _narrowed(table)
    lead = _width(table.lead)
    parts, used = [0], 0
    widths = [2 + max(len(str(column)), 8 if _marked(table, column) else 5) for column in table.values.columns]
    for position, width in enumerate(widths):
        if used and lead + used + width > PAGE:
            parts.append(position)
            used = 0
        used += width
    wide = len(parts) > 1 or lead + used > COLUMN
    environment = "table*" if wide else "table"
    lines = [
        "% \\usepackage{booktabs,amssymb}",
        rf"\begin{{{environment}}}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_text(table.caption)}}}\label{{tab:{name}}}",
    ]
    for start, stop in pairwise([*parts, len(widths)]):
        lines += [*_tabular(table, list(table.values.columns[start:stop])), r"\par\smallskip"]
    return "\n".join([*lines, r"\raggedright " + _text(table.note), rf"\end{{{environment}}}", ""])


def _width(lead: pd.DataFrame) -> int:
    """Characters that leading columns take, with the space between them."""
    return sum(2 + max([len(str(value)) for value in lead[column]] + [len(column)]) for column in lead)


def _narrowed(table: Filled) -> Filled:
    """A table whose leading columns leave room for its widest value, if what they repeat goes to the note."""
    repeated = [column for column in table.lead if len(table.lead) > 1 and table.lead[column].nunique() == 1]
    if _width(table.lead) + max((len(str(column)) + 2 for column in table.values.columns), default=0) <= PAGE:
        return table
    said = ", ".join(f"{column} {table.lead[column].iloc[0]}" for column in repeated)
    note = f"{table.note} All rows: {said}." if repeated else table.note
    return replace(table, lead=table.lead.drop(columns=repeated), note=note)


def _tabular(table: Filled, columns: list[str]) -> list[str]:
    """Rows that have a value in one of the columns; numbers and marks in columns of their own, so that they align."""
    there = table.values[columns].notna().any(axis=1)

    def show(value: str, bold: bool, marks: str) -> list[str]:
        text = rf"\textbf{{{value}}}" if bold else value.replace(MISSING, "--")
        return [text, f"$^{{{''.join(LATEX_MARKS.get(mark, mark) for mark in marks)}}}$" if marks else ""]

    header = [_text(str(name)) for name in table.lead.columns]
    header += [rf"\multicolumn{{2}}{{c}}{{{_text(str(name))}}}" for name in columns]
    rows = [row for row, kept in zip(fields(table, show, _text, columns), there, strict=True) if kept]
    return [
        rf"\begin{{tabular}}{{{'l' * table.lead.shape[1]}{'r@{}l' * len(columns)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _marked(table: Filled, column: str) -> bool:
    return table.marks is not None and column in table.marks and table.marks[column].astype(bool).any()


def _text(text: str) -> str:
    text = escape.latex(text).replace(MISSING, "--")
    for mark, command in LATEX_MARKS.items():
        text = text.replace(mark, f"${command.strip()}$")
    return text
