"""Calls and tokens that can be saved at equal nDCG@10, measured with stored answers of published rerankings and with
the simulated judge (see judge.py). "Equal": the 95 % interval of the difference over queries lies within ±0.005. "Not
worse": it lies above -0.005.

RANKK_DATA=… .venv/bin/python benchmarks/fewer_tokens.py
"""

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judge import MEASURE, Judge, Lists, Values, data, lists, play

from rankk.evaluation.statistics import mean_interval
from rankk.fusion.base import FUSIONS
from rankk.io.files import read_jsonl, write_csv
from rankk.io.runs import Hit, Run, ranked
from rankk.llm.types import Completion
from rankk.reranking.consensus import merge
from rankk.reranking.parsers.base import PARSERS
from rankk.reranking.strategies.base import STRATEGIES, Strategy
from rankk.reranking.strategies.sliding import Sliding
from rankk.reranking.types import TieGroups

EQUAL = 0.005
RETRIEVERS = ("BM25", "BM25_RM3", "SPLADE_P_P_ENSEMBLE_DISTIL", "D_BERT_KD_TASB", "OPEN_AI_ADA2", "REP_LLAMA")
KEPT = (10, 7, 5, 3)
"""Numbers of identifiers after which answers are cut; the next window contains the first 10 passages of a window."""
CHEAP, DEAR = 0.7, 0.9
"""Accuracies of the short and the long thoughts of a cascade (assumed); a short thought has a quarter of the tokens."""
RRF = FUSIONS.make({"type": "rrf"})


