"""Effectiveness by how much a model reasons."""

from typing import TYPE_CHECKING, Any, ClassVar

from rankk.report.figures.base import Figure, nothing
from rankk.report.style import Drawn

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.report.evidence import Evidence

NARROWEST, HEIGHT = 2.6, 2.2
NO_LIMIT = "∞"


class Scaling(Figure):
    """Test-time scaling: effectiveness by output tokens of rerankers that differ in thinking budget and samples alone.

    The dashed frontier joins what nothing cheaper equals, so that a larger budget and more samples can be compared.
    """

    name: ClassVar[str] = "scaling"
    title: ClassVar[str] = "Test-time scaling"
    needs: ClassVar[str] = "summary"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether rerankers differ in nothing but their thinking budgets and samples."""
        return bool(experiment.test_time)

    def plot(self, evidence: "Evidence") -> Drawn:
        """A panel per collection and query language; a line a model's budgets, another one its samples."""
        from rankk.report.evidence import CELL, PANEL
        from rankk.report.figures.cost import frontier
        from rankk.report.style import (
            COLOURS,
            MARKERS,
            between,
            capacity,
            label,
            left_out,
            legend,
            panels,
            title,
        )

        rows = evidence.summary
        rows = rows[rows["reranker"].isin(list(evidence.test_time)) & (rows["output_tokens"].fillna(0) > 0)].copy()
        if rows.empty:
            return nothing(self.title, rows, self.width)
        rows["tokens_per_query"] = rows["output_tokens"] / rows["queries"]
        for position, name in enumerate(("model", "thinking_tokens", "samples")):
            rows[name] = [evidence.test_time[reranker][position] for reranker in rows["reranker"]]
        series = [
            (model, varied) for model in dict.fromkeys(rows["model"]) for varied in ("thinking budget", "samples")
        ]
        groups = list(rows.groupby(PANEL, sort=False))
        most = capacity(HEIGHT, self.width, NARROWEST)
        figure, axes = panels(min(len(groups), most), narrowest=NARROWEST, height=HEIGHT, width=self.width, sharex=True)
        for axis, (names, group) in zip(axes, groups, strict=False):
            for number, (model, varied) in enumerate(series):
                for retriever, points in group[group["model"] == model].groupby("retriever", sort=False):
                    line = points[points["samples"] == 1] if varied == "thinking budget" else _sampled(points)
                    line = line.sort_values("tokens_per_query")
                    if len(line) < 2:
                        continue
                    several = group["retriever"].nunique() > 1
                    named = ", ".join(
                        [evidence.shown(model), *([evidence.shown(retriever)] if several else []), varied]
                    )
                    axis.errorbar(
                        line["tokens_per_query"],
                        line["value"],
                        yerr=[line["value"] - line["low"], line["high"] - line["value"]],
                        fmt=f"{MARKERS[number % len(MARKERS)]}-",
                        color=COLOURS[number % len(COLOURS)],
                        label=named,
                    )
                    for place, row in enumerate(line.to_dict("records")):
                        _mark(axis, row, varied, place)
            best = group.iloc[frontier(group["tokens_per_query"], group["value"])]
            axis.plot(best["tokens_per_query"], best["value"], color="#555555", linestyle="--", zorder=0)
            axis.margins(x=0.12, y=0.25)
            title(axis, ", ".join(map(evidence.shown, names)))
        axes[0].set_xscale("log")
        measures = " / ".join(rows["measure"].unique())
        label(axes, "output tokens per query", measures)
        legend(figure)
        caption = (
            f"Mean {measures} by output tokens per query, reasoning included, of rerankers that differ in thinking "
            "budget (numbers: tokens per call, ∞: no limit) or samples per window (× number) alone. Dashed: the "
            "frontier, points that no cheaper one equals. Whiskers: 95 % bootstrap intervals of the mean. "
            f"n = {between(rows['queries'])} queries per point." + left_out(most, len(groups), "panels")
        )
        columns = [*CELL, "measure", "model", "thinking_tokens", "samples", "tokens_per_query", "value", "low", "high"]
        alt = "Lines of effectiveness by output tokens: " + "; ".join(
            f"{evidence.shown(row['reranker'])} {row['tokens_per_query']:.0f} tokens, {row['value']:.3f}"
            for row in rows.head(12).to_dict("records")
        )
        return Drawn(figure, rows[columns], caption, alt)


def _sampled(points: Any) -> Any:
    """Rerankers of several samples, with the ones of one sample and the same budget before them."""
    sampled = points[points["samples"] > 1]
    return points[points["thinking_tokens"].isin(sampled["thinking_tokens"])] if len(sampled) else sampled


def _mark(axis: Any, row: dict[str, Any], varied: str, place: int) -> None:
    """What a point was made with: budgets above the whiskers, samples below them; neighbours at two heights."""
    budget = row["thinking_tokens"]
    step = 2 + 7 * (place % 2)
    if varied == "samples":
        text, value, offset = f"×{row['samples']}", row["low"], (0, -step - 6)
    else:
        limited = budget is not None and budget == budget  # NaN differs from itself
        text, value, offset = f"{budget:.0f}" if limited else NO_LIMIT, row["high"], (0, step)
    axis.annotate(text, (row["tokens_per_query"], value), offset, textcoords="offset points", ha="center", fontsize=6)
