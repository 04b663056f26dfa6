"""An experiment's tables, as figures and tables read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from rankk.paths import FIRST_STAGE

ALPHA = 0.05
SYSTEM = ["retriever", "reranker"]
CELL = ["collection", "language", *SYSTEM]
STAGE = ["collection", "language", "retriever"]


@dataclass(frozen=True)
class Evidence:
    """Tables by name (`rankk.evaluation.experiment.COLUMNS`), read when they are needed.

    `passage_languages`: by collection. `others`: rows of config/reference/published.csv.
    """

    files: Mapping[str, str]
    passage_languages: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[Mapping[str, str]] = ()

    def _read(self, name: str) -> pd.DataFrame:
        types = {"qid": str, "docid": str, "budget_fired": bool}
        return pd.read_csv(self.files[name], dtype=types, keep_default_na=False, na_values=[""])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a cell, for its collection's first measure."""
        return main_measure(self._read("summary"))

    @cached_property
    def per_query(self) -> pd.DataFrame:
        """One row a cell and query, for its collection's first measure."""
        return main_measure(self._read("per_query"))

    @cached_property
    def significance(self) -> pd.DataFrame:
        """One row a comparison, for its collection's first measure."""
        table = self._read("significance")
        first = self.summary.drop_duplicates("collection").set_index("collection")["measure"]
        return table[table["measure"] == table["collection"].map(first)].reset_index(drop=True)

    @cached_property
    def calls(self) -> pd.DataFrame:
        """One row a call."""
        return self._read("calls")

    @cached_property
    def movement(self) -> pd.DataFrame:
        """One row a cell and relevant passage."""
        return self._read("movement")

    @cached_property
    def resources(self) -> pd.DataFrame:
        """One row a job."""
        return self._read("resources")

    @cached_property
    def published(self) -> pd.DataFrame:
        """One row a cell and measure of the summary that somebody published: both values, source and setting."""
        summary = self._read("summary")[[*CELL, "measure", "value", "low", "high"]].rename(columns={"value": "ours"})
        theirs = pd.DataFrame(list(self.others)).rename(columns={"value": "published"}).astype({"published": float})
        return summary.merge(theirs, on=[*CELL, "measure"])

    @cached_property
    def gains(self) -> pd.DataFrame:
        """One row a reranked cell and query: `value`, its baseline's `base`, the `gain`, the first stage's `first`."""
        values = self.per_query.set_index([*CELL, "qid"])["value"]
        rows = self.per_query[self.per_query["reranker"] != FIRST_STAGE].merge(
            self.summary[[*CELL, "baseline"]], on=CELL, how="left"
        )
        for column, other in (("base", rows["baseline"]), ("first", FIRST_STAGE)):
            keys = rows.assign(reranker=other)[[*CELL, "qid"]]
            rows[column] = values.reindex(pd.MultiIndex.from_frame(keys)).to_numpy()
        return rows.assign(gain=rows["value"] - rows["base"])

    @cached_property
    def difficulty(self) -> pd.DataFrame:
        """One row a first stage and query: its own effectiveness and the quarter of the queries it falls in.

        Quarter 1 holds the queries that the first stage does worst on; queries of equal value stand in topic order.
        """
        first = self.per_query[self.per_query["reranker"] == FIRST_STAGE].copy()
        place = first.groupby(STAGE, sort=False)["value"].rank(method="first")
        number = first.groupby(STAGE, sort=False)["value"].transform("size")
        first["quarter"] = ((place - 1) * 4 // number + 1).astype(int)
        return first[[*STAGE, "qid", "value", "quarter"]].rename(columns={"value": "first"})


def main_measure(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each collection's first measure."""
    first = table.groupby("collection")["measure"].transform("first")
    return table[table["measure"] == first].reset_index(drop=True)


def shown(reranker: str) -> str:
    """A reranker's name for readers."""
    return "first stage" if reranker == FIRST_STAGE else reranker
