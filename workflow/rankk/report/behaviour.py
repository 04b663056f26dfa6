"""Figures of what models did: where relevant passages went, how answers parsed, how long models thought."""

from itertools import pairwise

import numpy as np
import pandas as pd

from rankk.report.evidence import STAGE, Evidence
from rankk.report.style import (
    COLOURS,
    HATCHES,
    MARKERS,
    MOST_PANELS,
    TEXT_WIDTH,
    Drawn,
    legend,
    panels,
    title,
)
from rankk.reranking.types import Outcome

RANKS = [1, 6, 11, 21, 51, 101]
"""First ranks of the bins in which passages are followed; the last one ends the list."""
QUARTERS = {1: "hardest", 2: "2nd", 3: "3rd", 4: "easiest"}


def movement(evidence: Evidence) -> Drawn:
    """Where relevant passages come from and go to: bins of ranks before × after, a panel a reranker."""
    rows = evidence.movement
    deepest = rows["before"].max()
    edges = [edge for edge in RANKS if edge <= deepest] + [next(edge for edge in RANKS if edge > deepest)]
    names = [f"{low}–{high - 1}" for low, high in pairwise(edges)]
    after_edges = [*edges, np.inf] if (rows["after"] >= edges[-1]).any() else edges
    after_names = [*names, f"{edges[-1]}–"] if len(after_edges) > len(edges) else names
    rows = rows.assign(
        source=pd.cut(rows["before"], edges, right=False, labels=names),
        target=pd.cut(rows["after"], after_edges, right=False, labels=after_names),
    )
    groups = list(rows.groupby("reranker", sort=False))
    counted = rows.groupby(["reranker", "source", "target"], sort=False, observed=False).size()
    figure, axes = panels(min(len(groups), MOST_PANELS), columns=3, height=0.8 + 0.24 * len(names))
    for axis, (reranker, group) in zip(axes, groups, strict=False):
        table = group.groupby(["source", "target"], observed=False).size().unstack().to_numpy()
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (i, j), count in np.ndenumerate(table):
            axis.text(
                j,
                i,
                count or "",
                ha="center",
                va="center",
                fontsize=6,
                color="white" if shares[i, j] > 0.6 else "black",
            )
        axis.set_xticks(range(len(after_names)), after_names, fontsize=6)
        axis.set_yticks(range(len(names)), names)
        title(axis, reranker)
        axis.grid(visible=False)
    figure.supylabel("rank in the first stage", fontsize=8)
    figure.supxlabel("rank after reranking", fontsize=8)
    passages = rows.groupby("reranker", sort=False).size()
    caption = (
        "Relevant passages (grade 1 or more) of the first stage's first 100 by rank before and after, over all cells "
        "of a reranker. Numbers: passages; shading: share of the row. n = "
        + ", ".join(f"{name} {count}" for name, count in passages.items())
        + "."
    )
    risen = (rows["after"] < rows["before"]).groupby(rows["reranker"], sort=False).mean()
    alt = "Heat maps of ranks before and after. Share of relevant passages that rose: " + ", ".join(
        f"{name} {share:.0%}" for name, share in risen.items()
    )
    return Drawn(figure, counted.rename("passages").reset_index(), caption, alt)


