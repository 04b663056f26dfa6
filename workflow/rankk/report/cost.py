"""Figures of cost: effectiveness against tokens and seconds, and where the time went."""

import numpy as np
import pandas as pd

from rankk.paths import FIRST_STAGE
from rankk.report.evidence import CELL, Evidence
from rankk.report.style import COLOURS, HATCHES, MARKERS, TEXT_WIDTH, Drawn, legend, panels, title

WIDE = 5  # ratio of the dearest to the cheapest from which costs are drawn on a log scale
STAGES = ["collection", "model", "index", "encode", "retrieve", "waiting for the engine", "rerank"]


def cost(evidence: Evidence) -> Drawn:
    """Effectiveness against output tokens and seconds a query, with the frontier of what nothing cheaper beats."""
    rows = evidence.summary[evidence.summary["output_tokens"].fillna(0) > 0].copy()
    rows["tokens_a_query"] = rows["output_tokens"] / rows["queries"]
    on_gpu = bool((rows["gpu_seconds"] > 0).any())
    rows["seconds_a_query"] = rows["gpu_seconds" if on_gpu else "seconds"] / rows["queries"]
    groups = list(rows.groupby(["collection", "language"], sort=False))
    figure, axes = panels(2 * len(groups), columns=2, height=1.7)
    systems = list(rows["reranker"].unique())
    retrievers = list(rows["retriever"].unique())
    unit = "GPU-seconds a query" if on_gpu else "seconds a query (on the CPU)"
    frontier = set()
    for number, ((collection, language), group) in enumerate(groups):
        first = evidence.summary[
            (evidence.summary[["collection", "language"]] == [collection, language]).all(axis=1)
            & (evidence.summary["reranker"] == FIRST_STAGE)
        ]
        for axis, (column, label) in zip(
            axes[2 * number : 2 * number + 2],
            (("tokens_a_query", "output tokens a query"), ("seconds_a_query", unit)),
            strict=True,
        ):
            for row in group.itertuples():
                axis.plot(
                    getattr(row, column),
                    row.value,
                    MARKERS[retrievers.index(row.retriever) % len(MARKERS)],
                    color=COLOURS[systems.index(row.reranker) % len(COLOURS)],
                    label=f"{row.retriever}, {row.reranker}",
                    linestyle="none",
                )
            best = pareto(group[column].to_numpy(), group["value"].to_numpy())
            frontier |= {(column, *group.iloc[place][CELL]) for place in best}
            axis.plot(group[column].iloc[best], group["value"].iloc[best], color="#555555", linestyle="--", zorder=0)
            for row in first.itertuples():
                axis.axhline(row.value, color="#999999", linestyle=":", linewidth=0.8)
            if group[column].max() > WIDE * group[column].min():
                axis.set_xscale("log")
            axis.margins(x=0.2, y=0.15)
            axis.set_xlabel(label)
            axis.set_ylabel(group["measure"].iloc[0])
            title(axis, f"{collection}, {language}")
    legend(figure)
    caption = (
        "Effectiveness against cost. Dashed: the frontier, systems that no cheaper one equals. Dotted: the first "
        f"stages alone. {unit[0].upper() + unit[1:]}: wall-clock time while the cell's calls were under way"
        + (", times its GPUs. " if on_gpu else ". ")
        + f"n = {rows['queries'].min()} to {rows['queries'].max()} queries a point."
    )
    data = rows[[*CELL, "measure", "value", "low", "high", "queries", "tokens_a_query", "seconds_a_query"]].copy()
    for column in ("tokens_a_query", "seconds_a_query"):
        data[f"on_frontier_of_{column.split('_')[0]}"] = [(column, *row) in frontier for row in rows[CELL].to_numpy()]
    alt = "Scatter plots of effectiveness against cost. On the frontier of tokens: " + "; ".join(
        f"{row.collection} {row.language} {row.retriever} + {row.reranker} ({row.tokens_a_query:.0f} tokens, "
        f"{row.value:.3f})"
        for row in data[data["on_frontier_of_tokens"]].itertuples()
    )
    return Drawn(figure, data, caption, alt)


def pareto(costs: "np.ndarray", values: "np.ndarray") -> list[int]:
    """Places of the points that no cheaper or equally cheap point equals or beats, from cheap to dear."""
    chosen, best = [], -np.inf
    for place in sorted(range(len(costs)), key=lambda i: (costs[i], -values[i])):
        if values[place] > best:
            chosen.append(place)
            best = values[place]
    return chosen


def time(evidence: Evidence) -> Drawn:
    """Seconds by stage, all jobs of a stage added up; waiting for an engine to start apart from reranking."""
    jobs = evidence.resources.copy()
    starts = jobs["engine_start_seconds"].fillna(0)
    engines = jobs.assign(stage="waiting for the engine", seconds=starts)[starts > 0]
    jobs["seconds"] = (jobs["seconds"] - starts).clip(lower=0)
    parts = pd.concat([jobs, engines])
    data = parts.groupby("stage")["seconds"].agg(["sum", "size", "max"]).reindex(STAGES).dropna().reset_index()
    data.columns = ["stage", "seconds", "jobs", "longest"]
    figure, (axis,) = panels(1, columns=1, height=0.7 + 0.22 * len(data), width=TEXT_WIDTH)
    axis.barh(range(len(data)), data["seconds"], 0.7, color=COLOURS[0], hatch=HATCHES[0])
    for place, row in enumerate(data.itertuples()):
        axis.text(row.seconds, place, f" {row.seconds:.0f} s", va="center", fontsize=7)
    axis.set_yticks(range(len(data)), [f"{row.stage} ({row.jobs:.0f})" for row in data.itertuples()])
    axis.set_ylim(len(data) - 0.5, -0.5)
    axis.margins(x=0.1)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("seconds, jobs added up")
    total = data["seconds"].sum()
    caption = (
        f"Where the time went: {total:.0f} s of jobs when each was last run, the number of jobs in brackets. Jobs run "
        "side by side, so the wall clock shows less."
    )
    alt = "Bars of seconds by stage: " + ", ".join(f"{row.stage} {row.seconds:.0f} s" for row in data.itertuples())
    return Drawn(figure, data, caption, alt)
