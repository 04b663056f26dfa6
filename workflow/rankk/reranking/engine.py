"""Reranking a cell: each query is a coroutine; if a query fails, the others continue."""

import logging
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rankk.errors import RankkError
from rankk.io.runs import Hit, Run, RunOnDemand, ranked
from rankk.llm.tasks import failed, finish_all
from rankk.progress import bar
from rankk.reranking.calls import Caller, QueryRanker
from rankk.reranking.limit import check_outcomes
from rankk.reranking.settings import Settings
from rankk.reranking.tally import Tally

log = logging.getLogger("rankk")

PROGRESS = "{n_fmt} of {total_fmt} calls{postfix}"


@dataclass(frozen=True)
class Reranked:
    """Result of a cell: the run, counts of its calls, and the wall-clock seconds of this process."""

    run: Run
    tally: Tally
    seconds: float
    changed: int  # queries whose order is not the first stage's
    facts: dict[str, Any]  # about the connection: context, token counter, engine start


class Reordered(RunOnDemand):
    """A run with the first passages of each query in another order, of which only the positions are kept."""

    def __init__(self, run: Run, orders: Mapping[str, Sequence[int]]) -> None:
        super().__init__(orders)
        self._run = run

    def __getitem__(self, qid: str) -> list[Hit]:
        order, hits = self._queries[qid], self._run[qid]
        return ranked([hits[position].docid for position in (*order, *range(len(order), len(hits)))])


class QueriesFailed(RankkError):
    """Some queries failed. `run` holds those that did not."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


async def rerank(
    first_stage: Run,
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    settings: Settings,
    caller: Caller,
    total: int | None = None,
) -> Reranked:
    """Rerank every query of `first_stage`; passages beyond the depth keep their order behind.

    `passages` holds the text of the first `depth` passages of each query. `total`: queries that share the budget of
    tokens, where they are more than those of `first_stage` (a shard). Queries advance on their own. Where some
    fail, the others are finished (and in the journal) before QueriesFailed names the failed ones. RankkError where too
    many answers could not be used (`max_bad_outcomes`); BackendError where no call can be answered or kept any more.
    """
    started = time.monotonic()
    strategy = settings.strategy()
    depth, fusion = settings.reranker.depth, settings.reranker.fusion
    chains = {qid: strategy.calls(min(depth, len(hits))) for qid, hits in first_stage.items()}
    calls = sum(chains.values()) * settings.reranker.samples
    log.info("%d queries, %d%s calls", len(first_stage), calls, "" if strategy.exact else " at most")
    share = settings.reranker.share(total or len(first_stage))

    with bar(what="rerank", unit="calls", total=calls, form=PROGRESS) as progress:

        def finished() -> None:
            progress.set_postfix_str(caller.pace.told(calls - progress.n - 1), refresh=False)
            progress.update()

        async def one(qid: str) -> Sequence[int]:
            hits = first_stage[qid][:depth]
            ranker = QueryRanker(caller, qid, queries[qid], hits, passages, finished, share)
            order = await strategy.rerank([hit.docid for hit in hits], settings.ranker(ranker))
            if fusion:
                order = [hit.docid for hit in fusion.fuse([ranked(order), hits])]
            positions = {hit.docid: position for position, hit in enumerate(hits)}
            return array("I", [positions[docid] for docid in order])

        done, failures = await finish_all(sorted(first_stage, key=lambda qid: -chains[qid]), one)

    run = Reordered(first_stage, {qid: done[qid] for qid in first_stage if qid in done})
    if failures:
        raise QueriesFailed(failed(failures, len(first_stage)), run)
    log.info("outcomes: %s", caller.tally)
    spent = sum((call.prompt_tokens or 0) + (call.output_tokens or 0) for call in caller.tally.calls)
    if spent > share * len(first_stage):
        log.warning(
            "%d tokens spent, %.0f allowed: the calls that every query needs take more", spent, share * len(run)
        )
    check_outcomes(caller.tally.outcomes, settings.reranker.max_bad_outcomes, caller.journal.path)
    changed = sum(list(order) != list(range(len(order))) for order in done.values())
    if not changed and any(len(order) > 1 for order in done.values()):
        log.warning("no query's order differs from the first stage's: the model's answers changed nothing")
    position = {qid: number for number, qid in enumerate(run)}
    caller.tally.calls.sort(key=lambda call: (position[call.qid], call.call))
    return Reranked(run, caller.tally, time.monotonic() - started, changed, caller.connection.facts)
