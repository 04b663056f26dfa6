"""Position in the window of the passage that an answer puts first."""

from typing import TYPE_CHECKING

from rankk.report.evidence import CELL

if TYPE_CHECKING:
    import pandas as pd

FIFTHS = 5
NAMES = ["first fifth", "2nd", "3rd", "4th", "last fifth"]


def first_calls(calls: "pd.DataFrame", by: list[str] = CELL) -> "pd.DataFrame":
    """Share of the queries' first calls whose top passage stood in each fifth of the window, and their number.

    Only the first call of a query counts: later windows hold passages that earlier answers moved. Where a window's size
    is no multiple of five, a passage on the border of two fifths counts for both in proportion, so that answers without
    a position bias always give a fifth to each.
    """
    calls = calls[(calls["call"] == 0) & (calls["size"] >= FIFTHS) & calls["first"].notna()]
    ends = calls["first"] * FIFTHS / calls["size"]  # a passage's place in the window, in fifths
    begins = (calls["first"] - 1) * FIFTHS / calls["size"]
    parts = {
        name: (ends.clip(upper=number + 1) - begins.clip(lower=number)).clip(lower=0) / (ends - begins)
        for number, name in enumerate(NAMES)
    }
    grouped = calls.assign(**parts).groupby(by, sort=False, observed=True)
    table = grouped[NAMES].mean().assign(calls=grouped.size())
    return table.reset_index().astype(dict.fromkeys(by, str))
