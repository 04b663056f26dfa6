"""Running many coroutines to their end, even if some fail, and stopping all of them on a signal."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rankk.errors import BackendError, RankkError, one_line

AFFECTS_RESULTS = False

log = logging.getLogger("rankk")

T = TypeVar("T")

SHOWN_REASONS = 5
UNDER_WAY = 2048
"""Largest number of queries in progress, which limits memory. Twice the calls that a server
gets: none of its slots stays empty while queries wait."""


async def finish_all(
    qids: Collection[str], work: Callable[[str], Coroutine[Any, Any, T]]
) -> tuple[dict[str, T], dict[str, Exception]]:
    """Results and failures of `work` by query id; one query's failure stops no other.

    At most `UNDER_WAY` queries are under way; others begin in the order given as those end. A BackendError stops all
    and is raised: no further call can be answered, or kept.
    """
    results: dict[str, T] = {}
    failures: dict[str, Exception] = {}

    async def one(qid: str) -> None:
        try:
            results[qid] = await work(qid)
        except BackendError:
            raise
        except Exception as error:
            if (told := one_line(error)) is None:
                log.exception("query %s: unexpected error", qid)
            else:
                log.error("query %s: %s", qid, told)
            failures[qid] = error

    waiting = iter(qids)

    async def some() -> None:
        for qid in waiting:
            await one(qid)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(UNDER_WAY, len(qids))):
                tasks.create_task(some())
    except ExceptionGroup as group:  # queries raise BackendErrors only
        raise group.exceptions[0] from None
    return results, failures


def failed(failures: Mapping[str, Exception], queries: int) -> str:
    """One line: which queries failed, and the first of each reason. Unexpected exceptions show their type."""
    reasons: dict[str, str] = {}
    for qid, error in failures.items():
        reason = one_line(error) or f"{type(error).__name__}: {error} (see the log)"
        reasons.setdefault(reason, f"query {qid}: {reason}")
    listed = "; ".join(list(reasons.values())[:SHOWN_REASONS])
    return f"{len(failures)} of {queries} queries failed ({', '.join(failures)}); {listed}"


class Interrupted(RankkError):
    """Ctrl-C or SIGTERM: every finished call is in the journal."""


def run_interruptible(main: Coroutine[Any, Any, T], journal: str | Path | None) -> T:
    """Run the coroutine to its end; SIGINT and SIGTERM (Slurm's) cancel it cleanly and raise Interrupted."""

    async def guarded() -> T:
        task = asyncio.create_task(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise _interrupted(journal) from None

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:  # during an engine start in this process
        raise _interrupted(journal) from None


def run_anywhere(main: Coroutine[Any, Any, T], journal: str | Path | None) -> T:
    """As `run_interruptible`; in a thread of its own where an event loop is running, and outside the main thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if threading.current_thread() is threading.main_thread():
            return run_interruptible(main, journal)
    tasks: list[asyncio.Task[Any]] = []

    async def known() -> T:
        tasks.extend(filter(None, [asyncio.current_task()]))
        return await main

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, known())
        try:
            return running.result()
        except KeyboardInterrupt:
            for task in tasks:
                task.get_loop().call_soon_threadsafe(task.cancel)
            raise _interrupted(journal) from None


def _interrupted(journal: str | Path | None) -> Interrupted:
    return Interrupted("interrupted" + (f"; finished calls are in {journal}: run again to continue" if journal else ""))
