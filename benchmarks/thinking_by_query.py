"""Long thoughts for some queries against one length of thought for all, at the same number of tokens.

Four tables in one. `simulated, again`: every window is read with a short thought; then a share of the queries, chosen
by a signal, is read again with a long thought. `simulated, at once`: the gap of the first stage's scores, for which no
call is needed, says which queries have a long thought and which a short one. The other side thinks for one length
about all queries. Accuracies by length are assumed (see `CURVES`). Every second query chooses signal and direction
(development); the others are reported.
`rankk-mini stable`: whether the gain from thinking is a property of a query. Queries are chosen by their gain in one
pair of runs and judged by the gain in another pair, made with other samples. The choice knows the judgments, so no
signal can be better. `rankk-mini uniform`: the gain of thinking for all queries.

RANKK_DATA=… .venv/bin/python benchmarks/thinking_by_query.py
"""

import argparse
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judge import MEASURE, QUERY_TOKENS, THOUGHT_TOKENS, TOKENS_PER_PASSAGE, Judge, Lists, Values, lists, play
from judge import PASSAGE_TOKENS as PER_PASSAGE

from rankk.evaluation.statistics import mean_interval
from rankk.io.files import write_csv
from rankk.reranking.strategies.ratings import Ratings
from rankk.reranking.strategies.sliding import Sliding

RETRIEVERS = ("BM25", "SPLADE_P_P_ENSEMBLE_DISTIL")
SHORT = 0.25
"""Length of a short thought; the long one has length 1."""
CURVES = {"log": (0.7, 0.9), "log, flat": (0.75, 0.8)}
"""Accuracies of the short and the long thought (assumed); between them accuracy grows with the length's logarithm."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
COUNTED = {"prompts and answers": 1, "answers": 0}
"""Whether tokens of prompts count; with a cache of prefixes the second reading's prompts cost little."""
WINDOW = 20
PROMPT, ANSWER = QUERY_TOKENS + PER_PASSAGE * WINDOW, THOUGHT_TOKENS + TOKENS_PER_PASSAGE * WINDOW
FIRST_SEED = 2000
MEASURED = Path("benchmarks/measured/rankk-mini/per_query.csv")
PAIRS = (("rankk-mini-none", "rankk-mini"), ("rankk-mini-none-x4", "rankk-mini-x4"))
"""Runs without and with a thought: one sample of each window, and four."""
CELLS = (("squad-amazon-400", "bm25"), ("gimp-help-300", "bm25"), ("libreoffice-help-200", "bm25-english-queries"))


def accuracy(curve: tuple[float, float], length: float) -> float:
    """Accuracy of a thought of that length, no more than the long one's."""
    low, high = curve
    return min(high, low + (high - low) * float(np.log(length / SHORT) / np.log(1 / SHORT)))


def read(given: Lists, sure: float, seed: int) -> Values:
    """nDCG@10 of sliding windows."""
    return given.ndcg(play(given, partial(Judge, given, accuracy=sure, seed=seed), Sliding().rerank)[0])


def signals_of(given: Lists, sure: float, seed: int) -> dict[str, Values]:
    """The signals of each query, from calls of their own: high where its order should be uncertain."""
    signals: dict[str, list[float]] = {"score gap": [], "disagreement": [], "uncertainty": []}

    async def rerank(docids: list[str], judge: Judge) -> list[str]:
        scores = sorted((judge.prior(docid) for docid in docids), reverse=True)
        signals["score gap"].append(-(scores[9] - scores[10]) / float(np.std(scores) or 1.0))
        two = [{group[0] for group in (await judge.rank(docids[:WINDOW]))[:10]} for _ in range(2)]
        signals["disagreement"].append(1 - len(two[0] & two[1]) / 10)
        ratings = Ratings(docids, judge)
        await ratings.play(docids, WINDOW, chain=0)
        signals["uncertainty"].append(sum(p * (1 - p) for p in ratings.inside(10).values()))
        return docids

    play(given, partial(Judge, given, accuracy=sure, seed=FIRST_SEED + seed), rerank)
    return {name: np.array(values) for name, values in signals.items()}


