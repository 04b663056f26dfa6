"""Means by query language."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rankk.report.evidence import SYSTEM, Evidence
from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.experiment import Experiment


class Languages(Table):
    """One row per system and collection with queries in several languages, one column per language."""

    name: ClassVar[str] = "languages"
    title: ClassVar[str] = "Effectiveness by language"

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether there are queries in more than one language."""
        return len({cell.language for cell in experiment.cells}) > 1

    def fill(self, evidence: Evidence) -> Filled:
        """Means of each collection's first measure."""
        from rankk.report.means import means

        cells = evidence.summary
        several = cells.groupby("collection")["language"].transform("nunique") > 1
        cells = cells[several] if several.any() else cells
        cells = cells.assign(column=cells["language"].map(evidence.shown))
        return means(evidence, cells, ["collection", *SYSTEM], "Mean effectiveness by query language.")
