"""Position in the window of the passage that an answer puts first."""

from typing import TYPE_CHECKING

from rankk.report.evidence import CELL

if TYPE_CHECKING:
    import pandas as pd

FIFTHS = 5
NAMES = ["first fifth", "2nd", "3rd", "4th", "last fifth"]


def first_calls(calls: "pd.DataFrame", by: list[str] = CELL) -> "pd.DataFrame":
    """Share of the queries' first calls whose top passage stood in each fifth of the window, and their number.

    Only the first call of a query counts: later windows hold passages that earlier answers moved.
    """
    calls = calls[(calls["call"] == 0) & (calls["size"] >= FIFTHS) & calls["first"].notna()]
    fifth = ((calls["first"] - 1) * FIFTHS // calls["size"]).astype(int)
    counts = calls.assign(fifth=fifth).groupby([*by, "fifth"], sort=False, observed=True).size()
    table = counts.unstack("fifth").reindex(columns=range(FIFTHS)).fillna(0).astype(float).set_axis(NAMES, axis=1)
    number = table.sum(axis=1)
    return table.div(number, axis=0).assign(calls=number.astype(int)).reset_index().astype(dict.fromkeys(by, str))
