"""Effectiveness by how much a model reasons."""

from typing import TYPE_CHECKING, Any, ClassVar

from rankk.report.evidence import CELL, Evidence
from rankk.report.figures.base import Figure, nothing
from rankk.report.figures.cost import frontier
from rankk.report.style import (
    COLOURS,
    MARKERS,
    Drawn,
    between,
    capacity,
    label,
    left_out,
    legend,
    panels,
    title,
)

if TYPE_CHECKING:
    from rankk.experiment import Experiment

NARROWEST, HEIGHT = 2.6, 2.2
NO_LIMIT = "∞"
BUDGETS, SAMPLES = "thinking budget", "samples"
STAGE = ["collection", "language", "retriever"]


class Scaling(Figure):
    """Test-time scaling: effectiveness by output tokens of rerankers that differ in thinking budget and samples alone.

    The dashed frontier joins the points that no cheaper point equals, to compare larger budgets with more samples.
    """

    name: ClassVar[str] = "scaling"
    title: ClassVar[str] = "Test-time scaling"
    needs: ClassVar[str] = "summary"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether rerankers differ in nothing but their thinking budgets and samples."""
        return bool(experiment.test_time)

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per first stage; a line for a model's budgets, and one for its samples at each budget."""
        rows = evidence.summary
        rows = rows[rows["reranker"].isin(list(evidence.test_time)) & (rows["output_tokens"].fillna(0) > 0)].copy()
        if rows.empty:
            return nothing(self.title, rows, self.width)
        rows["tokens_per_query"] = rows["output_tokens"] / rows["queries_reranked"]
        for position, name in enumerate(("model", "thinking_tokens", "samples")):
            rows[name] = [evidence.test_time[reranker][position] for reranker in rows["reranker"]]
        groups = sorted(rows.groupby(STAGE, sort=False), key=lambda group: -len(group[1]))  # most points first
        most = capacity(HEIGHT, self.width, NARROWEST)
        figure, axes = panels(min(len(groups), most), narrowest=NARROWEST, height=HEIGHT, width=self.width, sharex=True)
        series = _series(rows)
        for axis, (names, group) in zip(axes, groups, strict=False):
            for number, (model, varied, budget) in enumerate(series):
                line = _line(group[group["model"] == model], varied, budget)
                if len(line) < 2:
                    continue
                axis.errorbar(
                    line["tokens_per_query"],
                    line["value"],
                    yerr=[line["value"] - line["low"], line["high"] - line["value"]],
                    fmt=f"{MARKERS[number % len(MARKERS)]}-",
                    color=COLOURS[number % len(COLOURS)],
                    label=f"{evidence.shown(model)}, {_named(varied, budget)}",
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


def _series(rows: Any) -> list[tuple[str, str, float | None]]:
    """Lines of the figure: each model's budgets, and its samples at every budget that has some."""
    lines: list[tuple[str, str, float | None]] = []
    for model in dict.fromkeys(rows["model"]):
        sampled = rows[(rows["model"] == model) & (rows["samples"] > 1)]
        budgets = sorted(
            {_budget(value) for value in sampled["thinking_tokens"]}, key=lambda value: (value is None, value)
        )
        lines += [(model, BUDGETS, None), *((model, SAMPLES, budget) for budget in budgets)]
    return lines


def _line(points: Any, varied: str, budget: float | None) -> Any:
    """The points of a line, by tokens: one sample at every budget, or all samples at one budget."""
    if varied == BUDGETS:
        chosen = points[points["samples"] == 1]
    else:
        chosen = points[[_budget(value) == budget for value in points["thinking_tokens"]]]
    return chosen.sort_values("tokens_per_query")


def _budget(value: Any) -> float | None:
    """A thinking budget in tokens; None where there is no limit (pandas writes NaN)."""
    return None if value is None or value != value else float(value)


def _named(varied: str, budget: float | None) -> str:
    if varied == BUDGETS:
        return varied
    limit = "without a thought" if budget == 0 else "without a limit" if budget is None else f"with {budget:.0f} tokens"
    return f"{varied} {limit}"


def _mark(axis: Any, row: dict[str, Any], varied: str, place: int) -> None:
    """What a point was made with: budgets above the whiskers, samples below them; neighbours at two heights."""
    step = 2 + 7 * (place % 2)
    if varied == SAMPLES:
        text, value, offset = f"×{row['samples']}", row["low"], (0, -step - 6)
    else:
        budget = _budget(row["thinking_tokens"])
        text, value, offset = NO_LIMIT if budget is None else f"{budget:.0f}", row["high"], (0, step)
    axis.annotate(text, (row["tokens_per_query"], value), offset, textcoords="offset points", ha="center", fontsize=6)
