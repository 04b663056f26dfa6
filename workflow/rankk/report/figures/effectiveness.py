"""Mean of every system."""

from typing import TYPE_CHECKING, ClassVar

from rankk.paths import FIRST_STAGE
from rankk.report.dots import dots
from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure
from rankk.report.style import Drawn, between

if TYPE_CHECKING:
    from rankk.experiment import Experiment


class Effectiveness(Figure):
    """Mean effectiveness of every system with its interval, a panel per collection and query language."""

    name: ClassVar[str] = "effectiveness"
    title: ClassVar[str] = "Mean effectiveness"
    needs: ClassVar[str] = "summary"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether the experiment has any cell."""
        return bool(experiment.cells)

    def plot(self, evidence: Evidence) -> Drawn:
        """Points: means; hollow ones: the first stages."""
        rows = evidence.summary
        measures = " / ".join(rows["measure"].unique())
        figure, _, note = dots(evidence, rows.assign(filled=rows["reranker"] != FIRST_STAGE), self.width, measures)
        caption = (
            f"Mean {measures} of every system. Hollow: the first stage alone. Whiskers: 95 % bootstrap intervals of "
            f"the mean; systems that share queries are compared by their differences, not by whether intervals "
            f"overlap. A judged query that a run lacks counts 0. n = {between(rows['queries'])} queries per collection."
            f"{note}"
        )
        best = rows.loc[rows.groupby(["collection", "language"], sort=False)["value"].idxmax()].head(12)
        alt = "Dot plot of mean effectiveness. Best: " + "; ".join(
            f"{evidence.shown(row.collection)}, {evidence.shown(row.language)}: {evidence.shown(row.retriever)} + "
            f"{evidence.shown(row.reranker)}, {row.measure} {row.value:.3f}"
            for row in best.itertuples()
        )
        columns = ["collection", "language", "retriever", "reranker", "measure", "value", "low", "high", "queries"]
        return Drawn(figure, rows[columns], caption, alt)
