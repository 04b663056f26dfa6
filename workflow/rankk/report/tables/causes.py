"""Why queries did not gain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rankk.evaluation.causes import Cause
from rankk.report.condense import pooled_by_family
from rankk.report.evidence import CELL, Evidence
from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.experiment import Experiment


class Causes(Table):
    """One row per reranked cell: queries that gained, and why the others did not."""

    name: ClassVar[str] = "causes"
    title: ClassVar[str] = "Why queries did not gain"

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether anything is reranked."""
        return any(cell.reranked for cell in experiment.cells)

    def fill(self, evidence: Evidence) -> Filled:
        """Queries by cause."""
        import pandas as pd

        rows, pooled = pooled_by_family(evidence.causes.astype(dict.fromkeys([*CELL, "cause"], str)))
        names = [cause.value for cause in Cause]
        table = rows.groupby([*CELL, "cause"], sort=False).size().unstack("cause").reindex(columns=names).fillna(0)
        table = table.astype(int).reset_index()
        lead = pd.DataFrame(table[CELL].map(evidence.shown))
        note = (
            "Queries of each cell; the first cause that applies counts. The last two explain losses by the answer that "
            "decided on the relevant passage that lost most: position bias where it put first an irrelevant passage "
            f"from the last fifth of its window, else demoted.{pooled}"
        )
        return Filled(lead, table[names], "Gains, and causes of missing ones, by queries.", note, counts=names)
