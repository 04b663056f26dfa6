"""Adaptive against uniform use of a token budget, with the simulated judge (see judge.py).

Two comparisons. Within a query: windows of its most uncertain passages (`adaptive` with a budget of `tokens`) against
repeated sliding windows (`samples`) with the same number of tokens. Across queries: extra windows for the queries that
a signal marks as uncertain, against the same number of extra windows for each query. Every second query is used to
choose how a signal is applied (development); results are reported for the remaining queries (test). The two calls that
measure the disagreement of two samples are not counted.

RANKK_DATA=… .venv/bin/python benchmarks/adaptive.py
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from judge import MEASURE, Judge, Lists, Values, lists, play

from rankk.evaluation.statistics import compare
from rankk.fusion.base import FUSIONS
from rankk.io.files import write_csv
from rankk.io.runs import ranked
from rankk.reranking.consensus import Consensus
from rankk.reranking.strategies.adaptive import Adaptive
from rankk.reranking.strategies.base import STRATEGIES, Strategy
from rankk.reranking.strategies.ratings import Ratings

RETRIEVERS = ("BM25", "BM25_RM3", "SPLADE_P_P_ENSEMBLE_DISTIL", "D_BERT_KD_TASB", "OPEN_AI_ADA2", "REP_LLAMA")
ACCURACIES = (0.9, 0.8, 0.7)
EVEN = {1: 39_600, 2: 79_200, 4: 158_400}
"""Tokens per query, by the number of samples of nine sliding windows."""
EXTRA = (2, 4, 8)
"""Mean number of extra windows per query."""
SHARES = (0.25, 0.5, 0.75)
"""Shares of the queries that receive half of all extra windows in addition to their part of the evenly spread half; the
best share is chosen on the development queries."""
FIRST_SEED = 1000
"""Seed of the test runs; differs from all seeds used on the development queries."""


def reranked(given: Lists, accuracy: float, strategy: Strategy, repeats: int, samples: int, budget: float) -> Values:
    """nDCG@10 and tokens per query, averaged over the repeats, as two rows."""
    merge = FUSIONS.make({"type": "rrf"})

    async def rerank(docids: list[str], judge: Judge) -> list[str]:
        many = Consensus(judge, samples, shuffle=True, merge=merge, seed=0)
        return await strategy.rerank(docids, many if samples > 1 else judge)

    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + repeats):
        run, judges = play(given, partial(Judge, given, accuracy=accuracy, seed=seed, budget=budget), rerank)
        rows.append([given.ndcg(run), [judge.prompt_tokens + judge.output_tokens for judge in judges]])
    means: Values = np.mean(np.array(rows), axis=0)
    return means


def within(repeats: int) -> list[dict[str, object]]:
    """Strategies with the token budget of repeated sliding windows, compared with the repeated sliding windows."""
    rows: list[dict[str, object]] = []
    for retriever in RETRIEVERS:
        given = lists(retriever)
        for accuracy in ACCURACIES:
            for samples, budget in EVEN.items():
                even = reranked(given, accuracy, STRATEGIES.get("sliding")(), repeats, samples, np.inf)
                for name in ("adaptive", "acurank"):
                    ours = reranked(
                        given, accuracy, STRATEGIES.make({"type": name, "matches": 99}), repeats, 1, float(budget)
                    )
                    rows.append(
                        {"retriever": retriever, "accuracy": accuracy, "budget": budget, "strategy": name}
                        | {"tokens": round(ours[1].mean()), "sliding_samples": samples, "queries": len(ours[0])}
                        | difference(ours[0], even[0])
                    )
    return rows


def difference(ours: Values, even: Values) -> dict[str, object]:
    """Table columns of a paired comparison over queries."""
    tested = compare(ours, even)
    names = ("difference", "difference_low", "difference_high", "p_randomization")
    means = {MEASURE: round(ours.mean(), 4), "even": round(even.mean(), 4)}
    return means | {name: round(float(tested[name]), 4) for name in names}


def traced(given: Lists, accuracy: float, seed: int, most: int) -> tuple[Values, dict[str, Values]]:
    """nDCG@10 after 0, 1, … `most` extra windows (rows: queries), and the signals after the first windows."""
    orders: dict[str, list[list[str]]] = {}
    signals: dict[str, list[float]] = {"uncertainty": [], "disagreement": [], "score gap": []}

    async def rerank(docids: list[str], judge: Judge) -> list[str]:
        strategy, ratings = Adaptive(), Ratings(docids, judge)
        await ratings.play(docids, strategy.window, chain=0)
        steps = [ratings.ranking()]
        inside = ratings.inside(strategy.top_k)
        signals["uncertainty"].append(sum(p * (1 - p) for p in inside.values()))
        two = [[group[0] for group in await judge.rank(docids[: strategy.window])] for _ in range(2)]
        signals["disagreement"].append(1 - len(set(two[0][:10]) & set(two[1][:10])) / 10)
        scores = sorted((judge.prior(docid) for docid in docids), reverse=True)
        signals["score gap"].append(-(scores[9] - scores[10]) / float(np.std(scores) or 1.0))
        for _ in range(most):
            uncertain = sorted(docids, key=lambda docid: inside[docid] * (inside[docid] - 1))[: strategy.window]
            await ratings.play(uncertain, strategy.window, chain=0)
            inside = ratings.inside(strategy.top_k)
            steps.append(ratings.ranking())
        orders[str(len(orders))] = steps
        return steps[-1]

    play(given, partial(Judge, given, accuracy=accuracy, seed=seed), rerank)
    by_step = [
        given.ndcg({qid: ranked(steps[step]) for qid, steps in zip(given.run, orders.values(), strict=True)})
        for step in range(most + 1)
    ]
    return np.array(by_step).T, {name: np.array(values) for name, values in signals.items()}


def shared(values: Values, signal: Values, share: float, extra: int, *, sign: int) -> Values:
    """nDCG@10 if half of the extra windows go to the `share` of queries of highest (sign 1) or lowest (-1) signal.

    The other half is spread evenly.
    """
    order, most = np.argsort(-sign * signal, kind="stable"), values.shape[1] - 1
    chosen = order[: max(1, round(share * len(order)))]
    windows = np.full(len(order), extra - extra // 2)
    windows[chosen] = min(most, windows[0] + round(extra // 2 * len(order) / len(chosen)))
    picked: Values = values[np.arange(len(order)), windows]
    return picked


def across(repeats: int) -> list[dict[str, object]]:
    """Results on the test queries, for the setting of each signal that was best on the development queries."""
    rows: list[dict[str, object]] = []
    most = max(EXTRA) * 4
    for retriever in RETRIEVERS[:3:2]:
        given = lists(retriever)
        half = np.arange(len(given.run)) % 2 == 0
        for accuracy in ACCURACIES:
            traces = [traced(given, accuracy, FIRST_SEED + seed, most) for seed in range(repeats)]
            for extra in EXTRA:
                even = np.mean([values[:, extra] for values, _ in traces], axis=0)
                for name in traces[0][1]:
                    uses = [(share, sign) for share in SHARES for sign in (1, -1)]
                    found = {
                        use: np.mean(
                            [shared(v[half], s[name][half], use[0], extra, sign=use[1]) for v, s in traces], axis=0
                        )
                        for use in uses
                    }
                    best = max(uses, key=lambda use: found[use].mean())
                    ours = np.mean(
                        [shared(v[~half], s[name][~half], best[0], extra, sign=best[1]) for v, s in traces], axis=0
                    )
                    rows.append(
                        {"retriever": retriever, "accuracy": accuracy, "extra_windows": extra, "signal": name}
                        | {"share": best[0], "of": "highest" if best[1] > 0 else "lowest", "queries": len(ours)}
                        | {"development": round((found[best] - even[half]).mean(), 4)}
                        | difference(ours, even[~half])
                    )
    return rows


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="draws of the noise, averaged for each query")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/measured"))
    options = parser.parse_args()
    for name, measure in (("adaptive-within", within), ("adaptive-across", across)):
        table = pd.DataFrame(measure(options.repeats))
        write_csv(options.output / f"{name}.csv", table)
        print(f"\n{name}\n{table.to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
