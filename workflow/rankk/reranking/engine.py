"""Reranking a cell: every query is a coroutine of its own, and one query's failure stops nothing else."""

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rankk.errors import BackendError, RankkError
from rankk.io.trec import Hit, Run, ranked
from rankk.progress import bar
from rankk.reranking.calls import Caller, QueryRanker, Tally
from rankk.reranking.fusion import fuse
from rankk.reranking.settings import Settings

log = logging.getLogger("rankk")

T = TypeVar("T")

SHOWN_REASONS = 5


@dataclass(frozen=True)
class Reranked:
    """A cell's result: the run, what its calls came to, and the wall-clock seconds spent now."""

    run: Run
    tally: Tally
    seconds: float
    changed: int  # queries whose order is not the first stage's


async def rerank(
    first_stage: Run,
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    settings: Settings,
    caller: Caller,
) -> Reranked:
    """Rerank every query of `first_stage`; passages beyond the depth keep their order behind.

    `passages` holds the text of the first `depth` passages of each query. Queries advance on their own; when some
    fail, the others finish (and are in the journal) and then a RankkError names the failed ones. The same when too
    many answers were of no use (`max_bad_outcomes`).
    """
    started = time.monotonic()
    strategy = settings.strategy()
    depth = settings.reranker.depth
    total = sum(strategy.calls(min(depth, len(hits))) for hits in first_stage.values()) * settings.reranker.samples
    log.info("%d queries, %d%s calls", len(first_stage), total, "" if strategy.exact else " at most")
    run: Run = {}
    failures: dict[str, Exception] = {}

    with bar(what="rerank", unit="calls", total=total) as progress:

        async def one(qid: str, hits: Sequence[Hit]) -> None:
            head = [hit.docid for hit in hits[:depth]]
            ranker = QueryRanker(caller, qid, queries[qid], passages, progress.update)
            try:
                order = await strategy.rerank(head, settings.ranker(ranker))
                if settings.reranker.fusion:
                    fusion = settings.reranker.fusion
                    order = fuse(hits[:depth], order, fusion.method, fusion.weight)
                run[qid] = ranked([*order, *(hit.docid for hit in hits[depth:])])
            except BackendError:
                raise
            except Exception as error:  # reported together below: the other queries go on
                log.error("query %s: %s", qid, error)
                failures[qid] = error
            tally = caller.tally
            progress.set_postfix_str(f"{tally.rate(time.monotonic() - started)} {tally}", refresh=False)

        try:
            async with asyncio.TaskGroup() as tasks:
                for qid, hits in first_stage.items():
                    tasks.create_task(one(qid, hits))
        except ExceptionGroup as group:  # nothing but BackendErrors leaves a query
            raise group.exceptions[0] from None

    if failures:
        raise RankkError(_failed(failures, len(first_stage), str(caller.journal.path)))
    _check_outcomes(settings, caller)
    changed = sum([hit.docid for hit in run[qid]] != [hit.docid for hit in hits] for qid, hits in first_stage.items())
    if not changed and any(len(hits) > 1 for hits in first_stage.values()):
        log.warning("no query's order differs from the first stage's: the model's answers changed nothing")
    return Reranked({qid: run[qid] for qid in first_stage}, caller.tally, time.monotonic() - started, changed)


def _failed(failures: Mapping[str, Exception], queries: int, journal: str) -> str:
    first_of = {str(error): qid for qid, error in reversed(list(failures.items()))}  # one query for each reason
    reasons = "; ".join(f"query {qid}: {reason}" for reason, qid in list(first_of.items())[:SHOWN_REASONS])
    return (
        f"{len(failures)} of {queries} queries failed ({', '.join(failures)}); {reasons}. "
        f"Finished calls are in {journal}; run again to make only the missing ones"
    )


def _check_outcomes(settings: Settings, caller: Caller) -> None:
    log.info("outcomes: %s", caller.tally)
    if caller.tally.bad_share > settings.reranker.max_bad_outcomes:
        raise RankkError(
            f"{caller.tally.bad_share:.1%} of the answers could not be used ({caller.tally}); max_bad_outcomes allows "
            f"{settings.reranker.max_bad_outcomes:.1%}. rankk calls {caller.journal.path} shows them"
        )


class Interrupted(RankkError):
    """Ctrl-C or SIGTERM: every finished call is in the journal."""


def run_interruptible(main: Coroutine[None, None, T], journal: str) -> T:
    """Run the coroutine to its end; SIGINT and SIGTERM (Slurm's) cancel it cleanly and raise Interrupted."""

    async def guarded() -> T:
        task = asyncio.create_task(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise Interrupted(f"interrupted; finished calls are in {journal}: run again to continue") from None

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:  # while the engine started in this process
        raise Interrupted(f"interrupted while the engine started; run again to go on with {journal}") from None
