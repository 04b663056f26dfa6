"""Tables of an experiment: CSV, LaTeX (booktabs) and Markdown from the same numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rankk.io.files import atomic_write, write_csv
from rankk.report.evidence import ALPHA, CELL, SYSTEM, Evidence, shown

SIGNIFICANT = "†"
"""Marks a difference from the declared baseline at p < 0.05 (paired t-test, Holm-corrected over the experiment)."""
LETTERS = "abcdefghijkl"
AVERAGE = "average"
MISSING = "—"
FIFTHS = 5


@dataclass(frozen=True)
class Table:
    """Values and what is shown for them, rows × columns alike, with a note on what they are."""

    values: pd.DataFrame
    bold: pd.DataFrame
    marks: pd.DataFrame
    rows: pd.DataFrame  # the leading columns, one row a table row
    note: str


def effectiveness(evidence: Evidence) -> Table:
    """One row a system, one column a collection and language, and their average where a row is complete."""
    cells = evidence.summary.assign(column=lambda table: table["collection"] + " " + table["language"])
    return table_of(evidence, cells, cells["column"].unique().tolist(), SYSTEM)


def languages(evidence: Evidence) -> Table:
    """One row a collection and system, one column a query language."""
    cells = evidence.summary.assign(column=evidence.summary["language"])
    return table_of(evidence, cells, cells["column"].unique().tolist(), ["collection", *SYSTEM])


def published(evidence: Evidence) -> Table:
    """One row a cell that others published: their value, ours, and where theirs is from."""
    rows = evidence.published
    values = rows[["published", "ours"]]
    plain = values.astype(object)
    lead = rows[["collection", "language", *SYSTEM, "measure", "source", "setting"]]
    lead = lead.assign(reranker=lead["reranker"].map(shown))
    note = "Figures of others beside ours; settings differ where they say so. The file names every source."
    return Table(values, plain.eq(""), plain.where(plain.isna(), ""), lead, note)


def position(evidence: Evidence) -> Table:
    """One row a reranked cell: where in the windows stood what the answers name first, by fifths of the window.

    Of each query's first call alone: later windows hold what earlier answers moved, at places that follow from it.
    """
    calls = evidence.calls
    calls = calls[(calls["call"] == 0) & (calls["size"] >= FIFTHS) & calls["first"].notna()]
    fifth = ((calls["first"] - 1) * FIFTHS // calls["size"]).astype(int)
    names = ["first fifth", *(f"{place}." for place in range(2, FIFTHS)), "last fifth"]
    shares = pd.crosstab([calls[name] for name in CELL], fifth, normalize="index").reindex(columns=range(FIFTHS))
    values = shares.fillna(0.0).set_axis(names, axis=1).reset_index()
    lead = values[CELL].assign(reranker=values["reranker"].map(shown))
    numbers = values[names]
    plain = numbers.astype(object)
    note = (
        "Share of the queries' first calls whose answer's first passage stood in that fifth of the window. From a "
        "shuffled first stage, a model that reads without regard to places has a fifth in each; from one that ranks, "
        "the first fifth is larger. Later calls are not counted: their windows hold what was moved before."
    )
    return Table(numbers, plain.eq(""), plain.where(plain.isna(), ""), lead, note)


TABLES: dict[str, Callable[[Evidence], Table]] = {
    "effectiveness": effectiveness,
    "languages": languages,
    "published": published,
    "position": position,
}


def table_of(evidence: Evidence, cells: pd.DataFrame, columns: list[str], index: list[str]) -> Table:
    """The cells' means by `index` and column; best of each column bold, letters for pairs, † for the baseline."""
    rows = cells[index].drop_duplicates().reset_index(drop=True)
    letters = dict(zip(map(tuple, rows.to_numpy()), LETTERS, strict=False)) if len(rows) <= len(LETTERS) else {}
    keys = pd.MultiIndex.from_frame(rows)
    values = cells.pivot(index=index, columns="column", values="value").reindex(keys)[columns]
    marks = cells.assign(mark=marks_of(evidence, cells, index, letters)).pivot(
        index=index, columns="column", values="mark"
    )
    marks = marks.reindex(keys)[columns].fillna("")
    incomplete = values.isna().any(axis=1)
    note = notes(cells, bool(letters))
    if len(columns) > 1:
        values[AVERAGE] = values.mean(axis=1).where(~incomplete)
        marks[AVERAGE] = ""
        if incomplete.any():
            note += f" {MISSING}: not in the grid; rows with a gap have no average."
    bold = values.eq(values.max()) & (values.notna().sum() > 1)
    lead = rows.assign(reranker=rows["reranker"].map(shown))
    if letters:
        lead.insert(0, "", [letters[tuple(row)] for row in rows.to_numpy()])
    return Table(values.reset_index(drop=True), bold.reset_index(drop=True), marks.reset_index(drop=True), lead, note)


