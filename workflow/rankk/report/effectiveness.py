"""Figures of effectiveness: by system, by language, by query and by the first stage's difficulty."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rankk.evaluation.statistics import mean_interval
from rankk.paths import FIRST_STAGE
from rankk.report.evidence import STAGE, Evidence, shown
from rankk.report.style import (
    COLOURS,
    HATCHES,
    MARKERS,
    MOST_PANELS,
    Drawn,
    characters,
    legend,
    panels,
    title,
)

ROW = 0.17  # inches a system takes
NAMED = 3  # queries named at each end
MOST_EDGED = 100  # bars of a panel; the edges of more would hide them
SMALLEST = 0.1  # gain that an axis reaches at least
QUARTERS = ["hardest", "2nd", "3rd", "easiest"]


def effectiveness(evidence: Evidence) -> Drawn:
    """Mean of each system with its interval, a panel a collection and query language."""
    rows = evidence.summary
    groups = list(rows.groupby(["collection", "language"], sort=False))
    tallest = max(len(group) for _, group in groups)
    figure, axes = panels(len(groups), columns=2, height=0.55 + ROW * tallest)
    retrievers = list(rows["retriever"].unique())
    for axis, ((collection, language), group) in zip(axes, groups, strict=True):
        for place, row in enumerate(group.itertuples()):
            number = retrievers.index(row.retriever) % len(COLOURS)
            axis.errorbar(
                row.value,
                place,
                xerr=[[row.value - row.low], [row.high - row.value]],
                fmt=MARKERS[number],
                color=COLOURS[number],
                label=row.retriever,
                markerfacecolor="white" if row.reranker == FIRST_STAGE else COLOURS[number],
            )
        axis.set_yticks(range(len(group)), [shown(name) for name in group["reranker"]])
        axis.set_ylim(len(group) - 0.4, -0.6)
        title(axis, f"{collection}, {language}")
        axis.set_xlabel(group["measure"].iloc[0])
    legend(figure)
    counts = ", ".join(f"{c} {lang}: {group['queries'].max()}" for (c, lang), group in groups)
    caption = (
        f"Mean effectiveness of every system. Hollow: the first stage alone. Whiskers: 95 % bootstrap intervals of the "
        f"mean. A judged query that a run lacks counts 0. Queries: {counts}."
    )
    best = rows.loc[rows.groupby(["collection", "language"], sort=False)["value"].idxmax()]
    alt = "Dot plot of mean effectiveness. Best: " + "; ".join(
        f"{row.collection} {row.language}: {row.retriever} + {shown(row.reranker)}, {row.measure} {row.value:.3f}"
        for row in best.itertuples()
    )
    columns = ["collection", "language", "retriever", "reranker", "measure", "value", "low", "high", "queries"]
    return Drawn(figure, rows[columns], caption, alt)


def languages(evidence: Evidence) -> Drawn:
    """Heat map of query language × collection (with its passages' language), a panel a system."""
    rows = evidence.summary
    systems = list(rows.groupby(["retriever", "reranker"], sort=False))[:MOST_PANELS]
    collections = list(rows["collection"].unique())
    queries = list(rows["language"].unique())
    figure, axes = panels(len(systems), columns=3, height=0.75 + 0.22 * len(queries))
    for axis, ((retriever, reranker), group) in zip(axes, systems, strict=True):
        table = group.pivot(index="language", columns="collection", values="value").reindex(queries)[
            [name for name in collections if name in set(group["collection"])]
        ]
        table = table.dropna(how="all")
        axis.imshow(table.to_numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(table.to_numpy()):
            text = "—" if np.isnan(value) else f"{value:.2f}"
            axis.text(j, i, text, ha="center", va="center", color="white" if value > 0.6 else "black", fontsize=7)
        names = [f"{name}\n({evidence.passage_languages.get(name, '?')})" for name in table.columns]
        axis.set_xticks(range(len(names)), names)
        axis.set_yticks(range(len(table)), table.index)
        title(axis, retriever, shown(reranker))
        axis.grid(visible=False)
    figure.supylabel("query language", fontsize=8)
    figure.supxlabel("collection (language of its passages)", fontsize=8)
    measures = " / ".join(rows["measure"].unique())
    caption = (
        f"{measures} by language of the queries and of the passages, a panel a system; dash: not in the grid. Means "
        f"over {rows['queries'].min()} to {rows['queries'].max()} queries."
        + _left_out(len(systems), rows.groupby(["retriever", "reranker"]).ngroups, "systems")
    )
    data = rows[["retriever", "reranker", "language", "collection", "measure", "value", "queries"]]
    data = data.assign(passages=data["collection"].map(evidence.passage_languages))
    low, high = data.loc[data["value"].idxmin()], data.loc[data["value"].idxmax()]
    alt = (
        f"Heat maps of effectiveness by query language and collection. Lowest: {low['language']} on "
        f"{low['collection']} ({low['value']:.2f}); highest: {high['language']} on {high['collection']} "
        f"({high['value']:.2f})."
    )
    return Drawn(figure, data, caption, alt)


def enumerated(ids: Iterable[str], room: int) -> str:
    """Ids in about so many characters; of long ones their ends."""
    names = list(ids)
    each = max(4, room // len(names) - len(", "))
    return ", ".join(name if len(name) <= each else f"…{name[1 - each :]}" for name in names)


def gains(evidence: Evidence) -> Drawn:
    """Each query's gain or loss against the baseline, sorted; a panel a reranked cell, its extremes named."""
    rows = evidence.gains
    cells = list(rows.groupby([*STAGE, "reranker"], sort=False))
    figure, axes = panels(min(len(cells), MOST_PANELS), columns=3, height=1.45, sharey=True)
    for axis, ((collection, language, retriever, reranker), group) in zip(axes, cells, strict=False):
        ordered = group.sort_values("gain", ascending=False, kind="stable").reset_index(drop=True)
        for chosen, number, label in ((ordered["gain"] > 0, 0, "gain"), (ordered["gain"] < 0, 1, "loss")):
            if chosen.any():
                bars = (ordered.index[chosen], ordered["gain"][chosen], 1.0)
                edged = {"hatch": HATCHES[number], "linewidth": 0.2} if len(ordered) <= MOST_EDGED else {"linewidth": 0}
                axis.bar(*bars, color=COLOURS[number], label=label, **edged)
        axis.axhline(0, color="black", linewidth=0.5)
        title(axis, f"{collection}, {language}, {retriever}", reranker)
        best, worst = ordered[ordered["gain"] > 0].head(NAMED), ordered[ordered["gain"] < 0].tail(NAMED)
        room = characters(axis)
        named = [f"{sign} {enumerated(ids['qid'], room)}" for sign, ids in (("+", best), ("−", worst)) if len(ids)]
        written = axis.text(
            0.98,
            0.97,
            "\n".join(named) or "no query changes",
            transform=axis.transAxes,
            ha="right",
            va="top",
            fontsize=6,
            color="#333333",
        )
        written.set_in_layout(False)
        axis.set_xticks([])
        axis.set_xlim(-1, len(ordered))
    largest = max(SMALLEST, float(rows["gain"].abs().max()) * 1.15)
    for axis in axes:
        axis.set_ylim(-largest, largest * 1.25)
    figure.supylabel(f"gain in {' / '.join(rows['measure'].unique())}", fontsize=8)
    legend(figure)
    counts = sorted({len(group) for _, group in cells})
    caption = (
        f"Gain (+) and loss (−) of every query against the cell's declared baseline, sorted; n = "
        f"{'/'.join(map(str, counts))} queries a panel. Named: the {NAMED} queries that gain most and lose most."
        + _left_out(len(axes), len(cells), "cells")
    )
    wins = rows.groupby("reranker", sort=False)["gain"].agg(
        up=lambda g: int((g > 0).sum()), down=lambda g: int((g < 0).sum())
    )
    alt = "Sorted bars of gains per query. " + "; ".join(
        f"{name}: {row.up} gain, {row.down} lose" for name, row in wins.iterrows()
    )
    return Drawn(
        figure, rows[[*STAGE, "reranker", "baseline", "measure", "qid", "value", "base", "gain"]], caption, alt
    )


def difficulty(evidence: Evidence) -> Drawn:
    """Mean gain over the baseline by quarter of the queries, a panel a quarter, hardest for the first stage first."""
    rows = evidence.gains.merge(evidence.difficulty[[*STAGE, "qid", "quarter"]], on=[*STAGE, "qid"])
    table = []
    for (*cell, quarter), members in rows.groupby([*STAGE, "reranker", "quarter"], sort=False):
        values = members["gain"].to_numpy()
        table.append((*cell, quarter, values.mean(), *mean_interval(values), len(values)))
    data = pd.DataFrame(table, columns=[*STAGE, "reranker", "quarter", "gain", "low", "high", "queries"])
    groups = list(data.groupby(["collection", "language"], sort=False))
    tallest = max(group[["retriever", "reranker"]].drop_duplicates().shape[0] for _, group in groups)
    figure, axes = panels(4 * len(groups), columns=4, height=0.6 + ROW * tallest, sharex=True)
    retrievers = list(data["retriever"].unique())
    for number, ((collection, language), group) in enumerate(groups):
        systems = list(group[["retriever", "reranker"]].drop_duplicates().itertuples(index=False, name=None))
        for quarter, axis in enumerate(axes[4 * number : 4 * number + 4], 1):
            for row in group[group["quarter"] == quarter].itertuples():
                colour = retrievers.index(row.retriever) % len(COLOURS)
                axis.errorbar(
                    row.gain,
                    systems.index((row.retriever, row.reranker)),
                    xerr=[[row.gain - row.low], [row.high - row.gain]],
                    fmt=MARKERS[colour],
                    color=COLOURS[colour],
                    label=row.retriever,
                )
            axis.axvline(0, color="black", linewidth=0.5)
            axis.set_yticks(range(len(systems)), [name for _, name in systems] if quarter == 1 else [])
            axis.set_ylim(len(systems) - 0.4, -0.6)
            title(axis, f"{collection}, {language}" if len(groups) > 1 else "", QUARTERS[quarter - 1])
    widest = max(SMALLEST, float(data[["low", "high"]].abs().max().max()) * 1.1)
    axes[0].set_xlim(-widest, widest)  # all panels share it
    for axis in axes[-4:]:
        axis.set_xlabel("mean gain")
    legend(figure)
    caption = (
        f"Mean gain over the declared baseline in {' / '.join(rows['measure'].unique())}, by quarter of the queries, "
        f"from those that the first stage does worst on to those it does best on; {data['queries'].min()} to "
        f"{data['queries'].max()} queries a point. Whiskers: 95 % bootstrap intervals."
    )
    means = data.groupby("quarter")["gain"].mean()
    alt = "Mean gain by quarter, averaged over all systems: " + ", ".join(
        f"{QUARTERS[quarter - 1]} {mean:+.3f}" for quarter, mean in means.items()
    )
    return Drawn(figure, data, caption, alt)


def _left_out(drawn: int, there: int, what: str) -> str:
    return f" The first {drawn} of {there} {what} are drawn; the data hold all." if drawn < there else ""
