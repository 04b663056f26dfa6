"""Position bias."""

from typing import TYPE_CHECKING, ClassVar

from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.positions import FIFTHS, NAMES, first_calls
from rankk.report.style import COLOURS, MARKERS, Drawn, capacity, label, left_out, legend, panels, title

if TYPE_CHECKING:
    from rankk.experiment import Experiment

NARROWEST, HEIGHT = 1.6, 1.6


class Position(Figure):
    """Position in the first window of the passages that answers put first, by fifths of the window."""

    name: ClassVar[str] = "position"
    title: ClassVar[str] = "Position bias"
    subject: ClassVar[Subject] = "answers"
    needs: ClassVar[str] = "calls"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether a reranker reads several passages at once."""
        return any(experiment.rerankers[c.reranker].preset.kind == "listwise" for c in experiment.cells if c.reranked)

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per reranker, a line per query language and first stage."""
        series = ["language", "retriever"]
        data = first_calls(evidence.calls)
        table = first_calls(evidence.calls, ["reranker", *series])
        if table[series].drop_duplicates().shape[0] > len(COLOURS):
            series = ["language"]
            table = first_calls(evidence.calls, ["reranker", *series])
        kinds = list(table[series].drop_duplicates().itertuples(index=False, name=None))
        groups = list(table.groupby("reranker", sort=False))
        most = capacity(HEIGHT, self.width, NARROWEST)
        figure, axes = panels(
            max(1, min(len(groups), most)),
            narrowest=NARROWEST,
            height=HEIGHT,
            width=self.width,
            sharex=True,
            sharey=True,
        )
        for axis in axes:
            axis.axhline(1 / FIFTHS, color="#999999", linestyle=":", linewidth=0.8)
        for axis, (reranker, group) in zip(axes, groups, strict=False):
            for row in group.to_dict("records"):
                number = kinds.index(tuple(row[name] for name in series)) % len(COLOURS)
                axis.plot(
                    range(FIFTHS),
                    [row[name] for name in NAMES],
                    marker=MARKERS[number],
                    color=COLOURS[number],
                    label=", ".join(evidence.shown(row[name]) for name in series),
                )
            title(axis, evidence.shown(reranker))
        axes[0].set_xticks(range(FIFTHS), ["first", "2nd", "3rd", "4th", "last"])
        axes[0].set_xlim(-0.3, FIFTHS - 0.7)
        axes[0].set_ylim(0, max(0.5, float(table[NAMES].max().max()) * 1.1) if len(table) else 1)
        label(axes, "fifth of the window", "share of the answers")
        legend(figure)
        caption = (
            "Where in the window the passage stood that an answer puts first; the first call of every query only, as "
            "later windows hold passages that earlier answers moved. From a shuffled first stage, a model without "
            "position bias takes a fifth from each fifth (dotted); from one that ranks, most from the first. "
            f"n = {data['calls'].sum()} calls.{left_out(most, len(groups), 'panels')}"
        )
        alt = "Lines of the share of answers by fifth of the window. Share from the last fifth: " + ", ".join(
            f"{evidence.shown(row['reranker'])}, {', '.join(evidence.shown(row[name]) for name in series)} "
            f"{row['last fifth']:.0%}"
            for row in table.to_dict("records")[:12]
        )
        return Drawn(figure, data, caption, alt)