@dataclass
class Stored:
    """Stored answers of one query in the order of its calls, each cut after a number of identifiers."""

    answers: list[str]
    kept: int | None = None
    characters: int = 0
    calls: int = 0
    unchanged: int = 0

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The window in the order of the next stored answer."""
        text = cut(self.answers[self.calls], len(window), self.kept) if self.kept else self.answers[self.calls]
        self.calls += 1
        self.characters += len(text)
        groups = (
            PARSERS.make({"type": "digits"}).parse(Completion(text, "stop"), len(window), None).complete(len(window))
        )
        self.unchanged += [group[0] for group in groups] == list(range(len(window)))
        return [[window[position] for position in group] for group in groups]

    async def score(self, docid: str) -> float:
        """Not implemented: stored answers contain no scores."""
        raise NotImplementedError

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """None: answers are orders."""
        return None

    def prior(self, docid: str) -> float:
        """Not used by these strategies."""
        return 0.0

    def room(self) -> float:
        """Unlimited: there is no budget of tokens."""
        return np.inf


def cut(text: str, size: int, kept: int) -> str:
    """The answer up to and including a given number of identifiers."""
    named: set[int] = set()
    for number in re.finditer(r"\d+", text):
        if len(number.group()) < 4 and 1 <= int(number.group()) <= size:
            named.add(int(number.group()))
        if len(named) == kept:
            return text[: number.end()]
    return text


def replay(name: str, kept: int | None = None) -> tuple[Lists, Run, list[Stored]]:
    """Replay a published reranking from its stored answers."""
    settings = json.loads((data() / "replays" / f"{name}.json").read_text())
    given = lists(settings["first_stage"])
    answers: dict[str, list[str]] = {}
    for _, record in read_jsonl(data() / "replays" / f"{name}.responses.jsonl.gz"):
        answers.setdefault(record["qid"], []).append(record["response"])
    strategy = Sliding(window=settings["window"], stride=settings["stride"])
    stored = {qid: Stored(answers[qid], kept) for qid in given.run}

    async def one(qid: str) -> list[str]:
        docids = [hit.docid for hit in given.run[qid]]
        head = await strategy.rerank(docids[: settings["depth"]], stored[qid])
        return [*head, *docids[settings["depth"] :]]

    return given, {qid: ranked(asyncio.run(one(qid))) for qid in given.run}, list(stored.values())


def row(source: str, change: str, ours: Values, before: Values, calls: float, tokens: float) -> dict[str, object]:
    """A row of the table. `calls`, `tokens`: relative to the unchanged reranking."""
    low, high = mean_interval(ours - before)
    return {
        "source": source,
        "change": change,
        "queries": len(ours),
        f"{MEASURE}_before": round(before.mean(), 4),
        MEASURE: round(ours.mean(), 4),
        "difference": round((ours - before).mean(), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "equal": low >= -EQUAL and high <= EQUAL,
        "not_worse": low >= -EQUAL,
        "calls_saved": round(1 - calls, 3),
        "tokens_saved": round(1 - tokens, 3),
    }


def cut_answers(names: Sequence[str]) -> list[dict[str, object]]:
    """Stored answers cut after the identifiers that decide the result; tokens are estimated by characters."""
    rows = []
    whole = {name: replay(name) for name in names}
    unchanged, calls = (
        sum(getattr(s, key) for _, _, stored in whole.values() for s in stored) for key in ("unchanged", "calls")
    )
    print(f"{len(names)} stored rerankings: {unchanged} of {calls} answers change nothing ({unchanged / calls:.1%})")
    before = np.mean([given.ndcg(run) for given, run, _ in whole.values()], axis=0)
    characters = sum(s.characters for _, _, stored in whole.values() for s in stored)
    for kept in KEPT:
        short = [replay(name, kept) for name in names]
        ours = np.mean([given.ndcg(run) for given, run, _ in short], axis=0)
        share = sum(s.characters for _, _, stored in short for s in stored) / characters
        rows.append(row("stored answers", f"answers end after {kept} identifiers", ours, before, 1.0, share))
    return rows


def skipped_windows(names: Sequence[str]) -> list[dict[str, object]]:
    """A second model is asked about a window only if two answers of a first model differ in their first half.

    Uses three rerankings of the same top 20, two of them by the same model; each stored answer counts as one call.
    """
    rows = []
    of_first_stage: dict[str, list[str]] = {}
    for name in names:
        settings = json.loads((data() / "replays" / f"{name}.json").read_text())
        if settings["depth"] == 20:
            of_first_stage.setdefault(settings["first_stage"], []).append(name)
    triples = [three for three in of_first_stage.values() if len(three) == 3]
    for agreeing in (10, 9, 8):
        ours, before, asked = [], [], []
        for one, two, second in triples:
            (given, a, _), (_, b, _), (_, c, _) = replay(one), replay(two), replay(second)
            mixed: dict[str, list[Hit]] = {}
            for qid in given.run:
                same = len({hit.docid for hit in a[qid][:10]} & {hit.docid for hit in b[qid][:10]})
                asked.append(same < agreeing)
                mixed[qid] = a[qid] if same >= agreeing else c[qid]
            ours.append(given.ndcg(mixed))
            before.append(given.ndcg(c))
        change = f"second model where fewer than {agreeing} of the first 10 agree"
        share = float(np.mean(asked))
        rows.append(row("stored answers", change, np.mean(ours, axis=0), np.mean(before, axis=0), share, share))
    return rows


class Cascade(Judge):
    """Asks for two short thoughts about a window, and for a long one if their first halves differ."""

    def __init__(self, given: Lists, qid: str, seed: int, agreeing: float) -> None:
        super().__init__(given, qid, CHEAP, seed)
        self._dear, self._agreeing = Judge(given, qid, DEAR, seed), agreeing

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The merged order of the short thoughts, or the order of the long thought."""
        two = [await super(Cascade, self).rank(window) for _ in range(2)]
        half = max(1, len(window) // 2)
        fronts = [{group[0] for group in order[:half]} for order in two]
        if len(fronts[0] & fronts[1]) >= self._agreeing * half:
            return merge(window, two, RRF)
        return await self._dear.rank(window)

    @property
    def costs(self) -> tuple[int, int]:
        """Number of long thoughts, and tokens; the answers of short thoughts count a quarter."""
        return self._dear.calls, (
            self.prompt_tokens + self.output_tokens // 4 + self._dear.prompt_tokens + self._dear.output_tokens
        )


def simulated(accuracy: float, repeats: int) -> list[dict[str, object]]:
    """Alternatives to sliding windows, and repeated passes that stop early, averaged over all first stages."""

    def measured(strategy: Strategy) -> tuple[Values, float, float]:
        values, calls, tokens = [], [], []
        for retriever in RETRIEVERS:
            given = lists(retriever)
            for seed in range(repeats):
                run, judges = play(given, partial(Judge, given, accuracy=accuracy, seed=seed), strategy.rerank)
                values.append(given.ndcg(run))
                calls.append(np.mean([judge.calls for judge in judges]))
                tokens.append(np.mean([judge.prompt_tokens + judge.output_tokens for judge in judges]))
        return np.mean(values, axis=0), float(np.mean(calls)), float(np.mean(tokens))

    def compared(what: str, ours: dict[str, Any], theirs: tuple[Values, float, float]) -> dict[str, object]:
        values, calls, tokens = measured(STRATEGIES.make(ours))
        source = f"judge, accuracy {accuracy}"
        return row(source, what, values, theirs[0], calls / theirs[1], tokens / theirs[2])

    sliding = measured(Sliding())
    three = measured(STRATEGIES.make({"type": "passes", "top_k": 100}))
    return [
        compared("passes: stop when the first 10 stay, for 100", {"type": "passes"}, three),
        compared("passes: one for three", {"type": "sliding"}, three),
        compared("adaptive, 6 calls, for sliding", {"type": "adaptive", "matches": 1}, sliding),
        compared("adaptive, 7 calls, for sliding", {"type": "adaptive", "matches": 2}, sliding),
        compared("adaptive, 9 calls, for passes", {"type": "adaptive"}, three),
    ]


def cascades(repeats: int) -> list[dict[str, object]]:
    """Cascades (long thoughts only if two short ones disagree) against long thoughts for every window."""
    rows = []
    for agreeing in (1.0, 0.9, 0.8):
        ours, before, costs = [], [], []
        for retriever in RETRIEVERS:
            given = lists(retriever)
            for seed in range(repeats):
                run, judges = play(given, partial(Judge, given, accuracy=DEAR, seed=seed), Sliding().rerank)
                before.append(given.ndcg(run))
                dear = [(judge.calls, judge.prompt_tokens + judge.output_tokens) for judge in judges]
                run, judges = play(given, partial(Cascade, given, seed=seed, agreeing=agreeing), Sliding().rerank)
                ours.append(given.ndcg(run))
                cheap = [judge.costs for judge in judges if isinstance(judge, Cascade)]
                costs.append(np.sum(cheap, axis=0) / np.sum(dear, axis=0))
        calls, tokens = np.mean(costs, axis=0)
        change = f"long thought where two short ones agree on less than {agreeing:.0%} of the first half"
        rows.append(
            row(f"judge, {CHEAP} and {DEAR}", change, np.mean(ours, axis=0), np.mean(before, axis=0), calls, tokens)
        )
    return rows


def main() -> None:
    """Run all comparisons and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="draws of the noise, averaged for each query")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/measured/fewer-tokens.csv"))
    options = parser.parse_args()
    names = sorted(path.stem for path in (data() / "replays").glob("*.json"))
    rows = [*cut_answers(names), *skipped_windows(names)]
    for accuracy in (0.9, 0.8, 0.7):
        rows += simulated(accuracy, options.repeats)
    rows += cascades(options.repeats)
    table = pd.DataFrame(rows)
    write_csv(options.output, table)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
