"""Large grids on one page: values of collections averaged by family."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rankk.report.evidence import PANEL, SYSTEM, with_families
from rankk.report.style import COLOURS, left_out

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 47
"""Rows of a table that one page holds."""
NOTE = (
    " Collections of one family (the same first letters in their names) are averaged, of systems that have all of "
    "them; intervals combine the collections' as independent ones. The data file holds every cell."
)


def by_family(rows: "pd.DataFrame", most: int, extra: Sequence[str] = ()) -> "tuple[pd.DataFrame, str]":
    """At most `most` panels (collection × language), and a sentence on what was done.

    `rows`: one per cell and per value of the `extra` columns, with `value`, `low`, `high` and `queries`. Where there
    are more panels, each value is the mean over the collections of a family, and `collection` says how many they are.
    """
    if rows[PANEL].drop_duplicates().shape[0] <= most:
        return rows, ""
    key = ["family", "language"]
    rows = rows.assign(family=with_families(rows)["collection"])
    rows = rows.assign(below=(rows["value"] - rows["low"]) ** 2, above=(rows["high"] - rows["value"]) ** 2)
    grouped = rows.groupby([*key, *SYSTEM, *extra], sort=False)
    table = grouped.agg(
        value=("value", "mean"),
        below=("below", "sum"),
        above=("above", "sum"),
        queries=("queries", "sum"),
        measure=("measure", lambda names: " / ".join(dict.fromkeys(names))),
        collections=("collection", "nunique"),
    ).reset_index()
    for column in {"gained", "lost"} & set(rows.columns):
        table[column] = grouped[column].sum().to_numpy()
    table["low"] = table["value"] - table["below"] ** 0.5 / table["collections"]
    table["high"] = table["value"] + table["above"] ** 0.5 / table["collections"]
    table = table[table["collections"] == table.groupby(key)["collections"].transform("max")]
    several = table["collections"] > 1
    label = table["family"] + (" (" + table["collections"].astype(str) + " collections)").where(several, "")
    return table.assign(collection=label), NOTE


def pooled_by_family(rows: "pd.DataFrame") -> "tuple[pd.DataFrame, str]":
    """Rows of cells, with families in place of collections where there are more cells than a page has lines.

    Returns a sentence on it too, empty where nothing was done.
    """
    if rows[[*PANEL, *SYSTEM]].drop_duplicates().shape[0] <= MOST_CELLS:
        return rows, ""
    return with_families(rows), " Collections are added up by family; the experiment's data file holds every cell."


def few_rerankers(rows: "pd.DataFrame") -> "tuple[pd.DataFrame, str]":
    """The rows of as many rerankers as there are colours, and a sentence on the others."""
    names = list(rows["reranker"].unique())
    shown = names[: len(COLOURS)]
    return rows[rows["reranker"].isin(shown)], left_out(len(shown), len(names), "rerankers")
