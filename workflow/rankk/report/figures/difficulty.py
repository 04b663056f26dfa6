"""Gains by difficulty of the queries."""

from typing import TYPE_CHECKING, ClassVar

from rankk.evaluation.statistics import mean_interval
from rankk.report.condense import by_family, few_rerankers
from rankk.report.evidence import CELL, PANEL, STAGE, SYSTEM, Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import Drawn, Series, between, capacity, label, left_out, panels, title

if TYPE_CHECKING:
    from rankk.experiment import Experiment

NARROWEST, HEIGHT = 2.2, 1.7
SMALLEST = 0.1  # smallest limit of the gain axis
QUARTERS = ["hardest", "2nd", "3rd", "easiest"]


class Difficulty(Figure):
    """Mean gain over the baseline by quarter of the queries, from the hardest for the first stage to the easiest."""

    name: ClassVar[str] = "difficulty"
    title: ClassVar[str] = "Gain by difficulty"
    subject: ClassVar[Subject] = "queries"
    needs: ClassVar[str] = "gains"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether a collection has a second measure, by which quarters are chosen."""
        return any(
            len(experiment.collections[cell.collection].measures) > 1 for cell in experiment.cells if cell.reranked
        )

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per collection and query language, a series per system."""
        import pandas as pd

        rows = evidence.gains.merge(evidence.difficulty, on=[*STAGE, "qid"])
        table = []
        for key, members in rows.groupby([*CELL, "measure", "quarter"], sort=False):
            values = members["gain"].to_numpy()
            table.append((*key, values.mean(), *mean_interval(values), len(values)))
        data = pd.DataFrame(table, columns=[*CELL, "measure", "quarter", "value", "low", "high", "queries"])
        most = capacity(HEIGHT, self.width, NARROWEST)
        drawn, left = few_rerankers(data)
        drawn, note = by_family(drawn, most, ["quarter"])
        groups = list(drawn.groupby(PANEL, sort=False))
        note += left + left_out(most, len(groups), "panels")
        figure, axes = panels(
            min(len(groups), most), narrowest=NARROWEST, height=HEIGHT, width=self.width, sharex=True, sharey=True
        )
        series = Series(drawn, evidence.shown)
        for axis, (names, group) in zip(axes, groups, strict=False):
            systems = list(group.groupby(SYSTEM, sort=False))
            for number, ((retriever, reranker), points) in enumerate(systems):
                shift = ((number + 0.5) / len(systems) - 0.5) * 0.8
                axis.errorbar(
                    points["quarter"] - 1 + shift,
                    points["value"],
                    yerr=[points["value"] - points["low"], points["high"] - points["value"]],
                    **series.style(retriever, reranker),
                )
            axis.axhline(0, color="black", linewidth=0.5)
            title(axis, ", ".join(map(evidence.shown, names)))
        axes[0].set_xticks(range(4), QUARTERS)
        widest = max(SMALLEST, float(drawn[["low", "high"]].abs().max().max()) * 1.1)
        axes[0].set_ylim(-widest, widest)
        label(axes, "queries", "mean gain")
        series.legend(figure)
        second = " / ".join(dict.fromkeys(names[1] for names in evidence.measures.values() if len(names) > 1))
        measures = " / ".join(data["measure"].astype(str).unique())
        caption = (
            f"Mean gain in {measures} over the declared baseline by difficulty: quarters of the queries by the first "
            f"stage's {second}, not by the measure of the gain, which would show regression to the mean. Queries of "
            f"equal {second} share a quarter. {between(data['queries'])} queries per point. Whiskers: "
            f"95 % bootstrap intervals.{note}"
        )
        means = data.groupby("quarter")["value"].mean()
        alt = "Mean gain by quarter, averaged over all cells: " + ", ".join(
            f"{QUARTERS[quarter - 1]} {mean:+.3f}" for quarter, mean in means.items()
        )
        return Drawn(figure, data.rename(columns={"value": "gain"}), caption, alt)
