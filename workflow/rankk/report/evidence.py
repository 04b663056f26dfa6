"""An experiment's tables, as figures and tables read them. pandas is imported when a table is read."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from rankk.grouping import families
from rankk.languages import LANGUAGES
from rankk.paths import FIRST_STAGE

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
SYSTEM = ["retriever", "reranker"]
CELL = ["collection", "language", *SYSTEM]
STAGE = ["collection", "language", "retriever"]
PANEL = ["collection", "language"]
REPEATED = dict.fromkeys([*CELL, "measure", "outcome", "finish_reason", "cause"], "category")
"""Columns with few distinct values, which are stored as categories to save memory."""


@dataclass(frozen=True)
class Evidence:
    """Tables by name (`rankk.evaluation.experiment.COLUMNS`), read when they are needed.

    `passage_languages`: by collection. `names`: display names of collections, retrievers and rerankers; others are
    shown by their id. `others`: rows of config/reference/published.csv. `test_time`: see `Experiment.test_time`.
    """

    files: Mapping[str, str]
    passage_languages: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[Mapping[str, str]] = ()
    test_time: Mapping[str, tuple[str, int | None, int]] = field(default_factory=dict)

    def _read(self, table: str, *left_out: str) -> "pd.DataFrame":
        """A table without some of its columns; ids stay texts."""
        import pandas as pd

        types = {"qid": str, "docid": str, "repairs": str, "budget_fired": bool}
        return pd.read_csv(
            self.files[table],
            dtype=types | (REPEATED if table in ("per_query", "calls", "movement", "causes") else {}),
            usecols=lambda column: column not in left_out,
            keep_default_na=False,
            na_values=[""],
        )

    def shown(self, name: str) -> str:
        """Name of a collection (or family of them), retriever or reranker, or of a query language, for readers."""
        if name == FIRST_STAGE:
            return "first stage"
        family, bracket, rest = name.partition(" (")
        return self.names.get(name) or LANGUAGES.get(name) or self._families.get(family, family) + bracket + rest

    def system(self, cell: Mapping[str, str]) -> str:
        """Names of a cell's first stage and reranker. `cell`: ids by column (`CELL`)."""
        return " + ".join(self.shown(cell[name]) for name in SYSTEM)

    def described(self, cell: Mapping[str, str]) -> str:
        """Names of a cell."""
        return f"{self.system(cell)} on {', '.join(self.shown(cell[name]) for name in PANEL)}"

    @cached_property
    def _families(self) -> dict[str, str]:
        """Names of families of collections: the words with which their titles begin alike."""
        titles: dict[str, list[list[str]]] = {}
        for name, family in families(self.names).items():
            if family != name:
                titles.setdefault(family, []).append(self.names[name].split())
        common = {family: os.path.commonprefix(words) for family, words in titles.items()}  # noqa: RUF071 (of words)
        return {family: " ".join(words) for family, words in common.items() if words}

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row per cell, for its collection's first measure."""
        return self._main(self._read("summary"))

    @cached_property
    def measures(self) -> dict[str, list[str]]:
        """Measures by collection, in the configured order."""
        table = self._read("summary")[["collection", "measure"]].drop_duplicates()
        return {str(name): rows["measure"].tolist() for name, rows in table.groupby("collection", sort=False)}

    @cached_property
    def per_query(self) -> "pd.DataFrame":
        """One row per cell and query, for its collection's first measure."""
        return self._main(self._read("per_query"))

    @cached_property
    def significance(self) -> "pd.DataFrame":
        """One row per comparison, for its collection's first measure."""
        return self._main(self._read("significance"))

    @cached_property
    def calls(self) -> "pd.DataFrame":
        """One row per call."""
        return self._read("calls", "repairs", "finish_reason", "prompt_tokens", "seconds")

    @cached_property
    def movement(self) -> "pd.DataFrame":
        """One row per cell and relevant passage."""
        return self._read("movement", "qid", "docid")

    @cached_property
    def causes(self) -> "pd.DataFrame":
        """One row per reranked cell and query."""
        return self._read("causes", "qid", "docid")

    @cached_property
    def resources(self) -> "pd.DataFrame":
        """One row per job."""
        return self._read("resources")

    @cached_property
    def published(self) -> "pd.DataFrame":
        """One row per cell and measure of the summary that somebody published: both values, source and setting."""
        import pandas as pd

        summary = self._read("summary")[[*CELL, "measure", "value", "low", "high"]].rename(columns={"value": "ours"})
        theirs = pd.DataFrame(list(self.others)).rename(columns={"value": "published"}).astype({"published": float})
        return summary.merge(theirs, on=[*CELL, "measure"])

    @cached_property
    def gains(self) -> "pd.DataFrame":
        """One row per reranked cell and query: `value`, its baseline's `base` and the `gain`."""
        per_query = self.per_query.astype(dict.fromkeys(CELL, str))
        rows = per_query[per_query["reranker"] != FIRST_STAGE]
        rows = rows.merge(self.summary[[*CELL, "baseline"]], on=CELL, how="left")
        base = per_query.rename(columns={"reranker": "baseline", "value": "base"}).drop(columns="measure")
        rows = rows.merge(base, on=[*STAGE, "baseline", "qid"], how="left")
        return rows.assign(gain=rows["value"] - rows["base"])

    @cached_property
    def difficulty(self) -> "pd.DataFrame":
        """One row per first stage and query: its quarter of the queries by the first stage's second measure.

        Quarter 1 holds the queries that the first stage does worst on. The first measure is the gain's own: quarters
        chosen by it would show regression to the mean. Queries of equal value share a quarter, so that quarters differ
        in size. Collections with a single measure have no rows.
        """
        import numpy as np

        table = self._read("per_query").astype(dict.fromkeys([*CELL, "measure"], str))
        second = {name: measures[1] for name, measures in self.measures.items() if len(measures) > 1}
        first = table[(table["reranker"] == FIRST_STAGE) & (table["measure"] == table["collection"].map(second))]
        share = first.groupby(STAGE, sort=False)["value"].rank(method="average", pct=True)
        return first.assign(quarter=np.ceil(share * 4).clip(1, 4).astype(int))[[*STAGE, "qid", "quarter"]]

    def _main(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """The rows of each collection's first measure."""
        first = {name: measures[0] for name, measures in self.measures.items()}
        measure = table["measure"].astype(str)
        return table[measure == table["collection"].astype(str).map(first)].reset_index(drop=True)


def with_families(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows with each collection's family (`rankk.grouping.families`) in the column `collection`."""
    collections = rows["collection"].astype(str)
    return rows.assign(collection=collections.map(families(collections.unique())))
