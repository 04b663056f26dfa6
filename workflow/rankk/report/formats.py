"""Tables as CSV, Markdown and LaTeX (booktabs)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from textwrap import wrap

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
STACKED = 8
"""Characters of a line of a stacked header, unless a word is longer."""
LINES, AROUND = 52, 5
"""Lines of \\footnotesize on a page beside caption and note; lines that header and rules of a part take."""


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
    """`table` environments with caption, label and note; of a page's width where it has to be, none longer than a page.

    Needs the packages booktabs and amssymb. Long headers are stacked where the columns are wider than a page otherwise.
    Columns that still do not fit side by side, and rows that do not fit on a page, follow as further parts; further
    environments are labelled `tab:NAME-2` and so on. Where the leading columns take a page's width, those with the same
    text in every row go to the note.
    """
    table = _narrowed(table)
    lead, columns = _width(table.lead), list(table.values.columns)
    headers = {column: [str(column)] for column in columns}
    if lead + sum(_value_width(table, column, headers[column]) for column in columns) > PAGE:
        headers = {column: wrap(str(column), STACKED, break_long_words=False) or [""] for column in columns}
    parts, used = [0], 0
    for position, column in enumerate(columns):
        width = _value_width(table, column, headers[column])
        if used and lead + used + width > PAGE:
            parts.append(position)
            used = 0
        used += width
    wide = "*" if len(parts) > 1 or lead + used > COLUMN else ""
    pages: list[list[str]] = []
    room = 0
    for start, stop in pairwise([*parts, len(columns)]):
        chosen = columns[start:stop]
        there = [position for position, kept in enumerate(table.values[chosen].notna().any(axis=1)) if kept]
        for rows in (there[first : first + LINES - AROUND] for first in range(0, len(there), LINES - AROUND)):
            if not pages or room < len(rows) + AROUND:
                pages.append([])
                room = LINES
            room -= len(rows) + AROUND
            pages[-1] += [*_tabular(table, {column: headers[column] for column in chosen}, rows), r"\par\smallskip"]
    lines = ["% \\usepackage{booktabs,amssymb}"]
    for number, page in enumerate(pages, 1):
        caption, label = _text(table.caption), f"tab:{name}"
        if number > 1:
            caption, label = f"{caption} (continued)", f"{label}-{number}"
        lines += [
            rf"\begin{{table{wide}}}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{caption}}}\label{{{label}}}",
            *page,
            r"\raggedright " + _text(table.note),
            rf"\end{{table{wide}}}",
        ]
    return "\n".join([*lines, ""])


def _value_width(table: Filled, column: str, header: Sequence[str]) -> int:
    """Characters that a column of values takes, with the space before it."""
    return 2 + max(*map(len, header), 8 if _marked(table, column) else 5)


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


def _tabular(table: Filled, headers: Mapping[str, Sequence[str]], rows: Sequence[int]) -> list[str]:
    """Some columns and rows; numbers and marks in columns of their own, so that they align."""

    def show(value: str, bold: bool, marks: str) -> list[str]:
        text = rf"\textbf{{{value}}}" if bold else value.replace(MISSING, "--")
        return [text, f"$^{{{''.join(LATEX_MARKS.get(mark, mark) for mark in marks)}}}$" if marks else ""]

    def stacked(lines: Sequence[str]) -> str:
        text = r" \\ ".join(map(_text, lines))
        return rf"\shortstack{{{text}}}" if len(lines) > 1 else text

    header = [_text(str(name)) for name in table.lead.columns]
    header += [rf"\multicolumn{{2}}{{c}}{{{stacked(lines)}}}" for lines in headers.values()]
    filled = fields(table, show, _text, list(headers))
    return [
        rf"\begin{{tabular}}{{{'l' * table.lead.shape[1]}{'r@{}l' * len(headers)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(filled[position]) + r" \\" for position in rows),
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
