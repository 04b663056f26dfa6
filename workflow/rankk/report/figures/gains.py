"""Gain and loss of every query."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rankk.report.evidence import CELL, STAGE, Evidence, with_families
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import (
    COLOURS,
    HATCHES,
    Drawn,
    between,
    capacity,
    characters,
    label,
    left_out,
    legend,
    panels,
    title,
)

NARROWEST, HEIGHT = 1.6, 1.35
NAMED = 3  # queries named at each end
MOST_EDGED = 100  # bars of a panel; the edges of more would hide them
SMALLEST = 0.1  # smallest limit of the gain axis


class Gains(Figure):
    """Each query's gain or loss against the baseline, sorted; a panel per reranked cell, its extremes named."""

    name: ClassVar[str] = "gains"
    title: ClassVar[str] = "Gains and losses of queries"
    subject: ClassVar[Subject] = "queries"
    needs: ClassVar[str] = "gains"

    def plot(self, evidence: Evidence) -> Drawn:
        """Bars: queries. Where there are more cells than panels, the queries of a family stand in one panel."""
        rows = evidence.gains
        most = capacity(HEIGHT, self.width, NARROWEST)
        number = rows[CELL].drop_duplicates().shape[0]
        pooled = number > most
        groups = list((with_families(rows) if pooled else rows).groupby(CELL, sort=False))
        differing = [column for column in STAGE if rows[column].nunique() > 1]
        same = [evidence.shown(rows[column].iloc[0]) for column in STAGE if column not in differing]
        figure, axes = panels(min(len(groups), most), narrowest=NARROWEST, height=HEIGHT, width=self.width, sharey=True)
        for axis, (names, group) in zip(axes, groups, strict=False):
            ordered = group.sort_values("gain", ascending=False, kind="stable").reset_index(drop=True)
            for chosen, series, name in ((ordered["gain"] > 0, 0, "gain"), (ordered["gain"] < 0, 1, "loss")):
                at, gain = ordered.index[chosen], ordered["gain"][chosen]
                style: dict[str, Any] = {"color": COLOURS[series], "label": name}
                if len(at) > 0 and len(ordered) <= MOST_EDGED:
                    axis.bar(at, gain, 1.0, hatch=HATCHES[series], linewidth=0.2, **style)
                elif len(at):  # one shape, because thousands of bars take minutes
                    axis.stairs(gain, [at[0] - 0.5, *(at + 0.5)], fill=True, linewidth=0, **style)
            axis.axhline(0, color="black", linewidth=0.5)
            stage = dict(zip(STAGE, map(evidence.shown, names), strict=False))
            title(axis, ", ".join(stage[column] for column in differing), evidence.shown(names[-1]))
            best, worst = ordered[ordered["gain"] > 0].head(NAMED), ordered[ordered["gain"] < 0].tail(NAMED)
            named = [
                f"{sign} {enumerated(ids['qid'], characters(axis))}"
                for sign, ids in (("+", best), ("−", worst))
                if len(ids)
            ]
            written = axis.text(
                *(0.98, 0.97, "\n".join(named) or "no query changes"),
                **{"transform": axis.transAxes, "ha": "right", "va": "top", "fontsize": 6, "color": "#333333"},
            )
            written.set_in_layout(False)
            axis.set_xticks([])
            axis.set_xlim(-1, len(ordered))
        largest = max(SMALLEST, float(rows["gain"].abs().max()) * 1.15)
        axes[0].set_ylim(-largest, largest * 1.35)
        measures = " / ".join(rows["measure"].astype(str).unique())
        label(axes, "", f"gain in {measures}")
        legend(figure)
        counts = rows.groupby(CELL, sort=False).size()
        caption = (
            f"Gain and loss of every query in {measures} against the cell's declared baseline, sorted; n = "
            f"{between(counts)} queries per cell. Named: the {NAMED} queries that gain most and lose most."
            + (f" All panels: {', '.join(same)}." if same else "")
            + (" Queries of all collections of a family stand in one panel." if pooled else "")
            + left_out(len(axes), len(groups), "panels")
        )
        wins = rows.groupby("reranker", sort=False)["gain"].agg(
            up=lambda gain: int((gain > 0).sum()), down=lambda gain: int((gain < 0).sum())
        )
        alt = "Sorted bars of gains per query. " + "; ".join(
            f"{evidence.shown(name)}: {row.up} gain, {row.down} lose" for name, row in wins.iterrows()
        )
        columns = [*STAGE, "reranker", "baseline", "measure", "qid", "value", "base", "gain"]
        return Drawn(figure, rows[columns], caption, alt)


def enumerated(ids: Iterable[str], room: int) -> str:
    """Ids in about `room` characters; long ids are shortened to their ends."""
    names = list(ids)
    each = max(4, room // len(names) - len(", "))
    return ", ".join(name if len(name) <= each else f"…{name[1 - each :]}" for name in names)
