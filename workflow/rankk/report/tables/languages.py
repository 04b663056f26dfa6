"""Means by query language."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.report.evidence import Evidence


class Languages(Table):
    """One row per collection and system, one column per query language."""

    name: ClassVar[str] = "languages"
    title: ClassVar[str] = "Effectiveness by language"

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether there are queries in more than one language."""
        return len({cell.language for cell in experiment.cells}) > 1

    def fill(self, evidence: "Evidence") -> Filled:
        """Means of each collection's first measure."""
        from rankk.report.evidence import SYSTEM
        from rankk.report.means import means

        cells = evidence.summary
        cells = cells.assign(column=cells["language"].map(evidence.shown))
        return means(evidence, cells, ["collection", *SYSTEM], "Mean effectiveness by query language.")
