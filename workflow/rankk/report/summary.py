"""An experiment's summary, as tables and figures read it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
SYSTEM = ["retriever", "reranker"]
CELL = ["collection", "language", *SYSTEM]


def read_summary(path: str | Path) -> "pd.DataFrame":
    """summary.csv; "none" names a first stage and is not a missing value."""
    import pandas as pd

    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def main_measure(summary: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of each collection's first measure."""
    first = summary.groupby("collection")["measure"].transform("first")
    return summary[summary["measure"] == first].reset_index(drop=True)