def marks_of(
    evidence: Evidence, cells: pd.DataFrame, index: list[str], letters: dict[tuple[str, ...], str]
) -> list[str]:
    """For each cell: letters of the systems with the same first stage that it beats, and † against its baseline."""
    pairs = evidence.significance
    pairs = pairs[(pairs["family"] == "pairs") & (pairs["p_t_holm"] < ALPHA)]
    beaten: dict[tuple[str, ...], list[str]] = {}
    for row in pairs.to_dict("records"):
        ours, theirs = row, row | {"reranker": row["baseline"]}
        winner, loser = (ours, theirs) if row["difference"] > 0 else (theirs, ours)
        letter = letters.get(tuple(loser[name] for name in index), "")
        beaten.setdefault(tuple(winner[name] for name in CELL), []).append(letter)
    declared = [SIGNIFICANT if p < ALPHA else "" for p in cells["p_t_holm"].fillna(1.0)]
    found = ["".join(sorted(beaten.get(tuple(cell), []))) for cell in cells[CELL].to_numpy()]
    return [letters_ + mark for letters_, mark in zip(found, declared, strict=True)]


def notes(cells: pd.DataFrame, letters: bool) -> str:
    """What the numbers are."""
    measures = "; ".join(
        f"{row.collection}: {row.measure} over {row.queries} queries"
        for row in cells.drop_duplicates(["collection", "queries"]).itertuples()
    )
    text = f"{measures}. Bold: best of a column. {SIGNIFICANT}: p < {ALPHA} against the declared baseline"
    text += ", letters: better than that row with the same first stage" if letters else ""
    return text + " (paired t-tests, Holm-corrected over the experiment)."


def write(evidence: Evidence, names: Sequence[str], folder: str | Path) -> None:
    """Write the named tables as .csv, .tex and .md."""
    for name in names:
        table, base = TABLES[name](evidence), Path(folder) / name
        write_csv(f"{base}.csv", pd.concat([table.rows.drop(columns="", errors="ignore"), table.values], axis=1))
        for suffix, form in ((".tex", latex), (".md", markdown)):
            with atomic_write(f"{base}{suffix}") as file:
                file.write(form(table))


def texts(table: Table, bold: tuple[str, str], mark: tuple[str, str]) -> list[list[str]]:
    """The table's fields as text, leading columns first."""

    def field(value: float, best: bool, marks: str) -> str:
        if pd.isna(value):
            return MISSING
        number = f"{value:.4f}"
        return (bold[0] + number + bold[1] if best else number) + (mark[0] + marks + mark[1] if marks else "")

    body = [
        [field(*entry) for entry in zip(*lines, strict=True)]
        for lines in zip(table.values.to_numpy(), table.bold.to_numpy(), table.marks.to_numpy(), strict=True)
    ]
    return [[*lead, *fields] for lead, fields in zip(table.rows.to_numpy().tolist(), body, strict=True)]


def markdown(table: Table) -> str:
    """A pipe table."""
    header = [*table.rows.columns, *table.values.columns]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * table.rows.shape[1] + "---:|" * table.values.shape[1]]
    lines += ["| " + " | ".join(row) + " |" for row in texts(table, ("**", "**"), (" ", ""))]
    return "\n".join([*lines, "", table.note, ""])


def latex(table: Table) -> str:
    """A booktabs table."""

    def row(fields: Sequence[str]) -> str:
        text = " & ".join(fields).replace("_", r"\_").replace(MISSING, "--").replace(SIGNIFICANT, r"\dagger")
        return text + r" \\"

    header = [*table.rows.columns, *table.values.columns]
    layout = "l" * table.rows.shape[1] + "r" * table.values.shape[1]
    lines = [r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{{layout}}}", r"\toprule", row(header), r"\midrule"]
    lines += [row(fields) for fields in texts(table, (r"\textbf{", "}"), ("$^{", "}$"))]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", f"% {table.note}", ""])