def simulated(repeats: int) -> Iterator[dict[str, object]]:
    """Rows of the simulated judge. The calls that a signal takes are not counted."""
    seeds = range(FIRST_SEED, FIRST_SEED + repeats)
    for retriever in RETRIEVERS:
        given = lists(retriever)
        half = np.arange(len(given.run)) % 2 == 0
        for name, curve in CURVES.items():
            short, long = ([read(given, sure, seed) for seed in seeds] for sure in curve)
            signals = [signals_of(given, curve[0], seed) for seed in seeds]
            reads = cache(lambda sure, of=given: np.mean([read(of, sure, seed) for seed in seeds], axis=0))
            for share in SHARES:
                # Tokens of a window, as multiples of a long thought's answer, give the length that all could have.
                again = {what: SHORT + share + prompts * share * PROMPT / ANSWER for what, prompts in COUNTED.items()}
                once = {"both": SHORT + share * (1 - SHORT)}
                for table, lengths, names in (
                    ("simulated, again", again, list(signals[0])),
                    ("simulated, at once", once, ["score gap"]),
                ):
                    found = {
                        (signal, sign): np.mean(
                            [
                                chosen(s[signal], a, b, half, share, sign)
                                for s, a, b in zip(signals, short, long, strict=True)
                            ],
                            axis=0,
                        )
                        for signal in names
                        for sign in (1, -1)
                    }
                    best = max(found, key=lambda use: found[use][half].mean())
                    for counted, length in lengths.items():
                        even = reads(accuracy(curve, length))
                        yield {
                            "table": table,
                            "of": retriever,
                            "accuracies": name,
                            "counted": counted,
                            "share": share,
                            "chosen_by": f"{'highest' if best[1] > 0 else 'lowest'} {best[0]}",
                            "length_for_all": round(length, 3),
                        } | compared(found[best][~half], even[~half])


def chosen(
    signal: Values, short: Values, long: Values, half: np.ndarray[Any, np.dtype[np.bool_]], share: float, sign: int
) -> Values:
    """nDCG@10 with the long thought for a share of each half, the queries of highest (sign 1) or lowest (-1) signal."""
    values = short.copy()
    for part in (half, ~half):
        places = np.flatnonzero(part)
        places = places[np.argsort(-sign * signal[places], kind="stable")][: round(share * len(places))]
        values[places] = long[places]
    return values


def compared(ours: Values, even: Values) -> dict[str, object]:
    """Columns of a paired comparison over queries, with a 95 % interval."""
    low, high = mean_interval(ours - even)
    values = (ours.mean(), even.mean(), (ours - even).mean(), low, high)
    names = (MEASURE, "even", "difference", "low", "high")
    return {"queries": len(ours)} | {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def measured() -> Iterator[dict[str, object]]:
    """Rows of rankk-mini's published values."""
    table = pd.read_csv(MEASURED, dtype={"qid": str})
    for collection, retriever in CELLS:
        cell = table[(table.collection == collection) & (table.language == "eng") & (table.retriever == retriever)]
        by_query = cell.pivot(index="qid", columns="reranker", values=MEASURE)
        gains = [(by_query[think] - by_query[none]).to_numpy() for none, think in PAIRS]
        for none, think in PAIRS:
            whole = {"table": "rankk-mini uniform", "of": collection, "chosen_by": f"{think} for {none}", "share": 1.0}
            yield whole | compared(by_query[think].to_numpy(), by_query[none].to_numpy())
        for share in (0.1, 0.25, 0.5):
            for first, second, what in ((0, 1, "gain with one sample"), (1, 0, "gain with four samples")):
                take = np.argsort(-gains[first], kind="stable")[: round(share * len(by_query))]
                before = by_query[PAIRS[second][0]].to_numpy()
                after = before.copy()
                after[take] += gains[second][take]
                yield {
                    "table": "rankk-mini stable",
                    "of": collection,
                    "chosen_by": what,
                    "share": share,
                } | compared(after, before)


def main() -> None:
    """Write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="draws of the noise, averaged for each query")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/measured/thinking-by-query.csv"))
    options = parser.parse_args()
    table = pd.DataFrame([*measured(), *simulated(options.repeats)])
    write_csv(options.output, table)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
