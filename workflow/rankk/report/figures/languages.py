"""Effectiveness by query language."""

from typing import TYPE_CHECKING, ClassVar

from rankk.report.condense import by_family, few_rerankers
from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure
from rankk.report.style import (
    ROW,
    Drawn,
    Series,
    between,
    capacity,
    interval,
    label,
    left_out,
    panels,
    rows,
    title,
)

if TYPE_CHECKING:
    from rankk.experiment import Experiment

NARROWEST = 2.6
MOST_ROWS = 45


class Languages(Figure):
    """Mean effectiveness by query language, all languages of a collection on one axis."""

    name: ClassVar[str] = "languages"
    title: ClassVar[str] = "Effectiveness by language"
    needs: ClassVar[str] = "summary"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether there are queries in more than one language."""
        return len({cell.language for cell in experiment.cells}) > 1

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per collection or family, a row per query language, a series per system."""
        table = evidence.summary
        several = table.groupby("collection")["language"].transform("nunique") > 1
        data = table[several] if several.any() else table
        table, left = few_rerankers(data)
        languages = list(table["language"].unique())
        series_a_row = int(table.groupby(["collection", "language"]).size().max())
        height = 0.55 + ROW * min(MOST_ROWS, len(languages) * max(1.5, 0.6 * series_a_row))
        most = capacity(height, self.width, NARROWEST)
        table, note = by_family(table, most if table["collection"].nunique() <= most else 0)
        if note:
            table = table.assign(collection=table["collection"].str.split(" (", regex=False).str[0])
        groups = list(table.groupby("collection", sort=False))
        note += left + left_out(most, len(groups), "panels")
        series = Series(table, evidence.shown)
        figure, axes = panels(min(len(groups), most), narrowest=NARROWEST, height=height, width=self.width, sharex=True)
        for axis, (collection, group) in zip(axes, groups, strict=False):
            there = [name for name in languages if name in set(group["language"])][:12]
            numbers = group.groupby("language", sort=False).cumcount()
            sizes = group.groupby("language", sort=False)["value"].transform("size")
            shifts = (numbers + 0.5) / sizes - 0.5
            for row, shift in zip(group.to_dict("records"), shifts, strict=True):
                if row["language"] not in there:
                    continue
                interval(
                    axis,
                    row["value"],
                    row["low"],
                    row["high"],
                    there.index(row["language"]) + 0.7 * shift,
                    **series.style(row["retriever"], row["reranker"]),
                )
            rows(axis, [evidence.shown(name) for name in there])
            passages = evidence.passage_languages.get(collection)
            title(axis, evidence.shown(collection) + (f" ({evidence.shown(passages)} passages)" if passages else ""))
        measures = " / ".join(table["measure"].unique())
        axes[0].locator_params(axis="x", nbins=5)
        label(axes, measures)
        series.legend(figure)
        caption = (
            f"Mean {measures} by query language, a panel per collection. Hollow: the first stage alone. Whiskers: 95 % "
            f"bootstrap intervals. n = {between(data['queries'])} queries per point.{note}"
        )
        low, high = data.loc[data["value"].idxmin()], data.loc[data["value"].idxmax()]
        alt = "Dot plot of effectiveness by query language. " + "; ".join(
            f"{word}: {evidence.shown(row['language'])} on {evidence.shown(row['collection'])} with "
            f"{evidence.shown(row['retriever'])} + {evidence.shown(row['reranker'])} ({row['value']:.3f})"
            for word, row in (("lowest", low), ("highest", high))
        )
        data = data[["retriever", "reranker", "language", "collection", "measure", "value", "low", "high", "queries"]]
        return Drawn(figure, data.assign(passages=data["collection"].map(evidence.passage_languages)), caption, alt)
