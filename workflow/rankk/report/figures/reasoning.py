"""Length of reasoning."""

from typing import TYPE_CHECKING, ClassVar

from rankk.report.evidence import STAGE, Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import COLOURS, MARKERS, Drawn, left_out, legend, panels

if TYPE_CHECKING:
    from rankk.experiment import Experiment

MOST_PLACES = 10
QUARTERS = {1: "hardest", 2: "2nd", 3: "3rd", 4: "easiest"}


class Reasoning(Figure):
    """Tokens of reasoning by difficulty of the query, by its language and by the window's position in the list."""

    name: ClassVar[str] = "reasoning"
    title: ClassVar[str] = "Length of reasoning"
    subject: ClassVar[Subject] = "answers"
    needs: ClassVar[str] = "calls"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether a model that may think is asked."""
        asked = [experiment.rerankers[cell.reranker] for cell in experiment.cells if cell.reranked]
        return any(reranker.backend.asks_model and reranker.preset.thinking for reranker in asked)

    def plot(self, evidence: Evidence) -> Drawn:
        """Points: medians; whiskers: quartiles. Models that never thought are left out where another did."""
        import numpy as np
        import pandas as pd

        columns = [*STAGE, "reranker", "qid", "rank", "thought_tokens"]
        calls = evidence.calls[columns].astype(dict.fromkeys([*STAGE, "reranker"], str))
        thinking = calls.groupby("reranker")["thought_tokens"].transform("sum") > 0
        calls = calls[thinking | ~thinking.any()].merge(evidence.difficulty, on=[*STAGE, "qid"], how="left")
        calls["quarter"] = calls["quarter"].map(QUARTERS)
        places = sorted(calls["rank"].unique())
        places = places[:: -(-len(places) // MOST_PLACES)]
        axes_of = {
            "quarter": ("query difficulty", list(QUARTERS.values())),
            "language": ("query language", list(calls["language"].unique())[:MOST_PLACES]),
            "rank": ("window's first rank", places),
        }
        figure, axes = panels(3, narrowest=2.2, height=1.7, width=self.width, sharey=True)
        rerankers = list(calls["reranker"].unique())
        table = []
        for axis, (column, (label, values)) in zip(axes, axes_of.items(), strict=True):
            for number, reranker in enumerate(rerankers[: len(COLOURS)]):
                tokens = calls[calls["reranker"] == reranker].groupby(column)["thought_tokens"]
                counts = tokens.size()
                low, middle, high = (tokens.quantile(q).reindex(values) for q in (0.25, 0.5, 0.75))
                shift = (number - (min(len(rerankers), len(COLOURS)) - 1) / 2) * 0.1
                axis.errorbar(
                    np.arange(len(values)) + shift,
                    middle,
                    yerr=[middle - low, high - middle],
                    fmt=MARKERS[number],
                    color=COLOURS[number],
                    label=evidence.shown(reranker),
                )
                for value in values:
                    quartiles = (low[value], middle[value], high[value])
                    table.append((reranker, column, value, int(counts.get(value, 0)), *quartiles))
            names = [evidence.shown(value) if column == "language" else str(value) for value in values]
            crowded = sum(map(len, names)) > 28
            axis.set_xticks(
                range(len(values)), names, rotation=45 if crowded else 0, ha="right" if crowded else "center"
            )
            axis.set_xlim(-0.6, len(values) - 0.4)
            axis.set_xlabel(label)
        axes[0].set_ylim(bottom=0)
        for axis in axes[:: axes[0].get_gridspec().ncols]:
            axis.set_ylabel("tokens of reasoning")
        legend(figure)
        names = ["reranker", "by", "value", "calls", "lower_quartile", "median", "upper_quartile"]
        data = pd.DataFrame(table, columns=names)
        caption = (
            f"Length of reasoning, n = {len(calls)} calls. Points: medians; whiskers: quartiles. Difficulty: quarters "
            "of the queries by the first stage's second measure. Tokens are the engine's count of the whole answer "
            "times the reasoning's share of its characters." + left_out(len(COLOURS), len(rerankers), "rerankers")
        )
        hard = data[(data["by"] == "quarter") & data["value"].isin(["hardest", "easiest"])]
        alt = "Medians of reasoning tokens per call: " + ", ".join(
            f"{evidence.shown(row.reranker)} {row.value} queries {row.median:.0f}" for row in hard.itertuples()
        )
        return Drawn(figure, data, caption, alt)
