"""Paired differences from the declared baselines."""

from collections.abc import Iterable
from typing import ClassVar

from rankk.evaluation.experiment import DECLARED
from rankk.report.dots import dots
from rankk.report.evidence import ALPHA, CELL, Evidence
from rankk.report.figures.base import Figure
from rankk.report.style import Drawn, between


class Differences(Figure):
    """Forest plot: mean paired difference of every reranked cell from its baseline, with Holm's marks."""

    name: ClassVar[str] = "differences"
    title: ClassVar[str] = "Differences from the baseline"
    needs: ClassVar[str] = "significance"

    def plot(self, evidence: Evidence) -> Drawn:
        """Points with intervals; ▲ marks a significant gain and ▼ a significant loss (Holm-corrected)."""
        rows = evidence.significance
        rows = rows[rows["family"] == DECLARED]
        rows = rows.rename(columns={"difference": "value", "difference_low": "low", "difference_high": "high"})
        significant = rows["p_t_holm"] < ALPHA
        rows = rows.assign(
            gained=(significant & (rows["value"] > 0)).astype(int), lost=(significant & (rows["value"] < 0)).astype(int)
        )
        measures = " / ".join(rows["measure"].unique())
        figure, axes, note = dots(evidence, rows.assign(filled=True), self.width, f"difference in {measures}")
        for axis in axes:
            axis.axvline(0, color="black", linewidth=0.5, zorder=1)
        baselines = ", ".join(evidence.shown(name) for name in rows["baseline"].unique())
        caption = (
            f"Mean paired difference in {measures} from the declared baseline ({baselines}), with 95 % bootstrap "
            f"intervals over the same queries. ▲ significant gain, ▼ significant loss: p < {ALPHA}, paired t-test, "
            f"Holm-corrected over the {rows['p_t'].notna().sum()} comparisons of the experiment with a baseline. n = "
            f"{between(rows['queries'])} queries per comparison.{note}"
        )
        alt = (
            f"Forest plot of {len(rows)} differences: {rows['gained'].sum()} significant gains, {rows['lost'].sum()} "
            f"significant losses. Largest: "
            + "; ".join(
                f"{' + '.join(evidence.shown(name) for name in row[:4])} {row[4]:+.3f}"
                for row in _extremes(rows[[*CELL, "value"]].itertuples(index=False, name=None))
            )
        )
        columns = [*CELL, "baseline", "measure", "queries", "value", "low", "high", "p_t", "p_t_holm"]
        data = rows[columns].rename(columns={"value": "difference", "low": "difference_low", "high": "difference_high"})
        return Drawn(figure, data, caption, alt)


def _extremes(rows: Iterable[tuple[str, str, str, str, float]]) -> list[tuple[str, str, str, str, float]]:
    ordered = sorted(rows, key=lambda row: row[4])
    return [ordered[-1], ordered[0]] if len(ordered) > 1 else ordered
