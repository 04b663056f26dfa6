"""Tables of means: systems × columns, with the best of each column and the marks of significance."""

from collections.abc import Mapping, Sequence

import pandas as pd

from rankk.evaluation.experiment import DECLARED, PAIRS
from rankk.report.evidence import ALPHA, CELL, Evidence
from rankk.report.formats import GAIN, LOSS, MISSING
from rankk.report.tables.base import Filled

LETTERS = "abcdefghijkl"
AVERAGE = "average"


def means(evidence: Evidence, cells: pd.DataFrame, index: Sequence[str], caption: str) -> Filled:
    """The cells' means by `index` and their `column`; the best of each column is bold.

    ▲ and ▼ mark a significant gain over and loss against the declared baseline; a letter names a row with the same
    first stage that is significantly outperformed and is not the baseline.
    """
    index, columns = list(index), cells["column"].unique().tolist()
    rows = cells[index].drop_duplicates().reset_index(drop=True)
    lettered = len(rows) <= len(LETTERS)
    letters = dict(zip(map(tuple, rows.to_numpy()), LETTERS, strict=False)) if lettered else {}
    keys = pd.MultiIndex.from_frame(rows)

    def pivoted(value: str) -> pd.DataFrame:
        return cells.pivot(index=index, columns="column", values=value).reindex(keys)[columns].reset_index(drop=True)

    cells = cells.assign(mark=_marks(evidence, cells, index, letters))
    values, marks = pivoted("value"), pivoted("mark").fillna("")
    note = _note(evidence, cells, lettered, len(rows))
    counts = cells.loc[cells["aggregate"] == "sum", "column"].unique().tolist()
    if len(columns) > 1 and not counts and (complete := values.notna().all(axis=1)).any():
        values[AVERAGE] = values.mean(axis=1).where(complete)
        note += "" if complete.all() else f" {MISSING}: not in the grid; rows with a gap have no average."
    bold = values.eq(values.max()) & (values.notna().sum() > 1)
    lead = rows.map(evidence.shown)
    if any(marks[column].str.contains("[a-z]").any() for column in columns):
        lead.insert(0, "", [letters[tuple(row)] for row in rows.to_numpy()])
    return Filled(lead, values, caption, note, bold, marks, counts)


def _marks(
    evidence: Evidence, cells: pd.DataFrame, index: list[str], letters: Mapping[tuple[str, ...], str]
) -> list[str]:
    """The marks of each cell."""
    compared = evidence.significance
    outperformed: dict[tuple[str, ...], list[str]] = {}
    signs: dict[tuple[str, ...], str] = {}
    for row in compared[compared["p_t_holm"] < ALPHA].to_dict("records"):
        ours, theirs = row, row | {"reranker": row["baseline"]}
        if row["family"] == DECLARED:
            signs[tuple(row[name] for name in CELL)] = GAIN if row["difference"] > 0 else LOSS
        elif row["family"] == PAIRS:
            winner, loser = (ours, theirs) if row["difference"] > 0 else (theirs, ours)
            letter = letters.get(tuple(loser[name] for name in index), "")
            outperformed.setdefault(tuple(winner[name] for name in CELL), []).append(letter)
    keys = [tuple(cell) for cell in cells[CELL].to_numpy()]
    return ["".join(sorted(outperformed.get(key, []))) + signs.get(key, "") for key in keys]


def _note(evidence: Evidence, cells: pd.DataFrame, lettered: bool, rows: int) -> str:
    """Definitions of the numbers."""
    described = cells.groupby("measure", sort=False).agg(
        queries=("queries", "max"), least=("queries", "min"), collections=("collection", "unique")
    )
    measures = "; ".join(
        f"{measure} over {row.queries if row.least == row.queries else f'{row.least} to {row.queries}'} queries"
        + (f" ({', '.join(map(evidence.shown, row.collections))})" if len(described) > 1 else "")
        for measure, row in described.iterrows()
    )
    judged = cells["judged_at_10"]
    text = (
        f"{measures}; a query that a run lacks counts 0. Of the first ten passages, {judged.min():.0%} to "
        f"{judged.max():.0%} are judged. Bold: best of a column. {GAIN} significant gain, {LOSS} significant loss "
        f"against the declared baseline (p < {ALPHA}, paired t-test, Holm-corrected over the experiment)"
    )
    if lettered:
        return f"{text}; letters name other rows with the same first stage that are significantly outperformed."
    return f"{text}. Other pairs are in significance.csv: letters name at most {len(LETTERS)} rows, here are {rows}."