def outcomes(evidence: Evidence) -> Drawn:
    """Shares of the outcomes of all answers, a bar a reranker and query language."""
    calls = evidence.calls
    counts = calls.groupby(["reranker", "language", "outcome"], sort=False).size().rename("calls").reset_index()
    counts["share"] = counts["calls"] / counts.groupby(["reranker", "language"])["calls"].transform("sum")
    bars = list(counts[["reranker", "language"]].drop_duplicates().itertuples(index=False, name=None))
    one_language = counts["language"].nunique() == 1
    figure, (axis,) = panels(1, columns=1, height=0.9 + 0.2 * len(bars), width=TEXT_WIDTH)
    left = np.zeros(len(bars))
    shares = counts.set_index(["reranker", "language", "outcome"])["share"]
    for number, outcome in enumerate(Outcome):
        values = np.array([shares.get((*bar, outcome.value), 0.0) for bar in bars])
        if values.any():
            axis.barh(
                range(len(bars)), values, 0.8, left, color=COLOURS[number], hatch=HATCHES[number], label=outcome.value
            )
        left += values
    totals = counts.groupby(["reranker", "language"])["calls"].sum()
    names = [bar[0] if one_language else ", ".join(bar) for bar in bars]
    axis.set_yticks(range(len(bars)), [f"{name} (n = {totals[bar]})" for name, bar in zip(names, bars, strict=True)])
    axis.set_ylim(len(bars) - 0.5, -0.5)
    axis.set_xlim(0, 1)
    axis.set_xlabel("share of the answers")
    legend(figure)
    usable = (
        counts[counts["outcome"].isin(["ok", "repaired", "partial"])].groupby("reranker", sort=False)["calls"].sum()
    )
    asked = counts.groupby("reranker", sort=False)["calls"].sum()
    caption = (
        "Outcomes of the models' answers. ok: complete and in the asked form; repaired: complete after repairs that "
        "the table of calls names; partial: some passages not named; truncated, empty, refused: of no use, the order "
        f"stays. n: answers, {asked.sum()} in all."
    )
    alt = "Stacked bars of answer outcomes. Share of answers that could be used: " + ", ".join(
        f"{name} {usable.get(name, 0) / count:.0%}" for name, count in asked.items()
    )
    return Drawn(figure, counts, caption, alt)


def reasoning(evidence: Evidence) -> Drawn:
    """Tokens of reasoning by difficulty of the query, by its language and by the window's place in the list."""
    calls = evidence.calls.merge(evidence.difficulty[[*STAGE, "qid", "quarter"]], on=[*STAGE, "qid"], how="left")
    thinking = calls.groupby("reranker")["thought_tokens"].transform("sum") > 0
    calls = calls[thinking | ~thinking.any()].assign(quarter=lambda table: table["quarter"].map(QUARTERS))
    calls["place"] = calls["rank"].astype(int).astype(str)
    axes_of = {
        "quarter": ("query difficulty", list(QUARTERS.values())),
        "language": ("query language", list(calls["language"].unique())),
        "place": ("window's first rank", [str(rank) for rank in sorted(calls["rank"].unique())]),
    }
    figure, axes = panels(3, columns=3, height=2.0, sharey=True)
    rerankers = list(calls["reranker"].unique())[: len(COLOURS)]
    table = []
    for axis, (column, (label, values)) in zip(axes, axes_of.items(), strict=True):
        for number, reranker in enumerate(rerankers):
            own = calls[calls["reranker"] == reranker].groupby(column)["thought_tokens"]
            low, middle, high = (own.quantile(q).reindex(values) for q in (0.25, 0.5, 0.75))
            shift = (number - (len(rerankers) - 1) / 2) * 0.1
            axis.errorbar(
                np.arange(len(values)) + shift,
                middle,
                yerr=[middle - low, high - middle],
                fmt=MARKERS[number],
                color=COLOURS[number],
                label=reranker,
            )
            for value in values:
                count = int(own.size().get(value, 0))
                table.append((reranker, column, value, count, low[value], middle[value], high[value]))
        axis.set_xticks(range(len(values)), values)
        axis.set_xlim(-0.6, len(values) - 0.4)
        axis.set_xlabel(label)
    axes[0].set_ylabel("tokens of reasoning a call")
    axes[0].set_ylim(bottom=0)
    legend(figure)
    data = pd.DataFrame(
        table, columns=["reranker", "by", "value", "calls", "lower_quartile", "median", "upper_quartile"]
    )
    caption = (
        f"Length of reasoning, n = {len(calls)} calls. Points: medians; whiskers: quartiles. Difficulty: quarters of "
        "the queries by the first stage's own effectiveness. Tokens are the engine's count of the whole answer times "
        "the reasoning's share of its characters."
    )
    hard = data[(data["by"] == "quarter") & data["value"].isin(["hardest", "easiest"])]
    alt = "Medians of reasoning tokens a call: " + ", ".join(
        f"{row.reranker} {row.value} queries {row.median:.0f}" for row in hard.itertuples()
    )
    return Drawn(figure, data, caption, alt)
