"""Effectiveness against cost."""

from typing import TYPE_CHECKING, Any, ClassVar

from rankk.paths import FIRST_STAGE
from rankk.report.condense import by_family, few_rerankers
from rankk.report.evidence import CELL, PANEL, Evidence
from rankk.report.figures.base import Figure, Subject, nothing
from rankk.report.style import Drawn, Series, between, capacity, label, left_out, panels, title

if TYPE_CHECKING:
    from rankk.experiment import Experiment

NARROWEST, HEIGHT = 2.2, 1.8
WIDE = 5  # ratio of the largest to the smallest cost from which costs are drawn on a log scale


class Cost(Figure):
    """Effectiveness by output tokens per query, with the frontier of points that no cheaper point equals."""

    name: ClassVar[str] = "cost"
    title: ClassVar[str] = "Effectiveness against cost"
    subject: ClassVar[Subject] = "cost"
    needs: ClassVar[str] = "summary"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether at least two systems that ask a model can be compared."""
        reranked = {cell.reranker for cell in experiment.cells if cell.reranked}
        asked = [name for name in reranked if experiment.rerankers[name].backend.asks_model]
        return len(asked) > 1

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per collection and query language; seconds are in the data alone."""
        rows = evidence.summary[evidence.summary["output_tokens"].fillna(0) > 0].copy()
        if rows.empty:
            return nothing(self.title, rows, self.width)
        for name in ("tokens", "seconds", "gpu_seconds"):  # queries without judgments cost as much
            spent = rows["output_tokens" if name == "tokens" else name]
            rows[f"{name}_per_query"] = spent / rows["queries_reranked"]
        most = capacity(HEIGHT, self.width, NARROWEST)
        few, left = few_rerankers(rows)
        drawn, note = by_family(few, most)
        if note:  # costs of the same cells are averaged as their effectiveness is
            costs, _ = by_family(few.assign(value=few["tokens_per_query"]), most)
            drawn = drawn.assign(tokens_per_query=costs["value"])
        first, _ = by_family(evidence.summary[evidence.summary["reranker"] == FIRST_STAGE], 0 if note else 10**6)
        groups = list(drawn.groupby(PANEL, sort=False))
        note += left + left_out(most, len(groups), "panels")
        figure, axes = panels(min(len(groups), most), narrowest=NARROWEST, height=HEIGHT, width=self.width, sharex=True)
        series = Series(few, evidence.shown)
        for axis, (names, group) in zip(axes, groups, strict=False):
            for row in group.to_dict("records"):
                axis.plot(
                    row["tokens_per_query"],
                    row["value"],
                    **series.style(row["retriever"], row["reranker"]),
                )
            best = frontier(group["tokens_per_query"], group["value"])
            line = group.iloc[best]
            axis.plot(line["tokens_per_query"], line["value"], color="#555555", linestyle="--", zorder=0)
            for value in first[(first[PANEL] == list(names)).all(axis=1)]["value"]:
                axis.axhline(value, color="#999999", linestyle=":", linewidth=0.8)
            axis.margins(x=0.15, y=0.15)
            title(axis, ", ".join(map(evidence.shown, names)))
        if drawn["tokens_per_query"].max() > WIDE * drawn["tokens_per_query"].min():
            axes[0].set_xscale("log")
        measures = " / ".join(rows["measure"].unique())
        label(axes, "output tokens per query", measures)
        series.legend(figure)
        data = rows[[*CELL, "measure", "value", "low", "high", "queries"]].copy()
        for name in ("tokens_per_query", "seconds_per_query", "gpu_seconds_per_query"):
            data[name] = rows[name]
        data["on_frontier"] = False
        for _, group in rows.groupby(PANEL, sort=False):
            data.loc[group.index[frontier(group["tokens_per_query"], group["value"])], "on_frontier"] = True
        caption = (
            f"Mean {measures} against output tokens per query, reasoning included. Dashed: the frontier, systems that "
            "no cheaper one equals. Dotted: the first stages alone. Seconds are in the data file: those of cells that "
            f"ran side by side are not comparable. n = {between(rows['queries'])} queries per point." + note
        )
        alt = "Scatter plots of effectiveness against output tokens. On the frontier: " + "; ".join(
            f"{' + '.join(evidence.shown(name) for name in row[:4])} ({row[4]:.0f} tokens, {row[5]:.3f})"
            for row in data[data["on_frontier"]][[*CELL, "tokens_per_query", "value"]]
            .head(12)
            .itertuples(index=False, name=None)
        )
        return Drawn(figure, data, caption, alt)


def frontier(costs: Any, values: Any) -> list[int]:
    """Positions of the points that no cheaper or equally cheap point equals or beats, from cheap to dear."""
    costs, values = list(costs), list(values)
    chosen, best = [], float("-inf")
    for position in sorted(range(len(costs)), key=lambda i: (costs[i], -values[i])):
        if values[position] > best:
            chosen.append(position)
            best = values[position]
    return chosen
