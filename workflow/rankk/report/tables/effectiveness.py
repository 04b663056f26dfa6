"""Mean of every system by collection and language."""

from typing import ClassVar

from rankk.report.evidence import SYSTEM, Evidence
from rankk.report.tables.base import Filled, Table


class Effectiveness(Table):
    """One row per system, one column per collection and query language, and their average where a row is complete."""

    name: ClassVar[str] = "effectiveness"
    title: ClassVar[str] = "Mean effectiveness"

    def fill(self, evidence: Evidence) -> Filled:
        """Means of each collection's first measure."""
        from rankk.report.means import means

        cells = evidence.summary
        languages = cells["language"].nunique() > 1
        columns = cells["collection"].map(evidence.shown)
        if languages:
            columns += ", " + cells["language"].map(evidence.shown)
        return means(evidence, cells.assign(column=columns), SYSTEM, "Mean effectiveness of all systems.")
