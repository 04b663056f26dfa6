"""Effectiveness by calls and tokens of all strategies, with the simulated judge on published lists of TREC DL 2019.

RANKK_DATA=… .venv/bin/python benchmarks/strategies.py
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judge import DEPTH, MEASURE, Judge, Lists, Values, lists, play
from variants import BASELINE, VARIANTS, label

from rankk.evaluation.statistics import mean_interval
from rankk.fusion.base import FUSIONS
from rankk.io.files import write_csv
from rankk.report.figures.cost import frontier
from rankk.report.style import COLOURS, MARKERS, STYLE, TEXT_WIDTH, legend, panels, pyplot, save_image
from rankk.reranking.consensus import Consensus
from rankk.reranking.strategies.base import STRATEGIES

RETRIEVERS = ("BM25", "SPLADE_P_P_ENSEMBLE_DISTIL")
ACCURACIES = (0.9, 0.8, 0.7)


def measured(
    given: Lists, accuracy: float, name: str, settings: dict[str, Any], repeats: int, gumbel: bool
) -> tuple[Values, Values]:
    """nDCG@10 of each query, averaged over the repeats, and mean calls, prompt tokens and output tokens of a query."""
    own = {key: value for key, value in settings.items() if key not in ("samples", "depth")}
    strategy = STRATEGIES.make({"type": name} | own)
    samples, depth = settings.get("samples", 1), settings.get("depth", DEPTH)
    merge = FUSIONS.make({"type": "rrf"})

    async def rerank(docids: list[str], judge: Judge) -> list[str]:
        ranker = Consensus(judge, samples, shuffle=True, merge=merge, seed=0) if samples > 1 else judge
        return [*await strategy.rerank(docids[:depth], ranker), *docids[depth:]]

    values, costs = [], []
    for seed in range(repeats):
        run, judges = play(given, partial(Judge, given, accuracy=accuracy, seed=seed, gumbel=gumbel), rerank)
        values.append(given.ndcg(run))
        costs.append(np.mean([(judge.calls, judge.prompt_tokens, judge.output_tokens) for judge in judges], axis=0))
    return np.mean(values, axis=0), np.mean(costs, axis=0)


def rows(retriever: str, accuracy: float, repeats: int, gumbel: bool) -> list[dict[str, object]]:
    """Results of every strategy and setting for the lists of one retriever."""
    given = lists(retriever)
    baseline, _ = measured(given, accuracy, BASELINE, {}, repeats, gumbel)
    table: list[dict[str, object]] = []
    for name in STRATEGIES.names():
        for settings in VARIANTS.get(name, [{}]):
            values, (calls, prompts, outputs) = measured(given, accuracy, name, settings, repeats, gumbel)
            low, high = mean_interval(values)
            worse, better = mean_interval(values - baseline)
            table.append(
                {
                    "retriever": retriever,
                    "accuracy": accuracy,
                    "strategy": name,
                    "settings": label(settings),
                    MEASURE: round(values.mean(), 4),
                    "low": round(low, 4),
                    "high": round(high, 4),
                    "difference": round((values - baseline).mean(), 4),
                    "difference_low": round(worse, 4),
                    "difference_high": round(better, 4),
                    "calls": round(calls, 2),
                    "prompt_tokens": round(prompts),
                    "output_tokens": round(outputs),
                    "queries": len(values),
                    "repeats": repeats,
                }
            )
    return table


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw nDCG@10 by tokens (first row) and calls (second row), a column per accuracy, a line per strategy."""
    pyplot().style.use(STYLE)
    names = list(table["strategy"].unique())
    figure, axes = panels(6, narrowest=TEXT_WIDTH / 3.1, height=2.3, width=TEXT_WIDTH, sharey="col", sharex="row")
    for row, cost in enumerate(("tokens", "calls")):
        for column, accuracy in enumerate(ACCURACIES):
            axis, points = axes[3 * row + column], table[table["accuracy"] == accuracy]
            for number, name in enumerate(names):
                mine = points[points["strategy"] == name].sort_values(cost)
                turn = number // len(COLOURS)  # shifts the markers by one after each cycle of the colours
                style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[(number + turn) % len(MARKERS)]}
                style |= {"markerfacecolor": "white"} if turn % 2 else {}
                axis.plot(mine[cost], mine[MEASURE], markersize=3.5, linewidth=0.6, label=name, **style)
            best = points.iloc[frontier(points[cost], points[MEASURE])]
            axis.plot(best[cost], best[MEASURE], color="#555555", linestyle="--", zorder=0)
            axis.set_xscale("log")
            axis.set_title(f"accuracy {accuracy}" if not row else "")
    for number, axis in enumerate(axes):
        axis.set_xlabel("tokens per query" if number < 3 else "calls per query")
    for axis in axes[::3]:
        axis.set_ylabel(MEASURE)
    legend(figure)
    save_image(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all strategies, write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="draws of the noise, averaged for each query")
    parser.add_argument("--gumbel", action="store_true", help="Gumbel noise in place of normal noise")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/measured/strategies.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs/figures/strategies.png"))
    options = parser.parse_args(arguments)
    table = pd.DataFrame(
        [
            row
            for retriever in RETRIEVERS
            for accuracy in ACCURACIES
            for row in rows(retriever, accuracy, options.repeats, options.gumbel)
        ]
    )
    write_csv(options.output, table)
    table["tokens"] = table["prompt_tokens"] + table["output_tokens"]
    for (retriever, accuracy), points in table.groupby(["retriever", "accuracy"], sort=False):
        print(f"\n{retriever}, accuracy {accuracy}: the frontier over tokens")
        best = points.iloc[frontier(points["tokens"], points[MEASURE])]
        print(best[["strategy", "settings", MEASURE, "low", "high", "calls", "tokens"]].to_string(index=False))
    draw(table[table["retriever"] == RETRIEVERS[0]], options.figure)


if __name__ == "__main__":
    main()
