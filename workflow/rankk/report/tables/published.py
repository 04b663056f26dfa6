"""Results that others published."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rankk.report.evidence import CELL, Evidence
from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.experiment import Experiment


class Published(Table):
    """One row per cell that others published: their value, our value, and their source."""

    name: ClassVar[str] = "published"
    title: ClassVar[str] = "Published results"

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether config/reference/published.csv has results of the experiment's cells."""
        return bool(published)

    def fill(self, evidence: Evidence) -> Filled:
        """Both values side by side."""
        rows = evidence.published
        lead = rows[[*CELL, "measure", "source", "setting"]].astype(str)
        lead[CELL] = lead[CELL].map(evidence.shown)
        caption = "Results published by others beside ours."
        return Filled(lead, rows[["published", "ours"]], caption, "Settings differ where the column says so.")
